"""Raw data as operators take them: shift-free, of white noise, some slices at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.images import Grid
from mrienhance.kspace import KSpace
from mrienhance.physics import from_centred, from_centred_kspace, noise_covariance, prewhiten, rss


class RawData:
    """K-space and what belongs to it.

    Parameters
    ----------
    kspace
        As a reader gives it.

    Attributes
    ----------
    whitened
        Whether the coils are mixed so that their noise is white and uncorrelated, by the scan of noise.
    notes
        What a user should know, a line each.
    grid
        Where the cropped image lies.

    Raises
    ------
    KSpaceError
        If the parts of `kspace` do not fit together.
    """

    def __init__(self, kspace: KSpace) -> None:
        self._kspace = kspace
        self.notes = list(kspace.notes)
        self._covariance = self._noise()
        self.whitened = self._covariance is not None
        self.grid = self._place()

    @property
    def count(self) -> int:
        """Number of slices."""
        return int(self._kspace.samples.shape[0])

    def samples(self, at: slice) -> Tensor:
        """K-space of some slices, complex64 (slice, coil, H, W), shift-free."""
        return self.mixed(from_centred_kspace(self._kspace.samples[at]))

    def mask(self, at: slice) -> Tensor:
        """What was acquired of some slices, float32 (slice, H, W), shift-free."""
        mask = from_centred(self._kspace.mask)
        part = mask[at] if mask.ndim == 3 else mask.expand(len(self._kspace.samples[at]), *mask.shape)
        return part.float()

    def calibration(self, at: slice) -> tuple[Tensor, Tensor | None]:
        """K-space to find coil maps from, and its mask: a scan of its own where there is one."""
        if self._kspace.calibration is None:
            return self.samples(at), self.mask(at) != 0
        return self.mixed(from_centred_kspace(self._kspace.calibration[at])), None

    def mixed(self, coils: Tensor) -> Tensor:
        """Coil images, maps or k-space (..., coil, H, W) as the whitening mixes the coils."""
        return coils if self._covariance is None else prewhiten(coils, self._covariance)

    def unmixed(self, maps: Tensor) -> Tensor:
        """Coil maps of the coils as they are, of norm 1, from those of the mixed ones."""
        if self._covariance is None:
            return maps
        coils = maps.shape[-3]
        mix = prewhiten(torch.eye(coils, dtype=maps.dtype)[:, None], self._covariance)[:, 0]
        apart = torch.einsum("ab,...bhw->...ahw", torch.linalg.inv(mix), maps)
        return apart / rss(apart).unsqueeze(-3).clamp(min=torch.finfo(apart.real.dtype).tiny)

    def _noise(self) -> Tensor | None:
        """Covariance of the coils' noise, of mean variance 1, so that intensities keep their unit."""
        noise = self._kspace.noise
        if noise is None or self._kspace.coils == 1:
            return None
        try:
            covariance = noise_covariance(noise)
            covariance = covariance / covariance.diagonal().real.mean()
            prewhiten(torch.zeros(len(covariance), 1, 1, dtype=torch.complex64), covariance)
        except KSpaceError as error:
            self.notes.append(f"the scan of noise is not used: {error.message}")
            return None
        return covariance

    def _place(self) -> Grid:
        """Where the image lies; a plain grid where nobody knows."""
        place, (height, width) = self._kspace.geometry, self._kspace.crop
        size = (width, height, self.count)
        if place is None:
            self.notes.append("the file does not say where the image lies: voxels of 1 mm at the origin")
            return Grid(size)
        if place.size != size:
            raise KSpaceError(
                f"the geometry is one of {place.size} voxels, the image has {size}", hint="read the raw data again"
            )
        if not place.in_patient:
            self.notes.append("the file says how large the voxels are, but not where the patient was")
        return Grid(place.size, place.spacing, place.origin, place.direction)
