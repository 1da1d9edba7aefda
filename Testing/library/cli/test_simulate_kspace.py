"""``mrienhance simulate kspace``: raw data in a file that can be read again, by BART too."""

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance import read_kspace
from tasks.samples import head, voxels


@pytest.fixture
def image(terminal: Terminal) -> sitk.Image:
    """On disk as in.nii, where the commands run."""
    made = head((64, 48, 4))
    sitk.WriteImage(made, "in.nii")
    return made


def test_the_options_reach_the_scan(terminal: Terminal, image: sitk.Image):
    options = "--coils 3 --acceleration 2 --sampling poisson-disc --calibration 12 --snr 40 --seed 3 --slices 1:3"
    [line] = terminal.done("simulate", "kspace", "in.nii", "-o", "scan.npz", *options.split())
    assert line == "scan.npz  2 slices x 3 coils x 48 x 64, 2-fold"
    kspace = read_kspace("scan.npz")
    assert kspace.samples.shape == (2, 3, 48, 64)
    assert kspace.acceleration == 2
    assert kspace.geometry.origin == pytest.approx(image.TransformIndexToPhysicalPoint((0, 0, 1)))
    assert kspace.geometry.size == (64, 48, 2)
    first = Path("scan.npz").read_bytes()
    terminal.done("simulate", "kspace", "in.nii", "-o", "scan.npz", *options.split(), "--force")
    assert Path("scan.npz").read_bytes() == first


@pytest.mark.parametrize(
    ("text", "numbers"), [("2", [2]), ("1:", [1, 2, 3]), ("0:4:2", [0, 2]), ("3,0", [3, 0]), (None, [0, 1, 2, 3])]
)
def test_slices(terminal: Terminal, image: sitk.Image, text: str | None, numbers: list[int]):
    options = [] if text is None else ["--slices", text]
    terminal.done("simulate", "kspace", "in.nii", "-o", "scan.npz", "--coils", "1", *options)
    np.testing.assert_allclose(read_kspace("scan.npz").reference.numpy(), voxels(image)[numbers], rtol=1e-6)


def test_lines_and_their_centre(terminal: Terminal, image: sitk.Image):
    options = "--sampling equispaced-lines --center-fraction 0.25 --lines-along j --acceleration 3"
    terminal.done("simulate", "kspace", "in.nii", "-o", "scan.npz", *options.split())
    mask = read_kspace("scan.npz").mask
    assert mask[24 - 6 : 24 + 6].all()
    assert (mask == mask[:, :1]).all()
    assert mask.numel() / int(mask.sum()) == pytest.approx(3, rel=0.1)


def test_bart_reads_it(terminal: Terminal, image: sitk.Image):
    """A full scan, transformed and combined by BART, is the image, pixels in their place."""
    program = shutil.which("bart")
    assert program, "BART is missing: sudo apt-get install bart"
    terminal.done("simulate", "kspace", "in.nii", "-o", "scan.cfl", "--acceleration", "1", "--snr", "inf")
    assert sorted(path.name for path in Path().iterdir()) == ["in.nii", "scan.cfl", "scan.hdr"]
    for command in ("fft -i -u 3 scan images", "rss 8 images combined"):
        subprocess.run([program, *command.split()], check=True, capture_output=True, timeout=300)
    combined = np.fromfile("combined.cfl", dtype="<c8").real.reshape(4, 48, 64)
    assert np.linalg.norm(combined - voxels(image)) < 0.03 * math.sqrt((voxels(image) ** 2).sum())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("-o scan.h5", 2, "scan.h5"),
        ("-o scan", 2, "format for k-space"),
        ("-o there.npz", 1, "exists"),
        ("-o there.cfl", 1, "there.hdr"),
        ("-o in.npz --slices 9", 1, "no slice 9"),
        ("-o in.npz --slices 1:2:0", 2, "--slices"),
        ("-o in.npz --slices one", 2, "--slices"),
        ("-o in.npz --acceleration 0.5", 2, "1 or above"),
        ("-o in.npz --acceleration fast", 2, "--acceleration"),
        ("-o in.npz --coils 0", 2, "--coils"),
        ("-o in.npz --sampling radial", 2, "radial"),
        ("-o in.npz --snr -3", 2, "SNR"),
        ("-o missing/in.npz", 1, "missing"),
    ],
)
def test_refusals(terminal: Terminal, image: sitk.Image, arguments: str, code: int, words: str):
    Path("there.npz").touch()
    Path("there.hdr").touch()
    message, hint = terminal.refused(["simulate", "kspace", "in.nii", *arguments.split()], code=code)
    assert words in message
    assert hint
