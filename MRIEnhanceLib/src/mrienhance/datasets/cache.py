"""Volumes as bare voxels in a file, so that a training maps them into memory instead of reading and unpacking them.

The axes are in the order in which the image was stored, so that slices along k are those that were acquired; each runs
to the left, the front or the head, so that no axis has to be mirrored when contrasts are put together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.datasets.scan import file_digest
from mrienhance.errors import UsageError
from mrienhance.images import Grid, IntensityScale, atomic_path, to_tensor

PixelType: TypeAlias = Literal["float16", "float32", "uint8"]
TYPES: dict[str, torch.dtype] = {"float16": torch.float16, "float32": torch.float32, "uint8": torch.uint8}
TISSUE = 0.05
"""Where an image is brighter than this, there is something."""
_FORWARD = {"R": "L", "L": "L", "A": "A", "P": "A", "I": "S", "S": "S"}
_AXIAL = "LAS"
_AGAIN = "prepare the data set again with the same command: only what has changed is made anew"


@dataclass(frozen=True, kw_only=True)
class CachedVolume:
    """A volume in a prepared data set.

    Attributes
    ----------
    file
        Relative to the data set's folder.
    pixel_type
        Of its voxels, little-endian, (k, j, i) with i fastest.
    grid
        Where they are.
    sha256, bytes, modified_ns
        Of the file. As long as size and time of modification are these, the bytes are taken to be these too.
    scale
        What the image was divided by: its brightest tissue is about 1. For a label map, 1.
    lowest
        Smallest value, so that those below 0 need not be looked for.
    tissue
        Name of an axis to the share of tissue in each slice along it: ``"k"`` as stored, ``"axial"`` from foot to head.
    """

    file: str
    pixel_type: PixelType
    grid: Grid
    sha256: str
    bytes: int
    modified_ns: int
    scale: float = 1.0
    lowest: float = 0.0
    tissue: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def open(self, folder: Path) -> Tensor:
        """The voxels (k, j, i), mapped into memory: they are read when they are looked at, and never written.

        Parameters
        ----------
        folder
            The data set's.

        Raises
        ------
        UsageError
            If the file is missing, or not as it was when the data set was prepared.
        """
        path = folder / self.file
        self.check(path)
        count = math.prod(self.grid.size)
        flat = torch.from_file(str(path), shared=False, size=count, dtype=TYPES[self.pixel_type])
        return flat.view(self.grid.shape)

    def check(self, path: Path, *, fully: bool = False) -> None:
        """Refuse a file that is not the one that was written; its bytes are looked at if its time differs, or `fully`.

        Raises
        ------
        UsageError
            If it is missing or another one.
        """
        try:
            status = path.stat()
        except OSError:
            raise UsageError(f"{path} is missing from the prepared data set", hint=_AGAIN) from None
        promised = math.prod(self.grid.size) * TYPES[self.pixel_type].itemsize
        if not status.st_size == self.bytes == promised:
            raise UsageError(f"{path} has {status.st_size} bytes and not {promised}", hint=_AGAIN)
        if (fully or status.st_mtime_ns != self.modified_ns) and file_digest(path) != self.sha256:
            raise UsageError(f"{path} is not as it was prepared: its hash differs", hint=_AGAIN)


def write_volume(image: sitk.Image, folder: Path, file: str, *, pixel_type: PixelType) -> CachedVolume:
    """Write a volume into the cache.

    Parameters
    ----------
    image
        3-D, scalar, finite; of label maps 0 and 1.
    folder
        The data set's.
    file
        Where in it; folders are made.
    pixel_type
        ``"uint8"`` for label maps, which keep their values; images are scaled, see `CachedVolume.scale`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    image = forward(image)
    values = to_tensor(image)
    scale = IntensityScale(1.0) if pixel_type == "uint8" else IntensityScale.of(values)
    values = scale.apply(values)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, overwrite=True) as temporary:
        stored = values.to(TYPES[pixel_type]).numpy()
        np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("<")).tofile(temporary)
    status = path.stat()
    return CachedVolume(
        file=file,
        pixel_type=pixel_type,
        grid=Grid.of(image),
        sha256=file_digest(path),
        bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        scale=scale.scale,
        lowest=float(values.min()),
        tissue={} if pixel_type == "uint8" else _tissue(values, Grid.of(image)),
    )


def forward(image: sitk.Image) -> sitk.Image:
    """The image with its axes mirrored where they run to the right, the back or the feet; their order stays."""
    oriented: sitk.Image = sitk.DICOMOrient(image, "".join(_FORWARD[letter] for letter in _letters(Grid.of(image))))
    return oriented


def axial(values: Tensor, grid: Grid) -> tuple[Tensor, Grid]:
    """A volume of the cache as axial slices in the order of LAS images: its axes permuted, nothing copied."""
    letters = _letters(grid)
    order = [letters.index(letter) for letter in _AXIAL]
    if order == [0, 1, 2]:
        return values, grid
    columns = np.reshape(grid.direction, (3, 3))[:, order]
    i, j, k = order
    turned = Grid(
        size=(grid.size[i], grid.size[j], grid.size[k]),
        spacing=(grid.spacing[i], grid.spacing[j], grid.spacing[k]),
        origin=grid.origin,
        direction=tuple(columns.flatten().tolist()),
    )
    return values.permute(2 - k, 2 - j, 2 - i), turned


def _letters(grid: Grid) -> str:
    letters: str = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(grid.direction)
    return letters


def _tissue(values: Tensor, grid: Grid) -> dict[str, tuple[float, ...]]:
    shares = {"k": _shares(values)}
    turned, _ = axial(values, grid)
    if turned is not values:
        shares["axial"] = _shares(turned)
    return shares


def _shares(values: Tensor) -> tuple[float, ...]:
    return tuple(round(float(share), 6) for share in (values > TISSUE).float().mean((1, 2)))
