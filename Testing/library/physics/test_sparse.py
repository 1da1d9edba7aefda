from __future__ import annotations

import pytest
import sigpy
import sigpy.mri
import torch

from mrienhance.physics import (
    Sense,
    Wavelet,
    l1_wavelet,
    to_centred,
    to_centred_kspace,
    total_variation,
    zero_filled,
)
from physics.bart import bart
from physics.scene import dots, for_bart, kspace_for_bart, lines, scan

MASKS = {"lines": lines(64), "dots": dots((64, 64))}
each_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=list(MASKS))
WEIGHT = 0.01


@pytest.fixture(scope="module")
def scene():
    return scan((64, 64), 6, noise=0.01)


def far(found, wanted):
    """The relative distance."""
    return ((found - wanted).norm() / wanted.norm()).item()


def strength(scene, mask):
    """The weight as others count it: times the largest magnitude of the zero-filled image."""
    return WEIGHT * zero_filled(scene.kspace * mask, scene.maps, mask).abs().max().item()


def soft(values, threshold):
    """Soft thresholding, written otherwise than in the library."""
    return torch.where(values.abs() > threshold, values - threshold * torch.sgn(values), torch.zeros_like(values))


@each_mask
def test_l1_wavelet_equals_bart(scene, mask):
    """BART gives the point after the last gradient step of 0.95; a last threshold leads from there to the minimum."""
    kspace, weight = scene.kspace * mask, strength(scene, mask)
    ours = l1_wavelet(kspace, scene.maps, mask, weight=WEIGHT, iterations=600, wavelet="haar", shifts=False)
    command = f"pics -w1 -n -i 600 -R W:3:0:{weight} --wavelet haar"
    theirs = bart(command, kspace_for_bart(kspace), for_bart(scene.maps))[0].view(64, 64)
    transform = Wavelet((64, 64), levels=3, name="haar")
    assert far(ours, transform.H(soft(transform(theirs), 0.95 * weight))) < 1e-3


@pytest.mark.parametrize("wavelet", ["db2", "db4"])
def test_l1_wavelet_fulfils_the_conditions_of_its_minimum(scene, wavelet):
    """With c the coefficients and g those of the negative slope: g = w c/|c| where c is not 0, |g| <= w elsewhere."""
    mask = MASKS["dots"]
    kspace, weight, operator = scene.kspace * mask, strength(scene, mask), Sense(scene.maps, mask)
    x = l1_wavelet(kspace, scene.maps, mask, weight=WEIGHT, iterations=400, wavelet=wavelet, shifts=False)
    transform = Wavelet((64, 64), levels=3, name=wavelet)
    slope, coefficients = transform(operator.adjoint(kspace) - operator.normal(x)), transform(x)
    used = coefficients.abs() > 1e-4
    assert 0.01 < used.float().mean() < 0.6
    torch.testing.assert_close(slope[used], weight * torch.sgn(coefficients[used]), rtol=0, atol=0.01 * weight)
    assert slope.abs().max() < 1.01 * weight


def test_shifts_take_blocks_away(scene):
    """And are the same each time."""
    mask = MASKS["lines"]
    kspace = scene.kspace * mask
    shifted, plain = (l1_wavelet(kspace, scene.maps, mask, wavelet="haar", shifts=shifts) for shifts in (True, False))
    assert far(shifted, scene.image) < 0.95 * far(plain, scene.image)
    assert torch.equal(shifted, l1_wavelet(kspace, scene.maps, mask, wavelet="haar"))


@each_mask
def test_isotropic_total_variation_equals_bart(scene, mask):
    kspace, weight = scene.kspace * mask, strength(scene, mask)
    ours = total_variation(kspace, scene.maps, mask, weight=WEIGHT, iterations=600)
    command = f"pics -w1 -i 300 -u 0.1 -C 10 -R T:3:0:{weight}"
    theirs = bart(command, kspace_for_bart(kspace), for_bart(scene.maps))[0].view(64, 64)
    assert far(ours, theirs) < 1e-3


def test_anisotropic_total_variation_equals_sigpy(scene):
    mask = MASKS["dots"]
    kspace, weight = scene.kspace * mask, strength(scene, mask)
    ours = total_variation(kspace, scene.maps, mask, weight=WEIGHT, iterations=600, isotropic=False)
    gradient = sigpy.linop.FiniteDifference((64, 64))
    sense = sigpy.mri.linop.Sense(scene.maps.numpy())
    problem = sigpy.app.LinearLeastSquares(
        sigpy.linop.Multiply(sense.oshape, to_centred(mask.float()).numpy()[None]) * sense,
        to_centred_kspace(kspace).numpy(),
        proxg=sigpy.prox.L1Reg(gradient.oshape, weight),
        G=gradient,
        max_iter=400,
        show_pbar=False,
    )
    assert far(ours, torch.from_numpy(problem.run())) < 2e-3


@pytest.mark.parametrize("isotropic", [False, True])
def test_total_variation_of_a_stripe_is_known(isotropic):
    """Denoising a periodic stripe moves each plateau towards the other by 2 w / width, and keeps its edges sharp."""
    image = torch.zeros(16, 24, dtype=torch.complex128)
    image[:, 6:14] = 3.0 * torch.exp(torch.tensor(0.4j, dtype=torch.complex128))
    found = total_variation(
        torch.fft.fft2(image, norm="ortho")[None],
        torch.ones(1, 16, 24, dtype=torch.complex128),
        weight=0.1,
        iterations=1000,
        isotropic=isotropic,
    )
    expected = torch.zeros(16, 24, dtype=torch.complex128)
    expected[:, :] = 2 * 0.3 / 16
    expected[:, 6:14] = 3 - 2 * 0.3 / 8
    expected *= torch.exp(torch.tensor(0.4j, dtype=torch.complex128))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
