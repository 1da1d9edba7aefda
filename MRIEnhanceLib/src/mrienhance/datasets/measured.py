"""Raw k-space of prepared data sets, read slice by slice from the files where it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from mrienhance.datasets.manifest import Image, Raw
from mrienhance.datasets.scan import RawScan, Scan
from mrienhance.errors import KSpaceError, UsageError
from mrienhance.images import Grid
from mrienhance.kspace import Contents, KSpace, build_kspace, hdf5, read_kspace, trim

_AGAIN = "put it back, or prepare the data set again"


@dataclass(frozen=True, eq=False)
class RawSlice:
    """A slice of a full scan, and how scans of its kind are accelerated.

    Attributes
    ----------
    kspace
        Of one slice, without oversampling along the readout.
    axis
        Along which axis lines are left out: -1, or -2.
    box
        (rows, columns) around the centre of k-space within which masks are drawn; the rest was never acquired.
    """

    kspace: KSpace
    axis: int
    box: tuple[int, int]


def shares(raw: RawScan, read: Mapping[Scan, sitk.Image], stored: Sequence[Image]) -> tuple[float, ...]:
    """The share of tissue in each slice of raw k-space, in the order of the file.

    Parameters
    ----------
    raw
        The scan.
    read
        Images of its visit as they were read: slices along k are those of the raw data.
    stored
        The same images in the cache, whose slices may run the other way.

    Returns
    -------
    tuple
        Empty where its own image is not there, or was brought to another grid.
    """
    images = [image for scan, image in read.items() if (scan.path, scan.contrast) == (raw.path, raw.contrast)]
    kept = [image.volume for image in stored if image.name == raw.contrast and image.registered is None]
    if len(images) != 1 or len(kept) != 1:
        return ()
    before, after = Grid.of(images[0]), kept[0].grid
    found = kept[0].tissue.get("k", ())
    if before.size != after.size or len(found) != raw.slices:
        return ()
    along = np.reshape(before.direction, (3, 3))[:, 2] @ np.reshape(after.direction, (3, 3))[:, 2]
    return found if along > 0 else found[::-1]


def check_raw(path: Path, raw: Raw, layout: str) -> None:
    """See that a file is there, and that its samples have the shape that they had when the data set was prepared.

    Raises
    ------
    UsageError
        If not, or if slices of this layout cannot be read.
    DependencyError
        If h5py is missing.
    """
    if layout not in _READERS:
        raise UsageError(f"slices of raw k-space are read of {' and '.join(_READERS)}, not of {layout}")
    if not path.is_file():
        raise UsageError(f"the raw data {path} are not there", hint=_AGAIN)
    try:
        with hdf5.open_hdf5(path) as file:
            source = hdf5.dataset(file, "kspace", path)
            shape = () if source is None else tuple(source.shape)
    except KSpaceError as error:
        raise UsageError(error.message, hint=_AGAIN) from None
    if shape != raw.shape:
        raise UsageError(f"{path} is not as it was prepared: its k-space is {shape}, not {raw.shape}", hint=_AGAIN)


def read_raw_slice(path: Path, raw: Raw, layout: str, number: int) -> RawSlice:
    """Read one slice; only its part of the file is.

    Parameters
    ----------
    path
        The file.
    raw
        What the manifest says of it.
    layout
        ``"fastmri"`` or ``"skm-tea"``.
    number
        Which slice, from 0.

    Raises
    ------
    UsageError
        If it cannot be read or used; the message names the file.
    """
    try:
        return _READERS[layout](path, raw, number)
    except KSpaceError as error:
        message = error.message if str(path) in error.message else f"{path}, slice {number}: {error.message}"
        raise UsageError(message, hint="name the person in data.held_out, or mend the file") from None


def _fastmri(path: Path, raw: Raw, number: int) -> RawSlice:
    """Rows are the readout, columns the phase encoding; masks are drawn over all columns, padded ones included."""
    kspace = read_kspace(path, format="fastmri", slices=number)
    (height, width), columns = kspace.crop, kspace.samples.shape[-1]
    # Of full data the columns could be cut as well, but an accelerated scan acquires lines of the whole field of view.
    kspace = replace(trim(replace(kspace, crop=(height, columns))), crop=(height, width))
    return RawSlice(kspace, -1, (height, columns))


def _skm_tea(path: Path, raw: Raw, number: int) -> RawSlice:
    """A (ky, kz) plane of one echo. Both axes were filled with zeros to twice their length: that is not accelerated."""
    echo = int(raw.contrast.removeprefix("E")) - 1 if raw.contrast[1:].isdecimal() else -1
    with hdf5.open_hdf5(path) as file:
        source, maps = (hdf5.dataset(file, name, path) for name in ("kspace", "maps"))
        if source is None or source.shape != raw.shape or source.dtype.kind != "c" or not 0 <= echo < source.shape[3]:
            raise hdf5.damaged(path)
        if maps is None or maps.shape[:4] != (*raw.shape[:3], raw.coils) or maps.dtype.kind != "c":
            raise KSpaceError(f"{path} has no coil maps that fit its k-space")
        with hdf5.guarded(path):
            samples = np.asarray(source[number, :, :, echo, :], np.complex64)
            coils = np.asarray(maps[number, :, :, :, 0], np.complex64)
    planes = (torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))[None] for values in (samples, coils))
    kspace = build_kspace(Contents(next(planes), source="SKM-TEA", maps=next(planes)), name=f"slice {number} of {path}")
    return RawSlice(kspace, -2, _acquired_box(kspace))


def _acquired_box(kspace: KSpace) -> tuple[int, int]:
    """The smallest rectangle around the centre of k-space that holds all that was acquired."""
    mask = kspace.mask if kspace.mask.ndim == 2 else kspace.mask[0]
    sides = []
    for axis in (1, 0):
        held, size = torch.nonzero(mask.any(axis)).flatten(), mask.shape[1 - axis]
        centre = size // 2
        below, above = centre - int(held[0]), int(held[-1]) - centre + 1
        # A box of n samples reaches n // 2 below the centre.
        sides.append(min(size, max(2 * below, 2 * above - 1)))
    rows, columns = sides
    return rows, columns


_READERS: Mapping[str, Callable[[Path, Raw, int], RawSlice]] = {"fastmri": _fastmri, "skm-tea": _skm_tea}
