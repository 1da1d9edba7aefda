"""3-D k-space as slices: the second phase encoding is transformed where it was sampled without gaps."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.kspace.masks import find_mask


def to_slices(volume: Tensor, *, keep: int | None = None, name: str) -> Tensor:
    """Transform k-space of one slab along its partitions, which gives k-space of slices.

    Parameters
    ----------
    volume
        complex (coil, kz, ky, kx), centred. Sampled are the same (ky, kx) in every partition that was acquired, and
        these are neighbours and hold the centre.
    keep
        How many slices are left after oversampling is cut off, around slice kz // 2.
    name
        What to call the data in a message.

    Returns
    -------
    Tensor
        complex (slice, coil, ky, kx), orthonormal: noise keeps its level.

    Raises
    ------
    KSpaceError
        If the partitions were undersampled.
    """
    masks = find_mask(volume.transpose(0, 1))
    if masks.ndim == 3:
        _check_gaps(masks, name)
    count = volume.shape[1]
    slices = centred_ifft(volume, dim=1)
    kept = min(keep or count, count)
    start = count // 2 - kept // 2
    return slices[:, start : start + kept].transpose(0, 1).contiguous()


def stack_slices(samples: Tensor, *, keep: int | None = None, name: str) -> Tensor:
    """Take (slice, coil, kz, ky, kx) with one slab apart with `to_slices`; give back (slice, coil, ky, kx) as it is.

    Raises
    ------
    KSpaceError
        If there are several slabs, or the partitions were undersampled.
    """
    if samples.ndim == 4:
        return samples
    if samples.shape[2] == 1:
        return samples[:, :, 0]
    if samples.shape[0] > 1:
        raise KSpaceError(f"{name} has {samples.shape[0]} slabs of {samples.shape[2]} partitions", hint="give one slab")
    return to_slices(samples[0], keep=keep, name=name)


def centred_ifft(data: Tensor, *, dim: int) -> Tensor:
    """The orthonormal inverse transform of centred data along one axis, centred."""
    turned = torch.fft.ifft(torch.fft.ifftshift(data, dim=dim), dim=dim, norm="ortho")
    centred: Tensor = torch.fft.fftshift(turned, dim=dim)
    return centred


def centred_fft(data: Tensor, *, dim: int) -> Tensor:
    """Undo `centred_ifft`."""
    turned = torch.fft.fft(torch.fft.ifftshift(data, dim=dim), dim=dim, norm="ortho")
    centred: Tensor = torch.fft.fftshift(turned, dim=dim)
    return centred


def _check_gaps(masks: Tensor, name: str) -> None:
    """Refuse partitions that were not acquired alike. `masks` is bool (kz, ky, kx)."""
    acquired = masks.flatten(1).any(dim=1)
    numbers = acquired.nonzero().flatten().tolist()
    centre = masks.shape[0] // 2
    gapless = bool(numbers) and numbers == list(range(numbers[0], numbers[-1] + 1)) and centre in numbers
    alike = gapless and bool((masks[acquired] == masks[centre]).all())
    if not alike:
        raise KSpaceError(
            f"{name} is 3-D and was undersampled along both phase encodings (ky and kz)",
            hint="only 3-D scans that are fully sampled along kz can be taken apart into slices",
        )
