"""Which samples were acquired. Masks are centred here, as files hold them."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError

# A sampled line may hold an exact zero by chance (whole numbers from a digitiser), rarely more than that.
_WHOLE_LINE = 0.98
# Of what a mask claims, so much must be in the data. Padding at the edges may be claimed in vain.
_LEAST_SUPPORT = 0.5


def find_mask(samples: Tensor) -> Tensor:
    """Find the sampling mask in the data: what was not acquired is exactly 0 in every coil.

    Parameters
    ----------
    samples
        complex (slice, coil, ky, kx).

    Returns
    -------
    Tensor
        bool (ky, kx), or (slice, ky, kx) if the slices differ.

    Notes
    -----
    Where the samples make whole lines along one axis but for a few exact zeros, these count as sampled.

    Examples
    --------
    >>> samples = torch.zeros(1, 2, 4, 4, dtype=torch.complex64)
    >>> samples[..., 1:3] = 1
    >>> find_mask(samples).sum(dim=0).tolist()
    [0, 4, 4, 0]
    """
    # A slice at a time, so that the comparisons need little room.
    masks = torch.stack([_whole_lines((part != 0).any(dim=0)) for part in samples])
    return unify(masks)


def unify(masks: Tensor) -> Tensor:
    """One mask (ky, kx) for all slices, if all of (slice, ky, kx) are the same."""
    return masks[0] if bool((masks == masks[:1]).all()) else masks


def as_mask(mask: Tensor, shape: tuple[int, int, int], *, what: str = "the mask") -> Tensor:
    """Bring a mask that somebody gives into the shape of the data.

    Parameters
    ----------
    mask
        Anything but 0 means acquired. Of shape (slice, ky, kx), (ky, kx), or a vector: as long as kx it says which
        columns were acquired (fastMRI; also if k-space is square), as long as ky which rows. Further axes of length 1
        are dropped.
    shape
        (slice, ky, kx) of the data.
    what
        What to call it in a message.

    Returns
    -------
    Tensor
        bool (ky, kx) or (slice, ky, kx).

    Raises
    ------
    KSpaceError
        If the shapes differ, or numbers are not finite.
    """
    received = tuple(mask.shape)
    if not bool(torch.isfinite(mask).all()):
        raise KSpaceError(f"{what} holds numbers that are NaN or infinite", hint="a mask is 1 where acquired, else 0")
    mask = (mask != 0).squeeze()
    slices, height, width = shape
    if mask.ndim == 1 and mask.shape[0] == width:
        return mask.expand(height, width).clone()
    if mask.ndim == 1 and mask.shape[0] == height:
        return mask[:, None].expand(height, width).clone()
    if mask.ndim == 2 and mask.shape == (height, width):
        return mask
    if mask.ndim == 3 and mask.shape == shape:
        return unify(mask)
    turned = ", turned the other way" if mask.ndim == 2 and mask.shape == (width, height) else ""
    raise KSpaceError(
        f"{what} of shape {received} does not fit {slices} slice(s) of {height} x {width} samples",
        hint=f"give it as ({height}, {width}){turned}, or as one line of {width} or of {height} numbers",
    )


def combine_masks(given: Tensor, found: Tensor, *, what: str = "the mask") -> Tensor:
    """What a given mask claims and the data hold.

    Files claim padding at the edges that was never acquired; and data outside a given mask are to be left out.

    Parameters
    ----------
    given, found
        bool (ky, kx) or (slice, ky, kx).
    what
        What to call the given one in a message.

    Raises
    ------
    KSpaceError
        If hardly anything of what is claimed is there: it is the mask of other data, or shifted.
    """
    both = given & found
    claimed, there = int(given.expand_as(both).sum()), int(both.sum())
    if claimed == 0:
        raise KSpaceError(f"{what} marks no sample as acquired", hint="a mask is 1 where acquired, else 0")
    if there < _LEAST_SUPPORT * claimed:
        raise KSpaceError(
            f"{what} does not belong to the data: of the samples that it marks, {there / claimed:.0%} are not 0",
            hint="give the mask centred like the data, or none: it is found from the data then",
        )
    return unify(both) if both.ndim == 3 else both


def central_block(mask: Tensor) -> int:
    """Side of the largest square around the centre (size // 2) in which every sample was acquired.

    An even number of samples cannot lie evenly around one: the odd one may be on either side.

    Parameters
    ----------
    mask
        bool (..., ky, kx); of several the least counts.

    Examples
    --------
    >>> lines = torch.zeros(12, 12, dtype=torch.bool)
    >>> lines[:, [1, 4, 5, 6, 7, 11]] = True
    >>> central_block(lines)
    4
    """
    sampled = mask.flatten(0, -3).all(dim=0) if mask.ndim > 2 else mask
    height, width = sampled.shape
    side = 0
    for size in range(1, min(height, width) + 1):
        starts = itertools.product(
            *({middle - size // 2, middle - (size - 1) // 2} for middle in (height // 2, width // 2))
        )
        if not any(_is_full(sampled, top, left, size) for top, left in starts):
            break
        side = size
    return side


def _is_full(sampled: Tensor, top: int, left: int, size: int) -> bool:
    block = sampled[top : top + size, left : left + size]
    return block.numel() == size * size and bool(block.all())


def _whole_lines(mask: Tensor) -> Tensor:
    """Fill chance zeros of sampled columns or rows."""
    for axis in (0, 1):
        lines = mask.any(dim=axis, keepdim=True)
        whole = lines.expand_as(mask)
        if int(mask.sum()) >= _WHOLE_LINE * max(int(whole.sum()), 1):
            return whole.clone()
    return mask
