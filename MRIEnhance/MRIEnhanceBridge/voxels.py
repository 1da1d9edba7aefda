"""Voxels through a file, in steps that are short enough for the application's main thread.

The file holds nothing but numbers: little-endian, in C order (k slowest). It lies in a private folder that its owner
removes as a whole, so it is written under its final name, and what an early end leaves behind does no harm.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Generator, Iterable
from io import FileIO
from pathlib import Path

import numpy as np
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

STEP_BYTES = 8 * 2**20
"""Bytes that are moved in one step: some milliseconds of work."""

_FULL = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)


def write_voxels(array: np.ndarray, path: str | os.PathLike[str]) -> Generator[float, None, None]:
    """Write an array to a file, at most `STEP_BYTES` from one step to the next.

    Parameters
    ----------
    array
        Integers or floating-point numbers, in any byte order and memory layout; it is never copied as a whole.
    path
        The file, which is replaced if it exists. It is closed when the generator ends or is closed.

    Yields
    ------
    float
        The fraction that is done, above 0; the last is 1.

    Raises
    ------
    BridgeError
        If the disk is full, the file cannot be written, or the array holds something else than numbers.
    """
    _check_numbers(array)
    try:
        with open(path, "wb") as file:
            for start, stop in _steps(array):
                file.write(_chunk(array, start, stop).data)
                file.flush()  # a full disk shows here, not when the file is closed
                yield (stop or 1) / max(1, array.size)
    except OSError as error:
        raise _not_written(error, path, array.nbytes) from error


def read_voxels(path: str | os.PathLike[str], array: np.ndarray) -> Generator[float, None, None]:
    """Fill an array from a file, at most `STEP_BYTES` from one step to the next.

    Parameters
    ----------
    path
        A file as `write_voxels` writes it.
    array
        Writable array of any memory layout, whose size and type are those of the file.

    Yields
    ------
    float
        The fraction that is done, above 0; the last is 1.

    Raises
    ------
    BridgeError
        If the file cannot be read, or its size is not that of the array.
    """
    _check_numbers(array)
    try:
        check_size(path, array.nbytes)
        with open(path, "rb", buffering=0) as file:
            for start, stop in _steps(array):
                _fill(array, start, stop, file)
                yield (stop or 1) / max(1, array.size)
    except OSError as error:
        raise BridgeError(
            _("The file with the voxels cannot be read: {reason}").format(reason=error.strerror or error), _again()
        ) from error


def discard(path: str | os.PathLike[str]) -> Generator[float, None, None]:
    """Remove a file, at most `STEP_BYTES` from one step to the next: to free much of it at once takes long.

    Yields
    ------
    float
        The fraction that is left.
    """
    size = left = os.path.getsize(path)
    while left > STEP_BYTES:
        left -= STEP_BYTES
        os.truncate(path, left)
        yield left / size
    os.remove(path)


def exhaust(steps: Iterable[float]) -> None:
    """Take all steps at once."""
    deque(steps, maxlen=0)


def check_size(path: str | os.PathLike[str], nbytes: int) -> None:
    """Refuse a file that is none, or not of the size it should have.

    Raises
    ------
    BridgeError
        If the path is no regular file of `nbytes` bytes.
    OSError
        If there is nothing at that path.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise BridgeError(_('"{name}" is not a file').format(name=Path(path).name), _again())
    if status.st_size != nbytes:
        raise BridgeError(
            _("The file with the voxels has {found} bytes, not the {expected} that its size and type ask for").format(
                found=status.st_size, expected=nbytes
            ),
            _again(),
        )


def _again() -> str:
    return _("run it again; if it happens again, restart Slicer")


def _check_numbers(array: np.ndarray) -> None:
    if array.dtype.kind not in "iuf":
        raise BridgeError(
            _("Voxels of type {type} cannot be handed over").format(type=array.dtype),
            _("convert them to integers or floating-point numbers"),
        )


def _steps(array: np.ndarray) -> Iterable[tuple[int, int]]:
    """First element of each step, and the one after its last; one empty step for an empty array."""
    # Elements that do not lie side by side are gathered one by one, which takes some ten times as long.
    count = max(1, STEP_BYTES // (1 if array.flags.c_contiguous else 16) // array.itemsize)
    for start in range(0, max(1, array.size), count):
        yield start, min(start + count, array.size)


def _chunk(array: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Elements in C order, contiguous and little-endian; a view where the array is so already."""
    part = array.reshape(-1)[start:stop] if array.flags.c_contiguous else array.flat[start:stop]
    return part.astype(part.dtype.newbyteorder("<"), copy=False)


def _fill(array: np.ndarray, start: int, stop: int, file: FileIO) -> None:
    """Read elements where they belong: on the way through a buffer most of the time would go into fresh memory."""
    direct = array.flags.c_contiguous and array.dtype == array.dtype.newbyteorder("<")
    part = array.reshape(-1)[start:stop] if direct else np.empty(stop - start, array.dtype.newbyteorder("<"))
    room = part.data.cast("B") if part.size else memoryview(b"")
    done = 0
    while done < len(room):
        count = file.readinto(room[done:])
        if not count:
            raise BridgeError(_("The file with the voxels ends too early"), _again())
        done += count
    if not direct:
        array.flat[start:stop] = part


def _not_written(error: OSError, path: str | os.PathLike[str], nbytes: int) -> BridgeError:
    folder = Path(path).parent
    if error.errno in _FULL:
        return BridgeError(
            _('The disk is full: {size:.1f} MB of voxels do not fit into "{folder}"').format(
                size=nbytes / 1e6, folder=folder
            ),
            _("free some space, or set another temporary folder in the application settings"),
        )
    return BridgeError(
        _('The voxels cannot be written to "{folder}": {reason}').format(folder=folder, reason=error.strerror or error),
        _("check the temporary folder in the application settings"),
    )
