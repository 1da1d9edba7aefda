"""3-D ISMRMRD files: a slab becomes slices where its partitions were sampled without gaps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kspace.makers import Header, acquisition, noise, to_images, write_mrd
from mrienhance import KSpaceError, read_kspace


def slab(partitions: int = 8) -> tuple[np.ndarray, Header]:
    """K-space (coil, kz, ky, kx) of a slab, and its header: of 8 partitions, 6 are left."""
    volume = noise(2, partitions, 16, 24)
    header = Header(
        encoded=(24, 16, 8), recon=(12, 16, 6), encoded_fov=(48, 40, 16), recon_fov=(24, 40, 12),
        limits={"kspace_encoding_step_2": (0, partitions - 1, partitions // 2)},
    )  # fmt: skip
    return volume, header


def slab_readouts(volume: np.ndarray) -> list[object]:
    _, partitions, lines, _ = volume.shape
    return [
        acquisition(volume[:, kz, ky], ky=ky, kz=kz)
        for kz in range(partitions)
        for ky in range(lines)
        if volume[:, kz, ky].any()
    ]


def test_a_slab_becomes_slices(tmp_path: Path) -> None:
    volume, header = slab()
    volume[:, :, 1::2] = 0
    path = write_mrd(tmp_path / "a.h5", header, slab_readouts(volume))
    kspace = read_kspace(path)
    assert kspace.samples.shape == (6, 2, 16, 24)
    images = to_images(volume, axes=(-3, -2, -1))[:, 1:7].swapaxes(0, 1)
    np.testing.assert_allclose(to_images(kspace.samples.numpy()), images, atol=1e-5)
    assert kspace.mask.shape == (16, 24)
    assert kspace.mask[:, 0].tolist() == [True, False] * 8
    assert kspace.geometry.size == (12, 16, 6)
    assert kspace.geometry.spacing == (2, 2.5, 2)
    np.testing.assert_allclose(kspace.geometry.points((6, 8, 3)), 0, atol=1e-9)
    some = read_kspace(path, slices=[1, 3])
    assert torch.equal(some.samples, kspace.samples[[1, 3]])
    np.testing.assert_allclose(some.geometry.points((0, 0, 1)), kspace.geometry.points((0, 0, 3)))


def test_a_slab_with_partial_fourier_is_filled_with_zeros(tmp_path: Path) -> None:
    volume, header = slab(6)
    header.limits = {"kspace_encoding_step_2": (0, 5, 3)}  # partitions 1 to 6 of 0 to 7
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, slab_readouts(volume)))
    full = np.zeros((2, 8, 16, 24), dtype=np.complex64)
    full[:, 1:7] = volume
    images = to_images(full, axes=(-3, -2, -1))[:, 1:7].swapaxes(0, 1)
    np.testing.assert_allclose(to_images(kspace.samples.numpy()), images, atol=1e-5)


def test_a_slab_that_is_undersampled_along_kz_is_refused(tmp_path: Path) -> None:
    volume, header = slab()
    volume[:, ::2, 1::2] = volume[:, 1::2, ::2] = 0
    with pytest.raises(KSpaceError, match="3-D and was undersampled along both"):
        read_kspace(write_mrd(tmp_path / "a.h5", header, slab_readouts(volume)))


def test_noise_keeps_its_level_through_the_transform_of_a_slab(tmp_path: Path) -> None:
    volume, header = slab()
    header.recon, header.recon_fov = (12, 16, 8), (24, 40, 16)
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, slab_readouts(volume)))
    assert torch.linalg.vector_norm(kspace.samples).item() == pytest.approx(float(np.linalg.norm(volume)), rel=1e-5)
