"""Cutting slices and blocks into overlapping windows, and putting the network's answers together again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TypeAlias

import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.methods.base import Tiling

# Overlap per side of windows of networks that look at the whole image: enough to hide the seam under a ramp.
BLEND_HALO = 16


@dataclass(frozen=True)
class Span:
    """One window along one axis, in input samples.

    Attributes
    ----------
    start
        First sample of the window, a multiple of `Tiling.multiple_of`.
    low, high
        The window gives the outputs of the samples ``low <= n < high`` of the image.
    rise, fall
        Samples at the two ends of ``[low, high)`` over which its weight rises from 0 and falls to 0.
    """

    start: int
    low: int
    high: int
    rise: int = 0
    fall: int = 0


Tile = tuple[Span, ...]
Edge: TypeAlias = int | tuple[int, ...]
"""Largest side of a window in input samples, overlap included: of all axes, or one for each."""


@dataclass(frozen=True)
class TilePlan:
    """Windows of one size that cover an image.

    If the network is local (`Tiling.halo` is a number), each output sample comes from one window that sees all that
    can change it, so the result is that of the whole image. If not, neighbouring windows are blended.

    Attributes
    ----------
    size
        Samples of the image along the tiled axes.
    window
        Samples of every window along these axes.
    tiles
        The windows.
    blended
        Whether neighbours are blended.
    """

    size: tuple[int, ...]
    window: tuple[int, ...]
    tiles: tuple[Tile, ...]
    blended: bool

    @property
    def whole(self) -> bool:
        """Whether one window holds all."""
        return len(self.tiles) == 1


def plan_tiles(size: tuple[int, ...], tiling: Tiling, *, edge: Edge | None = None) -> TilePlan:
    """Cover an image with windows.

    Parameters
    ----------
    size
        Samples along the tiled axes.
    tiling
        How the network may be fed.
    edge
        Largest side of a window in input samples, overlap included, of all axes or one for each; None for one window.
        It is raised to a multiple of `Tiling.multiple_of`; windows are no larger than it takes as many to cover the
        image, so that little is computed twice.

    Raises
    ------
    UsageError
        If `edge` leaves nothing between the halos.

    Examples
    --------
    >>> from mrienhance.inference import plan_tiles
    >>> from mrienhance.methods import Tiling
    >>> plan = plan_tiles((100, 40), Tiling(ndim=2, halo=4), edge=40)
    >>> plan.window, [tile[0].start for tile in plan.tiles]
    ((39, 40), [0, 30, 61])
    """
    if isinstance(edge, int) and edge < smallest_edge(tiling):
        raise UsageError(
            f"a tile of {edge} voxels is too small for this model", hint=f"give {smallest_edge(tiling)} or more"
        )
    window = window_size(size, tiling, edge=edge)
    axes = [_spans(n, w, tiling) for n, w in zip(size, window, strict=True)]
    tiles = tuple(product(*axes))
    return TilePlan(size, window, tiles, blended=any(span.rise or span.fall for spans in axes for span in spans))


def window_size(size: tuple[int, ...], tiling: Tiling, *, edge: Edge | None) -> tuple[int, ...]:
    """Samples of a window along each axis; see `plan_tiles`."""
    edges = (edge,) * len(size) if edge is None or isinstance(edge, int) else edge
    return tuple(_side(n, tiling, largest) for n, largest in zip(size, edges, strict=True))


def smallest_edge(tiling: Tiling) -> int:
    """Side of the smallest window that still gives something: the overlap and as much again, or one multiple."""
    overlap = overlap_of(tiling)
    return overlap + (tiling.multiple_of if tiling.halo is not None else overlap)


def round_up(number: int, multiple: int) -> int:
    """The smallest multiple that is not below `number`."""
    return -(-number // multiple) * multiple


def read_window(volume: Tensor, tile: Tile, plan: TilePlan) -> Tensor:
    """Take a window out of a slice or block, reflected at its far ends where the window reaches beyond.

    Parameters
    ----------
    volume
        Tensor over the tiled axes, on the plan's grid or on one finer by a whole factor.
    tile, plan
        Which window.

    Returns
    -------
    Tensor
        A view where the window lies inside, else a copy.
    """
    for axis, (span, size, window) in enumerate(zip(tile, plan.size, plan.window, strict=True)):
        length = volume.shape[axis]
        ratio = length // size
        start, count = span.start * ratio, window * ratio
        if start + count <= length:
            volume = volume.narrow(axis, start, count)
        else:
            volume = volume.index_select(axis, _reflected(torch.arange(start, start + count), length))
    return volume


def write_window(output: Tensor, answer: Tensor, tile: Tile, plan: TilePlan) -> None:
    """Put a window's answer in its place.

    Parameters
    ----------
    output
        Tensor over the tiled axes; blended windows are added up, so it starts as zeros.
    answer
        What the network gave for the window, at the window's size or finer by a whole factor per axis.
    tile, plan
        Which window.
    """
    source, target = answer, output
    for axis, (span, window) in enumerate(zip(tile, plan.window, strict=True)):
        scale = answer.shape[axis] // window
        count = (span.high - span.low) * scale
        source = source.narrow(axis, (span.low - span.start) * scale, count)
        target = target.narrow(axis, span.low * scale, count)
    if not plan.blended:
        target.copy_(source)
        return
    part = source.to(target.device, target.dtype)
    for axis, span in enumerate(tile):
        weight = _weight(span, target.shape[axis])
        part = part * weight.view(-1, *[1] * (part.ndim - 1 - axis))
    target.add_(part)


def _spans(size: int, window: int, tiling: Tiling) -> list[Span]:
    """Windows along one axis, spread evenly; cuts lie in the middle of the overlaps."""
    multiple = tiling.multiple_of
    padded, overlap = round_up(size, multiple), overlap_of(tiling)
    if window >= padded:
        return [Span(0, 0, size)]
    intervals = -(-(padded - window) // (window - overlap))
    starts = [i * (padded - window) // intervals // multiple * multiple for i in range(intervals + 1)]
    cuts = [(before + window + after) // 2 for before, after in pairwise(starts)]
    ramp = 0
    if tiling.halo is None:
        # Two ramps never meet, so that the weights of all windows add up to 1.
        ramp = min([overlap, *(after - before for before, after in pairwise(cuts))]) // 2
    lows = [0, *(cut - ramp for cut in cuts)]
    highs = [*(cut + ramp for cut in cuts), size]
    rises, falls = [0] + [2 * ramp] * intervals, [2 * ramp] * intervals + [0]
    return [Span(*span) for span in zip(starts, lows, highs, rises, falls, strict=True)]


def _side(length: int, tiling: Tiling, largest: int | None) -> int:
    """The side of the fewest windows that are not larger, as small as so many can be."""
    multiple, overlap = tiling.multiple_of, overlap_of(tiling)
    padded = round_up(length, multiple)
    side = padded if largest is None else min(round_up(largest, multiple), padded)
    if side in (padded, overlap):
        return side
    count = 1 - (side - padded) // (side - overlap)
    return round_up(-(-(padded + (count - 1) * overlap) // count), multiple)


def overlap_of(tiling: Tiling) -> int:
    """Samples that two neighbouring windows share at least."""
    halo = BLEND_HALO if tiling.halo is None else tiling.halo
    return round_up(2 * halo, tiling.multiple_of)


def _weight(span: Span, count: int) -> Tensor:
    """Weight of each of the `count` output samples of a window along one axis."""
    scale = count // (span.high - span.low)
    weight = torch.ones(count)
    rise, fall = span.rise * scale, span.fall * scale
    weight[:rise] = (torch.arange(rise) + 0.5) / max(rise, 1)
    weight[count - fall :] = (torch.arange(fall, 0, -1) - 0.5) / max(fall, 1)
    return weight


def _reflected(index: Tensor, length: int) -> Tensor:
    """Fold indices beyond the last sample back, as often as it takes (0 1 2 1 0 1 ... for three samples)."""
    if length == 1:
        return torch.zeros_like(index)
    period = 2 * (length - 1)
    folded = index % period
    return torch.minimum(folded, period - folded)
