"""Poisson-disc sampling of the two phase-encoding axes of a 3-D scan: random, never clumped, denser in the centre."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Distance kept next to the calibration region, in grid steps. Below 1, since discs on a grid block whole samples.
_BASE = 0.72
# Grid samples per sample of a pattern with a constant distance r, at these r: measured once, quadratic from there on.
_DISTANCES = (0.0, 0.56, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.414, 1.6, 1.8, 2.0, 2.3, 2.6, 3.0, 4.0, 5.0)
_SPARSITY = (1.0, 1.0, 1.48, 1.74, 2.02, 2.3, 2.58, 2.93, 3.61, 4.7, 5.79, 6.96, 8.92, 11.35, 14.4, 24.56, 36.74)
# The search ends when at most this share of the samples, and these few, do not find room any more.
_SURPLUS, _FEW = 0.015, 4
_TRIALS = 30

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def poisson_disc(
    shape: tuple[int, int],
    *,
    acceleration: float,
    calibration: tuple[int, int] = (24, 24),
    corners: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a variable-density Poisson-disc pattern around a full calibration region.

    Samples keep a distance that grows with the radius, ``r0 (1 + slope * radius)``; the slope is searched for, so that
    the number of samples is the one asked for.

    Parameters
    ----------
    shape
        (rows, columns) of the k-space; where they differ, discs become ellipses of the same proportions.
    acceleration
        All grid samples over those sampled, calibration region included.
    calibration
        (rows, columns) in the centre that are sampled fully.
    corners
        Whether the corners of k-space, outside the ellipse that fits it, are sampled too.
    generator
        CPU generator.

    Returns
    -------
    Tensor
        float32 (rows, columns), 1 where sampled, shift-free: index (0, 0) is the centre of k-space. The sum is
        ``round(rows * columns / acceleration)``.

    Raises
    ------
    ValueError
        If the calibration region does not fit, or the acceleration cannot be met with it or within the ellipse.

    Notes
    -----
    Darts are thrown at the grid in random order until none fits any more [1]_. A sample at a place where the distance
    is r blocks the grid samples nearest to it, as many as lie in a disc of radius r on average: the area of the disc,
    rounded at random to a whole ring. So the density does not jump where r passes a distance of the grid. The radius is
    0 in the calibration region and 1 at the middle of an edge. Accelerations too low for a growing distance get a
    constant one.

    References
    ----------
    .. [1] R. Bridson, "Fast Poisson disk sampling in arbitrary dimensions", ACM SIGGRAPH Sketches, 2007.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics.poisson import poisson_disc
    >>> mask = poisson_disc((96, 128), acceleration=6, generator=torch.Generator().manual_seed(1))
    >>> int(mask.sum()) == 96 * 128 / 6
    True
    >>> bool(torch.fft.fftshift(mask)[48 - 12 : 48 + 12, 64 - 12 : 64 + 12].all())
    True
    """
    grid = _Grid.of(shape, calibration, corners)
    if acceleration == 1:
        return torch.ones(shape)
    wanted = grid.samples(acceleration)
    order = grid.outer[torch.randperm(grid.outer.size, generator=generator).numpy()]
    rounding = torch.rand(grid.radius.size, generator=generator, dtype=torch.float64).numpy()
    taken = _search(grid, order, rounding, wanted - grid.core.size)
    mask = torch.zeros(grid.radius.size)
    mask[torch.from_numpy(np.concatenate([grid.core, taken]))] = 1
    shift_free: Tensor = torch.fft.ifftshift(mask.view(shape))
    return shift_free


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where samples may be, centred: flat indices, and the radius of every grid sample."""

    shape: tuple[int, int]
    radius: Array
    core: Places
    outer: Places

    @classmethod
    def of(cls, shape: tuple[int, int], calibration: tuple[int, int], corners: bool) -> _Grid:
        """The grid around a calibration region."""
        if not all(0 <= size <= whole for size, whole in zip(calibration, shape, strict=True)):
            raise ValueError(f"a calibration region of {calibration} does not fit into {shape}")
        axes, inside = [], []
        for size, whole in zip(calibration, shape, strict=True):
            steps = np.arange(whole) - whole // 2
            away = np.maximum(np.abs(steps) - size / 2, 0)
            axes.append(away / max(away.max(), 1))
            inside.append((steps >= -(size // 2)) & (steps < size - size // 2))
        radius = np.hypot(axes[0][:, None], axes[1])
        core = inside[0][:, None] & inside[1]
        outer = ~core if corners else ~core & (radius < 1)
        return cls(shape, radius.ravel(), np.flatnonzero(core), np.flatnonzero(outer))

    def samples(self, acceleration: float) -> int:
        """How many samples an acceleration leaves; refuse what cannot be met."""
        if not (math.isfinite(acceleration) and acceleration >= 1):
            raise ValueError(f"an acceleration is 1 or above, got {acceleration}")
        wanted = round(self.radius.size / acceleration)
        least, most = self.core.size, self.core.size + self.outer.size
        if not least <= wanted <= most:
            raise ValueError(
                f"acceleration {acceleration:g} of {self.shape[0]} x {self.shape[1]} leaves {wanted} samples, not "
                f"between the {least} of the calibration region and the {most} that may be sampled"
            )
        return wanted

    @property
    def steps(self) -> tuple[float, float]:
        """Distance between rows and between columns, 1 along the longer axis."""
        longest = max(self.shape)
        return longest / self.shape[0], longest / self.shape[1]


def _search(grid: _Grid, order: Places, rounding: Array, wanted: int) -> Places:
    """Throw darts with ever better distances until about `wanted` find room, and take the first of them.

    The same darts are thrown each time, so that their number changes little but for the distances. A rough model of
    that number, corrected by the last trial, says which distances to try.
    """
    best: list[int] = order.tolist()
    counts, edges = np.histogram(grid.radius[grid.outer], 64)
    radii = (edges[1:] + edges[:-1]) / 2
    cell = math.prod(grid.steps)
    correction, aim = 1.0, wanted * (1 + _SURPLUS / 2) + _FEW / 2
    for _ in range(_TRIALS):
        low, high = 0.5, 1.0 + max(grid.shape)
        while high - low > 1e-6 * high:
            spread = (low + high) / 2
            fitting = correction * float((counts / _sparsity(_distances(radii, spread) / math.sqrt(cell))).sum())
            low, high = (spread, high) if fitting > aim else (low, spread)
        taken = _throw(grid, _distances(grid.radius, spread), order, rounding)
        if wanted <= len(taken) < len(best):
            best = taken
        if wanted <= len(taken) <= wanted * (1 + _SURPLUS) + _FEW:
            break
        correction *= len(taken) / max(fitting, 1)
    return np.array(best[:wanted], dtype=np.intp)


def _distances(radius: Array, spread: float) -> Array:
    """The distances to keep: growing with the radius for a `spread` above 1, else constant and smaller."""
    return _BASE * min(spread, 1.0) * (1 + max(spread - 1, 0.0) * radius)


def _sparsity(distance: Array) -> Array:
    """Grid samples per sample, roughly, for distances in units of the grid."""
    far = _SPARSITY[-1] * (distance / _DISTANCES[-1]) ** 2
    return np.where(distance > _DISTANCES[-1], far, np.interp(distance, _DISTANCES, _SPARSITY))


def _throw(grid: _Grid, distance: Array, order: Places, rounding: Array) -> list[int]:
    """Throw darts at the grid samples of `order`; give those that found room, the calibration region being there."""
    (height, width), (row_step, column_step) = grid.shape, grid.steps
    rows, columns, ends = _rings(grid.steps, float(distance.max()))
    area = np.maximum(math.pi / (row_step * column_step) * distance**2, 1)
    ring = np.searchsorted(ends, area, side="right") - 1
    ring += rounding < (area - ends[ring]) / (ends[ring + 1] - ends[ring])
    # A margin takes what is blocked outside the grid.
    margin_rows, margin_columns = int(rows.max()), int(columns.max())
    stride = width + 2 * margin_columns
    blocked = np.zeros((height + 2 * margin_rows) * stride, dtype=bool)
    offsets = rows * stride + columns
    discs = [offsets[:end] for end in ends.tolist()]
    row, column = np.divmod(np.arange(height * width), width)
    place = (row + margin_rows) * stride + column + margin_columns
    for at, size in zip(place[grid.core].tolist(), ring[grid.core].tolist(), strict=True):
        blocked[discs[size] + at] = True
    taken: list[int] = []
    seen = blocked.data  # quicker to read, one by one, than the array
    for dart, at, size in zip(order.tolist(), place[order].tolist(), ring[order].tolist(), strict=True):
        if not seen[at]:
            taken.append(dart)
            blocked[discs[size] + at] = True
    return taken


def _rings(steps: tuple[float, float], distance: float) -> tuple[Places, Places, Places]:
    """Grid offsets (rows, columns) from near to far, and where each ring of equal distances ends among them.

    The last ring has more area than a disc of radius `distance`.
    """
    rows, columns = (math.ceil(distance / step) + 2 for step in steps)
    row, column = np.mgrid[-rows : rows + 1, -columns : columns + 1].reshape(2, -1)
    away = np.hypot(row * steps[0], column * steps[1]).round(9)
    nearest = np.argsort(away, kind="stable")
    away = away[nearest]
    whole = away <= min(rows * steps[0], columns * steps[1])  # rings cut off by the edge of this table
    ends = np.flatnonzero(np.diff(away[whole], append=np.inf)) + 1
    return row[nearest][: ends[-1]], column[nearest][: ends[-1]], ends
