from __future__ import annotations

import numpy as np
import pytest
import sigpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from mrienhance.physics import KSpaceTruncation
from physics.battery import random

EXACT = {"rtol": 0, "atol": 1e-12}
light = settings(deadline=None, max_examples=25, derandomize=True)
axes = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 5)), min_size=1, max_size=3)


def sizes(coarse_and_factor):
    """Shape and factors from drawn pairs (coarse size, factor)."""
    return tuple(n * f for n, f in coarse_and_factor), tuple(f for _, f in coarse_and_factor)


def dense(size: int, factor: int, *, hann: bool = False) -> np.ndarray:
    """The matrix of one axis, from the formula of the docstring and nothing else."""
    n = size // factor
    window = np.fft.ifftshift(signal.windows.hann(n, sym=False)) if hann and n % 2 == 0 else None
    m, j = np.arange(n)[:, None], np.arange(size)
    total = np.zeros((n, size), dtype=complex)
    for k in range(-(n // 2), n // 2 + 1):
        weight = 0.5 if 2 * abs(k) == n else 1.0
        if hann:
            weight *= window[k % n] if window is not None else 0.5 * (1 + np.cos(2 * np.pi * k / n))
        total += weight * np.exp(2j * np.pi * k * (m / n - j / size)) / size
    np.testing.assert_allclose(total.imag, 0, atol=1e-12)
    return total.real


def band_limited(size: int, cutoff: int, seed: int = 0) -> np.ndarray:
    """A real line with frequencies up to and including ``cutoff``."""
    draw = np.random.default_rng(seed)
    j = np.arange(size)
    waves = (draw.normal() * np.cos(2 * np.pi * k * j / size + draw.uniform(0, 6)) for k in range(cutoff + 1))
    return sum(waves, np.zeros(size))


@pytest.mark.parametrize("hann", [False, True])
@pytest.mark.parametrize(("size", "factor"), [(8, 2), (12, 3), (10, 2), (9, 3), (7, 7), (16, 4), (6, 3), (15, 5)])
def test_equals_the_dense_matrix(size, factor, hann):
    truncate = KSpaceTruncation((size,), (factor,), taper="hann" if hann else None)
    expected = torch.from_numpy(dense(size, factor, hann=hann))
    torch.testing.assert_close(truncate(torch.eye(size, dtype=torch.float64)).T, expected, **EXACT)
    eye = torch.eye(size // factor, dtype=torch.float64)
    torch.testing.assert_close(truncate.adjoint(eye), expected, **EXACT)
    if not hann:
        torch.testing.assert_close(truncate.zero_fill(eye), factor * expected, **EXACT)
        inverse = torch.from_numpy(np.linalg.pinv(expected.numpy()))
        torch.testing.assert_close(truncate.pseudo_inverse(eye).T, inverse, **EXACT)


def test_each_axis_has_its_own_matrix_and_factor_one_leaves_it():
    x = random((2, 6, 5, 8), torch.float64)
    expected = np.einsum("ai,cj,bkij->bkac", dense(5, 5), dense(8, 2), x.numpy())
    torch.testing.assert_close(KSpaceTruncation((6, 5, 8), (1, 5, 2))(x), torch.from_numpy(expected), **EXACT)


@pytest.mark.parametrize(("shape", "factors"), [((9, 15), (3, 5)), ((6, 10), (2, 2)), ((8,), (2,)), ((20,), (5,))])
def test_equals_the_centred_crop_of_k_space(shape, factors):
    """The textbook way. (In 2-D only odd coarse sizes: at the corner of an even block it takes 2 of 4 components.)"""
    x = random(shape, torch.float64)
    spectrum = np.fft.fftshift(np.fft.fftn(x.numpy()))
    for axis, (size, factor) in enumerate(zip(shape, factors, strict=True)):
        start = size // 2 - size // factor // 2
        spectrum = spectrum.take(range(start, start + size // factor), axis)
    expected = np.fft.ifftn(np.fft.ifftshift(spectrum)).real / np.prod(factors)
    torch.testing.assert_close(KSpaceTruncation(shape, factors)(x), torch.from_numpy(expected), **EXACT)


def test_equals_sigpy_where_it_centres_alike():
    """With even coarse sizes sigpy's centre is a sample of both grids; its crop keeps one Nyquist side: none here."""
    x = np.outer(band_limited(16, 3), band_limited(24, 5, seed=1)).astype(complex)
    expected = sigpy.ifft(sigpy.resize(sigpy.fft(x, norm=None), (8, 12)), norm=None) / 4
    found = KSpaceTruncation((16, 24), (2, 2))(torch.from_numpy(x))
    torch.testing.assert_close(found, torch.from_numpy(expected), **EXACT)


@light
@given(axes, st.integers(0, 99))
def test_pseudo_inverse_truncates_to_the_measured_image(drawn, seed):
    truncate = KSpaceTruncation(*sizes(drawn))
    y = random((2, *truncate.coarse_shape), torch.float64, seed)
    torch.testing.assert_close(truncate(truncate.pseudo_inverse(y)), y, **EXACT)


@light
@given(axes, st.integers(0, 99))
def test_projection_puts_the_measured_frequencies_back_and_keeps_the_others(drawn, seed):
    truncate = KSpaceTruncation(*sizes(drawn))
    truth, guess = (random((2, *truncate.shape), torch.float64, seed + i) for i in range(2))
    y = truncate(truth)
    projected = truncate.project(guess, y)
    torch.testing.assert_close(truncate(projected), y, **EXACT)
    torch.testing.assert_close(truncate.project(projected, y), projected, **EXACT)
    torch.testing.assert_close(truncate.project(truth, y), truth, **EXACT)
    places = range(-len(truncate.shape), 0)
    found, original, wanted = (torch.fft.fftn(v, dim=tuple(places)) for v in (projected, guess, truth))
    grids = torch.meshgrid(*(torch.fft.fftfreq(n, 1 / n) for n in truncate.shape), indexing="ij")
    # Nyquist of an axis with factor 1 is measured in full; of a truncated axis only as a mean of two sides.
    inside, outside = torch.ones(truncate.shape, dtype=bool), torch.zeros(truncate.shape, dtype=bool)
    for grid, n, f in zip(grids, truncate.coarse_shape, truncate.factors, strict=True):
        inside &= (2 * grid.abs() < n) | (f == 1)
        outside |= (2 * grid.abs() > n) & (f > 1)
    torch.testing.assert_close(found[:, inside], wanted[:, inside], rtol=0, atol=1e-11)
    torch.testing.assert_close(found[:, outside], original[:, outside], rtol=0, atol=1e-11)


@light
@given(axes, st.integers(0, 99))
def test_projection_never_moves_away_from_the_truth(drawn, seed):
    truncate = KSpaceTruncation(*sizes(drawn))
    truth, guess = (random(truncate.shape, torch.float64, seed + i) for i in range(2))
    assert (truncate.project(guess, truncate(truth)) - truth).norm() <= (guess - truth).norm() * (1 + 1e-12)


@light
@given(axes)
def test_constants_stay(drawn):
    for taper in (None, "hann"):
        truncate = KSpaceTruncation(*sizes(drawn), taper=taper)
        torch.testing.assert_close(
            truncate(torch.full(truncate.shape, 2.5, dtype=torch.float64)),
            torch.full(truncate.coarse_shape, 2.5, dtype=torch.float64),
            **EXACT,
        )


@pytest.mark.parametrize(("size", "factor"), [(16, 2), (16, 4), (18, 2), (15, 3), (24, 8)])
def test_single_cosines_below_nyquist_pass_and_others_vanish(size, factor):
    truncate, n = KSpaceTruncation((size,), (factor,)), size // factor
    for k in range(size // 2 + 1):
        wave = torch.cos(2 * torch.pi * k * torch.arange(size, dtype=torch.float64) / size + 0.7)
        share = 1.0 if 2 * k < n else 0.0
        if 2 * k != n:
            torch.testing.assert_close(truncate(wave), share * wave[::factor], **EXACT)


def test_nyquist_cosine_has_half_its_amplitude_and_comes_back_whole():
    wave = torch.tensor([1.0, 0.0, -1.0, 0.0], dtype=torch.float64).repeat(4)
    truncate = KSpaceTruncation((16,), (2,))
    coarse = torch.tensor([0.5, -0.5], dtype=torch.float64).repeat(4)
    torch.testing.assert_close(truncate(wave), coarse, **EXACT)
    torch.testing.assert_close(truncate.pseudo_inverse(coarse), wave, **EXACT)
    torch.testing.assert_close(truncate.zero_fill(coarse), wave / 2, **EXACT)


@light
@given(st.integers(1, 12), st.integers(2, 6), st.integers(0, 99))
def test_no_shift_sample_zero_stays(n, factor, seed):
    x = torch.from_numpy(band_limited(n * factor, (n - 1) // 2, seed))
    truncate = KSpaceTruncation((n * factor,), (factor,))
    torch.testing.assert_close(truncate(x), x[::factor], **EXACT)
    torch.testing.assert_close(truncate.zero_fill(x[::factor]), x, **EXACT)
    torch.testing.assert_close(truncate.pseudo_inverse(x[::factor]), x, **EXACT)


@light
@given(st.integers(1, 8), st.integers(2, 4), st.integers(1, 7), st.integers(0, 99))
def test_moving_the_fine_image_by_a_coarse_sample_moves_the_coarse_image(n, factor, steps, seed):
    truncate, x = KSpaceTruncation((n * factor,), (factor,)), random((n * factor,), torch.float64, seed)
    torch.testing.assert_close(truncate(x.roll(steps * factor)), truncate(x).roll(steps), **EXACT)


def test_mean_is_equal_across_levels():
    x = random((3, 48, 40), torch.float64) + 5
    for taper in (None, "hann"):
        for factor in (2, 4, 8):
            truncate = KSpaceTruncation((48, 40), (factor, factor), taper=taper)
            y = truncate(x)
            torch.testing.assert_close(y.mean((1, 2)), x.mean((1, 2)), **EXACT)
            torch.testing.assert_close(truncate.zero_fill(y).mean((1, 2)), x.mean((1, 2)), **EXACT)


@light
@given(st.integers(1, 9), st.integers(1, 3), st.integers(2, 4), st.integers(0, 99))
def test_truncating_in_two_steps_equals_truncating_at_once(n, first, second, seed):
    """Exactly, Nyquist included: what the first step averages, the second throws away (or, with factor 1, is all)."""
    size = n * first * second
    x = random((2, size), torch.float64, seed)
    steps = KSpaceTruncation((n * second,), (second,)) @ KSpaceTruncation((size,), (first,))
    torch.testing.assert_close(steps(x), KSpaceTruncation((size,), (first * second,))(x), **EXACT)


def test_taper_does_not_ring_at_an_edge():
    """Gibbs: 9 % without a window; 0.63 % is known for Hann (filter design tables)."""
    step = torch.zeros(256, dtype=torch.float64)
    step[64:192] = 1
    plain, tapered = (KSpaceTruncation((256,), (4,), taper=taper)(step) for taper in (None, "hann"))
    assert plain.max() > 1.04
    assert plain.min() < -0.04
    assert tapered.max() < 1.0063
    assert tapered.min() > -0.0063


def test_taper_leaves_zero_filling_and_refuses_the_inverse():
    plain, tapered = (KSpaceTruncation((8, 8), (2, 2), taper=taper) for taper in (None, "hann"))
    y = random((4, 4), torch.float64)
    assert torch.equal(plain.zero_fill(y), tapered.zero_fill(y))
    for call in (lambda: tapered.pseudo_inverse(y), lambda: tapered.project(random((8, 8), torch.float64), y)):
        with pytest.raises(ValueError, match=r"taper='hann'\) has no exact inverse"):
            call()
