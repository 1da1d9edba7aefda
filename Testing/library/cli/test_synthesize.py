"""What ``mrienhance synthesize`` writes and says."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance import synthesize_all
from tasks.samples import head, voxels


def same(path: str, wanted: sitk.Image) -> None:
    written = sitk.ReadImage(path)
    assert np.array_equal(voxels(written), voxels(wanted))
    assert written.GetSize() == wanted.GetSize()
    assert np.allclose(written.GetOrigin(), wanted.GetOrigin(), atol=1e-5)


def test_one_contrast(terminal: Terminal, toy: Path):
    sitk.WriteImage(head(), "t1.nrrd")
    options = ["--from", "T1w", "--model", toy, "--device", "cpu", "--report", "out.json"]
    said = terminal.done("synthesize", "t1.nrrd", "--to", "T2w", "-o", "t2.nrrd", *options)
    same("t2.nrrd", synthesize_all(head(), to=["T2w"], source="T1w", model=toy, device="cpu")["T2w"].image)
    assert said[0] == "t2.nrrd  20 x 24 x 3 voxels of 1.7 x 1.7 x 3 mm"
    assert "Synthetic images are no scans." in said[-1]
    assert "For research, not for diagnosis." in said[-1]
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert (report["synthesis"]["target"], report["synthesis"]["synthetic"]) == ("T2w", True)


@pytest.mark.parametrize("output", ["made/{contrast}_x.nii.gz", "made"], ids=["pattern", "folder"])
def test_several_contrasts(terminal: Terminal, toy: Path, output: str):
    Path("made").mkdir()
    sitk.WriteImage(head(), "sub-1_T1w.nii.gz")
    options = ["--from", "T1w", "--model", toy, "--device", "cpu", "--report", "out.json", "--uncertainty", output]
    if output != "made":
        options[-1] = "made/{contrast}_u.nii.gz"
    terminal.done("synthesize", "sub-1_T1w.nii.gz", "--to", "T2w", "FLAIR", "-o", output, *options)
    image = sitk.ReadImage("sub-1_T1w.nii.gz")
    wanted = synthesize_all(image, to=["T2w", "FLAIR"], source="T1w", model=toy, device="cpu", uncertainty=True)
    names = {
        "made": ("sub-1_T1w_synthetic-{}.nii.gz", "sub-1_T1w_uncertainty-{}.nii.gz"),
    }.get(output, ("{}_x.nii.gz", "{}_u.nii.gz"))
    for target, result in wanted.items():
        same(f"made/{names[0].format(target)}", result.image)
        same(f"made/{names[1].format(target)}", result.maps["uncertainty"])
    assert len(list(Path("made").iterdir())) == 4
    reports = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert {target: report["synthesis"]["target"] for target, report in reports.items()} == {
        "T2w": "T2w",
        "FLAIR": "FLAIR",
    }


def test_further_scans(terminal: Terminal, toy: Path):
    for name, seed in (("t1", 0), ("t2", 1), ("t1c", 2)):
        sitk.WriteImage(head(seed=seed), f"{name}.nrrd")
    arguments = ["synthesize", "t1.nrrd", "--from", "T1w", "--to", "FLAIR", "-o", "flair.nrrd", "--model", toy]
    terminal.done(*arguments, "--with", "T2w=t2.nrrd", "--with", "T1c=t1c.nrrd", "--device", "cpu")
    others = {"T2w": head(seed=1), "T1c": head(seed=2)}
    wanted = synthesize_all(head(), to=["FLAIR"], source="T1w", others=others, model=toy, device="cpu")
    same("flair.nrrd", wanted["FLAIR"].image)


def test_without_registration(terminal: Terminal, toy: Path):
    """Three slices are too thin to register."""
    sitk.WriteImage(head(), "t1.nrrd")
    sitk.WriteImage(head()[1:, :, :], "t2.nrrd")
    arguments = ["synthesize", "t1.nrrd", "--from", "T1w", "--to", "FLAIR", "-o", "flair.nrrd", "--model", toy]
    message, _ = terminal.refused([*arguments, "--with", "T2w=t2.nrrd"])
    assert "T2w image is too thin to register" in message
    terminal.done(*arguments, "--with", "T2w=t2.nrrd", "--no-registration")


def test_the_source_is_guessed(terminal: Terminal, toy: Path):
    sitk.WriteImage(head(), "a.nrrd")
    said = terminal.done("synthesize", "a.nrrd", "--to", "FLAIR", "-o", "b.nrrd", "--model", toy)
    assert "The image was taken for T1w (75% sure)." in said


def test_a_doubt_is_a_warning(terminal: Terminal, toy: Path):
    sitk.WriteImage(head(), "a.nrrd")
    terminal.done("synthesize", "a.nrrd", "--from", "FLAIR", "--to", "T2w", "-o", "b.nrrd", "--model", toy)
    [line] = [line for line in terminal.err.splitlines() if "does not look like it" in line]
    assert line.startswith("mrienhance: warning: what is given as FLAIR")


def test_nothing_is_written_where_one_name_is_taken(terminal: Terminal, toy: Path):
    sitk.WriteImage(head(), "a.nrrd")
    Path("b_FLAIR.nrrd").write_bytes(b"something else")
    arguments = ["synthesize", "a.nrrd", "--from", "T1w", "--to", "T2w", "FLAIR", "-o", "b_{contrast}.nrrd"]
    message, hint = terminal.refused([*arguments, "--model", toy])
    assert "b_FLAIR.nrrd" in message
    assert "--force" in hint
    terminal.done(*arguments, "--model", toy, "--force")
    assert sitk.ReadImage("b_FLAIR.nrrd").GetSize() == (20, 24, 3)


def test_an_input_is_not_written_over(terminal: Terminal, toy: Path):
    sitk.WriteImage(head(), "a_T2w.nrrd")
    arguments = ["synthesize", "a_T2w.nrrd", "--from", "T1w", "--to", "T2w", "-o", "a_{contrast}.nrrd", "--force"]
    message, _ = terminal.refused([*arguments, "--model", toy])
    assert "it is the input" in message


def test_the_model_is_listed_with_its_contrasts(terminal: Terminal, toy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MRIENHANCE_MODELS", str(toy.parent))
    said = terminal.done("models")
    [row] = [line for line in said if line.startswith("toy ")]
    assert "T1w, T1c, T2w, FLAIR" in row
    assert "synthesize" in row
    card = terminal.done("models", "toy")
    assert "task         synthesize, contrasts that were not scanned" in card


def test_a_model_from_one_contrast_to_another_says_which(
    terminal: Terminal, toy: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    from tasks.synthesizers import synthesizer

    folder = tmp_path_factory.mktemp("models")
    synthesizer(folder / "one-way.safetensors", config={"contrasts": ("T1w", "T2w")}, contrasts_out=("T2w",))
    synthesizer(folder / "way.safetensors", contrasts_in=("T1w",), contrasts_out=("T2w",))
    monkeypatch.setenv("MRIENHANCE_MODELS", str(folder))
    said = terminal.done("models")
    assert "T1w, T2w to T2w" in next(line for line in said if line.startswith("one-way"))
    assert "T1w to T2w" in next(line for line in said if line.startswith("way"))
