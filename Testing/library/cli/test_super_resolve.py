"""What ``mrienhance super-resolve`` writes and says when all is well."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from tasks.references import box, field, repeating
from tasks.samples import LEFT_HANDED, head, tiny_model, voxels


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_the_result_is_that_of_the_task(terminal: Terminal, model: Path, suffix: str):
    from mrienhance import super_resolve

    image = head(pixel=sitk.sitkInt16)
    sitk.WriteImage(image, "in.nrrd")
    said = terminal.done("super-resolve", "in.nrrd", "-o", f"out{suffix}", "--model", model)
    assert f"out{suffix}  40 x 48 x 3 voxels of 0.85 x 0.85 x 3 mm" in said
    assert "For research, not for diagnosis." in said[-1]
    written, expected = sitk.ReadImage(f"out{suffix}"), super_resolve(image, model=model).image
    assert written.GetPixelID() == sitk.sitkInt16
    assert np.array_equal(voxels(written), voxels(expected))
    assert np.allclose(written.GetOrigin(), expected.GetOrigin(), atol=1e-5)


def test_the_same_command_gives_the_same_bytes(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii.gz")
    for name in ("a.nii.gz", "b.nii.gz"):
        terminal.done("super-resolve", "in.nii.gz", "-o", name, "--model", model, "--device", "cpu")
    assert Path("a.nii.gz").read_bytes() == Path("b.nii.gz").read_bytes()


def test_the_report(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii")
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--report", "out.json")
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert report["scale"] == 2
    assert report["consistency"] is True
    assert report["consistency_residual"] < 1e-6
    assert report["disclaimer"] == "For research, not for diagnosis."


def test_without_consistency(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii")
    options = ["--model", model, "--no-consistency", "--report", "out.json"]
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", *options)
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert report["consistency"] is False
    assert report["consistency_residual"] > 1e-4


def test_progress_as_json(terminal: Terminal, model: Path):
    sitk.WriteImage(head((20, 24, 5)), "in.nii")
    options = ["--model", model, "--batch", "1", "--progress", "json"]
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", *options)
    lines = [json.loads(line) for line in terminal.err.splitlines()]
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert all(set(line) == {"fraction", "seconds_left", "text"} for line in lines)


@pytest.mark.parametrize("kind", ["bar", "none"])
def test_no_progress_where_there_is_no_terminal(terminal: Terminal, model: Path, kind: str):
    sitk.WriteImage(head(), "in.nii")
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--progress", kind)
    assert terminal.err == ""


def test_a_bar_on_a_terminal(terminal: Terminal, model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    sitk.WriteImage(head(), "in.nii")
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", model)
    assert "%" in terminal.err


def test_a_warning_is_one_line(terminal: Terminal, model: Path):
    sitk.WriteImage(head(spacing=(9.0, 9.0, 3.0)), "in.nii")
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", model)
    [line] = terminal.err.splitlines()
    assert line.startswith("mrienhance: warning: spacing 9 x 9 mm")


def test_tiles_and_batches_are_taken(terminal: Terminal, model: Path):
    sitk.WriteImage(head((96, 80, 2)), "in.nii")
    options = ["--model", model, "--tile", "64", "--batch", "1", "--report", "out.json"]
    terminal.done("super-resolve", "in.nii", "-o", "out.nii", *options)
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["tile"] == 64


def test_a_traceback_only_when_asked_for(terminal: Terminal):
    assert terminal.run(["super-resolve", "nowhere.nii", "-o", "out.nii"]) == 1
    assert "Traceback" not in terminal.err
    for arguments in (["--debug", "super-resolve"], ["super-resolve", "--debug"]):
        assert terminal.run([*arguments, "nowhere.nii", "-o", "out.nii"]) == 1
        assert "Traceback" in terminal.err
        assert "mrienhance: error: no such file: nowhere.nii" in terminal.err


def test_a_chain_of_commands(terminal: Terminal, model: Path):
    """Made coarse and super-resolved, the image lies where it lay, and can be evaluated."""
    sitk.WriteImage(head((40, 48, 3)), "fine.nii.gz")
    terminal.done("simulate", "low-resolution", "fine.nii.gz", "-o", "coarse.nii.gz", "--scale", "2")
    terminal.done("super-resolve", "coarse.nii.gz", "-o", "again.nii.gz", "--model", model)
    terminal.done("evaluate", "again.nii.gz", "fine.nii.gz", "--json", "numbers.json")
    [row] = json.loads(Path("numbers.json").read_text(encoding="utf-8"))["rows"]
    assert row["method"] == "again"
    assert row["psnr_db"] > 15


def test_a_reference_reaches_the_task(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    """A toy model in place of a file's: the reference comes back as the result, and the report says how it was used."""
    monkeypatch.setattr("mrienhance.tasks.super_resolve.choose_model", lambda *_: repeating(axes="3d"))
    grid = box((12, 14, 10), (2.0, 2.0, 2.0), LEFT_HANDED)
    sitk.WriteImage(field(grid), "in.nrrd")
    sitk.WriteImage(field(grid.finer((2, 2, 2), alignment="sample")) * 2, "ref.nrrd")
    options = ["--contrast", "T2w", "--reference-contrast", "PDw", "--no-register", "--no-consistency"]
    paths = ["in.nrrd", "-o", "out.nrrd", "--reference", "ref.nrrd", "--report", "out.json"]
    terminal.done("super-resolve", *paths, *options)
    assert "not of PDw" in terminal.err
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert report["reference"] == {"contrast": "PDw", "placed": "as it is", "registration": None, "covered": 1.0}
    assert [seen["role"] for seen in report["inputs"]] == ["image", "reference"]
    result, reference = (voxels(sitk.ReadImage(name)) for name in ("out.nrrd", "ref.nrrd"))
    assert np.allclose(result / result.max(), reference / reference.max(), atol=1e-5)
