"""The fully sampled centre of k-space: how large it is, its samples, and the refusals of data that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError


def check_kspace(kspace: Tensor) -> None:
    """Refuse what is not multi-coil k-space.

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W).

    Raises
    ------
    KSpaceError
        If it is not complex, has fewer than three axes or an axis of size 0, or holds NaN or infinite samples.
    """
    if not kspace.is_complex() or kspace.ndim < 3 or 0 in kspace.shape:
        kind = str(kspace.dtype).removeprefix("torch.")
        raise KSpaceError(f"k-space is complex (..., coil, H, W), got {kind} {tuple(kspace.shape)}")
    parts = torch.view_as_real(kspace.detach().resolve_conj())
    low, high = torch.aminmax(parts)
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        count = int((~torch.isfinite(kspace.detach())).sum())
        raise KSpaceError(
            f"{count} of {kspace.numel()} k-space samples are NaN or infinite",
            hint="read the raw data again, or set these samples to zero and take them out of the mask",
        )


def fit_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Give a mask the last axes (H, W), each of the size of the data or of size 1.

    Parameters
    ----------
    mask
        bool or float: (..., H, W), or lines (W,), (..., 1, W), (..., H, 1).
    size
        (H, W) of the data.

    Returns
    -------
    Tensor
        The mask itself, or a view of it with two axes.

    Raises
    ------
    KSpaceError
        If the mask is of another size.
    """
    view = mask.reshape(1, -1) if mask.ndim < 2 else mask
    if any(n not in (1, whole) for n, whole in zip(view.shape[-2:], size, strict=True)):
        hint = "a mask of one axis has one entry a column; of lines along the other axis make it (H, 1)"
        raise KSpaceError(f"a mask of {tuple(mask.shape)} does not fit k-space of {size[0]} x {size[1]}", hint=hint)
    return view


def measured(kspace: Tensor) -> Tensor:
    """Tell which samples were measured, from k-space itself: those that are not exactly zero in every coil.

    Parameters
    ----------
    kspace
        Complex (..., coil, H, W).

    Returns
    -------
    Tensor
        bool (..., H, W).
    """
    return (kspace != 0).any(dim=-3)


def calibration_size(mask: Tensor) -> tuple[int, int]:
    """Find the largest fully sampled rectangle around the centre of k-space.

    Parameters
    ----------
    mask
        bool or float, shift-free (index 0 is the centre): (H, W), or lines as (1, W) or (H, 1). Sampled where not zero.

    Returns
    -------
    tuple of int
        (rows, columns), counted from ``-(n // 2)`` to ``(n - 1) // 2``: the pair with the largest shorter side, and
        among these the largest area. (0, 0) where the centre itself is missing. An axis of size 1 stands for
        itself.

    Raises
    ------
    KSpaceError
        If the mask has not two axes.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import calibration_size
    >>> mask = torch.tensor([1, 1, 0, 1, 0, 1, 0, 1])  # lines 0, 1, 3, 5 and 7
    >>> calibration_size(mask[None].expand(16, 8))
    (16, 3)
    """
    if mask.ndim != 2:
        raise KSpaceError(f"a mask of two axes has a calibration size, got {tuple(mask.shape)}")
    rows, columns = (_from_the_centre(size).to(mask.device) for size in mask.shape)
    # Entry (r, c) tells whether the centred rectangle of r + 1 rows and c + 1 columns is full.
    full = (mask != 0)[rows][:, columns].to(torch.uint8).cummin(0).values.cummin(1).values.cpu().to(torch.int64)
    if not full[0, 0]:
        return 0, 0
    height, width = (torch.arange(1, size + 1) for size in mask.shape)
    shorter = torch.minimum(height[:, None], width)
    rank = full * (shorter * (mask.numel() + 1) + height[:, None] * width)
    best = int(rank.argmax())
    return best // mask.shape[1] + 1, best % mask.shape[1] + 1


def calibration_region(kspace: Tensor, mask: Tensor | None, *, size: int, least: int) -> Tensor:
    """Cut the centre out of the k-space of one slice.

    Parameters
    ----------
    kspace
        Complex (coil, H, W), shift-free.
    mask
        What was sampled, (H, W); None: found by `measured`.
    size
        Rows and columns wanted; fewer are taken where fewer are fully sampled.
    least
        Rows and columns needed.

    Returns
    -------
    Tensor
        (coil, rows, columns), in centred order.

    Raises
    ------
    KSpaceError
        If the centre is not fully sampled over ``least`` rows and columns, or all its samples are zero.
    """
    sampled = measured(kspace) if mask is None else mask
    if mask is None and not bool(sampled.any()):
        raise KSpaceError("all samples of the calibration region are zero", hint="leave empty slices out")
    extent = calibration_size(sampled)
    if min(extent) < least:
        raise KSpaceError(
            f"no calibration lines: the fully sampled centre of k-space is {extent[0]} x {extent[1]},"
            f" {least} x {least} are needed",
            hint="give coil maps from a calibration scan, or data whose centre is sampled",
        )
    rows, columns = (_centred(min(size, n)).to(kspace.device) for n in extent)
    region = kspace[:, rows][:, :, columns]
    if not bool((region != 0).any()):
        raise KSpaceError("all samples of the calibration region are zero", hint="leave empty slices out")
    return region


def slices_of(kspace: Tensor, mask: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Go through a batch: k-space (coil, H, W) and mask (H, W) or None of every slice, after `check_kspace`.

    Raises
    ------
    KSpaceError
        If the k-space cannot be used, or the mask does not fit it.
    """
    check_kspace(kspace)
    height, width = kspace.shape[-2:]
    slices = kspace.reshape(-1, *kspace.shape[-3:])
    if mask is None:
        return ((one, None) for one in slices)
    mask = fit_mask(mask, (height, width))
    try:
        masks = mask.expand(*kspace.shape[:-3], height, width)
    except RuntimeError as error:
        raise KSpaceError(f"a mask of {tuple(mask.shape)} does not fit k-space of {tuple(kspace.shape)}") from error
    return zip(slices, masks.reshape(-1, height, width), strict=True)


def _centred(count: int) -> Tensor:
    """Give ``count`` indices around 0, rising from negative ones."""
    return torch.arange(-(count // 2), (count + 1) // 2)


def _from_the_centre(size: int) -> Tensor:
    """Give all indices in the order in which a growing centred window takes them in: 0, -1, 1, -2, 2 ..."""
    steps = torch.arange(1, size + 1)
    return torch.where(steps % 2 == 0, -(steps // 2), steps // 2) % size
