"""Attention whose memory stays bounded, and windows of volumes for it to stay inside."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

Window = tuple[int, int, int]


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, rows: int, temperature: float = 1.0) -> Tensor:
    """Softmax attention, a number of rows at a time.

    Parameters
    ----------
    queries, keys, values
        (N, Q, d), (N, K, d) and (N, K, e).
    rows
        Queries whose weights exist at one time, at least 1: the memory is about ``rows x K``.
    temperature
        Factor on the scores; there is no ``1 / sqrt(d)``.

    Returns
    -------
    Tensor
        (N, Q, e), of the type of the values. Scores and softmax are in single precision, whatever autocast says: an
        exponential function makes a small error large.
    """
    number, count = queries.shape[:2]
    step, together = min(rows, count), max(rows // count, 1)

    def attended(group: slice) -> Tensor:
        parts = [_attend(part, keys[group], values[group], temperature) for part in queries[group].split(step, 1)]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    return concatenate((attended(slice(first, first + together)) for first in range(0, number, together)), number)


def concatenate(parts: Iterable[Tensor], length: int) -> Tensor:
    """Put parts one after the other along the first axis, `length` in all.

    Where nothing is learned each goes to its place at once: kept until the last is there, many small tensors take their
    memory twice, and leave what lay between them in pieces too small for anything else.
    """
    if torch.is_grad_enabled():
        return torch.cat(list(parts))
    whole, first = torch.empty(0), 0
    for part in parts:
        if first == 0:
            whole = part.new_empty(length, *part.shape[1:])
        whole[first : first + len(part)] = part
        first += len(part)
    return whole


def _attend(queries: Tensor, keys: Tensor, values: Tensor, temperature: float) -> Tensor:
    with torch.autocast(queries.device.type, enabled=False):
        # Of the keys there are fewer than of the scores.
        scores = queries.float() @ (temperature * keys.float()).mT
        return scores.softmax(dim=-1).to(values.dtype) @ values


def split_windows(x: Tensor, window: Window, *, margin: int = 0) -> Tensor:
    """Cut a volume (B, C, D, H, W) into windows (B n, C, *window + 2 margin); background lies beyond its borders.

    The sizes are multiples of the window; the windows start at sample 0 and lie side by side.
    """
    padded = functional.pad(x, (margin,) * 6) if margin else x
    for axis, size in enumerate(window, start=2):
        padded = padded.unfold(axis, size + 2 * margin, size)
    # (B, C, n, n, n, window): the numbers of the windows go to the batch.
    return padded.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(0, 3)


def join_windows(windows: Tensor, batch: int, size: Window) -> Tensor:
    """Undo `split_windows` without a margin: (B n, C, *window) to (B, C, *size)."""
    channels, *window = windows.shape[1:]
    d, h, w = (whole // part for whole, part in zip(size, window, strict=True))
    grid = windows.reshape(batch, d, h, w, channels, *window)
    return grid.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(batch, channels, *size)


def neighbourhoods(x: Tensor) -> Tensor:
    """Describe each voxel by itself and its 26 neighbours: (N, C, D+2, H+2, W+2) to (N, D H W, 27 C)."""
    for axis in (2, 3, 4):
        x = x.unfold(axis, 3, 1)
    return x.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(4).flatten(1, 3)
