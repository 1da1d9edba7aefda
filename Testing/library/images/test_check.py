"""What is refused before anything is done, and what is put right."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from images.makers import OBLIQUE, SCALAR_TYPES, noise
from mrienhance.errors import ImageError
from mrienhance.images import Grid, check_image


@pytest.mark.parametrize("kind", SCALAR_TYPES)
def test_a_scalar_volume_passes_as_it_is(kind):
    image = noise(OBLIQUE, kind)
    assert check_image(image) is image


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [sitk.sitkFloat32, sitk.sitkFloat64])
def test_voxels_that_are_not_finite_are_counted(bad, kind):
    image = noise(OBLIQUE, kind)
    image[4, 3, 2] = bad
    image[1, 0, 0] = bad
    with pytest.raises(ImageError, match=r"the reference holds 2 voxel\(s\) that are NaN or infinite") as refusal:
        check_image(image, what="reference")
    assert refusal.value.hint


@pytest.mark.parametrize("value", [0, 7])
@pytest.mark.parametrize("kind", [sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkFloat32])
def test_a_constant_image_is_refused(value, kind):
    with pytest.raises(ImageError, match=f"constant: every voxel is {value}"):
        check_image(sitk.Image([4, 4, 4], kind) + value)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), "not scalar: its pixels are vector"),
        (sitk.Image([4, 4], sitk.sitkVectorUInt8, 3), "not scalar"),
        (sitk.Image([4, 4, 4], sitk.sitkComplexFloat64), "not scalar: its pixels are complex"),
        (sitk.Image([4, 4, 4], sitk.sitkLabelUInt8), "not scalar: its pixels are label"),
        (sitk.Image([4, 4, 4, 2], sitk.sitkInt16), "4-D with size 4 x 4 x 4 x 2"),
        (sitk.Image([4, 4, 4, 1, 1], sitk.sitkInt16), "5-D"),
        (sitk.Image([0, 4, 4], sitk.sitkInt16), "no voxels: its size is 0 x 4 x 4"),
        (sitk.Image([4, 4, 0], sitk.sitkInt16), "no voxels"),
        (sitk.Image([4, 4, 4, 0], sitk.sitkInt16), "no voxels"),
        (sitk.Image([1, 8, 8], sitk.sitkInt16), "one voxel along i: its size is 1 x 8 x 8"),
        (sitk.Image([8, 1, 8], sitk.sitkInt16), "one voxel along j"),
    ],
)
def test_what_is_not_one_scalar_volume_is_refused(image, reason):
    with pytest.raises(ImageError, match=reason) as refusal:
        check_image(image)
    assert refusal.value.hint
    assert "\n" not in refusal.value.message + refusal.value.hint


def test_a_broken_geometry_is_refused():
    image = noise(OBLIQUE)
    image.SetOrigin((0.0, math.nan, 0.0))
    with pytest.raises(ImageError, match="broken geometry"):
        check_image(image)


def test_a_flat_image_becomes_a_volume_of_one_slice():
    image = sitk.GetImageFromArray(np.arange(12, dtype=np.int16).reshape(3, 4))
    image.SetSpacing((0.5, 0.75))
    image.SetOrigin((10, 20))
    image.SetDirection((0, -1, 1, 0))
    image.SetMetaData("0028|1050", "40")
    volume = check_image(image)
    assert volume.GetSize() == (4, 3, 1)
    assert volume.GetSpacing()[:2] == (0.5, 0.75)
    assert volume.GetMetaData("0028|1050") == "40"
    assert volume.TransformIndexToPhysicalPoint((3, 2, 0))[:2] == image.TransformIndexToPhysicalPoint((3, 2))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(volume)[0], sitk.GetArrayFromImage(image))


def test_a_series_of_one_volume_becomes_that_volume():
    volume = noise(OBLIQUE)
    volume.SetMetaData("0028|1050", "40")
    series = sitk.JoinSeries(volume)
    series.SetMetaData("0028|1050", "40")
    back = check_image(series)
    assert Grid.of(back) == OBLIQUE
    assert back.GetMetaData("0028|1050") == "40"
    assert sitk.Hash(back) == sitk.Hash(volume)
