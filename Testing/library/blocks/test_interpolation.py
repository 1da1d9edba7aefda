"""Interpolation by whole factors keeps what its alignment says, and what was band-limited."""

from __future__ import annotations

import math

import pytest
import torch

from mrienhance.blocks.interpolation import Interpolate, interpolation_matrix
from mrienhance.physics import make_degradation
from mrienhance.physics.matrices import cubic_interpolation

ALIGNMENTS = ["sample", "edge"]


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_cubic_is_that_of_the_physics(factor: int, alignment: str) -> None:
    found = interpolation_matrix(9, factor, kernel="cubic", alignment=alignment)
    expected = cubic_interpolation(9, factor, alignment=alignment)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kernel", ["sinc", "cubic"])
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_constants_stay_and_lines_are_short(kernel: str, alignment: str) -> None:
    for size in (1, 2, 5, 40):
        matrix = interpolation_matrix(size, 3, kernel=kernel, alignment=alignment)
        torch.testing.assert_close(matrix.sum(1), torch.ones(3 * size))
    reach = torch.nonzero(matrix)
    far = (reach[:, 0] // 3 - reach[:, 1]).abs().max()
    assert far <= {"sinc": 8, "cubic": 2}[kernel]


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_sample_alignment_keeps_the_samples(factor: int) -> None:
    x = torch.rand(1, 1, 7, 6, 5)
    fine = Interpolate((factor,) * 3, kernel="sinc", alignment="sample")(x)
    torch.testing.assert_close(fine[..., ::factor, ::factor, ::factor], x)


@pytest.mark.parametrize(
    ("degradation", "alignment"), [("k-space", "sample"), ("blur", "edge"), ("thick-slice", "edge")]
)
def test_alignment_is_that_of_the_degradation(degradation: str, alignment: str) -> None:
    """A slow wave comes back where it was; the other alignment moves it by half a fine sample or more."""
    wave = torch.cos(2 * math.pi * torch.arange(96.0) / 48)
    operator = make_degradation(degradation, (96, 1, 1), (4, 1, 1))
    coarse = operator(wave.view(96, 1, 1))[None, None]
    other = {"sample": "edge", "edge": "sample"}[alignment]
    errors = {}
    for name in (alignment, other):
        fine = Interpolate((4, 1, 1), kernel="sinc", alignment=name)(coarse).flatten()
        errors[name] = float((fine - wave)[36:-36].abs().max())
    assert errors[alignment] < 0.05 < 0.15 < errors[other]


def test_axes_are_interpolated_one_by_one() -> None:
    x = torch.rand(2, 1, 4, 5, 6, dtype=torch.float64)
    found = Interpolate((2, 1, 3), kernel="cubic", alignment="edge")(x)
    k = interpolation_matrix(4, 2, kernel="cubic", alignment="edge").double()
    i = interpolation_matrix(6, 3, kernel="cubic", alignment="edge").double()
    torch.testing.assert_close(found, torch.einsum("ak,bckji,di->bcajd", k, x, i))


def test_stays_in_single_precision_under_autocast() -> None:
    x = torch.rand(1, 1, 4, 4, 4)
    layer = Interpolate((2, 2, 2), kernel="sinc", alignment="sample")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x), layer(x.clone()))
        found = layer(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, layer(x))
