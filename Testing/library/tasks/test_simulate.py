"""Simulated coarse images: right values, right grid, same pixel type."""

import numpy as np
import pytest
import SimpleITK as sitk
from skimage.measure import block_reduce

from mrienhance.errors import ImageError, UsageError
from mrienhance.tasks.simulate import simulate_low_resolution
from tasks.samples import OBLIQUE, corners, head, voxels


@pytest.mark.parametrize("factors", [(2, 2, 1), (4, 2, 1), (1, 1, 3), (2, 4, 3)])
@pytest.mark.parametrize("degradation", ["k-space", "blur", "thick-slice"])
def test_size_and_spacing(degradation: str, factors: tuple[int, int, int]):
    fine = head((16, 24, 6), spacing=(0.9, 1.0, 2.0))
    coarse = simulate_low_resolution(fine, factors=factors, degradation=degradation)
    assert coarse.GetSize() == tuple(n // f for n, f in zip((16, 24, 6), factors, strict=True))
    assert np.allclose(coarse.GetSpacing(), np.multiply((0.9, 1.0, 2.0), factors))


@pytest.mark.parametrize("factors", [(2, 2, 1), (4, 2, 3)])
def test_k_space_truncation_keeps_sample_0(factors: tuple[int, int, int]):
    fine = head((16, 24, 6), direction=OBLIQUE)
    coarse = simulate_low_resolution(fine, factors=factors)
    places = np.array([[0, 0, 0], [1, 2, 1], [3, 5, 0]])
    assert np.allclose(corners(coarse, places), corners(fine, places * factors), atol=1e-9)


@pytest.mark.parametrize("degradation", ["blur", "thick-slice"])
@pytest.mark.parametrize("factors", [(2, 2, 1), (4, 2, 3)])
def test_blur_and_thick_slices_keep_the_edges(degradation: str, factors: tuple[int, int, int]):
    fine = head((16, 24, 6), direction=OBLIQUE)
    coarse = simulate_low_resolution(fine, factors=factors, degradation=degradation)
    edges = np.array([[0, 0, 0], [1, 2, 1], [4, 5, 2]])
    assert np.allclose(corners(coarse, edges - 0.5), corners(fine, edges * factors - 0.5), atol=1e-9)


def test_k_space_against_numpy():
    """Odd coarse sizes: the plain crop of the centred spectrum."""
    fine = head((18, 30, 2))
    coarse = voxels(simulate_low_resolution(fine, factors=(2, 2, 1)))
    spectrum = np.fft.fftshift(np.fft.fft2(voxels(fine)), axes=(1, 2))[:, 15 - 7 : 15 + 8, 9 - 4 : 9 + 5]
    expected = np.fft.ifft2(np.fft.ifftshift(spectrum, axes=(1, 2))).real / 4
    assert np.allclose(coarse, expected, atol=1e-3)


def test_thick_slices_against_block_means():
    fine = head((8, 8, 6))
    coarse = voxels(simulate_low_resolution(fine, factors=(1, 1, 3), degradation="thick-slice"))
    assert np.allclose(coarse, block_reduce(voxels(fine), (3, 1, 1), np.mean), atol=1e-3)


@pytest.mark.parametrize("pixel", [sitk.sitkInt16, sitk.sitkUInt8, sitk.sitkFloat32])
def test_the_pixel_type_stays(pixel: int):
    fine = sitk.Cast(head() / 5, pixel)
    assert simulate_low_resolution(fine).GetPixelID() == pixel


def test_what_is_refused():
    with pytest.raises(ImageError, match="20 voxels along i cannot be divided by 3"):
        simulate_low_resolution(head(), factors=(3, 1, 1))
    for factors in [(0, 1, 1), (2, 2), (1.5, 1, 1)]:
        with pytest.raises(UsageError, match="factors"):
            simulate_low_resolution(head(), factors=factors)
    with pytest.raises(UsageError, match="jpeg"):
        simulate_low_resolution(head(), degradation="jpeg")
