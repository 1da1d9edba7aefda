"""Which k-space samples an accelerated scan acquires. Masks are shift-free: the centre of k-space is index 0."""

from __future__ import annotations

import torch
from torch import Tensor


def random_lines(
    lines: int, *, acceleration: int, center_fraction: float, generator: torch.Generator | None = None
) -> Tensor:
    """Random Cartesian lines around a fully sampled centre, as fastMRI's random mask.

    Parameters
    ----------
    lines
        Number of phase-encoding lines.
    acceleration
        Lines over expected sampled lines; 1 samples all.
    center_fraction
        Fraction of central lines that is always sampled.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (lines,), 1 where sampled; index 0 is the centre of k-space.

    Raises
    ------
    ValueError
        If the centre alone has more lines than the acceleration allows.

    Examples
    --------
    >>> from mrienhance.physics.sampling import random_lines
    >>> float(random_lines(64, acceleration=1, center_fraction=0.08).sum())
    64.0
    """
    if acceleration == 1:
        return torch.ones(lines)
    center = max(round(lines * center_fraction), 1)
    if center * acceleration > lines:
        raise ValueError(f"{center} central of {lines} lines leave no room for an acceleration of {acceleration}")
    chance = (lines / acceleration - center) / (lines - center)
    mask = (torch.rand(lines, generator=generator) < chance).float()
    first = (lines - center + 1) // 2
    mask[first : first + center] = 1
    shift_free: Tensor = torch.fft.ifftshift(mask)
    return shift_free
