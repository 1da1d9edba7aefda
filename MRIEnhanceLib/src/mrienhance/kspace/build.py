"""From samples to a checked `KSpace`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.kspace.masks import as_mask, combine_masks, find_mask
from mrienhance.kspace.placement import Placement
from mrienhance.kspace.types import Facts, KSpace

_LARGEST_SIZE = 2**16


@dataclass
class Contents:
    """What a reader found in a file: the parts of a `KSpace`, not yet checked.

    `samples` is complex64 (slice, coil, ky, kx) and owned by whoever builds the `KSpace`: it may be written to.
    """

    samples: Tensor
    source: str
    mask: Tensor | None = None
    crop: tuple[int, int] | None = None
    geometry: Placement | None = None
    facts: Facts = field(default_factory=Facts)
    reference: Tensor | None = None
    maps: Tensor | None = None
    noise: Tensor | None = None
    calibration: Tensor | None = None
    notes: tuple[str, ...] = ()


def build_kspace(contents: Contents, *, mask: Tensor | None = None, name: str = "k-space") -> KSpace:
    """Check what was read, find the sampling mask, and leave nothing outside it.

    Parameters
    ----------
    contents
        From a reader. Its samples become those of the result.
    mask
        From the user: samples outside it are left out. See `as_mask` for its shapes.
    name
        What to call the data in a message.

    Raises
    ------
    KSpaceError
        If samples are NaN, infinite or all zero in a slice, or if the parts do not fit together.
    """
    samples = contents.samples
    check_samples(samples, name=name)
    slices, _, height, width = samples.shape
    shape = (slices, height, width)
    final = find_mask(samples)
    if contents.mask is not None:
        what = f"the mask in {name}"
        final = combine_masks(as_mask(contents.mask, shape, what=what), final, what=what)
    if mask is not None:
        final = combine_masks(as_mask(mask, shape), final)
    if contents.mask is not None or mask is not None:
        samples *= (final if final.ndim == 2 else final[:, None]).to(samples.dtype)
        _check_left(samples, name)
    crop = _fitting_crop(contents.crop, (height, width))
    return KSpace(
        samples=samples,
        mask=final,
        crop=crop,
        geometry=contents.geometry,
        facts=contents.facts,
        source=contents.source,
        reference=contents.reference,
        maps=_like_samples(contents.maps, samples, f"the coil maps in {name}"),
        noise=contents.noise,
        calibration=_like_samples(contents.calibration, samples, f"the calibration scan in {name}"),
        notes=contents.notes,
    )


def check_samples(samples: Tensor, *, name: str) -> None:
    """Refuse samples that nothing can be reconstructed from.

    Raises
    ------
    KSpaceError
        If the shape is not (slice, coil, ky, kx) of at least (1, 1, 2, 2), or if samples are NaN, infinite, or all zero
        in a slice.
    """
    if samples.ndim != 4 or min(samples.shape, default=0) < 1 or min(samples.shape[-2:]) < 2:
        raise KSpaceError(
            f"{name} has the shape {tuple(samples.shape)}: no (slice, coil, ky, kx) of at least 2 x 2 samples",
            hint="check the file, and the order of its axes",
        )
    if max(samples.shape) > _LARGEST_SIZE:
        raise KSpaceError(f"{name} has an axis of {max(samples.shape)}", hint="check the order of the axes")
    empty = []
    for number, part in enumerate(samples):
        # The extremes tell all of it without a copy: NaN and infinity show in one of them.
        lowest, highest = torch.aminmax(torch.view_as_real(part))
        if not (np.isfinite(lowest.item()) and np.isfinite(highest.item())):
            raise KSpaceError(
                f"slice {number} of {name} holds samples that are NaN or infinite",
                hint="leave that slice out, or export the raw data again",
            )
        if lowest.item() == highest.item() == 0:
            empty.append(number)
    _refuse_empty(empty, samples.shape[0], name)


def to_samples(array: NDArray[np.generic]) -> Tensor:
    """A tensor of complex64 in one block, without a copy if the array is that already."""
    with np.errstate(over="ignore"):  # too large for single precision becomes infinite, and is refused then
        return torch.from_numpy(np.require(array, dtype=np.complex64, requirements=["C", "W"]))


def _check_left(samples: Tensor, name: str) -> None:
    empty = [number for number, part in enumerate(samples) if not bool((part != 0).any())]
    _refuse_empty(empty, samples.shape[0], f"what the mask leaves of {name}")


def _refuse_empty(empty: list[int], count: int, name: str) -> None:
    if empty and len(empty) == count:
        raise KSpaceError(f"{name} holds only zeros", hint="check that the export of the raw data was complete")
    if empty:
        which = ", ".join(map(str, empty[:8])) + (" …" if len(empty) > 8 else "")
        raise KSpaceError(
            f"{name} holds only zeros in slice {which} of 0 to {count - 1}",
            hint="choose the other slices, or export the raw data again",
        )


def _fitting_crop(crop: tuple[int, int] | None, full: tuple[int, int]) -> tuple[int, int]:
    if crop is None:
        return full
    height, width = (min(max(kept, 1), size) for kept, size in zip(crop, full, strict=True))
    return height, width


def _like_samples(tensor: Tensor | None, samples: Tensor, what: str) -> Tensor | None:
    if tensor is None:
        return None
    if tensor.shape != samples.shape:
        raise KSpaceError(
            f"{what} have the shape {tuple(tensor.shape)}, the samples {tuple(samples.shape)}",
            hint="check that they belong to each other",
        )
    for part in tensor:
        lowest, highest = torch.aminmax(torch.view_as_real(part))
        if not (np.isfinite(lowest.item()) and np.isfinite(highest.item())):
            raise KSpaceError(f"{what} hold numbers that are NaN or infinite", hint="leave them out")
    return tensor
