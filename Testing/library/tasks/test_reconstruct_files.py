"""From a file of every format to the image: the phantom, upright, in its place."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from kspace.makers import Header, fastmri_header, readouts, write_cfl, write_fastmri, write_mrd
from mrienhance.kspace import read_kspace, write_kspace
from mrienhance.tasks.reconstruct import reconstruct
from tasks.samples import voxels
from tasks.scans import SIZE, phantom, scan

ROWS, COLUMNS = SIZE
Written = Callable[[Path, np.ndarray], Path]


def npy(folder: Path, samples: np.ndarray) -> Path:
    np.save(folder / "scan.npy", samples)
    return folder / "scan.npy"


def npz(folder: Path, samples: np.ndarray) -> Path:
    np.savez(folder / "scan.npz", kspace=samples)
    return folder / "scan.npz"


def bart_pair(folder: Path, samples: np.ndarray) -> Path:
    """BART's order: x, y, z, coil, …, slice as the 14th dimension."""
    array = samples.transpose(3, 2, 1, 0)[:, :, None]
    sizes = [COLUMNS, ROWS, 1, array.shape[3], *[1] * 9, array.shape[4]]
    return write_cfl(folder / "scan", array, dimensions=sizes)


def fastmri(folder: Path, samples: np.ndarray) -> Path:
    return write_fastmri(folder / "scan.h5", samples, recon=(32, 32), header=fastmri_header(ROWS, COLUMNS, (32, 32)))


def mrd(folder: Path, samples: np.ndarray) -> Path:
    """Without oversampling, slices of 5 mm."""
    fov = (COLUMNS * 2.0, ROWS * 2.0, 5.0)
    header = Header(encoded=(COLUMNS, ROWS, 1), recon=(COLUMNS, ROWS, 1), encoded_fov=fov, recon_fov=fov)
    header.limits["slice"] = (0, len(samples) - 1, 0)
    return write_mrd(folder / "scan.h5", header, readouts(samples))


FORMATS = (npy, npz, bart_pair, fastmri, mrd)


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_the_phantom_comes_back(tmp_path: Path, write: Written):
    full = scan(2, acceleration=1, noise=0)
    kspace = read_kspace(write(tmp_path, full.samples.numpy()))
    image = reconstruct(kspace, model="cg-sense", coil_maps="low-resolution", device="cpu").image
    rows, columns = kspace.window
    truth = phantom(2)[:, rows, columns].numpy()
    found = voxels(image)
    assert found.shape == truth.shape
    assert np.linalg.norm(found - truth) < 0.08 * np.linalg.norm(truth)
    # Turned, mirrored or moved by a pixel it would not be.
    for other in (truth[:, ::-1], truth[:, :, ::-1], np.roll(truth, 1, 1), np.roll(truth, 1, 2), truth[::-1]):
        assert np.linalg.norm(found - other) > 0.1 * np.linalg.norm(truth)


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_an_accelerated_scan_is_known_as_such(tmp_path: Path, write: Written):
    """Lines of ky are missing, as all formats can have it."""
    full = scan(2, acceleration=1)
    keep = torch.zeros(ROWS, dtype=torch.bool)
    keep[::2] = keep[ROWS // 2 - 6 : ROWS // 2 + 6] = True
    samples = (full.samples * keep[:, None]).numpy()
    kspace = read_kspace(write(tmp_path, samples))
    report = reconstruct(kspace, model="cg-sense", coil_maps="low-resolution", device="cpu").report
    assert report.reconstruction.acceleration == pytest.approx(ROWS / int(keep.sum()))
    assert report.reconstruction.calibration_lines == 13  # the next line is an even one
    assert report.consistency_residual < 0.1


def test_headers_place_the_image(tmp_path: Path):
    samples = scan(2, acceleration=1).samples.numpy()
    found = {}
    for write in (fastmri, mrd):
        (tmp_path / write.__name__).mkdir()
        kspace = read_kspace(write(tmp_path / write.__name__, samples))
        found[write] = reconstruct(kspace, model="zero-filled", coil_maps="low-resolution", device="cpu")
    assert found[mrd].image.GetSpacing() == pytest.approx((2, 2, 5))
    assert not found[mrd].report.warnings
    assert found[fastmri].image.GetSpacing()[:2] == pytest.approx((0.5, 0.5))
    assert any("not where the patient was" in warning for warning in found[fastmri].report.warnings)


@pytest.mark.parametrize("suffix", [".npz", ".cfl"])
def test_what_is_written_is_reconstructed_as_what_was_not(tmp_path: Path, suffix: str):
    kspace = scan(2)
    again = read_kspace(write_kspace(kspace, tmp_path / f"scan{suffix}"))
    first, second = (reconstruct(each, model="cg-sense", device="cpu") for each in (kspace, again))
    assert np.array_equal(voxels(first.image), voxels(second.image))
    assert first.report.inputs[0].sha256 == second.report.inputs[0].sha256
