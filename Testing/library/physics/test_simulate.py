"""Simulated scans: smooth phase, white noise, and no inverse crime."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mrienhance.physics import (
    CoilArray,
    Fourier,
    SmoothPhase,
    TissuePhase,
    coil_maps,
    make_mask,
    shepp_logan,
    simulate_kspace,
    smooth_phase,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def head(shape: tuple[int, int] = (96, 80)) -> Tensor:
    """A phantom as a scanner shows it, float64, with texture."""
    image = shepp_logan().scan(shape).clamp(min=0)
    return image * (1 + 0.1 * torch.rand(shape, dtype=torch.float64, generator=seeded(9)))


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("order", [1, 4])
def test_the_phase_is_smooth_and_as_strong_as_stated(strength: float, order: int) -> None:
    phase = SmoothPhase.random(strength, order=order, size=(20,), generator=seeded())
    radians = phase.on((256, 320), dtype=torch.float64)
    assert radians.shape == (20, 256, 320)
    deviation = (radians - phase.coefficients[:, :1, :1]).square().mean((1, 2)).sqrt()
    torch.testing.assert_close(deviation, torch.full_like(deviation, strength), rtol=0.04, atol=1e-12)
    # Nothing beyond the order, by an orthogonal cosine transform of samples at the middles of 64 pixels.
    middles = phase.on((128, 128), dtype=torch.float64)[:, 1::2, 1::2]
    number = torch.arange(64, dtype=torch.float64)
    cosines = torch.cos(math.pi / 64 * number[:, None] * (number + 0.5))
    spectrum = cosines @ middles @ cosines.T
    spectrum[:, : order + 1, : order + 1] = 0
    assert float(spectrum.abs().max()) < 1e-9 * max(strength, 1)


def test_the_mean_phase_is_any_angle() -> None:
    means = SmoothPhase.random(size=(2000,), generator=seeded()).coefficients[:, 0, 0]
    assert float(means.abs().max()) <= math.pi
    assert abs(float(means.mean())) < 0.2
    assert float(means.std()) == pytest.approx(2 * math.pi / math.sqrt(12), rel=0.05)


def test_phase_by_its_function() -> None:
    radians = smooth_phase((40, 30), 0.5, size=(2,), generator=seeded(4))
    assert radians.dtype == torch.float32
    torch.testing.assert_close(radians, SmoothPhase.random(0.5, size=(2,), generator=seeded(4)).on((40, 30)))
    for wrong in ({"strength": -1.0}, {"strength": math.nan}, {"order": 0}):
        with pytest.raises(ValueError, match="or above"):
            SmoothPhase.random(**wrong)


def test_on_the_grid_of_the_image_it_is_the_model() -> None:
    image, maps = head(), coil_maps((96, 80), 4, generator=seeded()).to(torch.complex128)
    radians = smooth_phase((96, 80), generator=seeded(1)).double()
    mask = make_mask("random-lines", (96, 80), acceleration=3, generator=seeded(2))
    expected = mask * Fourier()(maps * torch.polar(image, radians))
    for sampled in (mask, mask[0], mask.bool()):
        torch.testing.assert_close(simulate_kspace(image, maps, phase=radians, mask=sampled), expected)


@pytest.mark.parametrize("shape", [(63, 75), (64, 80), (64, 75)])
@pytest.mark.parametrize("oversample", [1.25, 2.0])
def test_without_coils_and_phase_a_finer_grid_changes_nothing(shape: tuple[int, int], oversample: float) -> None:
    """An image alone has no frequency beyond its grid; of an even size, the limit itself is halved."""
    image = head(shape)
    grid = tuple(2 * math.ceil(size * oversample / 2) for size in shape)
    kspace = simulate_kspace(image, torch.ones((1, *grid), dtype=torch.complex128))[0]
    expected = Fourier()(image)
    limits = [size // 2 if size % 2 == 0 else None for size in shape]
    for axis, limit in enumerate(limits):
        if limit is not None:
            expected.select(axis, limit).mul_(0.5)
    if None not in limits:  # in the corner half of it is the conjugate: the sum of both signs of one axis
        expected[limits[0], limits[1]] = kspace[limits[0], limits[1]]
    torch.testing.assert_close(kspace, expected, atol=1e-10, rtol=1e-10)


def test_the_finer_grid_keeps_frequencies_from_folding() -> None:
    """A quarter finer is nearly as good as four times as fine; the image's own grid is not."""
    image, array = head((128, 128)), CoilArray.random(4, generator=seeded())
    phase = SmoothPhase.random(generator=seeded())
    truth, usual, crime = (simulate_kspace(image, array, phase=phase, oversample=o) for o in (4.0, 1.25, 1.0))
    folded, left = (float((kspace - truth).norm() / truth.norm()) for kspace in (crime, usual))
    assert folded > 1e-3
    assert left < folded / 8


def test_the_model_on_the_grid_does_not_explain_the_data_entirely() -> None:
    """The inverse crime is not committed by default: true maps, phase and image leave a residual, if a small one."""
    image, array, phase = head(), CoilArray.random(8, generator=seeded()), SmoothPhase.random(generator=seeded())
    maps, radians = array.on((96, 80), dtype=torch.complex128), phase.on((96, 80), dtype=torch.float64)
    model = Fourier()(maps * torch.polar(image, radians))
    for oversample, low, high in ((1.25, 1e-3, 4e-2), (1.0, 0.0, 1e-12)):
        kspace = simulate_kspace(image, array, phase=phase, oversample=oversample)
        assert low <= float((kspace - model).norm() / model.norm()) <= high


@pytest.mark.parametrize(("dtype", "result"), [(torch.float32, torch.complex64), (torch.float64, torch.complex128)])
def test_the_precision_is_that_of_the_image(dtype: torch.dtype, result: torch.dtype) -> None:
    array, phase = CoilArray.random(2, generator=seeded()), SmoothPhase.random(generator=seeded())
    kspace = simulate_kspace(head().to(dtype), array, phase=phase, noise=0.01, generator=seeded())
    assert kspace.dtype == result


def test_two_at_once_are_two_alone() -> None:
    images = torch.stack([head(), head().flip(1)])
    arrays = CoilArray.random(3, size=(2,), generator=seeded())
    phases = SmoothPhase.random(size=(2,), generator=seeded())
    both = simulate_kspace(images, arrays, phase=phases)
    assert both.shape == (2, 3, 96, 80)
    for n in range(2):
        array, phase = CoilArray(arrays.fields[n]), SmoothPhase(phases.coefficients[n])
        torch.testing.assert_close(both[n], simulate_kspace(images[n], array, phase=phase))


def test_noise_is_white_complex_and_as_strong_as_stated() -> None:
    image = head((128, 128))
    array = CoilArray.random(8, generator=seeded())
    clean = simulate_kspace(image, array)
    noise = simulate_kspace(image, array, noise=0.02, generator=seeded(1)) - clean
    level = 0.02 * np.percentile(image.numpy(), 99.9)
    count = noise.numel()
    unit = noise / level
    assert float(unit.abs().square().mean()) == pytest.approx(1, abs=6 / math.sqrt(count))
    assert abs(complex(unit.mean())) < 6 / math.sqrt(count)
    # Circular: both parts alike and uncorrelated. Normal: the fourth moment of a complex normal number is 2.
    assert abs(complex(unit.square().mean())) < 6 * math.sqrt(2 / count)
    assert float(unit.abs().pow(4).mean()) == pytest.approx(2, abs=6 * math.sqrt(20 / count))
    # White: coils are not correlated, nor are neighbours.
    flat = unit.flatten(1)
    covariance = flat @ flat.mH / flat.shape[1]
    assert float((covariance - torch.eye(8)).abs().max()) < 6 / math.sqrt(flat.shape[1])
    for axis in (1, 2):
        neighbours = (unit.narrow(axis, 1, 127) * unit.narrow(axis, 0, 127).conj()).mean()
        assert abs(complex(neighbours)) < 6 / math.sqrt(count)


def test_the_snr_is_that_of_the_combined_image() -> None:
    image = head((128, 128))
    array = CoilArray.random(8, generator=seeded())
    clean, noisy = (simulate_kspace(image, array, noise=n, generator=seeded(1)) for n in (0, 0.02))
    maps = array.on((128, 128), dtype=torch.complex128)
    error = (maps.conj() * Fourier().H(noisy - clean)).sum(0)
    snr = np.percentile(image.numpy(), 99.9) / float(error.abs().square().mean().sqrt())
    assert snr == pytest.approx(50, rel=0.03)


def test_what_the_noise_is_relative_to() -> None:
    images = torch.stack([head(), 10 * head(), 0 * head()])
    array = CoilArray.random(1, generator=seeded())
    clean = simulate_kspace(images, array)

    def levels(**options) -> list[float]:
        noise = simulate_kspace(images, array, noise=0.1, generator=seeded(), **options) - clean
        return [float(one.abs().square().mean().sqrt()) for one in noise]

    bright = np.percentile(head().numpy(), 99.9)
    assert levels() == pytest.approx([0.1 * bright, bright, 0], rel=0.05)
    assert levels(bright=5.0) == pytest.approx([0.5, 0.5, 0.5], rel=0.05)
    assert levels(bright=torch.tensor([1.0, 2.0, 3.0])) == pytest.approx([0.1, 0.2, 0.3], rel=0.05)


def test_nothing_is_measured_outside_the_mask() -> None:
    mask = make_mask("poisson-disc", (96, 80), acceleration=6, generator=seeded())
    array = CoilArray.random(4, generator=seeded())
    kspace = simulate_kspace(head().float(), array, noise=0.1, mask=mask, generator=seeded())
    assert bool((kspace[:, mask == 0] == 0).all())
    assert bool((kspace[:, mask == 1] != 0).all())
    again = simulate_kspace(head().float(), array, noise=0.1, mask=mask, generator=seeded())
    assert torch.equal(kspace, again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": -0.1}, "noise is 0 or above"),
        ({"noise": math.nan}, "noise is 0 or above"),
        ({"oversample": 0.9}, "oversample is 1 or above"),
        ({"maps": torch.ones(2, 40, 40, dtype=torch.complex64)}, "do not fit"),
        ({"maps": torch.ones(2, 96, 80, dtype=torch.complex64), "phase": torch.zeros(96, 96)}, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict, words: str) -> None:
    options = {"maps": CoilArray.random(2, generator=seeded()), **options}
    with pytest.raises(ValueError, match=words):
        simulate_kspace(head(), **options)


def test_a_tissue_phase_is_a_smooth_one_and_what_comes_with_the_tissue():
    image = head()[None]
    smooth = SmoothPhase.random(0.5, size=(1,), generator=seeded())
    plain = TissuePhase.of(image, 0.5, texture=0.0, tissue=0.0, generator=seeded())
    shape = (image.shape[-2], image.shape[-1])
    torch.testing.assert_close(plain.on(shape), smooth.on(shape))
    stepped = TissuePhase.of(image, 0.5, texture=0.0, tissue=1.0, generator=seeded())
    rough = stepped.on(shape) - smooth.on(shape)
    # It depends on the signal's strength alone: voxels of equal strength have equal phase.
    order = image.flatten().argsort()
    values, phases = image.flatten()[order], rough.flatten()[order]
    equal = values.diff() == 0
    assert float(phases.diff()[equal].abs().max()) < 1e-5
    assert float(rough.std()) > 0.05


def test_a_tissue_phase_keeps_its_place_on_a_finer_grid():
    image = head()[None]
    phase = TissuePhase.of(image, generator=seeded())
    rows, columns = image.shape[-2:]
    torch.testing.assert_close(phase.on((2 * rows, 2 * columns))[:, ::2, ::2], phase.on((rows, columns)))
    field = dataclasses.replace(phase, rough=torch.arange(4.0).expand(1, 4, 4))
    between = field.on((4, 8)) - SmoothPhase(phase.coefficients).on((4, 8))
    torch.testing.assert_close(between[0, 0], torch.tensor([0, 0.5, 1, 1.5, 2, 2.5, 3, 1.5]), rtol=0, atol=1e-5)
