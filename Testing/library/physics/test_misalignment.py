"""Random displacement fields."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from mrienhance.blocks.warp import warp
from mrienhance.physics import elastic_flow, random_misalignment, rigid_flow
from mrienhance.physics.misalignment import LARGEST, _spline


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def determinant(flow: torch.Tensor) -> torch.Tensor:
    """How much the area around each pixel grows."""
    down, right = flow.diff(dim=1)[:, :, :-1], flow.diff(dim=2)[:, :-1]
    return (1 + down[0]) * (1 + right[1]) - right[0] * down[1]


@pytest.mark.parametrize("strength", LARGEST)
@pytest.mark.parametrize("shape", [(256, 256), (218, 182), (64, 96)])
@pytest.mark.parametrize("seed", range(3))
def test_elastic_fields_are_as_large_as_said_and_never_fold(strength: str, shape: tuple[int, int], seed: int) -> None:
    flow = random_misalignment(shape, strength, generator=generator(seed))
    assert flow.shape == (2, *shape)
    assert float(flow.norm(dim=0).max()) == pytest.approx(LARGEST[strength] * max(shape) / 256, rel=1e-5)
    assert float(determinant(flow).min()) > 0.2


@pytest.mark.parametrize("seed", range(20))
def test_rigid_fields_stay_below_what_is_said_and_keep_lengths(seed: int) -> None:
    flow = random_misalignment((120, 90), "high", kind="rigid", generator=generator(seed))
    assert 0 < float(flow.norm(dim=0).max()) <= 8 * 120 / 256 + 1e-4
    places = torch.stack(torch.meshgrid(torch.arange(120.0), torch.arange(90.0), indexing="ij")) + flow
    corners = places[:, [0, 0, 119], [0, 89, 40]].T
    expected = torch.cdist(*2 * (torch.tensor([[0.0, 0], [0, 89], [119, 40]]),))
    torch.testing.assert_close(torch.cdist(corners, corners), expected, atol=1e-3, rtol=0)


def test_a_rigid_field_points_where_the_rotation_does() -> None:
    flow = rigid_flow((5, 5), angle=math.pi / 2, shift=(0.5, -1.0))
    # A quarter turn takes one down from the centre (row 3, column 2) to one right of it (row 2, column 3).
    assert (torch.tensor([3.0, 2.0]) + flow[:, 3, 2]).tolist() == pytest.approx([2.5, 2.0], abs=1e-6)


def test_the_shift_of_a_field_is_the_shift_of_the_image() -> None:
    image = torch.rand(1, 1, 20, 24, generator=generator())
    moved = warp(image, rigid_flow((20, 24), angle=0.0, shift=(3.0, -2.0))[None])
    torch.testing.assert_close(moved[..., :17, 2:], image[..., 3:, :-2])


@given(st.integers(2, 9), st.integers(5, 40))
def test_spline_weights_are_those_of_cubic_b_splines(points: int, size: int) -> None:
    weights = _spline(size, points)
    # One basis spline per control point, on whole numbers as knots, by de Boor's recursion.
    place = torch.linspace(0, points - 1, size, dtype=torch.float64).numpy()
    for number in range(points + 2):
        knots = [number - 3 + offset for offset in range(5)]
        basis = BSpline.basis_element(knots, extrapolate=False)(place)
        expected = torch.nan_to_num(torch.from_numpy(basis))
        torch.testing.assert_close(weights[:, number], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(weights.sum(1), torch.ones(size, dtype=torch.float64))


def test_a_field_is_smooth_between_its_control_points() -> None:
    flow = elastic_flow((241, 241), 8.0, generator=generator())
    # Seven points over 240 pixels: half a turn takes 40 at least, so the field bends by (pi / 40)^2 of 8 at most.
    assert float(flow.diff(n=2, dim=1).abs().max()) < 8 * (math.pi / 40) ** 2


def test_fields_come_from_the_generator_alone() -> None:
    first, again, other = (random_misalignment((32, 32), "mid", generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="strength"):
        random_misalignment((8, 8), "huge")  # type: ignore[arg-type]
    for largest, points in ((-1.0, 7), (float("nan"), 7), (1.0, 1)):
        with pytest.raises(ValueError, match="no field"):
            elastic_flow((8, 8), largest, points=points)
