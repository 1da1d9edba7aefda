from __future__ import annotations

from functools import partial

import pytest
import sigpy
import sigpy.mri
import torch

from mrienhance.errors import KSpaceError
from mrienhance.physics import (
    Sense,
    cg_sense,
    espirit,
    l1_wavelet,
    rss,
    sense_combine,
    to_centred,
    to_centred_kspace,
    total_variation,
    zero_filled,
)
from physics.bart import bart
from physics.battery import random
from physics.scene import dots, for_bart, kspace_for_bart, lines, scan

MASKS = {"lines": lines(64), "lines-across": lines(64)[:, None], "dots": dots((64, 64))}
METHODS = [zero_filled, cg_sense, l1_wavelet, total_variation]
each_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=list(MASKS))
QUICK = [zero_filled, cg_sense, partial(l1_wavelet, iterations=15), partial(total_variation, iterations=15)]
each_method = pytest.mark.parametrize("method", QUICK, ids=["zero-filled", "cg-sense", "l1-wavelet", "tv"])


@pytest.fixture(scope="module")
def scene():
    return scan((64, 64), 6, noise=0.01)


def far(found, wanted):
    """The relative distance."""
    return ((found - wanted).norm() / wanted.norm()).item()


def centred(mask):
    return to_centred(mask.expand(64, 64).float()).numpy()


@each_mask
@pytest.mark.parametrize("weight", [0.1, 0.01])
def test_cg_sense_equals_bart(scene, mask, weight):
    kspace = scene.kspace * mask
    ours = cg_sense(kspace, scene.maps, mask, weight=weight, iterations=100, tolerance=0)
    theirs = bart(f"pics -w1 -l2 -r {weight} -i 100", kspace_for_bart(kspace), for_bart(scene.maps))[0].view(64, 64)
    assert far(ours, theirs) < 1e-4


@each_mask
@pytest.mark.parametrize("weight", [0.1, 0.01])
def test_cg_sense_equals_sigpy(scene, mask, weight):
    kspace = scene.kspace * mask
    ours = cg_sense(kspace, scene.maps, mask, weight=weight, iterations=100, tolerance=0)
    recon = sigpy.mri.app.SenseRecon(
        to_centred_kspace(kspace).numpy(),
        scene.maps.numpy(),
        lamda=weight,
        weights=centred(mask),
        max_iter=100,
        show_pbar=False,
    )
    assert far(ours, torch.from_numpy(recon.run())) < 1e-4


def test_soft_sense_equals_bart():
    """An object larger than the field of view, with two sets of maps."""
    images = torch.fft.ifft2(scan((48, 96), 8).kspace, norm="ortho")
    folded = images[..., 20:76].clone()
    folded[..., :20] += images[..., 76:]
    folded[..., 36:] += images[..., :20]
    kspace = torch.fft.fft2(folded, norm="ortho") * lines(56, every=2)
    maps, _ = espirit(kspace, maps=2, threshold=0.01, crop=0.9)
    ours = cg_sense(kspace, maps, weight=0.01, iterations=100, tolerance=0, soft=True)
    theirs = bart("pics -w1 -l2 -r 0.01 -i 100", kspace_for_bart(kspace), for_bart(maps))[0].view(2, 48, 56)
    assert far(ours, theirs) < 1e-4
    # The second set takes what the first cannot explain.
    both = Sense(maps, lines(56, every=2), soft=True)
    one = cg_sense(kspace, maps[0], weight=0.01, iterations=100)
    assert far(both(ours), kspace) < 0.5 * far(Sense(maps[0], lines(56, every=2))(one), kspace)


@each_mask
def test_cg_sense_solves_the_normal_equations(scene, mask):
    kspace, operator = scene.kspace * mask, Sense(scene.maps, mask)
    x = cg_sense(kspace, scene.maps, mask, weight=0.05, iterations=200)
    assert far(operator.normal(x) + 0.05 * x, operator.adjoint(kspace)) < 2e-6


def test_full_sampling_without_weight_is_the_combination(scene):
    images = torch.fft.ifft2(scene.kspace, norm="ortho")
    combined = sense_combine(images, scene.maps)
    torch.testing.assert_close(zero_filled(scene.kspace, scene.maps), combined, rtol=0, atol=1e-5)
    torch.testing.assert_close(cg_sense(scene.kspace, scene.maps, weight=0.0), combined, rtol=0, atol=1e-5)


def test_methods_come_nearer_in_their_order(scene):
    """To the truth, at fourfold lines: zero-filled, CG-SENSE, compressed sensing."""
    mask = MASKS["lines"]
    errors = [far(method(scene.kspace * mask, scene.maps, mask), scene.image) for method in METHODS]
    assert errors[0] > 1.5 * errors[1] > 1.5**2 * max(errors[2:])


@each_method
@each_mask
def test_global_phase_and_scale_pass_through(scene, method, mask):
    kspace, factor = scene.kspace * mask, 3e3 * torch.exp(torch.tensor(2.1j))
    wanted = method(kspace, scene.maps, mask)
    assert far(method(kspace * factor, scene.maps, mask) / factor, wanted) < 1e-4
    assert far(method(kspace * factor, scene.maps * factor / factor.abs(), mask), factor.abs() * wanted) < 1e-4


@each_method
def test_order_of_coils_does_not_matter(scene, method):
    order, mask = [4, 2, 0, 5, 1, 3], MASKS["dots"]
    kspace = scene.kspace * mask
    assert far(method(kspace[order], scene.maps[order], mask), method(kspace, scene.maps, mask)) < 1e-4


@each_method
def test_batch_equals_singles(method):
    """Of other brightness, with masks of their own."""
    pair = [scan((40, 36), 4, seed=seed, dtype=torch.complex128) for seed in (1, 2)]
    masks = torch.stack([dots((40, 36), seed=seed) for seed in (1, 2)])
    kspaces = torch.stack([pair[0].kspace, 1e3 * pair[1].kspace]) * masks[:, None]
    maps = torch.stack([one.maps for one in pair])
    both = method(kspaces[:, None], maps[:, None], masks[:, None])
    assert both.shape == (2, 1, 40, 36)
    for number in range(2):
        assert far(both[number, 0], method(kspaces[number], maps[number], masks[number])) < 1e-12


@each_method
def test_the_mask_is_found_where_none_is_given(scene, method):
    mask = MASKS["lines"]
    kspace = scene.kspace * mask
    assert far(method(kspace, scene.maps), method(kspace, scene.maps, mask)) < 1e-5


@each_method
@pytest.mark.parametrize("shape", [(45, 38), (20, 9)])
def test_sizes_that_cannot_be_halved(method, shape):
    small = scan(shape, 4)
    mask = dots(shape, share=0.6, centre=8)
    found = method(small.kspace * mask, small.maps, mask)
    assert found.shape == shape
    assert far(found, small.image) < far(zero_filled(small.kspace * mask, small.maps, mask), small.image) + 1e-6


@each_method
def test_sets_of_maps(scene, method):
    """Two sets, the second empty: the first gets what it would get alone."""
    mask = MASKS["lines"]
    kspace, maps = scene.kspace * mask, torch.stack([scene.maps, torch.zeros_like(scene.maps)])
    found = method(kspace, maps, mask, soft=True)
    assert found.shape == (2, 64, 64)
    assert far(found[0], method(kspace, scene.maps, mask)) < 1e-5
    assert found[1].abs().max() < 1e-6


@each_method
def test_all_zero_slices_of_a_volume_stay_zero(scene, method):
    kspaces = torch.stack([scene.kspace, torch.zeros_like(scene.kspace)]) * MASKS["lines"]
    found = method(kspaces, scene.maps, MASKS["lines"])
    assert torch.equal(found[1], torch.zeros_like(found[1]))
    assert torch.isfinite(found.abs()).all()


@each_method
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k, m: (k, m[1:], None), r"\(coil, H, W\) = \(6, 64, 64\) and coil maps of \(5, 64, 64\) do not fit"),
        (lambda k, m: (k, m[:, :32], None), r"\(6, 64, 64\) and coil maps of \(6, 32, 64\) do not fit"),
        (lambda k, m: (k, m, torch.ones(48)), r"a mask of \(48,\) does not fit k-space of 64 x 64"),
        (lambda k, m: (k * torch.nan, m, None), "24576 of 24576 k-space samples are NaN or infinite"),
        (lambda k, m: (k.real, m, None), r"k-space is complex \(..., coil, H, W\), got float32 \(6, 64, 64\)"),
        (lambda k, m: (k, m.real, None), r"coil maps are complex \(..., coil, H, W\), got torch.float32"),
    ],
)
def test_what_does_not_fit_is_refused(scene, method, change, message):
    with pytest.raises(KSpaceError, match=message):
        method(*change(scene.kspace, scene.maps))


def test_gradients_reach_kspace_and_maps(scene):
    kspace = random((2, 6, 5), torch.complex128).requires_grad_()
    maps = random((2, 6, 5), torch.complex128, 1)
    maps = (maps / rss(maps)).requires_grad_()
    mask = torch.arange(5) != 2

    def run(kspace, maps):
        return cg_sense(kspace, maps, mask, weight=0.5, iterations=12, tolerance=0)

    assert torch.autograd.gradcheck(run, [kspace, maps], fast_mode=True)
