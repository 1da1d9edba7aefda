"""Geometry, with SimpleITK's own transforms as the oracle."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from images.makers import OBLIQUE, blank, grids
from mrienhance.errors import ImageError, UsageError
from mrienhance.images import Grid

FACTORS = st.tuples(*[st.integers(1, 4)] * 3)
ALIGNMENTS = ["sample", "edge"]


def place(grid, index):
    """Where SimpleITK says that a continuous index is."""
    return np.array(blank(grid).TransformContinuousIndexToPhysicalPoint([float(x) for x in index]))


@given(grids())
def test_a_grid_is_the_geometry_of_its_image(grid):
    assert Grid.of(blank(grid)) == grid


@given(grids(), st.tuples(*[st.floats(-3, 9)] * 3))
def test_points_are_where_simpleitk_says(grid, index):
    np.testing.assert_allclose(grid.points(index), place(grid, index), atol=1e-9)


@given(grids(), FACTORS)
def test_under_sample_alignment_every_sample_lies_on_a_finer_one(grid, factors):
    finer = grid.finer(factors, alignment="sample")
    assert finer.size == tuple(np.multiply(grid.size, factors))
    for index in [(0, 0, 0), np.array(grid.size) - 1]:
        np.testing.assert_allclose(place(finer, np.multiply(index, factors)), place(grid, index), atol=1e-9)


@given(grids(), FACTORS)
def test_under_edge_alignment_the_edges_of_the_volume_stay(grid, factors):
    finer = grid.finer(factors, alignment="edge")
    assert finer.size == tuple(np.multiply(grid.size, factors))
    np.testing.assert_allclose(place(finer, [-0.5] * 3), place(grid, [-0.5] * 3), atol=1e-9)
    np.testing.assert_allclose(
        place(finer, np.array(finer.size) - 0.5), place(grid, np.array(grid.size) - 0.5), atol=1e-9
    )


@given(grids(), FACTORS)
def test_under_edge_alignment_finer_voxels_tile_a_coarse_one(grid, factors):
    """A field that is linear in space has the block mean of its fine samples at the coarse samples."""
    finer = grid.finer(factors, alignment="edge")
    corners = place(finer, [0, 0, 0]), place(finer, np.array(factors) - 1)
    np.testing.assert_allclose(np.mean(corners, axis=0), place(grid, [0, 0, 0]), atol=1e-9)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@given(grid=grids(), factors=FACTORS)
def test_coarser_undoes_finer(alignment, grid, factors):
    finer = grid.finer(factors, alignment=alignment)
    assert finer.coarser(factors, alignment=alignment).matches(grid, tolerance=1e-9)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@given(grid=grids())
def test_twice_twice_is_four_times(alignment, grid):
    twice = grid.finer((2, 2, 2), alignment=alignment).finer((2, 2, 2), alignment=alignment)
    assert twice.matches(grid.finer((4, 4, 4), alignment=alignment), tolerance=1e-9)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@given(grid=grids())
def test_a_factor_of_one_changes_nothing(alignment, grid):
    assert grid.finer((1, 1, 1), alignment=alignment).matches(grid, tolerance=1e-12)


def test_the_two_alignments_by_hand():
    grid = Grid((4, 4, 2), (1.0, 2.0, 3.0), (10.0, 20.0, 30.0))
    assert grid.finer((2, 4, 1), alignment="sample") == Grid((8, 16, 2), (0.5, 0.5, 3.0), (10.0, 20.0, 30.0))
    assert grid.finer((2, 4, 1), alignment="edge") == Grid((8, 16, 2), (0.5, 0.5, 3.0), (9.75, 19.25, 30.0))
    assert grid.coarser((2, 4, 1), alignment="edge") == Grid((2, 1, 2), (2.0, 8.0, 3.0), (10.5, 23.0, 30.0))


def test_the_shape_is_the_size_backwards():
    assert OBLIQUE.shape == sitk.GetArrayFromImage(blank(OBLIQUE)).shape == (3, 4, 5)


def test_a_size_that_is_not_divisible_is_named():
    with pytest.raises(ImageError, match="145 voxels along j cannot be divided by 4") as refusal:
        Grid((144, 145, 9)).coarser((4, 4, 1), alignment="sample")
    assert "144" in refusal.value.hint


@pytest.mark.parametrize("factors", [(0, 1, 1), (2, 2), (1.5, 1, 1), (-2, 1, 1), (float("nan"), 1, 1)])
def test_factors_must_be_whole(factors):
    with pytest.raises(UsageError, match="factors"):
        OBLIQUE.finer(factors, alignment="edge")


def test_an_unknown_alignment_is_refused():
    with pytest.raises(UsageError, match="'centre'"):
        OBLIQUE.coarser((1, 1, 1), alignment="centre")


@given(grids(smallest=2))
def test_single_precision_is_forgiven_and_half_a_voxel_is_not(grid):
    single = Grid(
        grid.size,
        tuple(np.float32(grid.spacing).tolist()),
        tuple(np.float32(grid.origin).tolist()),
        tuple(np.float32(grid.direction).tolist()),
    )
    assert grid.matches(single)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 0.5
        moved = Grid(grid.size, grid.spacing, tuple(grid.points(step).tolist()), grid.direction)
        assert not grid.matches(moved)
        assert not moved.matches(grid)


@given(grids(smallest=2))
def test_other_spacing_size_or_handedness_does_not_match(grid):
    i, j, k = grid.size
    x, y, z = grid.spacing
    mirrored = tuple((np.reshape(grid.direction, (3, 3)) * [-1, 1, 1]).ravel().tolist())
    assert not grid.matches(Grid((i + 1, j, k), grid.spacing, grid.origin, grid.direction))
    assert not grid.matches(Grid(grid.size, (x, y * 1.2, z), grid.origin, grid.direction))
    assert not grid.matches(Grid(grid.size, grid.spacing, grid.origin, mirrored))


def test_only_volumes_have_a_grid():
    with pytest.raises(ImageError, match="2-D"):
        Grid.of(sitk.Image([4, 4], sitk.sitkInt16))


def test_a_grid_is_placed_on_images_of_its_size_only():
    with pytest.raises(ValueError, match=r"\(5, 4, 2\)"):
        OBLIQUE.place(sitk.Image([5, 4, 2], sitk.sitkInt16))
