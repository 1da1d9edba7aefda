"""Simulate the raw data that an accelerated scan with several coils would have given of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.errors import ImageError, UsageError
from mrienhance.images import Grid, IntensityScale, check_image, to_tensor
from mrienhance.kspace import KSpace, Placement
from mrienhance.kspace.types import slice_numbers
from mrienhance.physics import CoilArray, SmoothPhase, fixed_generator, make_mask, to_centred, to_centred_kspace
from mrienhance.physics import simulate_kspace as scan

_MOST_COILS = 128


def simulate_kspace(
    image: sitk.Image,
    *,
    coils: int = 8,
    acceleration: float = 4.0,
    sampling: str = "random-lines",
    center_fraction: float | None = None,
    calibration: int | None = None,
    lines_along: Literal["i", "j"] = "i",
    snr: float = 50.0,
    phase: float = 1.0,
    seed: int = 0,
    slices: int | slice | Sequence[int] | None = None,
) -> KSpace:
    """Scan an image slice by slice: coils, a smooth phase, noise, and only some of the samples.

    Parameters
    ----------
    image
        3-D scalar image; its slices are the planes of i and j. Values below zero count as zero.
    coils
        Loops of the receive array, which are drawn around the image.
    acceleration
        Samples of the full scan over those that are taken; of random lines, on average.
    sampling
        ``"random-lines"``, ``"equispaced-lines"`` or ``"poisson-disc"``; all slices have one mask.
    center_fraction, calibration
        What is always sampled: for lines the fraction of central ones (0.32 / acceleration); for Poisson discs rows and
        columns of the centre (24).
    lines_along
        The axis along which lines are left out.
    snr
        99.9th percentile of the image over the standard deviation of its complex noise after a full scan; or infinite.
    phase
        Strength of each slice's phase: root mean square in radians.
    seed, slices
        Seed of all that is random, and the slices to simulate, along k from 0: the same whichever others are chosen.

    Returns
    -------
    KSpace
        Samples in the units of the image, which is its `reference`. Its geometry is that of the slices: what is
        reconstructed from it lies where they lie.

    Raises
    ------
    ImageError, KSpaceError, UsageError
        If the image cannot be used, there is no such slice, or options are out of range or do not fit.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> import mrienhance
    >>> image = sitk.GaussianSource(size=[64, 64, 3], mean=[32, 32, 1], sigma=[9, 12, 2])
    >>> mrienhance.simulate_kspace(image, coils=4, sampling="poisson-disc", calibration=16, slices=1)
    KSpace(1 slice(s), 4 coil(s), 64 x 64, 4x, simulated)
    """
    _check(coils, snr, phase, lines_along)
    image = check_image(image)
    volume, grid = to_tensor(image).clamp_(min=0), Grid.of(image)
    numbers = slice_numbers(slices, volume.shape[0])
    mask = _mask(sampling, volume, acceleration, center_fraction, calibration, lines_along, seed)
    return KSpace(
        samples=_samples(volume, numbers, mask, _array(coils, grid, numbers, seed), snr, phase, seed),
        mask=to_centred(mask.expand(volume.shape[1:])).bool(),
        crop=(volume.shape[1], volume.shape[2]),
        geometry=Placement(grid.size, grid.spacing, grid.origin, grid.direction).slices(numbers),
        source="simulated",
        reference=volume[numbers],
        notes=(f"simulated from an image: {coils} coil(s), {sampling}, SNR {snr:g}, seed {seed}",),
    )


def _check(coils: int, snr: float, phase: float, lines_along: str) -> None:
    if not 1 <= coils <= _MOST_COILS:
        raise UsageError(f"there is no scan with {coils} coils", hint=f"give 1 to {_MOST_COILS}")
    if not snr > 0:
        raise UsageError(f"an SNR is above 0, not {snr}", hint="50 is a good scan, inf has no noise")
    if not (math.isfinite(phase) and phase >= 0):
        raise UsageError(f"the strength of the phase is 0 or above, not {phase}", hint="1 radian is usual")
    if lines_along not in ("i", "j"):
        raise UsageError(f"lines are left out along i or j, not {lines_along!r}", hint='give "i" or "j"')


def _mask(
    sampling: str,
    volume: Tensor,
    acceleration: float,
    center_fraction: float | None,
    calibration: int | None,
    lines_along: str,
    seed: int,
) -> Tensor:
    """Draw the mask, or say which option does not fit."""
    options: dict[str, Any] = {}
    discs = sampling == "poisson-disc"
    if center_fraction is not None:
        if discs:
            raise UsageError("a centre fraction is for lines", hint="give a calibration size for Poisson discs")
        options["center_fraction"] = center_fraction
    if calibration is not None:
        if not discs:
            raise UsageError("a calibration size is for Poisson discs", hint="give a centre fraction for lines")
        options["calibration"] = (calibration, calibration)
    shape, axis = (volume.shape[1], volume.shape[2]), -1 if lines_along == "i" else -2
    generator = fixed_generator("mask", seed)
    try:
        return make_mask(sampling, shape, acceleration=acceleration, generator=generator, axis=axis, **options)
    except ValueError as error:
        hint = "choose another acceleration, or a smaller calibration size" if discs else "choose other numbers"
        raise UsageError(f"no such sampling: {error}", hint=hint) from error


def _array(coils: int, grid: Grid, numbers: Sequence[int], seed: int) -> CoilArray:
    """One array around the volume, seen in each slice; the larger field of view in plane is as wide as the array's."""
    (i, j, k), (x, y, z) = grid.size, grid.spacing
    half = max(i * x, j * y) / 2
    planes = [(number - (k - 1) / 2) * z / half for number in numbers]
    return CoilArray.random(coils, planes=planes, generator=fixed_generator("coils", seed))


def _samples(
    volume: Tensor, numbers: Sequence[int], mask: Tensor, array: CoilArray, snr: float, phase: float, seed: int
) -> Tensor:
    """The samples of the slices, as files hold them."""
    bright, noise = IntensityScale.of(volume).scale, 1 / snr
    samples = torch.empty((len(numbers), array.coils, *volume.shape[1:]), dtype=torch.complex64)
    for place, number in enumerate(numbers):
        if not noise and not bool(volume[number].any()):
            # No reader takes k-space that is all zero.
            raise ImageError(f"slice {number} is empty", hint="choose other slices, or a finite SNR")
        generator = fixed_generator("slice", seed, number)
        kspace = scan(
            volume[number],
            CoilArray(array.fields[place]),
            phase=SmoothPhase.random(phase, generator=generator),
            noise=noise,
            bright=bright,
            mask=mask,
            generator=generator,
        )
        samples[place] = to_centred_kspace(kspace)
    return samples
