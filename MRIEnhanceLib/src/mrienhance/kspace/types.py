"""The one type that every reader of raw data gives."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.kspace.masks import central_block
from mrienhance.kspace.placement import Placement

Selection: TypeAlias = int | slice | Sequence[int] | None


@dataclass(frozen=True)
class Facts:
    """What a header says about the acquisition; nothing that names a person, a place or a scanner. None if unsaid.

    Parameters
    ----------
    contrast
        As in BIDS: T1w, T2w, PDw, FLAIR, or T1c for T1w after contrast agent.
    field_strength_tesla, tr_ms, te_ms, ti_ms, flip_angle_degrees
        Numbers of the sequence.
    """

    contrast: str | None = None
    field_strength_tesla: float | None = None
    tr_ms: float | None = None
    te_ms: float | None = None
    ti_ms: float | None = None
    flip_angle_degrees: float | None = None


@dataclass(frozen=True, eq=False)
class KSpace:
    """Cartesian k-space of a stack of slices.

    Parameters
    ----------
    samples
        complex64 (slice, coil, ky, kx), centred as files hold it: the zero frequency is at size // 2. Samples that were
        not acquired are 0.
    mask
        bool (ky, kx) or (slice, ky, kx): what was acquired.
    crop
        Size (H, W) to keep of the reconstructed image; what is cut off is oversampling. See `window`.
    geometry
        Where the cropped image lies, or None if nothing is known.
    facts
        What the header says about the acquisition.
    source
        Name of the format it was read from.
    reference
        float32 (slice, h, w): the image of the full data, if the file brings one.
    maps
        complex64 (slice, coil, ky, kx): coil sensitivities, if the file brings them; in the image, centred.
    noise
        complex64 (coil, samples): a scan without signal, for pre-whitening.
    calibration
        complex64 (slice, coil, ky, kx): a separate scan for the coil sensitivities, on the same matrix.
    notes
        What a user should know about the reading, a line each.

    Examples
    --------
    >>> import mrienhance
    >>> from mrienhance.data import sample_path
    >>> kspace = mrienhance.read_kspace(sample_path("brain_8ch"))
    >>> kspace.coils, tuple(kspace.samples.shape[-2:]), round(kspace.acceleration), kspace.calibration_lines
    (8, (230, 180), 8, 24)
    """

    samples: Tensor
    mask: Tensor
    crop: tuple[int, int]
    geometry: Placement | None = None
    facts: Facts = field(default_factory=Facts)
    source: str = ""
    reference: Tensor | None = None
    maps: Tensor | None = None
    noise: Tensor | None = None
    calibration: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        slices, coils, height, width = self.samples.shape
        return (
            f"KSpace({slices} slice(s), {coils} coil(s), {height} x {width}, {self.acceleration:.3g}x, {self.source})"
        )

    @property
    def coils(self) -> int:
        """Number of receive coils."""
        return int(self.samples.shape[1])

    @property
    def acceleration(self) -> float:
        """Positions of the matrix over acquired ones; 1 is fully sampled."""
        return self.mask.numel() / max(int(self.mask.sum()), 1)

    @property
    def calibration_lines(self) -> int:
        """Side of the largest fully sampled square around the centre of k-space, in samples.

        With line sampling that is the number of central lines without a gap. Of several slices the least counts.
        """
        return central_block(self.mask)

    @property
    def window(self) -> tuple[slice, slice]:
        """What to keep of an image of the full matrix: ``image[(..., *kspace.window)]``.

        The voxel size // 2 stays the voxel size // 2.
        """
        starts = [full // 2 - kept // 2 for full, kept in zip(self.samples.shape[-2:], self.crop, strict=True)]
        height, width = (slice(start, start + kept) for start, kept in zip(starts, self.crop, strict=True))
        return height, width

    def slices(self, selection: Selection) -> KSpace:
        """Some of the slices, without a copy where that is possible.

        Parameters
        ----------
        selection
            One number, a slice, or several numbers; negative ones count from the end. None is all.

        Raises
        ------
        KSpaceError
            If there is no such slice.
        """
        if selection is None:
            return self
        return replace(self, **slice_changes(self, slice_numbers(selection, self.samples.shape[0])))


def slice_changes(parts: Any, numbers: Sequence[int]) -> dict[str, Any]:
    """The fields that change if only some slices are kept of a `KSpace`, or of what a reader found."""
    count = parts.samples.shape[0]
    changes: dict[str, Any] = {}
    for name in ("samples", "reference", "maps", "calibration", "mask"):
        tensor = getattr(parts, name)
        if tensor is not None and (name != "mask" or tensor.ndim >= 3) and tensor.shape[0] == count:
            changes[name] = take(tensor, numbers)
    if parts.geometry is not None:
        geometry = changes["geometry"] = parts.geometry.slices(numbers)
        if geometry is None:
            changes["notes"] = (*parts.notes, "the chosen slices are not evenly spaced: the image has no geometry")
    return changes


def slice_numbers(selection: Selection, count: int) -> list[int]:
    """The numbers, from 0, that a selection means among `count` slices.

    Raises
    ------
    KSpaceError
        If there is no such slice, or none is left.
    """
    if isinstance(selection, slice):
        numbers = list(range(count)[selection])
    elif selection is None:
        numbers = list(range(count))
    else:
        try:
            numbers = [operator.index(selection)]  # type: ignore[arg-type]
        except TypeError:
            numbers = [operator.index(number) for number in selection]  # type: ignore[union-attr]
    wrong = [number for number in numbers if not -count <= number < count]
    if wrong or not numbers:
        raise KSpaceError(
            f"there is no slice {wrong[0]}" if wrong else f"the selection {selection!r} leaves no slice",
            hint=f"choose from 0 to {count - 1}",
        )
    return [number % count for number in numbers]


def take(tensor: Tensor, numbers: Sequence[int]) -> Tensor:
    """Entries of the first axis: a view if they are neighbours."""
    first = numbers[0]
    if list(numbers) == list(range(first, first + len(numbers))):
        return tensor[first : first + len(numbers)]
    return tensor[list(numbers)]
