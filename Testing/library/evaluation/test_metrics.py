"""PSNR, SSIM and NMAE: against scikit-image and torchmetrics, by what must not change them, and at the edges."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mrienhance.errors import ImageError, UsageError
from mrienhance.evaluation import SSIM_WINDOW, Metrics, nmae, psnr, ssim

METRICS = [psnr, ssim, nmae]
BETTER = {psnr: 1, ssim: 1, nmae: -1}
SHAPES = [(11, 11), (16, 33), (3, 24, 17), (9, 12, 40), (2, 1, 20, 15)]


def pair(shape, *, noise=0.1, seed=0):
    """A smooth positive image of range about 1, and the same with noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(shape, generator=generator, dtype=torch.float64)
    reference = (coarse + coarse.roll(1, -1) + coarse.roll(1, -2)) / 3
    return reference + noise * torch.randn(shape, generator=generator, dtype=torch.float64), reference


def random_mask(shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) > 0.6


def skimage_map(image, reference, data_range):
    """SSIM of each slice of (k, j, i) as scikit-image computes it, NaN where it leaves the rim out."""
    rim = SSIM_WINDOW // 2
    maps = np.full(image.shape, np.nan)
    for k, (a, b) in enumerate(zip(image.numpy(), reference.numpy(), strict=True)):
        _, full = structural_similarity(
            a, b, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )
        maps[k, rim:-rim, rim:-rim] = full[rim:-rim, rim:-rim]
    return maps


def torchmetrics_ssim_map(image, reference, data_range):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.functional.image import structural_similarity_index_measure
    _, full = structural_similarity_index_measure(
        image[:, None], reference[:, None], data_range=data_range, return_full_image=True
    )
    return full[:, 0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("data_range", [0.7, 1.0, 4095.0])
def test_whole_image_equals_scikit_image(shape, data_range):
    image, reference = (data_range * x for x in pair(shape))
    a, b = image.numpy(), reference.numpy()
    flat_a, flat_b = image.reshape(-1, *shape[-2:]), reference.reshape(-1, *shape[-2:])
    each = [
        structural_similarity(
            x, y, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip(flat_a.numpy(), flat_b.numpy(), strict=True)
    ]
    assert psnr(image, reference, data_range=data_range) == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=data_range), rel=1e-12
    )
    assert ssim(image, reference, data_range=data_range) == pytest.approx(np.mean(each), rel=1e-11)
    assert nmae(image, reference, data_range=data_range) == pytest.approx(np.abs(a - b).mean() / data_range, rel=1e-12)


@pytest.mark.parametrize("shape", [(3, 24, 17), (9, 12, 40)])
def test_inside_a_mask_equals_scikit_image(shape):
    image, reference = pair(shape)
    mask = random_mask(shape)
    inside = mask.numpy()
    a, b = image.numpy()[inside], reference.numpy()[inside]
    expected = np.nanmean(np.where(inside, skimage_map(image, reference, 1.3), np.nan))
    assert psnr(image, reference, data_range=1.3, mask=mask) == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=1.3), rel=1e-12
    )
    assert ssim(image, reference, data_range=1.3, mask=mask) == pytest.approx(expected, rel=1e-11)
    assert nmae(image, reference, data_range=1.3, mask=mask) == pytest.approx(np.abs(a - b).mean() / 1.3, rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 12, 30), (4, 25, 16)])
@pytest.mark.parametrize("masked", [False, True])
def test_ssim_equals_torchmetrics(shape, masked):
    image, reference = pair(shape, seed=5)
    rim = SSIM_WINDOW // 2
    mask = random_mask(shape) if masked else None
    full = torchmetrics_ssim_map(image, reference, 0.9)[:, rim:-rim, rim:-rim]
    expected = full[mask[:, rim:-rim, rim:-rim]].mean() if masked else full.mean()
    assert ssim(image, reference, data_range=0.9, mask=mask) == pytest.approx(float(expected), rel=1e-10)


def test_psnr_equals_torchmetrics():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr
    image, reference = pair((5, 20, 14), seed=2)
    expected = float(torchmetrics_psnr(image, reference, data_range=0.8))
    # torchmetrics keeps the range and log(10) in float32, so it is no better than that.
    assert psnr(image, reference, data_range=0.8) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_identical_images_are_perfect(shape):
    _, reference = pair(shape)
    assert Metrics.of(reference, reference, data_range=1.0) == Metrics(psnr_db=math.inf, ssim=1.0, nmae=0.0)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-6, 1e6), seed=st.integers(0, 1000), masked=st.booleans())
def test_unit_of_intensity_does_not_matter(scale, seed, masked):
    image, reference = pair((2, 15, 18), seed=seed)
    mask = random_mask(image.shape, seed) if masked else None
    plain = Metrics.of(image, reference, data_range=1.0, mask=mask)
    scaled = Metrics.of(scale * image, scale * reference, data_range=scale, mask=mask)
    assert scaled.psnr_db == pytest.approx(plain.psnr_db, rel=1e-9)
    assert scaled.ssim == pytest.approx(plain.ssim, rel=1e-9)
    assert scaled.nmae == pytest.approx(plain.nmae, rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("masked", [False, True])
def test_more_noise_is_worse(metric, masked):
    mask = random_mask((2, 30, 30)) if masked else None
    values = [
        metric(*pair((2, 30, 30), noise=noise), data_range=1.0, mask=mask) for noise in (0.01, 0.03, 0.1, 0.3, 1.0)
    ]
    ordered = sorted(values, reverse=BETTER[metric] > 0)
    assert values == ordered
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("metric", METRICS)
def test_result_and_reference_may_change_places(metric):
    image, reference = pair((3, 20, 20))
    assert metric(image, reference, data_range=1.0) == pytest.approx(metric(reference, image, data_range=1.0))


@pytest.mark.parametrize("metric", METRICS)
def test_full_mask_is_no_mask(metric):
    image, reference = pair((3, 20, 22))
    full = torch.ones(image.shape, dtype=torch.uint8)
    assert metric(image, reference, data_range=1.0, mask=full) == metric(image, reference, data_range=1.0)


@pytest.mark.parametrize("metric", [psnr, nmae])
def test_errors_outside_the_mask_do_not_count(metric):
    image, reference = pair((2, 20, 20))
    mask = random_mask(image.shape)
    spoilt = torch.where(mask, image, image + 100)
    assert metric(spoilt, reference, data_range=1.0, mask=mask) == metric(image, reference, data_range=1.0, mask=mask)


def test_ssim_counts_no_window_centred_outside_the_mask():
    image, reference = pair((1, 40, 40))
    mask = torch.zeros(image.shape, dtype=torch.bool)
    mask[:, 8:12, 8:12] = True
    spoilt = image.clone()
    spoilt[:, 25:, 25:] += 100
    assert ssim(spoilt, reference, data_range=1.0, mask=mask) == ssim(image, reference, data_range=1.0, mask=mask)


def test_masked_voxels_weigh_the_same_in_every_slice():
    image, reference = pair((2, 21, 21))
    mask = torch.zeros(image.shape, dtype=torch.bool)
    mask[0, 10, 5:8] = mask[1, 10, 10] = True
    parts = [ssim(image[k], reference[k], data_range=1.0, mask=mask[k]) for k in range(2)]
    expected = (3 * parts[0] + parts[1]) / 4
    assert ssim(image, reference, data_range=1.0, mask=mask) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_many_slices_are_the_mean_of_few(metric):
    """SSIM works through the slices in portions; the portions must not show."""
    image, reference = pair((19, 14, 13))
    expected = np.mean([ssim(a, b, data_range=1.0) for a, b in zip(image, reference, strict=True)])
    assert ssim(image, reference, data_range=1.0) == pytest.approx(expected, rel=1e-12)
    doubled = [torch.cat((x, x)) for x in (image, reference)]
    assert metric(*doubled, data_range=1.0) == pytest.approx(metric(image, reference, data_range=1.0), rel=1e-12)


def test_analytic_values():
    zeros, tenth = torch.zeros(12, 12), torch.full((12, 12), 0.1, dtype=torch.float64)
    assert psnr(tenth, zeros, data_range=1.0) == pytest.approx(20.0, abs=1e-12)
    assert psnr(tenth, zeros, data_range=10.0) == pytest.approx(40.0, abs=1e-12)
    assert nmae(tenth, zeros, data_range=0.5) == pytest.approx(0.2, abs=1e-15)
    # Two constants have no variance: only the luminance term is left, C1 / (0.01 + C1) with C1 = 1e-4.
    assert ssim(tenth, zeros, data_range=1.0) == pytest.approx(1e-4 / (0.01 + 1e-4), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int16, torch.uint8, torch.bool])
def test_other_types_count_as_numbers(metric, dtype):
    image, reference = ((50 * x).round().clamp(min=0).to(dtype) for x in pair((2, 16, 16)))
    expected = metric(image.double(), reference.double(), data_range=50.0)
    assert metric(image, reference, data_range=50.0) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_that_differ_are_refused(metric):
    with pytest.raises(ImageError, match=r"\(2, 16, 16\) and \(16, 16\)"):
        metric(torch.zeros(2, 16, 16), torch.zeros(16, 16), data_range=1.0)
    with pytest.raises(ImageError, match="mask differ in shape"):
        metric(torch.zeros(16, 16), torch.zeros(16, 16), data_range=1.0, mask=torch.ones(16, 15))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("data_range", [0.0, -1.0, math.nan, math.inf])
def test_data_range_must_be_a_positive_number(metric, data_range):
    with pytest.raises(UsageError, match="data_range is"):
        metric(torch.zeros(16, 16), torch.zeros(16, 16), data_range=data_range)


@pytest.mark.parametrize("metric", METRICS)
def test_empty_mask_is_refused(metric):
    with pytest.raises(ImageError, match="mask is empty"):
        metric(torch.zeros(16, 16), torch.zeros(16, 16), data_range=1.0, mask=torch.zeros(16, 16))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_values_that_are_not_finite_are_refused(metric, bad, which):
    images = list(pair((16, 16)))
    images[which][3, 4:7] = bad
    with pytest.raises(ImageError, match=f"the {('image', 'reference')[which]} has 3 voxels"):
        metric(*images, data_range=1.0)


@pytest.mark.parametrize("metric", METRICS)
def test_complex_and_empty_images_are_refused(metric):
    with pytest.raises(ImageError, match="complex"):
        metric(torch.zeros(16, 16, dtype=torch.complex64), torch.zeros(16, 16), data_range=1.0)
    with pytest.raises(ImageError, match="empty"):
        metric(torch.zeros(0, 16, 16), torch.zeros(0, 16, 16), data_range=1.0)


@pytest.mark.parametrize("shape", [(10, 40), (5, 40, 10), (30,)])
def test_slices_smaller_than_the_window_have_no_ssim_but_the_rest(shape):
    image, reference = torch.full(shape, 0.1), torch.zeros(shape)
    with pytest.raises(ImageError, match="smaller than its window of 11x11"):
        ssim(image, reference, data_range=1.0)
    metrics = Metrics.of(image, reference, data_range=1.0)
    assert math.isnan(metrics.ssim)
    assert metrics.psnr_db == pytest.approx(20.0, abs=1e-6)


def test_mask_in_the_rim_alone_has_no_ssim():
    image, reference = pair((2, 20, 20))
    mask = torch.ones(image.shape, dtype=torch.bool)
    mask[:, 5:-5, 5:-5] = False
    with pytest.raises(ImageError, match="5 pixels or more"):
        ssim(image, reference, data_range=1.0, mask=mask)
    mask[1, 5, 5] = True
    assert -1 <= ssim(image, reference, data_range=1.0, mask=mask) <= 1


def test_inputs_stay_as_they_are():
    image, reference = pair((2, 16, 16))
    copies = image.clone(), reference.clone()
    Metrics.of(image, reference, data_range=0.5, mask=random_mask(image.shape))
    assert torch.equal(image, copies[0])
    assert torch.equal(reference, copies[1])
