"""Small matrices that resample one axis: blur, antialiased cubic, slice profiles, cubic interpolation.

Each is float64, (samples out, samples in), with rows that sum to 1, so that constants stay. Beyond its ends a line goes
on either mirrored at its outer edge (half-sample symmetric) or with its last value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from mrienhance.physics.separable import Alignment

Profile = Literal["box", "gaussian"]


def cubic_kernel(distance: Tensor) -> Tensor:
    """Evaluate the cubic convolution kernel with a = -0.5 (Catmull-Rom; Keys 1981), ``distance`` in samples."""
    t = distance.abs()
    near = (1.5 * t - 2.5) * t**2 + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, torch.zeros_like(t)))


def gaussian_blur(size: int, *, sigma: float) -> Tensor:
    """Blur by a sampled Gaussian, cut at 4 sigma: (size, size), symmetric, so that the mean stays.

    Parameters
    ----------
    size
        Samples of the axis.
    sigma
        Standard deviation in samples; 0 blurs nothing.
    """
    if sigma == 0:
        return torch.eye(size, dtype=torch.float64)
    centres = torch.arange(size, dtype=torch.float64)
    radius = int(4 * sigma + 0.5)
    return _rows(centres, radius, size, lambda t: torch.exp(-0.5 * (t / sigma) ** 2), mirrored=True)


def cubic_decimation(size: int, factor: int) -> Tensor:
    """Sample with the cubic kernel stretched by ``factor``, voxel edges aligned: (size / factor, size).

    All columns sum to 1 / factor, so the mean stays.
    """
    centres = (torch.arange(size // factor, dtype=torch.float64) + 0.5) * factor - 0.5
    return _rows(centres, 2 * factor, size, lambda t: cubic_kernel(t / factor), mirrored=True)


def slice_profiles(size: int, factor: int, *, profile: Profile, gap: float) -> Tensor:
    """Average thin slices into thick ones: (size / factor, size).

    Parameters
    ----------
    size, factor
        Thin slices, and thin slices to one thick slice.
    profile
        ``"box"``: the exact overlap; ``"gaussian"``: full width at half maximum equal to the slice thickness,
        integrated over each thin slice.
    gap
        Part of the distance between slices that is not excited, in [0, 1).
    """
    thickness = factor * (1 - gap)
    centres = (torch.arange(size // factor, dtype=torch.float64) + 0.5) * factor - 0.5
    if profile == "box":
        half = thickness / 2
        return _rows(centres, half + 0.5, size, lambda t: _overlap(t, half), mirrored=True)
    sigma = thickness / (2 * math.sqrt(2 * math.log(2)))
    return _rows(centres, 4 * sigma + 0.5, size, lambda t: _gaussian_cell(t, sigma), mirrored=True)


def cubic_interpolation(size: int, factor: int, *, alignment: Alignment) -> Tensor:
    """Interpolate with the cubic kernel: (size * factor, size)."""
    fine = torch.arange(size * factor, dtype=torch.float64)
    centres = fine / factor if alignment == "sample" else (fine + 0.5) / factor - 0.5
    return _rows(centres, 2, size, cubic_kernel, mirrored=False)


def _overlap(distance: Tensor, half: float) -> Tensor:
    """Length of a unit cell at ``distance`` that lies within ``half`` of the centre."""
    upper = (distance + 0.5).clamp(-half, half)
    lower = (distance - 0.5).clamp(-half, half)
    return upper - lower


def _gaussian_cell(distance: Tensor, sigma: float) -> Tensor:
    """Integrate a Gaussian over a unit cell at ``distance``."""
    edges = torch.stack((distance - 0.5, distance + 0.5)) / (sigma * math.sqrt(2))
    below = torch.erf(edges)
    return below[1] - below[0]


def _rows(centres: Tensor, radius: float, size: int, kernel: Callable[[Tensor], Tensor], *, mirrored: bool) -> Tensor:
    """Place a kernel, cut at ``radius``, at each centre, fold its ends back in, and make each row sum to 1."""
    reach = math.ceil(radius) + 1
    places = centres.floor().long()[:, None] + torch.arange(-reach, reach + 1)
    distances = places - centres[:, None]
    weights = kernel(distances) * (distances.abs() <= radius)
    weights = weights / weights.sum(dim=1, keepdim=True)
    if mirrored:
        places = places.remainder(2 * size)
        places = torch.minimum(places, 2 * size - 1 - places)
    else:
        places = places.clamp(0, size - 1)
    matrix = torch.zeros(len(centres), size, dtype=torch.float64)
    return matrix.scatter_add_(1, places, weights)
