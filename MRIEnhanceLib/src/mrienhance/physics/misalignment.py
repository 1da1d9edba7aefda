"""Random displacement fields: how two scans of one person fail to lie on each other.

FGDL's elastic training images were published without what made them; a control grid of 7 x 7 and at most 2, 4 and 8
pixels at 256 x 256 are choices. Fields are in pixels, channel 0 along rows and channel 1 along columns, and mean
``out(p) = image(p + flow(p))``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Strength: TypeAlias = Literal["none", "low", "mid", "high"]
LARGEST: dict[str, float] = {"none": 0.0, "low": 2.0, "mid": 4.0, "high": 8.0}
"""Largest displacement of each strength, in pixels of an image whose longer side has 256."""
_SIDE, _POINTS = 256, 7


def random_misalignment(
    shape: tuple[int, int],
    strength: Strength,
    *,
    kind: Literal["elastic", "rigid"] = "elastic",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a field of a given strength.

    Parameters
    ----------
    shape
        (rows, columns).
    strength
        A key of `LARGEST`, which is scaled by the longer side over 256: the same share of any field of view.
    kind
        A smooth random deformation, or a rotation about the centre with a shift.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (2, rows, columns), pixels.

    Raises
    ------
    ValueError
        If the strength is unknown.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import random_misalignment
    >>> flow = random_misalignment((256, 192), "high", generator=torch.Generator().manual_seed(0))
    >>> flow.shape, round(float(flow.norm(dim=0).max()), 3)
    (torch.Size([2, 256, 192]), 8.0)
    """
    if strength not in LARGEST:
        raise ValueError(f"strength is one of {', '.join(LARGEST)}, not {strength!r}")
    largest = LARGEST[strength] * max(shape) / _SIDE
    if kind == "elastic":
        return elastic_flow(shape, largest, generator=generator)
    reach = math.hypot(*(size - 1 for size in shape)) / 2
    share, heading, turn = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    length, heading = share * largest, 2 * math.pi * heading
    angle = 2 * math.asin(min((1 - share) * largest / max(2 * reach, 1), 1)) * (2 * turn - 1)
    return rigid_flow(shape, angle=angle, shift=(length * math.sin(heading), length * math.cos(heading)))


def elastic_flow(
    shape: tuple[int, int], largest: float, *, points: int = _POINTS, generator: torch.Generator | None = None
) -> Tensor:
    """Draw a smooth deformation: a cubic B-spline through white noise on a control grid.

    Twice continuously differentiable; it does not fold as long as `largest` is below a third of the distance of control
    points.

    Parameters
    ----------
    shape
        (rows, columns).
    largest
        Length of the largest displacement in pixels, at least 0.
    points
        Control points along each side, from edge to edge, at least 2; one more lies beyond each edge.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (2, rows, columns), pixels.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if not (math.isfinite(largest) and largest >= 0 and points >= 2):
        raise ValueError(f"a largest displacement of {largest} and {points} control points give no field")
    flow = smooth_fields(shape, points=points, count=2, generator=generator)
    longest = flow.square().sum(0).max().sqrt()
    flow *= largest / longest
    return flow


def smooth_fields(
    shape: tuple[int, int], *, points: int, count: int = 1, generator: torch.Generator | None = None
) -> Tensor:
    """Draw cubic B-splines through white noise on a control grid.

    Parameters
    ----------
    shape
        (rows, columns).
    points
        Control points along each side, from edge to edge, at least 2; one more lies beyond each edge.
    count
        Number of independent fields.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (count, rows, columns), of mean 0 and a root mean square of about 0.48.
    """
    control = torch.randn((count, points + 2, points + 2), generator=generator)
    rows, columns = (_spline(size, points).float() for size in shape)
    return rows @ control @ columns.T


def smooth_volumes(
    shape: tuple[int, int, int],
    *,
    points: tuple[int, int, int],
    count: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw cubic B-splines through white noise on a control grid, in three dimensions.

    Parameters
    ----------
    shape
        Samples along (k, j, i).
    points
        Control points along each side, from edge to edge, at least 2; one more lies beyond each edge.
    count
        Number of independent fields.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (count, k, j, i), of mean 0 and a root mean square of about 0.33.
    """
    fields = torch.randn((count, *(number + 2 for number in points)), generator=generator)
    for size, number in zip(shape, points, strict=True):
        # The first axis that is left goes, and comes back as the last one.
        fields = torch.tensordot(fields, _spline(size, number).float(), dims=([1], [1]))
    return fields


def rigid_flow(shape: tuple[int, int], *, angle: float, shift: tuple[float, float]) -> Tensor:
    """The field of a rotation about the image's centre, then a shift: ``p + flow(p) = c + R (p - c) + shift``.

    Parameters
    ----------
    shape
        (rows, columns).
    angle
        In radians, from rows towards columns.
    shift
        Pixels along rows and columns.

    Returns
    -------
    Tensor
        float32 (2, rows, columns), pixels.
    """
    rows, columns = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2 for size in shape)
    cos, sin = math.cos(angle), math.sin(angle)
    down = (cos - 1) * rows[:, None] - sin * columns + shift[0]
    right = sin * rows[:, None] + (cos - 1) * columns + shift[1]
    return torch.stack([down, right]).float()


@lru_cache(maxsize=64)
def _spline(size: int, points: int) -> Tensor:
    """Weights (size, points + 2) of control points -1 ... points in samples from control point 0 to the last."""
    place = torch.linspace(0, points - 1, size, dtype=torch.float64)
    distance = (place[:, None] - torch.arange(-1, points + 1)).abs()
    near = 2 / 3 - distance.square() + distance**3 / 2
    return torch.where(distance < 1, near, (2 - distance).clamp_min(0) ** 3 / 6)
