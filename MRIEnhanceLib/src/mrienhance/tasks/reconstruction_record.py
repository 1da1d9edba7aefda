"""What a report says of a reconstruction: the raw data, the coils, and what the network saw in the slices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch

from mrienhance.kspace import KSpace


@dataclass(frozen=True, kw_only=True)
class KSpaceRecord:
    """Raw data by their content: enough to recognise them again, nothing that names a person.

    Parameters
    ----------
    role
        What they were to the task.
    sha256
        Hash of samples, mask and crop.
    slices, coils, rows, columns
        Their size: (slice, coil, ky, kx).
    format
        What they were read from.
    """

    role: str
    sha256: str
    slices: int
    coils: int
    rows: int
    columns: int
    format: str

    @classmethod
    def of(cls, kspace: KSpace, *, role: str = "k-space") -> KSpaceRecord:
        """Record `kspace` in its `role`."""
        digest = hashlib.sha256(repr((tuple(kspace.samples.shape), tuple(kspace.mask.shape), kspace.crop)).encode())
        for part in kspace.samples:
            # Adding 0 makes one zero of +0 and -0, which multiplying by a mask turns into each other.
            digest.update(torch.view_as_real(part.detach().cpu().resolve_conj() + 0).contiguous().numpy().data)
        digest.update(kspace.mask.detach().cpu().contiguous().numpy().data)
        slices, coils, rows, columns = kspace.samples.shape
        return cls(
            role=role,
            sha256=digest.hexdigest(),
            slices=slices,
            coils=coils,
            rows=rows,
            columns=columns,
            format=kspace.source,
        )


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How likely a classifier found something: the highest probability of all slices, and the slice (k, from 0)."""

    name: str
    highest: float
    slice: int


@dataclass(frozen=True, kw_only=True)
class ReconstructionRecord:
    """What there is to know of a reconstruction beside model and residual.

    Parameters
    ----------
    coils
        Receive coils.
    acceleration
        Positions of k-space over acquired ones.
    calibration_lines
        Side of the fully sampled centre.
    coil_maps
        Where the coil maps came from.
    whitened
        Whether the noise of the coils was made white and uncorrelated first, by a noise scan in the file.
    parameters
        Of a classical reconstruction.
    scores
        What the network's classifier found, by class; empty without one.
    largest_lesion_change, largest_lesion_change_slice
        Largest difference of any voxel to the image without the lesion term, as a fraction of the bright voxels (99.9th
        percentile), and its slice (k, from 0); None without such a term.
    """

    coils: int
    acceleration: float
    calibration_lines: int
    coil_maps: str
    whitened: bool = False
    parameters: dict[str, float | int | str] = field(default_factory=dict)
    scores: tuple[ClassScore, ...] = ()
    largest_lesion_change: float | None = None
    largest_lesion_change_slice: int | None = None
