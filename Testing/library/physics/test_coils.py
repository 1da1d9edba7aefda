from __future__ import annotations

import numpy as np
import pytest
import torch

from mrienhance.errors import KSpaceError
from mrienhance.physics import (
    Fourier,
    compress_coils,
    espirit,
    low_resolution_maps,
    noise_covariance,
    prewhiten,
    rss,
    sense_combine,
)
from physics.bart import bart
from physics.battery import random
from physics.scene import for_bart, kspace_for_bart, lines, scan

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.fixture(scope="module")
def scene():
    return scan((64, 56), 6)


def correlated(coils, count, seed=0):
    """Noise of a known covariance."""
    mix = random((coils, coils), torch.complex128, seed) + 2 * torch.eye(coils, dtype=torch.complex128)
    return mix @ random((coils, count), torch.complex128, seed + 1), mix @ mix.mH


def test_rss_is_barts_and_the_formula(scene):
    images = torch.fft.ifft2(scene.kspace, norm="ortho")
    torch.testing.assert_close(rss(images), images.abs().square().sum(0).sqrt())
    torch.testing.assert_close(rss(images), bart("rss 8", for_bart(images))[0].real.view(64, 56))


def test_combination_undoes_the_maps(scene):
    images = scene.maps * scene.image
    torch.testing.assert_close(sense_combine(images, scene.maps), scene.image, rtol=0, atol=1e-6)
    both = sense_combine(torch.stack([images, 2j * images]), scene.maps)
    torch.testing.assert_close(both, torch.stack([scene.image, 2j * scene.image]), rtol=0, atol=1e-6)


def test_combination_is_least_squares(scene):
    images = random((6, 64, 56), torch.complex128)
    maps = scene.maps.cdouble() / rss(scene.maps.cdouble())
    combined = sense_combine(images, maps)
    rest = images - maps * combined
    torch.testing.assert_close(sense_combine(rest, maps), torch.zeros_like(combined), **EXACT)


def test_low_resolution_maps_are_near_the_true_ones(scene):
    maps = low_resolution_maps(scene.kspace)
    support = rss(maps) > 0
    torch.testing.assert_close(rss(maps), support.float(), rtol=0, atol=1e-5)
    assert 0.5 < support.float().mean() < 0.9
    bright = scene.image.abs() > 0.15
    assert (bright & support).sum() > 0.98 * bright.sum()
    overlap = (maps.conj() * scene.maps).sum(0).abs()[bright & support]
    assert overlap.median() > 0.995


def test_low_resolution_maps_equal_the_formula():
    kspace, size = scan((20, 18), 2, dtype=torch.complex128).kspace, 8
    window = np.cos(np.pi * (np.arange(size) - size // 2) / (size + 1)) ** 2
    centred = np.zeros((2, 20, 18), dtype=complex)
    block = np.fft.fftshift(kspace.numpy(), axes=(1, 2))[:, 6:14, 5:13]
    centred[:, 6:14, 5:13] = block * window[:, None] * window
    images = np.fft.ifft2(np.fft.ifftshift(centred, axes=(1, 2)), norm="ortho")
    wanted = images / np.sqrt((np.abs(images) ** 2).sum(0))
    maps = low_resolution_maps(kspace, calibration=size, threshold=0.0)
    # A common phase of all coils at a pixel is a matter of taste.
    overlap = (maps.numpy().conj() * wanted).sum(0)
    np.testing.assert_allclose(np.abs(overlap), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimate", [low_resolution_maps, lambda kspace: espirit(kspace)[0]])
def test_phase_is_that_of_the_combination_with_most_energy(scene, estimate):
    maps = estimate(scene.kspace * lines(56))
    centre = torch.fft.fftshift(scene.kspace, dim=(-2, -1))[:, 20:44, 20:37].flatten(1).cdouble()
    coil = torch.linalg.svd(centre, full_matrices=False).U[:, 0]
    coil = coil * torch.sgn(coil[coil.abs().argmax()].conj())
    seen = torch.einsum("c,chw->hw", coil.conj(), maps.cdouble())
    strong = seen.abs() > 0.2
    assert strong.sum() > 500
    assert seen.angle()[strong].abs().max() < 1e-3


def test_low_resolution_maps_of_a_batch_and_of_other_coils(scene):
    other = scan((64, 56), 6, seed=3).kspace
    both = low_resolution_maps(torch.stack([scene.kspace, other]))
    for maps, kspace in zip(both, (scene.kspace, other), strict=True):
        torch.testing.assert_close(maps, low_resolution_maps(kspace), rtol=0, atol=1e-5)
    order = [5, 3, 4, 0, 1, 2]
    changed = low_resolution_maps(scene.kspace[order] * 1e4j)
    torch.testing.assert_close(changed, both[0][order], rtol=0, atol=1e-5)


def test_covariance_is_the_one_the_noise_was_drawn_with():
    noise, covariance = correlated(4, 200_000)
    assert (noise_covariance(noise) - covariance).norm() < 0.01 * covariance.norm()
    torch.testing.assert_close(
        noise_covariance(noise), torch.from_numpy(np.cov(noise.numpy(), bias=True)), **{"rtol": 0, "atol": 1e-3}
    )


def test_whitened_noise_is_white():
    noise, _ = correlated(4, 640)
    white = prewhiten(noise.view(4, 32, 20), noise_covariance(noise))
    torch.testing.assert_close(noise_covariance(white), torch.eye(4, dtype=torch.complex128), **EXACT)


def test_whitening_equals_barts(scene):
    """Up to a unitary mixture of coils, since the factors of a covariance differ so: coils that are combined agree."""
    noise, _ = correlated(6, 5000)
    theirs = bart("whiten -n", kspace_for_bart(scene.kspace), noise.cfloat()[:, None, None])[0].view(6, 64, 56)
    ours = kspace_for_bart(prewhiten(scene.kspace, noise_covariance(noise.cfloat())))[:, 0]
    torch.testing.assert_close(rss(ours), rss(theirs), rtol=5e-3, atol=1e-4)


def test_whitening_improves_the_combination():
    """A coil of ten times the noise: after whitening least squares know."""
    scene = scan((48, 48), 4, noise=0.0, dtype=torch.complex128)
    loud = torch.tensor([10.0, 1, 1, 1], dtype=torch.complex128)[:, None, None] * 0.01
    noise = loud * random((4, 48, 48), torch.complex128)
    errors = []
    for covariance in (torch.eye(4, dtype=torch.complex128), noise_covariance(noise)):
        maps = prewhiten(scene.maps, covariance)
        images = prewhiten(scene.maps * scene.image + noise, covariance)
        combined = sense_combine(images, maps) / rss(maps).square()
        errors.append((combined - scene.image).norm())
    assert errors[1] < 0.5 * errors[0]


def test_compression_keeps_what_the_best_coils_can(scene):
    kspace, matrix = compress_coils(scene.kspace.cdouble(), 3)
    assert kspace.shape == (3, 64, 56)
    torch.testing.assert_close(matrix @ matrix.mH, torch.eye(3, dtype=torch.complex128), **EXACT)
    torch.testing.assert_close(kspace, torch.einsum("vc,chw->vhw", matrix, scene.kspace.cdouble()), **EXACT)
    centre = torch.fft.fftshift(scene.kspace, dim=(-2, -1))[:, 20:44, 16:40].flatten(1).cdouble()
    best = torch.linalg.svd(centre, full_matrices=False)
    torch.testing.assert_close((matrix @ centre).norm(dim=1), best.S[:3], rtol=1e-9, atol=0)


def test_compression_equals_barts(scene):
    theirs = bart("cc -p3 -r24 -S", kspace_for_bart(scene.kspace))[0].view(3, 64, 56)
    ours = kspace_for_bart(compress_coils(scene.kspace, 3)[0])[:, 0]
    cosine = (ours.conj() * theirs).sum((1, 2)).abs() / (ours.flatten(1).norm(dim=1) * theirs.flatten(1).norm(dim=1))
    assert cosine.min() > 0.9999


def test_all_coils_keep_all(scene):
    kspace, matrix = compress_coils(scene.kspace, 6)
    torch.testing.assert_close(rss(kspace), rss(scene.kspace))
    torch.testing.assert_close(torch.einsum("vc,vhw->chw", matrix.conj(), kspace), scene.kspace, rtol=0, atol=1e-5)


def test_each_slice_has_its_own_combinations(scene):
    other = scan((64, 56), 6, seed=3).kspace
    both, matrices = compress_coils(torch.stack([scene.kspace, other]), 2)
    for number, kspace in enumerate((scene.kspace, other)):
        alone, matrix = compress_coils(kspace, 2)
        torch.testing.assert_close(both[number], alone, rtol=0, atol=1e-6)
        assert torch.equal(matrices[number], matrix)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: compress_coils(k, 0), "6 coils cannot become 0"),
        (lambda k: compress_coils(k, 7), "6 coils cannot become 7"),
        (lambda k: prewhiten(k, torch.eye(5)), r"a covariance of \(5, 5\) does not fit 6 coils"),
        (lambda k: prewhiten(k, torch.zeros(6, 6)), "not positive definite"),
        (lambda k: prewhiten(k, torch.full((6, 6), torch.nan)), "not positive definite"),
        (lambda k: noise_covariance(k[:, 0, :3]), "3 noise samples are too few for the covariance of 6 coils"),
        (lambda k: noise_covariance(k[:, 0] * torch.nan), "noise samples are NaN or infinite"),
        (lambda k: sense_combine(k, k[1:]), r"\(coil, H, W\) = \(6, 64, 56\) and coil maps of \(5, 64, 56\)"),
    ],
)
def test_what_cannot_be_is_refused(scene, call, message):
    with pytest.raises(KSpaceError, match=message):
        call(scene.kspace)


def test_whitening_commutes_with_the_transform(scene):
    covariance = noise_covariance(correlated(6, 100)[0])
    kspace = scene.kspace.cdouble()
    torch.testing.assert_close(
        Fourier().H(prewhiten(kspace, covariance)), prewhiten(Fourier().H(kspace), covariance), **EXACT
    )
