"""The baselines: on the right grid, through the samples, only those that are asked for."""

import numpy as np
import pytest

from mrienhance.tasks.interpolate import interpolate
from tasks.samples import OBLIQUE, corners, head, voxels


def test_both_lie_where_the_image_lies():
    image = head(direction=OBLIQUE)
    for fine in interpolate(image, factors=(4, 2, 1)).values():
        assert fine.GetSize() == (80, 48, 3)
        places = np.array([[0, 0, 0], [5, 7, 1], [19, 23, 2]])
        assert np.allclose(corners(fine, places * (4, 2, 1)), corners(image, places), atol=1e-9)


def test_cubic_goes_through_the_samples():
    image = head()
    assert np.allclose(voxels(interpolate(image)["cubic"])[:, ::2, ::2], voxels(image), atol=1e-3)


def test_sinc_keeps_the_spectrum():
    """Oracle: NumPy's FFT. Inside the measured block (odd sizes: no Nyquist frequency) it is the image's."""
    image = head((21, 19, 2))
    coarse, fine = (np.fft.fft2(voxels(each), norm="forward") for each in (image, interpolate(image)["sinc"]))
    inside = np.r_[0:10, -9:0], np.r_[0:11, -10:0]
    assert np.allclose(fine[:, inside[0][:, None], inside[1]], coarse, atol=1e-3)


@pytest.mark.parametrize("kinds", [("sinc",), ("cubic",), ("cubic", "sinc"), ()])
def test_only_what_is_asked_for_is_made(kinds: tuple[str, ...]):
    assert set(interpolate(head(), kinds=kinds)) == set(kinds)
