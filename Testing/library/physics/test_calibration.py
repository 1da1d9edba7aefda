from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrienhance.errors import KSpaceError
from mrienhance.physics import calibration_size, compress_coils, espirit, from_centred, low_resolution_maps, measured
from mrienhance.physics.calibration import calibration_region
from physics.battery import random
from physics.scene import dots, lines, scan

ESTIMATES = [espirit, low_resolution_maps, lambda kspace, **options: compress_coils(kspace, 1, **options)]
each_estimate = pytest.mark.parametrize("estimate", ESTIMATES, ids=["espirit", "low-resolution", "compression"])


def window(mask, rows, columns):
    """The centred rectangle of a mask, cut from the centred picture of it."""
    centred = torch.fft.fftshift(mask)
    top, left = mask.shape[0] // 2 - rows // 2, mask.shape[1] // 2 - columns // 2
    return centred[top : top + rows, left : left + columns]


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999))
def test_size_is_the_best_of_all_rectangles(height, width, seed):
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) < 0.85
    pairs = [(r, c) for r in range(1, height + 1) for c in range(1, width + 1) if window(mask, r, c).all()]
    best = max(((min(pair), pair[0] * pair[1]) for pair in pairs), default=(0, 0))
    rows, columns = calibration_size(mask)
    assert (min(rows, columns), rows * columns) == best
    assert (rows, columns) == (0, 0) or bool(window(mask, rows, columns).all())


@pytest.mark.parametrize(
    ("mask", "size"),
    [
        (lines(40, centre=11).expand(32, 40), (32, 11)),
        (lines(40, every=100, centre=10)[:, None].expand(40, 32), (10, 32)),
        (dots((32, 40), share=0.0, centre=9), (9, 9)),
        (torch.ones(5, 8), (5, 8)),
        (torch.zeros(5, 8), (0, 0)),
        (from_centred(torch.ones(1, 1)).expand(4, 4), (4, 4)),
    ],
)
def test_size_of_known_masks(mask, size):
    assert calibration_size(mask) == size


def test_size_takes_two_axes():
    with pytest.raises(KSpaceError, match=r"two axes .* got \(3, 4, 5\)"):
        calibration_size(torch.ones(3, 4, 5))


def test_measured_is_what_is_not_zero_in_every_coil():
    kspace = torch.zeros(2, 3, 4, dtype=torch.complex64)
    kspace[1, 2, 3] = 1e-30j
    assert measured(kspace).nonzero().tolist() == [[2, 3]]


def test_region_is_the_centre_in_order():
    kspace = random((2, 12, 10), torch.complex64)
    region = calibration_region(kspace, torch.ones(12, 10), size=5, least=2)
    assert torch.equal(region, torch.fft.fftshift(kspace, dim=(-2, -1))[:, 4:9, 3:8])
    assert calibration_region(kspace, None, size=100, least=2).shape == (2, 12, 10)


@each_estimate
def test_only_what_the_mask_says_is_used(estimate):
    """Samples outside of the mask, as a k-space that something else filled in, change nothing."""
    kspace, mask = scan((40, 36), 3).kspace, lines(36, centre=12)
    filled = torch.where(mask, kspace, 1e3)
    for found, wanted in zip(estimate(filled, mask=mask), estimate(kspace * mask), strict=True):
        if found.shape == wanted.shape and estimate is not ESTIMATES[2]:
            torch.testing.assert_close(found, wanted)


@each_estimate
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda k: k * (torch.arange(32) % 2),
            "no calibration lines: the fully sampled centre of k-space is 0 x 0",
        ),
        (lambda k: k * 0, "all samples of the calibration region are zero"),
        (lambda k: torch.stack([k, 0 * k]), "all samples of the calibration region are zero"),
        (lambda k: k.index_fill(-1, torch.tensor([3]), torch.nan), "72 of 2304 k-space samples are NaN or infinite"),
        (lambda k: k.index_fill(-1, torch.tensor([3]), torch.inf), "72 of 2304 k-space samples are NaN or infinite"),
        (lambda k: k.real, r"k-space is complex \(..., coil, H, W\), got float32 \(3, 24, 32\)"),
        (lambda k: k[0], r"got complex64 \(24, 32\)"),
        (lambda k: k[..., :0], r"got complex64 \(3, 24, 0\)"),
    ],
)
def test_unusable_kspace_is_refused(estimate, change, message):
    with pytest.raises(KSpaceError, match=message):
        estimate(change(scan((24, 32), 3).kspace))


@each_estimate
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(24), r"a mask of \(24,\) does not fit k-space of 24 x 32"),
        (torch.ones(5, 24, 32), r"a mask of \(5, 24, 32\) does not fit k-space of \(2, 3, 24, 32\)"),
        (torch.zeros(24, 32), "no calibration lines"),
    ],
)
def test_masks_that_do_not_fit_are_refused(estimate, mask, message):
    kspace = scan((24, 32), 3).kspace
    with pytest.raises(KSpaceError, match=message):
        estimate(torch.stack([kspace, kspace]), mask=mask)


def test_a_zero_centre_is_refused_although_it_was_measured():
    kspace = scan((24, 32), 3).kspace
    kspace[:, :, [*range(12), *range(20, 32)]] = 0
    with pytest.raises(KSpaceError, match="all samples of the calibration region are zero"):
        espirit(kspace, mask=torch.ones(24, 32), calibration=10)


def test_too_few_lines_for_the_kernel_are_refused():
    kspace = scan((24, 32), 3).kspace * lines(32, centre=5)
    with pytest.raises(KSpaceError, match="centre of k-space is 24 x 5, 6 x 6 are needed") as caught:
        espirit(kspace)
    assert "calibration scan" in caught.value.hint
    espirit(kspace, kernel=5)
