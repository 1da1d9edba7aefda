"""Resampling, with scipy and analytic fields as oracles."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from images.makers import OBLIQUE, SCALAR_TYPES, grids, noise, rotation
from mrienhance.errors import ImageError, UsageError
from mrienhance.images import Grid, resample_to, to_tensor

ALL = ["linear", "cubic", "nearest"]
SOURCE = Grid((9, 8, 7), (1.0, 1.5, 2.0), (3.0, -4.0, 5.0), tuple(rotation((0.8, 0.3, -0.4, 0.2)).ravel()))


def inside(grid, source, margin):
    """Continuous indices (i, j, k) of a grid's samples in another one, and which of them are well inside."""
    samples = np.moveaxis(np.indices(grid.shape)[::-1], 0, -1)
    indices = (grid.points(samples) - source.origin) @ np.linalg.inv(source.axes).T
    return indices, np.all((indices >= margin) & (indices <= np.array(source.size) - 1 - margin), axis=-1)


@pytest.mark.parametrize("interpolation", ALL)
@pytest.mark.parametrize("kind", SCALAR_TYPES)
def test_on_its_own_grid_an_image_stays_itself(interpolation, kind):
    image = noise(OBLIQUE, kind)
    result = resample_to(image, OBLIQUE, interpolation=interpolation)
    assert result.GetPixelID() == kind
    assert Grid.of(result) == OBLIQUE
    np.testing.assert_allclose(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(image), atol=1e-4)


@pytest.mark.parametrize(("interpolation", "order"), [("linear", 1), ("cubic", 3)])
def test_oblique_samples_agree_with_scipy(interpolation, order):
    image = noise(SOURCE, sitk.sitkFloat64)
    direction = rotation((0.7, -0.2, 0.5, 0.1))
    centre = SOURCE.points((np.array(SOURCE.size) - 1) / 2)
    target = Grid((11, 10, 9), (0.7, 0.8, 0.9), tuple(centre - direction @ [3.5, 3.6, 3.6]), tuple(direction.ravel()))
    result = sitk.GetArrayFromImage(resample_to(image, target, interpolation=interpolation))
    indices, within = inside(target, SOURCE, margin=0.01)
    assert within.sum() > 100
    expected = map_coordinates(
        sitk.GetArrayFromImage(image), np.moveaxis(indices[..., ::-1], -1, 0), order=order, mode="mirror"
    )
    np.testing.assert_allclose(result[within], expected[within], atol=1e-8)


@given(grids(smallest=3), st.sampled_from(["sample", "edge"]))
def test_a_field_that_is_linear_in_space_stays_the_same_field(grid, alignment):
    def field(where):
        samples = np.moveaxis(np.indices(where.shape)[::-1], 0, -1)
        return where.points(samples) @ [0.3, -0.2, 0.5] + 100

    image = sitk.GetImageFromArray(field(grid))
    grid.place(image)
    finer = grid.finer((2, 3, 1), alignment=alignment)
    result = sitk.GetArrayFromImage(resample_to(image, finer))
    _, within = inside(finer, grid, margin=-1e-6)
    np.testing.assert_allclose(result[within], field(finer)[within], atol=1e-6)


def test_beyond_the_edges_it_is_zero():
    image = noise(SOURCE, sitk.sitkFloat32) + 1
    wider = Grid((13, 8, 7), SOURCE.spacing, tuple(SOURCE.points([-2, 0, 0]).tolist()), SOURCE.direction)
    result = to_tensor(resample_to(image, wider))
    assert result[:, :, :2].abs().max() == 0
    assert result[:, :, -2:].abs().max() == 0
    assert result[:, :, 2:-2].min() >= 1


def test_integers_are_rounded_not_cut_off():
    image = sitk.GetImageFromArray(np.array([[[0, 3], [0, 3]]], dtype=np.int16))
    middle = Grid((3, 2, 1), (0.5, 1.0, 1.0))
    assert sitk.GetArrayFromImage(resample_to(image, middle))[0, 0].tolist() == [0, 2, 3]
    assert sitk.GetArrayFromImage(resample_to(-image, middle))[0, 0].tolist() == [0, -2, -3]


def test_the_overshoot_of_cubic_does_not_wrap_around():
    values = np.zeros((4, 4, 12), dtype=np.uint8)
    values[:, :, 6:] = 255
    image = sitk.GetImageFromArray(values)
    finer = Grid.of(image).finer((4, 1, 1), alignment="sample")
    line = sitk.GetArrayFromImage(resample_to(image, finer, interpolation="cubic"))[2, 2]
    assert line[:20].max() < 40
    assert line[24:44].min() > 215


def test_nearest_makes_no_new_labels():
    labels = noise(SOURCE, sitk.sitkUInt8)
    finer = Grid.of(labels).finer((3, 3, 3), alignment="edge")
    result = sitk.GetArrayFromImage(resample_to(labels, finer, interpolation="nearest"))
    np.testing.assert_array_equal(result, sitk.GetArrayFromImage(labels).repeat(3, 0).repeat(3, 1).repeat(3, 2))


def test_the_window_stays():
    image = noise(SOURCE)
    image.SetMetaData("0028|1050", "40")
    image.SetMetaData("0008|0018", "1.2.3")
    assert resample_to(image, OBLIQUE).GetMetaDataKeys() == ("0028|1050",)


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(UsageError, match="'lanczos'"):
        resample_to(noise(SOURCE), OBLIQUE, interpolation="lanczos")


def test_only_scalar_volumes_are_resampled():
    with pytest.raises(ImageError, match="vector"):
        resample_to(sitk.Image([4, 4, 4], sitk.sitkVectorInt16, 2), OBLIQUE)


def test_a_transform_says_where_to_look():
    image = noise(SOURCE, sitk.sitkFloat32)
    step = sitk.TranslationTransform(3, (SOURCE.points([2, -1, 3]) - SOURCE.points([0, 0, 0])).tolist())
    result = sitk.GetArrayFromImage(resample_to(image, SOURCE, transform=step))
    np.testing.assert_allclose(result[:-3, 1:, :-2], sitk.GetArrayFromImage(image)[3:, :-1, 2:], atol=1e-4)
    assert np.abs(result[-3:]).max() == 0
