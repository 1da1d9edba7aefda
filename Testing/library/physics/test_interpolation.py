from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from mrienhance.physics import cubic_upsample
from physics.battery import random

EXACT = {"rtol": 0, "atol": 1e-12}


def catmull_rom(line: np.ndarray, position: float) -> float:
    """The spline as Catmull and Rom wrote it: cubic Hermite with half the neighbours' difference as tangent."""
    low = int(np.floor(position))
    before, start, end, after = (line[np.clip(low + i, 0, len(line) - 1)] for i in (-1, 0, 1, 2))
    t = position - low
    m0, m1 = (end - before) / 2, (after - start) / 2
    return (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * m0
        + (-2 * t**3 + 3 * t**2) * end
        + (t**3 - t**2) * m1
    )


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("alignment", ["sample", "edge"])
def test_equals_the_hermite_form(size, factor, alignment):
    line = random((size,), torch.float64)
    fine = np.arange(size * factor)
    positions = fine / factor if alignment == "sample" else (fine + 0.5) / factor - 0.5
    expected = torch.tensor([catmull_rom(line.numpy(), p) for p in positions], dtype=torch.float64)
    torch.testing.assert_close(cubic_upsample(line, (factor,), alignment=alignment), expected, **EXACT)


@pytest.mark.parametrize("factor", [2, 3])
def test_edge_alignment_equals_torch_away_from_the_ends(factor):
    """torch's antialiased bicubic, which here has nothing to antialias, is the one with a = -0.5."""
    y = random((1, 1, 10, 12), torch.float64)
    theirs = functional.interpolate(y, scale_factor=factor, mode="bicubic", antialias=True)
    ours = cubic_upsample(y, (factor, factor), alignment="edge")
    inner = slice(2 * factor, -2 * factor)
    torch.testing.assert_close(ours[..., inner, inner], theirs[..., inner, inner], **EXACT)


def test_samples_stay():
    y = random((2, 5, 6, 4), torch.float64)
    fine = cubic_upsample(y, (1, 2, 3), alignment="sample")
    assert fine.shape == (2, 5, 12, 12)
    torch.testing.assert_close(fine[..., ::2, ::3], y, **EXACT)


@pytest.mark.parametrize(("alignment", "first"), [("sample", 0.0), ("edge", -0.375)])
def test_parabolas_are_exact(alignment, first):
    """Keys' kernel is exact to second order; the fine samples lie a quarter apart from ``first``."""

    def parabola(position):
        return 0.3 * position**2 - position + 2

    coarse = torch.arange(12, dtype=torch.float64)
    fine = first + torch.arange(48, dtype=torch.float64) / 4
    found = cubic_upsample(parabola(coarse), (4,), alignment=alignment)
    torch.testing.assert_close(found[8:-8], parabola(fine)[8:-8], **EXACT)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.complex64, torch.complex128])
def test_type_is_kept(dtype):
    y = random((4, 4), dtype)
    fine = cubic_upsample(y, (2, 2), alignment="sample")
    assert fine.dtype == dtype
    exact = cubic_upsample(y.to(torch.complex128), (2, 2), alignment="sample")
    torch.testing.assert_close(fine.to(torch.complex128), exact, rtol=0, atol=torch.finfo(dtype).eps * 4)


def test_autocast_does_not_blunt_it():
    y = random((6, 6), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = cubic_upsample(y, (2, 2), alignment="sample")
    assert torch.equal(found, cubic_upsample(y, (2, 2), alignment="sample"))


@pytest.mark.parametrize(
    ("factors", "alignment", "message"),
    [
        ((2, 2, 2), "sample", r"got \(2, 2, 2\) for \(4, 4\)"),
        ((2, 0), "sample", r"at least 1.*got \(2, 0\)"),
        ((2, 2), "centre", "'sample' or 'edge', got 'centre'"),
    ],
)
def test_wrong_settings_are_refused_with_their_values(factors, alignment, message):
    with pytest.raises(ValueError, match=message):
        cubic_upsample(torch.zeros(4, 4), factors, alignment=alignment)
