from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import shepp_logan_phantom

from mrienhance.physics import Ellipse, Fourier, KSpaceTruncation, Phantom, shepp_logan

EXACT = {"rtol": 0, "atol": 1e-12}
light = settings(deadline=None, max_examples=15, derandomize=True)
ELLIPSE = Ellipse(value=2.0, semi_axes=(0.5, 0.2), centre=(0.2, -0.3), angle=0.6)


def test_spectrum_equals_numerical_integration():
    """Midpoint rule on 1600 x 1600 cells of the field of view, from the definition."""
    cells = 1600
    edge = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells  # along rows and columns, 0 to 1
    x, y = -1 + 2 * edge, (1 - 2 * edge)[:, None]
    cos, sin = math.cos(0.6), math.sin(0.6)
    along, across = (x - 0.2) * cos + (y + 0.3) * sin, -(x - 0.2) * sin + (y + 0.3) * cos
    inside = ((along / 0.5) ** 2 + (across / 0.2) ** 2 <= 1).double() * 2
    k = torch.arange(-4, 5, dtype=torch.float64)
    waves = torch.polar(torch.ones(9, cells, dtype=torch.float64), -2 * math.pi * k[:, None] * edge)
    expected = waves @ inside.to(torch.complex128) @ waves.mT / cells**2
    torch.testing.assert_close(Phantom([ELLIPSE]).spectrum(k[:, None], k), expected, rtol=0, atol=2e-5)


def test_mean_is_area_times_value():
    found = Phantom([ELLIPSE]).scan((10, 13)).mean().item()
    assert found == pytest.approx(2.0 * math.pi * 0.5 * 0.2 / 4, abs=1e-13)


def test_image_equals_scikit_image_inside_its_edges():
    """Their picture samples at other points, so pixels on edges differ; mirrored or turned, 3 % and more do."""
    ours, theirs = shepp_logan().image((400, 400)).numpy(), shepp_logan_phantom()

    def differing(image):
        return (np.abs(image - theirs) > 0.02).mean()

    assert differing(ours) < 0.01
    assert min(map(differing, (ours[::-1], ours[:, ::-1], ours.T))) > 0.03


@light
@given(st.tuples(st.integers(1, 9), st.integers(1, 4)), st.tuples(st.integers(1, 9), st.integers(1, 4)))
def test_discrete_truncation_equals_the_analytic_coarse_scan(rows, columns):
    """The physics itself: a scan with fewer k-space samples, against truncating a scan with more."""
    coarse, factors = (rows[0], columns[0]), (rows[1], columns[1])
    fine = (rows[0] * rows[1], columns[0] * columns[1])
    truncated = KSpaceTruncation(fine, factors)(shepp_logan().scan(fine))
    torch.testing.assert_close(truncated, shepp_logan().scan(coarse), **EXACT)


def test_truncating_a_fine_raster_comes_near_the_analytic_scan():
    """An edge crosses some 32 of the 1024 points of a coarse pixel, each wrong by 0.29 on average: 3 sigma are 5e-3.

    A shift by half a fine point would show as 1.6e-2.
    """
    raster = shepp_logan().image((1024, 1024))
    truncated = KSpaceTruncation((1024, 1024), (32, 32))(raster)
    assert (truncated - shepp_logan().scan((32, 32))).abs().max() < 5e-3


@pytest.mark.parametrize("shape", [(16, 15), (9, 8)])
def test_kspace_is_what_fourier_gives(shape):
    phantom = shepp_logan()
    kspace = phantom.kspace(shape)
    torch.testing.assert_close(Fourier()(phantom.scan(shape)), kspace, **EXACT)
    torch.testing.assert_close(Fourier().H(kspace).imag, torch.zeros(shape, dtype=torch.float64), **EXACT)


def test_scan_rings_and_converges_to_the_image():
    phantom = shepp_logan()
    errors = [(phantom.scan((n, n)) - phantom.image((n, n))).square().mean().sqrt().item() for n in (32, 128, 512)]
    assert errors[0] > 1.6 * errors[1] > 1.6**2 * errors[2]
    assert phantom.scan((128, 128)).max() > 1.03


def test_original_values_have_the_faint_contrast():
    image = shepp_logan("original").image((128, 128))
    assert image.max() == 2.0
    assert image[64, 64].item() == pytest.approx(1.02)


@pytest.mark.parametrize(
    ("ellipse", "message"),
    [
        (Ellipse(value=1, semi_axes=(0.5, 0.0)), r"above 0, got \(0.5, 0.0\)"),
        (Ellipse(value=1, semi_axes=(0.5, 0.6), centre=(0.5, 0)), "leaves the field of view"),
    ],
)
def test_ellipses_without_area_or_out_of_view_are_refused(ellipse, message):
    with pytest.raises(ValueError, match=message):
        Phantom([ellipse])
