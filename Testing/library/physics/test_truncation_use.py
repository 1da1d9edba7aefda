from __future__ import annotations

import pickle

import pytest
import torch

from mrienhance.physics import KSpaceTruncation
from physics.battery import random

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_single_precision_keeps_its_type_and_accuracy(dtype):
    truncate = KSpaceTruncation((24, 20), (4, 2))
    x = random((3, 24, 20), dtype)
    exact = truncate(x.to(torch.promote_types(dtype, torch.float64)))
    assert truncate(x).dtype == dtype
    torch.testing.assert_close(truncate(x), exact.to(dtype), rtol=0, atol=1e-6)
    guess = random((3, 24, 20), dtype, 1)
    torch.testing.assert_close(truncate(truncate.project(guess, truncate(x))), truncate(x), rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    truncate, x = KSpaceTruncation((6, 10), (2, 2)), random((6, 10), dtype)
    assert torch.equal(truncate(x), truncate(x.float()).to(dtype))


def test_complex_images_are_two_real_ones():
    truncate, x = KSpaceTruncation((8, 12), (2, 4)), random((8, 12), torch.complex128)
    torch.testing.assert_close(truncate(x), torch.complex(truncate(x.real), truncate(x.imag)), rtol=0, atol=0)


def test_any_memory_layout_and_batch():
    truncate = KSpaceTruncation((8, 12), (2, 2))
    x = random((2, 12, 3, 8), torch.float64).permute(0, 2, 3, 1)
    y = truncate(x)
    for b in range(2):
        for c in range(3):
            torch.testing.assert_close(y[b, c], truncate(x[b, c].contiguous()), **EXACT)


def test_first_use_in_inference_mode_does_not_spoil_training():
    truncate = KSpaceTruncation((8, 8), (2, 2))
    with torch.inference_mode():
        truncate.project(torch.rand(8, 8), torch.rand(4, 4))
    x = torch.rand(8, 8, requires_grad=True)
    truncate.project(x, torch.rand(4, 4)).square().sum().backward()
    assert x.grad is not None


def test_travels_to_a_worker_process():
    truncate = KSpaceTruncation((8, 8), (2, 2), taper="hann")
    x = torch.rand(8, 8)
    assert torch.equal(pickle.loads(pickle.dumps(truncate))(x), truncate(x))


@pytest.mark.parametrize(
    ("shape", "factors", "message"),
    [
        ((9, 8), (2, 2), r"size 9 is not divisible by factor 2 \(shape \(9, 8\)\)"),
        ((2,), (4,), "size 2 is not divisible by factor 4"),
        ((8, 8), (2,), r"one number an axis, got \(8, 8\) and \(2,\)"),
        ((), (), "one number an axis"),
        ((8,), (0,), r"at least 1, got \(8,\) and \(0,\)"),
        ((0,), (1,), "at least 1"),
    ],
)
def test_impossible_sizes_are_refused_with_their_numbers(shape, factors, message):
    with pytest.raises(ValueError, match=message):
        KSpaceTruncation(shape, factors)


def test_unknown_taper_is_refused():
    with pytest.raises(ValueError, match="'hann' or None, got 'hamming'"):
        KSpaceTruncation((8,), (2,), taper="hamming")


def test_wrong_images_are_refused_with_their_shape_or_type():
    truncate = KSpaceTruncation((8, 8), (2, 2))
    fine, coarse = torch.zeros(3, 8, 8), torch.zeros(3, 4, 4)
    with pytest.raises(ValueError, match=r"takes \(..., 8, 8\), got \(3, 4, 4\)"):
        truncate(coarse)
    for call in (truncate.adjoint, truncate.zero_fill, truncate.pseudo_inverse):
        with pytest.raises(ValueError, match=r"takes \(..., 4, 4\), got \(3, 8, 8\)"):
            call(fine)
    with pytest.raises(TypeError, match=r"floating or complex tensor, got torch.int16"):
        truncate(fine.short())
