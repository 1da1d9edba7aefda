"""Where results go: never over a source, never over anything without --force, never half."""

from pathlib import Path

import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from tasks.samples import head, tiny_model


@pytest.fixture
def command(terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Super-resolve ``in.nii`` with a model elsewhere; the output is to be added."""
    sitk.WriteImage(head(), "in.nii")
    model = tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")
    return ["super-resolve", "in.nii", "--model", model, "-o"]


def test_an_output_that_exists(terminal: Terminal, command):
    Path("out.nii").write_text("precious")
    message, hint = terminal.refused([*command, "out.nii"])
    assert "exists" in message
    assert "--force" in hint
    terminal.done(*command, "out.nii", "--force")
    assert sitk.ReadImage("out.nii").GetSize() == (40, 48, 3)


def test_a_report_that_exists(terminal: Terminal, command):
    Path("out.json").write_text("precious")
    message, _ = terminal.refused([*command, "out.nii", "--report", "out.json"])
    assert "out.json" in message


def test_a_folder_as_output(terminal: Terminal, command):
    Path("results").mkdir()
    terminal.refused([*command, "results", "--force"])
    Path("results.nii").mkdir()
    terminal.refused([*command, "results.nii", "--force"])


@pytest.mark.parametrize("place", ["missing/out.nii", "in.nii/out.nii", "/proc/out.nii", "/dev/null/out.nii"])
@pytest.mark.parametrize("option", [None, "--report"])
def test_a_folder_that_cannot_be_written(terminal: Terminal, command, place: str, option: str | None):
    if not Path("/proc").is_dir() and place.startswith("/proc"):
        pytest.skip("no /proc on this system")
    target = [place] if option is None else ["out.nii", option, place]
    message, _ = terminal.refused([*command, *target])
    assert place in message


@pytest.mark.parametrize("name", ["in.nii", "./in.nii", "link.nii"])
def test_the_source_is_never_overwritten(terminal: Terminal, command, name: str):
    Path("link.nii").hardlink_to("in.nii")
    message, _ = terminal.refused([*command, name, "--force"])
    assert name.removeprefix("./") in message
    terminal.refused(["simulate", "low-resolution", "in.nii", "-o", name, "--force"])
    terminal.refused(["evaluate", "in.nii", "in.nii", "--difference", name, "--force"])


@pytest.mark.parametrize("name", ["out", "out.jpg", "out.mhd", "out.dcm"])
def test_a_suffix_without_a_format(terminal: Terminal, command, name: str):
    _, hint = terminal.refused([*command, name])
    assert ".nii.gz" in hint


def test_neither_image_nor_report_when_writing_fails(terminal: Terminal, command, monkeypatch: pytest.MonkeyPatch):
    """The disk fills up while the image is written, after the report."""

    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    message, hint = terminal.refused([*command, "out.nii", "--report", "out.json"])
    assert "no space left" in message
    assert "space" in hint


def test_an_old_result_survives_a_failure(terminal: Terminal, command, monkeypatch: pytest.MonkeyPatch):
    terminal.done(*command, "out.nii", "--report", "out.json")
    monkeypatch.setattr("SimpleITK.WriteImage", lambda *_: 1 / 0)
    before = terminal.listing()
    assert terminal.run([*command, "out.nii", "--report", "out.json", "--force"]) == 1
    assert terminal.listing() == before
    assert "internal error: ZeroDivisionError" in terminal.err
    assert "--debug" in terminal.err
