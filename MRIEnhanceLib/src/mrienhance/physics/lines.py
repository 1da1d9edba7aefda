"""Masks of phase-encoding lines, as the fastMRI challenge drew them. Shift-free: the centre of k-space is index 0."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def random_lines(
    lines: int, *, acceleration: float, center_fraction: float, generator: torch.Generator | None = None
) -> Tensor:
    """Random Cartesian lines around a fully sampled centre, as fastMRI's random mask.

    Of ``lines`` lines the central ``round(lines * center_fraction)`` are sampled, and each other one with the
    probability that makes the expected number ``lines / acceleration``.

    Parameters
    ----------
    lines
        Number of phase-encoding lines.
    acceleration
        Lines over expected sampled lines; 1 samples all.
    center_fraction
        Fraction of central lines that is always sampled: one line at least, unless it is 0.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (lines,), 1 where sampled; index 0 is the centre of k-space.

    Raises
    ------
    ValueError
        If the acceleration is below 1, or the centre alone has more lines than it allows.

    References
    ----------
    .. [1] J. Zbontar et al., "fastMRI: An open dataset and benchmarks for accelerated MRI", arXiv:1811.08839, 2018.

    Examples
    --------
    >>> from mrienhance.physics import random_lines
    >>> float(random_lines(64, acceleration=1, center_fraction=0.08).sum())
    64.0
    """
    if acceleration == 1:
        return torch.ones(lines)
    center = central_lines(lines, acceleration=acceleration, center_fraction=center_fraction)
    chance = (lines / acceleration - center) / (lines - center)
    mask = (torch.rand(lines, generator=generator) < chance).float()
    return _with_center(mask, center)


def equispaced_lines(
    lines: int,
    *,
    acceleration: float,
    center_fraction: float,
    adjusted: bool = True,
    offset: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Equally spaced Cartesian lines around a fully sampled centre, as fastMRI's equispaced masks.

    Parameters
    ----------
    lines
        Number of phase-encoding lines.
    acceleration
        Lines over sampled lines, see `adjusted`; 1 samples all.
    center_fraction
        Fraction of central lines that is always sampled: one line at least, unless it is 0.
    adjusted
        Whether the spacing is widened so that the acceleration holds with the centre counted in (fastMRI's mask for the
        public multi-coil data, "equispaced fraction"): a spacing that is not whole is rounded line by line. Else every
        `acceleration`-th line is sampled, as a scanner does, and the centre makes the true acceleration lower.
    offset
        The first sampled line, counted from the edge of k-space; by default a random one below the rounded spacing.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (lines,), 1 where sampled; index 0 is the centre of k-space.

    Raises
    ------
    ValueError
        If the acceleration is below 1, the centre alone has more lines than it allows, or the offset is not below the
        spacing.

    References
    ----------
    .. [1] J. Zbontar et al., "fastMRI: An open dataset and benchmarks for accelerated MRI", arXiv:1811.08839, 2018.

    Examples
    --------
    >>> from mrienhance.physics import equispaced_lines
    >>> mask = equispaced_lines(16, acceleration=4, center_fraction=0.125, adjusted=False, offset=1)
    >>> mask.nonzero().flatten().tolist()  # -7, -3 and 1, 5, and the central two, -1 and 0
    [0, 1, 5, 9, 13, 15]
    """
    if acceleration == 1:
        return torch.ones(lines)
    center = central_lines(lines, acceleration=acceleration, center_fraction=center_fraction)
    spacing = acceleration
    if adjusted:
        wanted = lines / acceleration - center
        spacing = (lines - center) / wanted if wanted > 0 else math.inf
    mask = torch.zeros(lines)
    if math.isinf(spacing):
        return _with_center(mask, center)
    last = max(round(spacing), 1)
    if offset is None:
        offset = int(torch.randint(last, (), generator=generator))
    if not 0 <= offset < last:
        raise ValueError(f"the offset is from 0 to {last - 1} for a spacing of {spacing:g} lines, got {offset}")
    # With a widened spacing fastMRI ends one line before the edge.
    places = torch.arange(offset, lines - adjusted, spacing, dtype=torch.float64).round().long()
    mask[places] = 1
    return _with_center(mask, center)


def central_lines(lines: int, *, acceleration: float, center_fraction: float) -> int:
    """How many central lines are always sampled.

    Raises
    ------
    ValueError
        If there are more of them than the acceleration allows, or an argument is out of range.
    """
    if not (math.isfinite(acceleration) and acceleration >= 1):
        raise ValueError(f"an acceleration is 1 or above, got {acceleration}")
    if not 0 <= center_fraction <= 1:
        raise ValueError(f"a fraction of central lines is from 0 to 1, got {center_fraction}")
    center = max(round(lines * center_fraction), 1) if center_fraction else 0
    if center * acceleration > lines:
        raise ValueError(f"{center} central of {lines} lines leave no room for an acceleration of {acceleration}")
    return center


def _with_center(mask: Tensor, center: int) -> Tensor:
    """Switch the central lines on, and bring the mask from centred into shift-free order."""
    first = (len(mask) - center + 1) // 2
    mask[first : first + center] = 1
    shift_free: Tensor = torch.fft.ifftshift(mask)
    return shift_free
