"""The measured block of k-space does what `KSpaceTruncation` does with images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.physics import KSpaceBlock, KSpaceTruncation
from physics.battery import random

AXES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=3).filter(
    lambda axes: any(factor > 1 for _, factor in axes)
)


def pair(axes: list[tuple[int, int]]) -> tuple[KSpaceTruncation, KSpaceBlock]:
    shape, factors = tuple(n * f for n, f in axes), tuple(f for _, f in axes)
    return KSpaceTruncation(shape, factors), KSpaceBlock(shape, factors)


@given(AXES, st.integers(0, 99))
def test_fine_and_coarse_images_have_one_block(axes: list[tuple[int, int]], seed: int) -> None:
    truncate, block = pair(axes)
    x = random((2, *truncate.shape), torch.float64, seed)
    torch.testing.assert_close(block.of_fine(x), block.of_coarse(truncate(x)), rtol=0, atol=1e-13)


@given(AXES, st.integers(0, 99))
def test_a_block_becomes_the_smallest_fine_image(axes: list[tuple[int, int]], seed: int) -> None:
    truncate, block = pair(axes)
    y = random((2, *truncate.coarse_shape), torch.float64, seed)
    torch.testing.assert_close(block.to_fine(block.of_coarse(y)), truncate.pseudo_inverse(y), rtol=0, atol=1e-12)


@given(AXES, st.integers(0, 99))
def test_putting_frequencies_back_is_the_projection(axes: list[tuple[int, int]], seed: int) -> None:
    truncate, block = pair(axes)
    x, y = random((3, *truncate.shape), torch.float64, seed), random((3, *truncate.coarse_shape), torch.float64, seed)
    found = x + block.to_fine(block.of_coarse(y) - block.of_fine(x))
    torch.testing.assert_close(found, truncate.project(x, y), rtol=0, atol=1e-12)


@given(AXES, st.integers(0, 99))
def test_the_energy_is_that_of_the_coarse_image(axes: list[tuple[int, int]], seed: int) -> None:
    truncate, block = pair(axes)
    y = random((2, *truncate.coarse_shape), torch.float64, seed)
    assert block.energy(block.of_coarse(y)) == pytest.approx(float(y.square().sum()), rel=1e-12)


@pytest.mark.parametrize(("shape", "factors"), [((8, 8), (1, 1)), ((8, 9), (2, 2)), ((), ())])
def test_nonsense_is_refused(shape: tuple[int, ...], factors: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="factors above 1"):
        KSpaceBlock(shape, factors)
