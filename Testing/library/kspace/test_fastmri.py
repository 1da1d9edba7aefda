"""fastMRI files: multi- and single-coil, with and without reconstruction, with and without mask."""

from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from kspace.makers import PERSON, fastmri_header, noise, rss, to_images, write_fastmri
from mrienhance import read_kspace

SHAPE = (3, 4, 32, 20)


@pytest.fixture
def multicoil(tmp_path: Path) -> Path:
    return write_fastmri(tmp_path / "file_brain_AXT2_200_2000001.h5", noise(*SHAPE))


def test_multicoil(multicoil: Path) -> None:
    kspace = read_kspace(multicoil)
    assert kspace.source == "fastMRI"
    assert kspace.samples.dtype == torch.complex64
    assert np.array_equal(kspace.samples.numpy(), noise(*SHAPE))
    assert kspace.mask.shape == (32, 20)
    assert kspace.mask.all()
    assert kspace.acceleration == 1
    assert kspace.coils == 4


def test_the_window_is_that_of_the_reference(multicoil: Path) -> None:
    kspace = read_kspace(multicoil)
    images = rss(to_images(kspace.samples.numpy()))
    assert kspace.crop == (16, 16)
    np.testing.assert_allclose(images[(..., *kspace.window)], kspace.reference, rtol=1e-5)


def test_facts(multicoil: Path) -> None:
    assert asdict(read_kspace(multicoil).facts) == {
        "contrast": "T2w",
        "field_strength_tesla": pytest.approx(2.8936),
        "tr_ms": 6000,
        "te_ms": 80,
        "ti_ms": None,
        "flip_angle_degrees": 150,
    }


@pytest.mark.parametrize(
    ("acquisition", "contrast"),
    [("AXFLAIR", "FLAIR"), ("AXT1POST", "T1c"), ("AXT1PRE", "T1w"), ("CORPDFS_FBK", "PDw"), (PERSON, None)],
)
def test_contrasts(tmp_path: Path, acquisition: str, contrast: str | None) -> None:
    path = write_fastmri(tmp_path / "a.h5", noise(*SHAPE), acquisition=acquisition)
    assert read_kspace(path).facts.contrast == contrast


def test_no_person_is_kept(multicoil: Path) -> None:
    kspace = read_kspace(multicoil)
    kept = repr([kspace, kspace.facts, kspace.notes, kspace.geometry, kspace.source])
    assert not any(name in kept for name in PERSON.split("^"))


def test_voxels_have_their_size_but_no_place(multicoil: Path) -> None:
    geometry = read_kspace(multicoil).geometry
    assert geometry is not None
    assert not geometry.in_patient
    assert geometry.size == (16, 16, 3)
    assert geometry.spacing == (0.5, 0.5, 5.0)
    np.testing.assert_allclose(geometry.points((8, 8, 1)), 0, atol=1e-12)
    assert any("place" in note for note in read_kspace(multicoil).notes)


def test_a_single_coil(tmp_path: Path) -> None:
    data = noise(3, 32, 20)
    path = write_fastmri(tmp_path / "singlecoil.h5", data)
    kspace = read_kspace(path)
    assert kspace.samples.shape == (3, 1, 32, 20)
    assert np.array_equal(kspace.samples[:, 0].numpy(), data)
    with h5py.File(path) as file:
        assert np.array_equal(kspace.reference, file["reconstruction_esc"][()])


def test_a_test_file(tmp_path: Path) -> None:
    """Columns 0, 1 and 19 are padding, which the mask of a test file claims; it has no reconstruction."""
    mask = np.zeros(20, dtype=bool)
    mask[[0, 3, 8, 9, 10, 11, 14, 17, 19]] = True
    data = noise(*SHAPE) * mask
    data[..., [0, 1, 19]] = 0
    header = fastmri_header(32, 20, (16, 16), lines=17)
    path = write_fastmri(tmp_path / "test.h5", data, reference=False, mask=mask, header=header)
    kspace = read_kspace(path)
    assert kspace.reference is None
    assert kspace.crop == (16, 16)
    assert kspace.mask.any(dim=0).nonzero().flatten().tolist() == [3, 8, 9, 10, 11, 14, 17]
    assert kspace.calibration_lines == 4
    assert kspace.acceleration == pytest.approx(20 / 7)


@pytest.mark.parametrize("selection", [1, -1, slice(1, 3), [0, 2], [2, 0], range(2)])
def test_slices(multicoil: Path, selection: int | slice | list[int]) -> None:
    kspace = read_kspace(multicoil, slices=selection)
    numbers = np.atleast_1d(np.arange(3)[selection])
    assert np.array_equal(kspace.samples.numpy(), noise(*SHAPE)[numbers])
    whole = read_kspace(multicoil)
    again = whole.slices(selection)
    assert torch.equal(again.samples, kspace.samples)
    assert torch.equal(again.reference, kspace.reference)
    assert again.geometry == kspace.geometry
    if list(numbers) == sorted(numbers):
        at = [whole.geometry.points((0, 0, number)) for number in numbers]
        np.testing.assert_allclose([kspace.geometry.points((0, 0, n)) for n in range(len(numbers))], at, atol=1e-12)
    else:
        assert kspace.geometry is None


def test_packed_and_double_precision(tmp_path: Path) -> None:
    options = {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (1, 2, 32, 7)}
    path = write_fastmri(tmp_path / "a.h5", noise(*SHAPE).astype(np.complex128), **options)
    assert np.array_equal(read_kspace(path).samples.numpy(), noise(*SHAPE))


def test_fewer_columns_than_the_reconstruction_asks_for(tmp_path: Path) -> None:
    """Coarser lines over the same field of view: the voxels stay as they were acquired."""
    header = fastmri_header(32, 12, (16, 16))
    header.encoded_fov, header.recon_fov = (16.0, 8.0, 5.0), (8.0, 8.0, 5.0)
    kspace = read_kspace(write_fastmri(tmp_path / "a.h5", noise(2, 4, 32, 12), reference=False, header=header))
    assert kspace.crop == (16, 12)
    assert kspace.geometry.spacing == pytest.approx((8 / 12, 0.5, 5.0))


def test_without_a_header(tmp_path: Path) -> None:
    path = write_fastmri(tmp_path / "a.h5", noise(*SHAPE), reference=False)
    with h5py.File(path, "a") as file:
        del file["ismrmrd_header"]
    kspace = read_kspace(path)
    assert kspace.crop == (32, 20)
    assert kspace.geometry is None


def test_a_reference_of_other_data_is_left_out(tmp_path: Path) -> None:
    path = write_fastmri(tmp_path / "a.h5", noise(*SHAPE))
    with h5py.File(path, "a") as file:
        del file["reconstruction_rss"]
        file["reconstruction_rss"] = np.ones((3, 64, 64), dtype=np.float32)
    kspace = read_kspace(path)
    assert kspace.reference is None
    assert any("does not fit" in note for note in kspace.notes)


def test_slices_of_zeros_can_be_left_out(tmp_path: Path) -> None:
    data = noise(*SHAPE)
    data[0] = 0
    path = write_fastmri(tmp_path / "a.h5", data)
    assert read_kspace(path, slices=slice(1, None)).samples.shape[0] == 2
