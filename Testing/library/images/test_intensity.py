"""The intensity scale: what becomes 1, and that it is undone exactly."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mrienhance.errors import ImageError
from mrienhance.images import Grid, IntensityScale, read_image, to_image, to_tensor

SHAPE = (3, 5, 7)


def brain_like(seed=0):
    """Mostly background, some of it above the rest."""
    values = np.random.default_rng(seed).normal(800, 200, (8, 32, 32)).astype(np.float32)
    values[:, :10] = 0
    return torch.from_numpy(values)


def test_the_percentile_is_that_of_all_voxels():
    volume = brain_like()
    assert IntensityScale.of(volume).scale == pytest.approx(np.percentile(volume.numpy(), 99.9), rel=1e-6)
    assert IntensityScale.of(volume, percentile=50).scale == pytest.approx(np.percentile(volume.numpy(), 50), rel=1e-6)


def test_the_scale_follows_the_units():
    volume = brain_like()
    assert IntensityScale.of(volume * 64).scale == 64 * IntensityScale.of(volume).scale


def test_one_hot_voxel_does_not_rule_the_scale():
    volume = brain_like()
    before = IntensityScale.of(volume).scale
    volume[0, 0, 0] = 100 * before
    assert IntensityScale.of(volume).scale == pytest.approx(before, rel=0.05)


def test_it_is_linear_without_shift_or_clipping():
    scale = IntensityScale(250.0)
    volume = torch.tensor([-500.0, 0.0, 250.0, 1e6])
    assert scale.apply(volume).tolist() == [-2.0, 0.0, 1.0, 4000.0]
    assert torch.equal(scale.apply(-volume), -scale.apply(volume))


@given(hnp.arrays(np.int16, SHAPE), st.floats(1e-3, 1e6))
def test_16_bit_images_come_back_exactly(values, scale):
    volume = torch.from_numpy(values.astype(np.float32))
    scaled = IntensityScale(scale)
    assert torch.equal(scaled.undo(scaled.apply(volume)).round(), volume)


@given(hnp.arrays(np.int32, SHAPE, elements=st.integers(-(2**21), 2**21)), st.floats(1e-3, 1e6))
def test_whole_numbers_up_to_two_million_come_back_exactly(values, scale):
    volume = torch.from_numpy(values.astype(np.float32))
    scaled = IntensityScale(scale)
    assert torch.equal(scaled.undo(scaled.apply(volume)).round(), volume)


@given(hnp.arrays(np.float32, SHAPE, elements=st.floats(-(2**20), 2**20, width=32)), st.floats(1e-3, 1e6))
def test_other_images_come_back_to_the_rounding_of_single_precision(values, scale):
    scaled = IntensityScale(scale)
    back = scaled.undo(scaled.apply(torch.from_numpy(values))).numpy()
    np.testing.assert_allclose(back, values, rtol=3 * np.finfo(np.float32).eps, atol=1e-30)


def test_the_sample_scan_comes_back_bit_for_bit():
    from mrienhance.data import sample_path

    image = read_image(sample_path("t1w_slab"))
    volume = to_tensor(image)
    scale = IntensityScale.of(volume)
    back = to_image(scale.undo(scale.apply(volume)), Grid.of(image), like=image)
    assert sitk.Hash(back) == sitk.Hash(image)


def test_a_tiny_object_is_scaled_by_its_own_voxels():
    volume = torch.zeros(20, 20, 20)
    volume[10, 10, 8:12] = torch.tensor([100.0, 200.0, 300.0, 400.0])
    assert IntensityScale.of(volume).scale == pytest.approx(np.percentile([100, 200, 300, 400], 99.9))


@pytest.mark.parametrize(("values", "scale"), [([-4.0, -2.0, 0.0], 4.0), ([0.0, 0.0], 1.0)])
def test_without_positive_voxels_the_largest_magnitude_counts(values, scale):
    assert IntensityScale.of(torch.tensor(values)).scale == scale


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_volume_that_is_not_finite_has_no_scale(bad):
    with pytest.raises(ImageError, match="finite"):
        IntensityScale.of(torch.tensor([1.0, bad]))


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_is_finite_and_above_zero(scale):
    with pytest.raises(ImageError, match="above 0"):
        IntensityScale(scale)
