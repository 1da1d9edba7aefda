"""Cross-scale attention: fine detail taken from where a coarser version of a volume looks alike.

After the cross-scale attention of Mei et al. (CVPR 2020), carried to three dimensions; the number of overlapping pastes
is counted for each voxel rather than taken to be the same everywhere.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mrienhance.blocks.attention import Window, attend, concatenate, join_windows, neighbourhoods, split_windows
from mrienhance.blocks.scaling import Factors, depth_to_space, space_to_depth

TEMPERATURE = 10.0
_SMALLEST_NORM = 1e-4


def cross_scale_attention(
    match: Tensor,
    keys: Tensor,
    values: Tensor,
    factors: Factors,
    *,
    window: Window,
    value_k: int = 1,
    rows: int = 4096,
) -> Tensor:
    """Paste to each coarse voxel the fine blocks whose surroundings look like its own.

    Scores are 10 times the cosines of 3x3x3 neighbourhoods. (The two-dimensional original gives unit length to the keys
    alone. Its scores have no bound, and rounding then decides what is pasted.)

    Parameters
    ----------
    match
        Features (B, d, D, H, W) that are looked up.
    keys
        Features (B, d, D', H', W') to look them up in, on a grid that divides the one of `match`.
    values
        What is pasted, (B, e, f D', g H', h W') for the factors (f, g, h): a block of f x g x h to each key.
    factors
        Fine voxels to a coarse one along each axis.
    window
        Voxels of `match` that look into one window of keys, a divisor of its sizes; the whole sizes for all.
    value_k
        1 pastes the block alone; 3 its neighbours as well, each fine voxel being the mean of 27 pastes (fewer at the
        border).
    rows
        See `attend`.

    Returns
    -------
    Tensor
        (B, e, f D, g H, h W). Where `values` is constant, so is this.
    """
    size: Window = (match.shape[2], match.shape[3], match.shape[4])
    a, b, c = (w * k // n for w, k, n in zip(window, keys.shape[2:], size, strict=True))
    looked_up = split_windows(match, window, margin=1)
    index = split_windows(keys, (a, b, c), margin=1)
    blocks = space_to_depth(values, factors)
    if value_k == 1:
        # Nested, so that none of these maps, as large as the fine grid's, outlives the next one.
        return depth_to_space(
            join_windows(_look_up(looked_up, index, split_windows(blocks, (a, b, c)), rows), len(match), size), factors
        )
    total = torch.zeros((len(match), blocks.shape[1], *size), dtype=blocks.dtype, device=blocks.device)
    # The weights are found anew for each neighbour, in training once more on the way back: keeping them would take the
    # memory that `rows` bounds.
    for i, j, k in product((-1, 0, 1), repeat=3):
        neighbours = split_windows(_shifted(blocks, (i, j, k), mode="replicate"), (a, b, c))
        found = checkpoint(_look_up, looked_up, index, neighbours, rows, use_reentrant=False)
        pasted = join_windows(found, len(match), size)
        total += _shifted(pasted, (-i, -j, -k), mode="constant")
    return depth_to_space(total / _pastes(size, like=total), factors)


def _look_up(match: Tensor, keys: Tensor, values: Tensor, rows: int) -> Tensor:
    """Attention inside windows: (N, d, w + 2), (N, d, v + 2), (N, e, v) to (N, e, w)."""
    number, depth = len(match), match.shape[2] - 2
    plane = (match.shape[3] - 2) * (match.shape[4] - 2)
    slab, together = min(max(rows // plane, 1), depth), max(rows // (depth * plane), 1)

    def found(group: slice) -> Tensor:
        index, flat = _directions(keys[group]), values[group].flatten(2).mT
        parts = []
        for low in range(0, depth, slab):
            queries = _directions(match[group, :, low : low + slab + 2])
            parts.append(attend(queries, index, flat, rows=rows, temperature=TEMPERATURE))
        return torch.cat(parts, dim=1).mT

    pasted = concatenate((found(slice(first, first + together)) for first in range(0, number, together)), number)
    return pasted.view(*pasted.shape[:2], *(size - 2 for size in match.shape[2:]))


def _directions(x: Tensor) -> Tensor:
    return functional.normalize(neighbourhoods(x).float(), dim=-1, eps=_SMALLEST_NORM)


def _shifted(x: Tensor, offset: tuple[int, int, int], *, mode: str) -> Tensor:
    """``out[p] = x[p + offset]`` for offsets of -1, 0 and 1."""
    padded = functional.pad(x, (1,) * 6, mode=mode)
    d, h, w = (1 + value for value in offset)
    return padded[:, :, d : d + x.shape[2], h : h + x.shape[3], w : w + x.shape[4]]


def _pastes(size: Window, *, like: Tensor) -> Tensor:
    """How many voxels paste to each: 27 inside, down to 8 in a corner."""
    lines = []
    for length in size:
        index = torch.arange(length, device=like.device)
        lines.append((1 + (index > 0).to(like.dtype)) + (index < length - 1).to(like.dtype))
    counts: Tensor = lines[0][:, None, None] * lines[1][:, None] * lines[2]
    return counts
