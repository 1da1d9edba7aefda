"""The shape of windows that costs least: overlaps are computed twice, so few cuts and long sides win."""

from __future__ import annotations

from itertools import product
from math import prod

from mrienhance.inference.tiles import overlap_of, round_up, smallest_edge
from mrienhance.methods.base import Tiling


def cheapest_windows(size: tuple[int, ...], tiling: Tiling, *, voxels: float) -> tuple[int, ...]:
    """Sides of the windows that fit into memory and of which all together have fewest voxels.

    Windows end where the image does, so that c of them along an axis of n samples have n + 2 halo (c - 1) samples, and
    what is computed beyond the image's own is a matter of how often each axis is cut: every division of the three axes
    is tried. A long axis is rather cut twice than each axis once.

    Parameters
    ----------
    size
        Samples along the tiled axes.
    tiling
        How the network may be fed.
    voxels
        Input samples of the largest window that fits.

    Returns
    -------
    tuple of int
        The side along each axis, a multiple of `Tiling.multiple_of`; where nothing fits, the smallest that there is.

    Examples
    --------
    >>> from mrienhance.inference.tile_shape import cheapest_windows
    >>> from mrienhance.methods import Tiling
    >>> cheapest_windows((128, 128, 128), Tiling(ndim=3, halo=8), voxels=2**20)
    (54, 128, 128)
    """
    choices = [_sides(length, tiling) for length in size]
    best: tuple[float, int, tuple[int, ...]] | None = None
    for chosen in product(*choices):
        counts, sides = zip(*chosen, strict=True)
        if prod(sides) <= voxels:
            found = (float(prod(counts) * prod(sides)), prod(counts), tuple(sides))
            best = found if best is None else min(best, found)
    return tuple(sides[-1][1] for sides in choices) if best is None else best[2]


def _sides(length: int, tiling: Tiling) -> list[tuple[int, int]]:
    """How often an axis may be divided, and how long the windows then are, down to the smallest."""
    multiple, overlap, smallest = tiling.multiple_of, overlap_of(tiling), smallest_edge(tiling)
    padded = round_up(length, multiple)
    found = [(1, padded)]
    for count in range(2, padded + 1):
        side = round_up(-(-(padded + (count - 1) * overlap) // count), multiple)
        if side < smallest:
            break
        if side < found[-1][1]:
            found.append((count, side))
    return found
