"""Oversampling along a readout taken out before the reconstruction: less to compute, the same image."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mrienhance.kspace.types import KSpace
from mrienhance.kspace.volume import centred_fft, centred_ifft


def trim(kspace: KSpace) -> KSpace:
    """Cut off oversampling along every axis on which each line was acquired whole or not at all.

    An oversampled readout doubles the work, and the networks' field of view, for voxels that are thrown away
    (`KSpace.crop`). Where the mask does not change along the readout, transforming, cropping and transforming back
    leaves exactly the k-space of the cropped image; the axis of the phase encoding stays as it is.

    Returns
    -------
    KSpace
        Of the same images; the very same object if there is nothing to cut off.

    Examples
    --------
    >>> from mrienhance.kspace import Contents, build_kspace
    >>> samples = torch.ones(1, 2, 8, 6, dtype=torch.complex64)
    >>> trim(build_kspace(Contents(samples, source="", crop=(4, 6)))).samples.shape
    torch.Size([1, 2, 4, 6])
    """
    for axis in (-2, -1):
        kept = kspace.crop[axis]
        mask = kspace.mask
        lines = mask.any(dim=axis, keepdim=True)
        if kept < mask.shape[axis] and torch.equal(mask, lines.expand_as(mask)):
            start = kspace.window[axis].start
            mask = lines.expand(*[kept if n == mask.ndim + axis else size for n, size in enumerate(mask.shape)])
            calibration = kspace.calibration
            kspace = replace(
                kspace,
                samples=_cut(kspace.samples, axis, start, kept),
                mask=mask.contiguous(),
                maps=None if kspace.maps is None else kspace.maps.narrow(axis, start, kept),
                calibration=None if calibration is None else _cut(calibration, axis, start, kept),
            )
    return kspace


def _cut(data: Tensor, axis: int, start: int, kept: int) -> Tensor:
    """Keep a part of the image along one axis of its k-space, orthonormal on both sides."""
    return centred_fft(centred_ifft(data, dim=axis).narrow(axis, start, kept), dim=axis)
