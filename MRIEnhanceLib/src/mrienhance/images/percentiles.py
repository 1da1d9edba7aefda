"""Percentiles of many voxels, and the range of intensities that a viewer should show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# About so many voxels stand for all of them: for a limit that is checked afterwards, and for what is only looked at.
_ROUGH, _FINE = 2**16, 2**18


def upper_percentile(values: NDArray[np.float32], percentile: float) -> float:
    """A percentile as NumPy has it (linear between two values), several times faster if it is a high one.

    Parameters
    ----------
    values
        Shape (n,), n at least 1, without NaN.
    percentile
        From 0 to 100.

    Notes
    -----
    Only the largest values are put in order: those above a limit that a sample of all suggests. Where the sample
    misleads, all are.

    Examples
    --------
    >>> upper_percentile(np.arange(1001, dtype=np.float32), 99.9)
    999.0
    """
    place = (values.size - 1) * percentile / 100
    below = int(place)
    wanted = values.size - below
    top = values
    if wanted < values.size // 8:
        sample = np.sort(sampled(values, _ROUGH))
        limit = sample[-min(sample.size, 2 * wanted * sample.size // values.size + 8)]
        above = values[values >= limit]
        top = above if above.size >= wanted else values
    first = top.size - wanted
    last = min(first + 1, top.size - 1)
    ordered = np.partition(top, (first, last))
    low, high = float(ordered[first]), float(ordered[last])
    return low + (high - low) * (place - below)


def sampled(values: NDArray[Any], count: int) -> NDArray[Any]:
    """About `count` values, evenly spread: always the same ones, and not all from the same few columns.

    Parameters
    ----------
    values
        Any shape, in C order.
    count
        How many are enough.

    Returns
    -------
    ndarray
        Shape (n,), a view; all of them if they are not many more than `count`.
    """
    step = max(1, values.size // count)
    # A step with a factor in common with the length of a slice would see some columns only.
    while math.gcd(step, 2 * math.prod(values.shape[1:])) > 1:
        step += 1
    return values.reshape(-1)[::step]


def display_window(values: NDArray[Any], *, symmetric: bool = False) -> tuple[float, float]:
    """The range of intensities that a viewer should show: from the 0.1st to the 99.9th percentile.

    Parameters
    ----------
    values
        Any shape and real type, not empty. A large image is judged by a sample of its voxels.
    symmetric
        Whether 0 shall be in the middle, as for a difference: from minus to plus the 99.9th percentile of magnitudes.

    Returns
    -------
    tuple of float
        Two finite numbers, the first below the second, whatever the image holds.

    Examples
    --------
    >>> low, high = display_window(np.arange(1001.0))
    >>> round(low, 6), round(high, 6)
    (1.0, 999.0)
    >>> display_window(np.array([-2.0, 0.0, 2.0]), symmetric=True)
    (-2.0, 2.0)
    """
    seen = _magnitude(sampled(values, _FINE), symmetric)
    if not seen.size or seen.min() == seen.max():
        seen = _magnitude(values.reshape(-1), symmetric)
    low, high = (float(value) for value in np.percentile(seen, (0.1, 99.9))) if seen.size else (0.0, 0.0)
    if low == high and seen.size:  # most voxels have one value
        low, high = float(seen.min()), float(seen.max())
    if symmetric:
        return -(high or 1.0), high or 1.0
    return (low, high) if low < high else (low, low + max(1.0, abs(low)))


def _magnitude(values: NDArray[Any], symmetric: bool) -> NDArray[np.float64]:
    wide: NDArray[np.float64] = values[np.isfinite(values)].astype(np.float64)
    return np.abs(wide) if symmetric else wide
