"""Displacement fields: which way they point, in which unit, and what lies outside."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from torch import Tensor

from mrienhance.blocks.warp import warp


def constant_flow(rows: float, columns: float, height: int, width: int) -> Tensor:
    return torch.tensor([rows, columns]).view(1, 2, 1, 1).expand(1, 2, height, width)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(-3, 3), columns=st.integers(-3, 3), height=st.integers(1, 9), width=st.integers(1, 9))
def test_whole_pixels_are_a_shift_with_the_edge_repeated(rows: int, columns: int, height: int, width: int) -> None:
    image = torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(height * width))
    found = warp(image, constant_flow(rows, columns, height, width))
    down = (torch.arange(height) + rows).clamp(0, height - 1)
    right = (torch.arange(width) + columns).clamp(0, width - 1)
    torch.testing.assert_close(found, image[..., down, :][..., right], atol=2e-6, rtol=0)


def test_no_displacement_is_no_change() -> None:
    image = torch.rand(2, 1, 7, 10)
    torch.testing.assert_close(warp(image, torch.zeros(1, 2, 7, 10)), image, atol=1e-6, rtol=0)


def test_agrees_with_scipy_on_a_random_field() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, 11, 14, dtype=torch.float64, generator=generator)
    flow = 3 * torch.randn(1, 2, 11, 14, dtype=torch.float64, generator=generator)
    rows = torch.arange(11.0, dtype=torch.float64)[:, None] + flow[0, 0]
    columns = torch.arange(14.0, dtype=torch.float64) + flow[0, 1]
    expected = map_coordinates(image[0, 0].numpy(), [rows.numpy(), columns.numpy()], order=1, mode="nearest")
    torch.testing.assert_close(warp(image, flow)[0, 0], torch.from_numpy(expected), atol=1e-12, rtol=0)


def test_a_linear_image_moves_by_the_flow_itself() -> None:
    """Sampling r + 10 c at p + flow adds flow_r + 10 flow_c, wherever p + flow is inside."""
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    image = (rows + 10 * columns)[None, None]
    flow = 2 * torch.rand(1, 2, 20, 20, generator=torch.Generator().manual_seed(1)) - 1
    change = (warp(image, flow) - image)[0, 0, 1:-1, 1:-1]
    torch.testing.assert_close(change, (flow[0, 0] + 10 * flow[0, 1])[1:-1, 1:-1], atol=1e-3, rtol=0)


def test_gradients_of_both_arguments() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(2, 1, 4, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    # Away from whole pixels, where linear interpolation has a kink.
    flow = (torch.rand(2, 2, 4, 5, dtype=torch.float64, generator=generator) * 0.6 + 0.2).requires_grad_()
    assert torch.autograd.gradcheck(warp, (image, flow))


@pytest.mark.parametrize("shape", [(1, 2, 4, 5), (1, 1, 4, 4), (3, 2, 4, 4)])
def test_a_flow_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="flow"):
        warp(torch.zeros(2, 1, 4, 4), torch.zeros(shape))
