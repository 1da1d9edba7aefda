"""What ``mrienhance evaluate`` prints and writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from skimage.metrics import peak_signal_noise_ratio

from cli.terminal import Terminal
from tasks.samples import head, voxels


@pytest.fixture
def images() -> tuple[sitk.Image, sitk.Image]:
    """A result and its reference, in the folder too."""
    reference = head((32, 28, 3))
    result = reference + sitk.Cast(20 * head((32, 28, 3), seed=5) / 1000, sitk.sitkFloat32)
    sitk.WriteImage(result, "result.nii.gz")
    sitk.WriteImage(reference, "truth.nii.gz")
    return result, reference


def test_the_table(terminal: Terminal, images):
    result, reference = map(voxels, images)
    mask = sitk.GetImageFromArray((reference > 300).astype(np.uint8))
    mask.CopyInformation(images[1])
    sitk.WriteImage(mask, "mask.nii.gz")
    said = terminal.done("evaluate", "result.nii.gz", "truth.nii.gz", "--mask", "mask.nii.gz", "--data-range", "800")
    assert said[0].split()[:3] == ["method", "PSNR", "[dB]"]
    inside = reference > 300
    expected = peak_signal_noise_ratio(reference[inside], result[inside], data_range=800)
    assert said[2].split()[:2] == ["result", f"{expected:.2f}"]
    assert "data range 800 (given)" in said


def test_the_files(terminal: Terminal, images):
    result, reference = map(voxels, images)
    outputs = ["--json", "numbers.json", "--figure", "compare.png", "--difference", "difference.nii.gz"]
    terminal.done("evaluate", "result.nii.gz", "truth.nii.gz", *outputs)
    numbers = json.loads(Path("numbers.json").read_text(encoding="utf-8"))
    assert numbers["rows"][0]["method"] == "result"
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")
    difference = sitk.ReadImage("difference.nii.gz")
    assert np.allclose(voxels(difference), result - reference, atol=1e-3)
    assert set(terminal.listing()) == {
        "result.nii.gz",
        "truth.nii.gz",
        "numbers.json",
        "compare.png",
        "difference.nii.gz",
    }


@pytest.mark.parametrize("name", ["numbers.json", "compare.png", "difference.nii.gz"])
def test_nothing_is_overwritten(terminal: Terminal, images, name: str):
    Path(name).write_text("precious")
    outputs = ["--json", "numbers.json", "--figure", "compare.png", "--difference", "difference.nii.gz"]
    message, _ = terminal.refused(["evaluate", "result.nii.gz", "truth.nii.gz", *outputs])
    assert name in message


def test_all_or_nothing(terminal: Terminal, images, monkeypatch: pytest.MonkeyPatch):
    """The difference image comes last; when it fails, numbers and figure are not left alone."""

    def failing(*args: object) -> None:
        raise RuntimeError("wrote less than it should")

    monkeypatch.setattr("SimpleITK.WriteImage", failing)
    outputs = ["--json", "numbers.json", "--figure", "compare.png", "--difference", "difference.nii.gz"]
    terminal.refused(["evaluate", "result.nii.gz", "truth.nii.gz", *outputs])


def test_an_image_equals_itself(terminal: Terminal, images):
    said = terminal.done("evaluate", "truth.nii.gz", "truth.nii.gz")
    assert said[2].split() == ["truth", "inf", "1.0000", "0.0000"]


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf"])
def test_an_impossible_data_range(terminal: Terminal, images, value: str):
    arguments = ["evaluate", "result.nii.gz", "truth.nii.gz", "--data-range", value, "--json", "numbers.json"]
    terminal.refused(arguments, code=2)


def test_a_figure_is_a_png(terminal: Terminal, images):
    message, _ = terminal.refused(["evaluate", "nowhere.nii.gz", "truth.nii.gz", "--figure", "compare.jpg"])
    assert "compare.jpg" in message


def test_synthetic_images(terminal: Terminal):
    reference = head((64, 60, 3))
    sitk.WriteImage(reference * 3, "truth.nii.gz")
    sitk.WriteImage(reference, "synthetic.nii.gz")
    options = ["--synthetic", "--contrast", "T2w", "--json", "numbers.json"]
    said = terminal.done("evaluate", "synthetic.nii.gz", "truth.nii.gz", *options)
    assert said[0].split()[-2:] == ["VIF", "NIQE"]
    assert any(line.startswith("whole frame of synthetic: PSNR") for line in said)
    numbers = json.loads(Path("numbers.json").read_text(encoding="utf-8"))
    assert numbers["data_range"]["value"] == pytest.approx(1000, rel=1e-4)
    assert len(numbers["synthetic"]["synthetic"]["slices"]) == 3
    message, hint = terminal.refused(["evaluate", "synthetic.nii.gz", "truth.nii.gz", "--contrast", "T2w"], code=2)
    assert "--contrast is for --synthetic" in message
    assert "--synthetic" in hint
