from __future__ import annotations

import numpy as np
import pytest
import sigpy
import torch

from mrienhance.physics import Fourier, from_centred, from_centred_kspace, to_centred, to_centred_kspace
from physics.battery import random

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("axes", [(-1,), (-2, -1), (-3, -2, -1), (-3, -1)])
def test_equals_numpy_and_is_unitary(axes):
    x = random((2, 4, 5, 6), torch.complex128)
    transform = Fourier(axes)
    expected = torch.from_numpy(np.fft.fftn(x.numpy(), axes=axes, norm="ortho"))
    torch.testing.assert_close(transform(x), expected, **EXACT)
    torch.testing.assert_close(transform.H(transform(x)), x, **EXACT)
    torch.testing.assert_close(transform(x).norm(), x.norm(), **EXACT)


def test_real_and_half_images_become_complex():
    assert Fourier()(torch.rand(4, 4)).dtype == torch.complex64
    assert Fourier()(torch.rand(4, 4).half()).dtype == torch.complex64
    assert Fourier().normal(torch.rand(4, 4, dtype=torch.float64)).dtype == torch.complex128


@pytest.mark.parametrize("shape", [(8, 6), (7, 5), (6, 9)])
def test_centred_data_joins_with_pixels_in_their_place(shape):
    """sigpy's centred transform is what files hold."""
    image = random(shape, torch.complex128)
    kspace = torch.from_numpy(sigpy.fft(image.numpy(), axes=(-2, -1)))
    shift_free = from_centred_kspace(kspace)
    torch.testing.assert_close(Fourier()(image), shift_free, **EXACT)
    torch.testing.assert_close(Fourier().H(shift_free), image, **EXACT)
    torch.testing.assert_close(to_centred_kspace(shift_free), kspace, **EXACT)


@pytest.mark.parametrize("size", [6, 7])
def test_centre_of_a_mask_moves_to_index_zero_and_back(size):
    mask = torch.zeros(3, size)
    mask[:, size // 2] = 1
    moved = from_centred(mask, (-1,))
    assert moved.argmax(-1).tolist() == [0, 0, 0]
    assert torch.equal(to_centred(moved, (-1,)), mask)


def test_masked_transform_equals_the_centred_one():
    """Mask @ Fourier without shifts is the same physics as with shifts inside."""
    image, mask = random((6, 8), torch.complex128), torch.rand(6, 8, generator=torch.Generator().manual_seed(0)) < 0.5
    shift_free = Fourier().H(from_centred(mask) * Fourier()(image))
    centred = sigpy.ifft(mask.numpy() * sigpy.fft(image.numpy()))
    torch.testing.assert_close(shift_free, torch.from_numpy(centred), **EXACT)


@pytest.mark.parametrize("axes", [(), (0, 1), (-1, -1), (-1, 0)])
def test_axes_that_are_not_from_the_end_are_refused(axes):
    with pytest.raises(ValueError, match="counted from the end"):
        Fourier(axes)


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"got torch.int64"):
        Fourier()(torch.arange(4).view(2, 2))
