"""NIQE: features against a literal version and known distributions, fits against their own samples, real slices."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from scipy.special import gamma
from scipy.stats import gennorm

from mrienhance.data import sample_path
from mrienhance.errors import UsageError
from mrienhance.evaluation import load_fit, niqe_contrasts
from mrienhance.evaluation.niqe import SceneFit, features_of, niqe
from mrienhance.evaluation.scene_statistics import FEATURES, PATCH, _fitted, normalise, patch_features
from mrienhance.images import IntensityScale, read_image, to_tensor


def scene(n=2, rows=64, columns=96, seed=0):
    rough = np.random.default_rng(seed).random((n, rows + 8, columns + 8))
    smooth = correlate1d(correlate1d(rough, np.ones(4) / 4, axis=1), np.ones(4) / 4, axis=2)[:, 4:-4, 4:-4]
    return torch.tensor(255 * smooth)


def literal_fit(x):
    """Shape and both widths of an asymmetric generalised Gaussian, one patch, as the paper writes it."""
    left, right = math.sqrt(np.mean(x[x < 0] ** 2)), math.sqrt(np.mean(x[x > 0] ** 2))
    ratio = left / right
    wanted = np.mean(np.abs(x)) ** 2 / np.mean(x**2) * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes = np.arange(0.2, 10.001, 0.001)
    shape = shapes[np.argmin((gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes)) - wanted) ** 2)]
    width = math.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * width, right * width


def literal_features(image):
    """One scale of the features of one patch, given the normalised image and where the patch is."""
    normalised, rows, columns = image
    found = []
    shape, left, right = literal_fit(normalised[rows, columns])
    found += [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        product = (normalised * np.roll(normalised, shift, (0, 1)))[rows, columns]
        shape, left, right = literal_fit(product)
        found += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return found


def literal_normalised(image):
    weights = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    weights /= weights.sum()

    def mean(x):
        return correlate1d(correlate1d(x, weights, axis=0, mode="nearest"), weights, axis=1, mode="nearest")

    middle = mean(image)
    return (image - middle) / (np.sqrt(np.abs(mean(image**2) - middle**2)) + 1)


def test_features_equal_a_literal_version():
    images = scene()
    features, _ = patch_features(images)
    assert features.shape == (2, 2, 3, FEATURES)
    whole = literal_normalised(images[1].numpy())
    expected = literal_features((whole, slice(PATCH, 2 * PATCH), slice(2 * PATCH, 3 * PATCH)))
    np.testing.assert_allclose(features[1, 1, 2, :18], expected, rtol=1e-6, atol=1e-9)
    half = torch.nn.functional.interpolate(images[:, None], scale_factor=0.5, mode="bicubic", antialias=True)[:, 0]
    side = PATCH // 2
    expected = literal_features((literal_normalised(half[1].numpy()), slice(side, 2 * side), slice(2 * side, 3 * side)))
    np.testing.assert_allclose(features[1, 1, 2, 18:], expected, rtol=1e-6, atol=1e-9)


def test_normalised_images_have_no_unit():
    image = scene(1)
    plain, deviation = normalise(image)
    np.testing.assert_allclose(plain[0], literal_normalised(image[0].numpy()), atol=1e-9)
    brighter, wider = normalise(1000 * image)
    np.testing.assert_allclose(wider, 1000 * deviation, rtol=1e-6)
    np.testing.assert_allclose(brighter, plain * (deviation + 1) / (deviation + 1e-3), rtol=1e-6)


@pytest.mark.parametrize("shape", [0.6, 1.0, 2.0, 4.0])
@pytest.mark.parametrize(("left", "right"), [(1.0, 1.0), (0.5, 2.0)])
def test_the_parameters_of_known_distributions_are_found(shape, left, right):
    draws = np.random.default_rng(0)
    values = np.abs(gennorm.rvs(shape, size=400_000, random_state=draws))
    sides = draws.random(values.size) < left / (left + right)
    values = np.where(sides, -left * values, right * values)
    found, low, high = (float(x) for x in _fitted(torch.tensor(values)))
    assert found == pytest.approx(shape, rel=0.02)
    width = math.sqrt(gamma(1 / shape) / gamma(3 / shape))
    assert (low * width, high * width) == pytest.approx((left, right), rel=0.02)


def test_the_middle_of_a_slice_is_used():
    image = scene(1, 70, 75)
    np.testing.assert_allclose(patch_features(image)[0], patch_features(image[:, 3:67, 5:69])[0])


def test_patches_in_the_mask_count():
    image, mask = scene(2), torch.zeros(2, 64, 96)
    mask[0, :32, :32] = 1
    mask[0, 32:, 32 : 32 + 23] = 1  # less than three quarters of a patch
    parts = features_of(image, data_range=255.0, mask=mask)
    assert [len(part) for part in parts] == [1, 0]
    np.testing.assert_allclose(parts[0][0], patch_features(image)[0][0, 0, 0])
    blank = image.clone()
    blank[1] = 7
    assert [len(part) for part in features_of(blank, data_range=255.0)] == [6, 0]


def test_the_sharpest_patches_can_be_asked_for():
    image = scene(1)
    image[:, :, :32] = image[:, :, :32].mean() + 0.1 * (image[:, :, :32] - image[:, :, :32].mean())
    assert len(features_of(image, data_range=255.0)[0]) == 6
    assert len(features_of(image, data_range=255.0, sharpest=0.75)[0]) == 4


def test_the_unit_of_intensity_does_not_matter():
    image = scene(1)
    one, other = (features_of(k * image, data_range=k * 255.0)[0] for k in (1.0, 3.7))
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_distances_are_those_of_the_formula():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(500, FEATURES, generator=generator, dtype=torch.float64) for _ in range(2))
    one, other = SceneFit.of(a), SceneFit.of(2 * b + 1)
    mean = np.cov(a.numpy().T) / 2 + np.cov(2 * b.numpy().T) / 2
    apart = a.numpy().mean(0) - (2 * b.numpy() + 1).mean(0)
    assert one.distance(other) == pytest.approx(math.sqrt(apart @ np.linalg.inv(mean) @ apart))
    assert one.distance(other) == pytest.approx(other.distance(one))
    assert one.distance(one) == 0


def test_there_are_fits_of_four_contrasts():
    assert set(niqe_contrasts()) == {"T1w", "T1c", "T2w", "FLAIR"}
    for contrast in niqe_contrasts():
        for region in ("tissue", "frame"):
            fit = load_fit(contrast, region)
            assert fit.mean.shape == (FEATURES,)
            np.testing.assert_allclose(fit.covariance, fit.covariance.T)
            assert float(torch.linalg.eigvalsh(fit.covariance).min()) > 0
    with pytest.raises(UsageError, match="'PDw'") as refusal:
        load_fit("PDw", "tissue")
    assert "FLAIR" in refusal.value.hint


@pytest.fixture(scope="module")
def slab():
    """Six slices of the sample, of a person that no fit has seen."""
    volume = to_tensor(read_image(sample_path("t1w_slab")))[::4]
    return volume / IntensityScale.of(volume).scale


@pytest.mark.parametrize("masked", [True, False])
def test_blur_and_noise_make_real_slices_less_natural(slab, masked):
    mask = slab > 0.02 if masked else None
    blurred = torch.nn.functional.avg_pool2d(slab[:, None], 5, stride=1, padding=2)[:, 0]
    noisy = slab + 0.15 * torch.randn(slab.shape, generator=torch.Generator().manual_seed(0))
    real, *worse = (niqe(x, contrast="T1w", data_range=1.0, mask=mask) for x in (slab, blurred, noisy))
    assert all(real.volume < one.volume for one in worse)
    assert len(real.slices) == 6
    assert all(a < b for a, b in zip(real.slices, worse[1].slices, strict=True))


def test_slices_without_patches_have_none(slab):
    empty = niqe(torch.zeros(2, 64, 64), contrast="T2w", data_range=1.0)
    assert math.isnan(empty.volume)
    assert all(math.isnan(value) for value in empty.slices)
    assert len(niqe(slab[:, :20], contrast="T1w", data_range=1.0).slices) == 6
