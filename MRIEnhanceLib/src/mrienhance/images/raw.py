"""Voxels as bare bytes in a file: how two programs on one computer hand over an image without a format in between."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from mrienhance.errors import ImageError, OutputError
from mrienhance.images.check import check_volume
from mrienhance.images.files import refusal
from mrienhance.images.geometry import Grid
from mrienhance.images.pixel_types import PIXEL_BYTES

_CHUNK = 2**24


def read_raw(path: str | os.PathLike[str], *, grid: Grid, pixel_type: str, what: str = "image") -> sitk.Image:
    """Read the voxels of an image from a file that holds nothing else.

    Parameters
    ----------
    path
        The file: k slowest, i fastest, little-endian.
    grid
        Where the voxels are.
    pixel_type
        One of `PIXEL_BYTES`.
    what
        What to call the image in a message.

    Raises
    ------
    ImageError
        If there is no such file, or its size is not that of the voxels: nothing is allocated before that is known.
    ValueError
        If there is no such pixel type.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_raw(sitk.Image([4, 3, 2], sitk.sitkInt16), folder, name="zeros")
    ...     read_raw(path, grid=Grid((4, 3, 2)), pixel_type="int16").GetSize()
    (4, 3, 2)
    """
    if pixel_type not in PIXEL_BYTES:
        raise ValueError(f"no pixel type {pixel_type!r}; there are {', '.join(PIXEL_BYTES)}")
    kind = np.dtype(pixel_type).newbyteorder("<")
    count = math.prod(grid.size)
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            _check_size(file, count * kind.itemsize, what)
            values = np.fromfile(file, dtype=kind, count=count)
    except (OSError, ValueError) as error:  # a null character in the path is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"cannot read the voxels of the {what}: {reason.lower()}", hint="send them again") from error
    if values.size != count:
        raise ImageError(f"the file of the {what} was cut short while it was read", hint="send it again")
    image: sitk.Image = sitk.GetImageFromArray(values.astype(pixel_type, copy=False).reshape(grid.shape))
    grid.place(image)
    return image


def write_raw(
    image: sitk.Image, folder: str | os.PathLike[str], *, name: str, step: Callable[[], None] | None = None
) -> Path:
    """Write the voxels of an image, and nothing else, to a new file.

    Parameters
    ----------
    image
        A scalar volume.
    folder
        Where to.
    name
        What the file's name begins with.
    step
        Called every 16 MiB; may raise to stop.

    Returns
    -------
    Path
        The file: k slowest, i fastest, little-endian. Nothing is left behind if it cannot be completed. It is not
        flushed to the disk: it is for another program, not for keeping.

    Raises
    ------
    ImageError
        If the image is not a scalar volume.
    OutputError
        If the folder cannot be written to, or the disk is full.
    """
    check_volume(image)
    values = sitk.GetArrayViewFromImage(image)
    data = values.astype(values.dtype.newbyteorder("<"), copy=False).data.cast("B")
    place = Path(folder) / f"{name}.raw"
    path: Path | None = None
    try:
        handle, path_text = tempfile.mkstemp(prefix=f"{name}-", suffix=".raw", dir=folder)
        path = Path(path_text)
        with open(handle, "wb", buffering=0) as file:
            for start in range(0, len(data), _CHUNK):
                if step is not None:
                    step()
                _write_all(file, data[start : start + _CHUNK])
    except OSError as error:
        _remove(path)
        raise refusal(place, error) from error
    except BaseException:
        _remove(path)
        raise
    return path


def check_room(folder: str | os.PathLike[str], size: int) -> None:
    """Refuse a folder whose disk has less free space than the `size` bytes that will be written to it.

    Raises
    ------
    OutputError
        If there is no such folder, or too little space.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise refusal(Path(folder), error) from error
    if free < size:
        raise OutputError(
            f"{size / 2**20:,.0f} MiB are needed in {folder}, {free / 2**20:,.0f} are free",
            hint="free some space on that disk, or use another folder for temporary files",
        )


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe would block here for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def _check_size(file: BinaryIO, expected: int, what: str) -> None:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"the voxels of the {what} are in no file", hint="give the path of a file")
    if status.st_size != expected:
        raise ImageError(
            f"the file of the {what} has {status.st_size} bytes; its size and pixel type make {expected}",
            hint="send it again, with the size and pixel type that it has",
        )


def _write_all(file: BinaryIO, data: memoryview) -> None:
    """One call may write less than it was given."""
    while data:
        data = data[file.write(data) :]


def _remove(path: Path | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()
