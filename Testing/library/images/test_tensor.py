"""Between images and tensors."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given

from images.makers import INTEGER_TYPES, OBLIQUE, SCALAR_TYPES, blank, grids, noise
from mrienhance.errors import ImageError
from mrienhance.images import Grid, to_image, to_tensor


@pytest.mark.parametrize("kind", SCALAR_TYPES)
def test_voxel_i_j_k_is_element_k_j_i(kind):
    image = noise(OBLIQUE, kind)
    volume = to_tensor(image)
    assert volume.shape == (3, 4, 5)
    assert volume.dtype == torch.float32
    assert volume.is_contiguous()
    for index in [(0, 0, 0), (4, 0, 0), (0, 3, 0), (0, 0, 2), (2, 1, 1)]:
        assert volume[index[::-1]].item() == np.float32(image[index])


def test_a_tensor_is_a_copy():
    image = noise(OBLIQUE, sitk.sitkFloat32)
    before = sitk.GetArrayFromImage(image)
    to_tensor(image).zero_()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), before)


def test_an_image_is_a_copy():
    volume = torch.ones(OBLIQUE.shape)
    image = to_image(volume, OBLIQUE)
    volume.zero_()
    assert image[0, 0, 0] == 1


@given(grids())
def test_geometry_comes_back_exactly(grid):
    assert Grid.of(to_image(to_tensor(blank(grid)), grid)) == grid


@pytest.mark.parametrize("kind", INTEGER_TYPES)
def test_integer_images_come_back_exactly(kind):
    image = noise(OBLIQUE, kind)
    back = to_image(to_tensor(image), OBLIQUE, like=image)
    assert back.GetPixelID() == kind
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize("kind", INTEGER_TYPES)
def test_integers_are_rounded_and_clipped_not_wrapped(kind):
    like = sitk.Image([6, 1, 1], kind)
    limits = np.iinfo(sitk.GetArrayFromImage(like).dtype)
    volume = torch.tensor([[[float("-inf"), -1e30, 2.6, 3.4, 1e30, float("inf")]]])
    values = sitk.GetArrayFromImage(to_image(volume, Grid.of(like), like=like)).ravel().tolist()
    assert values[:4] == [limits.min, limits.min, 3, 3]
    # The largest 64-bit integers are no floating-point numbers: the nearest one below is as far as it goes.
    assert values[4] == values[5] <= limits.max
    assert values[4] > limits.max * (1 - 1e-15)
    assert values[4] == limits.max or limits.bits == 64


def test_halves_go_to_the_even_neighbour_so_that_the_mean_stays():
    like = sitk.Image([4, 1, 1], sitk.sitkInt16)
    volume = torch.tensor([[[-1.5, 0.5, 1.5, 2.5]]])
    image = to_image(volume, Grid.of(like), like=like)
    assert sitk.GetArrayFromImage(image).ravel().tolist() == [-2, 0, 2, 2]


@pytest.mark.parametrize("like", [None, sitk.Image([2, 1, 1], sitk.sitkFloat64)])
def test_without_an_integer_model_the_result_is_float32_and_untouched(like):
    volume = torch.tensor([[[-1.25, float("nan")]]])
    image = to_image(volume, Grid((2, 1, 1)), like=like)
    assert image.GetPixelID() == sitk.sitkFloat32
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.numpy())


def test_nan_never_becomes_an_integer():
    like = sitk.Image([2, 1, 1], sitk.sitkInt16)
    with pytest.raises(ImageError, match=r"1 voxel\(s\) that are NaN"):
        to_image(torch.tensor([[[0.0, float("nan")]]]), Grid.of(like), like=like)


@pytest.mark.parametrize("change", [torch.Tensor.half, torch.Tensor.double, torch.Tensor.requires_grad_])
def test_any_tensor_of_real_numbers_will_do(change):
    volume = torch.arange(60.0).reshape(OBLIQUE.shape)
    expected = volume.numpy().copy()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(to_image(change(volume), OBLIQUE)), expected)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(to_image(volume.flip(2), OBLIQUE)), np.flip(expected, 2))


def test_what_the_numbers_mean_stays_and_who_it_was_does_not():
    like = noise(OBLIQUE)
    meaning = {"0028|1050": "40", "0028|1051": "400", "0028|1052": "-5", "0028|1053": "2", "0008|0060": "MR"}
    private = {"0010|0010": "Doe^Jane", "0008|0018": "1.2.3", "0020|000e": "1.2", "0008|0020": "20200101"}
    for key, value in {**meaning, **private}.items():
        like.SetMetaData(key, value)
    image = to_image(to_tensor(like), OBLIQUE, like=like)
    assert {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()} == meaning


def test_a_shape_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"\(5, 4, 3\).*\(3, 4, 5\)"):
        to_image(torch.zeros(5, 4, 3), OBLIQUE)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), "vector"),
        (sitk.Image([4, 4, 4], sitk.sitkComplexFloat32), "complex"),
        (sitk.Image([4, 4], sitk.sitkInt16), "2-D"),
        (sitk.Image([4, 4, 4, 2], sitk.sitkInt16), "4-D"),
    ],
)
def test_only_scalar_volumes_become_tensors(image, reason):
    with pytest.raises(ImageError, match=reason):
        to_tensor(image)
