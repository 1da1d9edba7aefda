"""fastMRI's HDF5 files: one scan a file, samples (slice, coil, H, W), of one coil (slice, H, W).

The rows (H) are the readout, twice oversampled, and the columns (W) the phase encoding. Brain and knee, with the image
of the full data (training, validation) or with a mask (test, challenge). The attributes, an identifier of the patient
among them, are not kept.

Zbontar J et al. (2018), fastMRI: an open dataset and benchmarks for accelerated MRI, arXiv:1811.08839.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.kspace.build import Contents
from mrienhance.kspace.hdf5 import dataset, guarded, read_complex, read_text
from mrienhance.kspace.header import Encoding, Header, parse_header
from mrienhance.kspace.heap import heaps_are_sound
from mrienhance.kspace.placement import Placement, Vector
from mrienhance.kspace.types import Facts, Selection, slice_numbers

_UNPLACED = "the file does not say where the patient was: the image has true voxel sizes, but no place or orientation"
# The values of the attribute `acquisition`.
_CONTRASTS = {
    "AXT1": "T1w",
    "AXT1PRE": "T1w",
    "AXT1POST": "T1c",
    "AXT2": "T2w",
    "AXFLAIR": "FLAIR",
    "CORPD_FBK": "PDw",
    "CORPDFS_FBK": "PDw",
}


def read_fastmri(file: Any, path: Path, *, slices: Selection = None) -> Contents:
    """Read an open fastMRI file.

    Raises
    ------
    KSpaceError
        If the file is damaged, unsafe, or its parts do not fit together.
    """
    source = dataset(file, "kspace", path)
    if source is None:
        raise KSpaceError(f"{path} holds no 'kspace'", hint="give a fastMRI file, or say which format it is")
    if len(source.shape) not in (3, 4) or 0 in source.shape:
        raise KSpaceError(
            f"the k-space in {path} has the shape {source.shape}",
            hint="fastMRI files hold (slice, coil, H, W), or (slice, H, W) of one coil",
        )
    count = source.shape[0]
    numbers = slice_numbers(slices, count)
    samples = torch.from_numpy(read_complex(source, numbers, path))
    if samples.ndim == 3:
        samples = samples[:, None]
    height, width = samples.shape[-2:]
    header = _header(file, path)
    contents = Contents(samples, source="fastMRI", mask=_mask(file, path), facts=_facts(file, source, header, path))
    names = ("reconstruction_esc", "reconstruction_rss")
    contents.reference = _reference(file, path, names if len(source.shape) == 3 else names[::-1], numbers, contents)
    encoding = header.encodings[0] if header else None
    if contents.reference is not None:
        contents.crop = (contents.reference.shape[1], contents.reference.shape[2])
    elif encoding:
        contents.crop = (encoding.kept(0, height), encoding.kept(1, width))
    if encoding and (full := _placement(encoding, (height, width), contents.crop or (height, width), count)):
        contents.geometry = full.slices(numbers)
        contents.notes += (_UNPLACED,)
    return contents


def _header(file: Any, path: Path) -> Header | None:
    source = dataset(file, "ismrmrd_header", path)
    return None if source is None else parse_header(read_text(source, path), path)


def _mask(file: Any, path: Path) -> Tensor | None:
    """The mask of a test file, a vector over the columns. It claims the padding at both edges too."""
    source = dataset(file, "mask", path)
    if source is None:
        return None
    if source.dtype.kind not in "biuf":
        raise KSpaceError(f"the mask in {path} holds {source.dtype}", hint="a mask is 1 where acquired, else 0")
    with guarded(path):
        return torch.from_numpy(np.asarray(source[()], dtype=np.float32))


def _reference(file: Any, path: Path, names: tuple[str, ...], numbers: list[int], contents: Contents) -> Tensor | None:
    """The image of the full data, if there is one: the first of `names`."""
    found = (dataset(file, name, path) for name in names)
    source = next((one for one in found if one is not None), None)
    if source is None:
        return None
    height, width = contents.samples.shape[-2:]
    shape = tuple(source.shape)
    fits = len(shape) == 3 and shape[0] > max(numbers) and 0 < shape[1] <= height and 0 < shape[2] <= width
    if not fits or source.dtype.kind != "f":
        contents.notes += (f"the reconstruction in the file, {shape}, does not fit its k-space and is left out",)
        return None
    with guarded(path):
        images = np.stack([source[number] for number in numbers]).astype(np.float32)
    return torch.from_numpy(images)


def _facts(file: Any, source: Any, header: Header | None, path: Path) -> Facts:
    with guarded(path):
        acquisition = file.attrs.get("acquisition") if heaps_are_sound(path, [source]) else None
    contrast = _CONTRASTS.get(acquisition) if isinstance(acquisition, str) else None
    return replace(header.facts if header else Facts(), contrast=contrast)


def _placement(encoding: Encoding, full: tuple[int, int], crop: tuple[int, int], count: int) -> Placement | None:
    """Voxels of the acquired size in a volume around the origin; None if the header does not say how large."""
    x, y, _ = encoding.encoded.fov
    thickness = encoding.recon.fov[2]
    if not (x and y and thickness):
        return None
    (height, width), (rows, columns) = full, crop
    spacing: Vector = (y / width, x / height, thickness)
    size = (columns, rows, count)
    return Placement.around(
        (0.0, 0.0, 0.0),
        index=(columns // 2, rows // 2, count // 2),
        size=size,
        spacing=spacing,
        in_patient=False,
    )
