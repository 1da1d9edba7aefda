"""The bytes of .npy and .npz. Arrays of numbers only: no pickle is ever read, and no header decides an allocation."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import KSpaceError
from mrienhance.kspace.limits import check_size, damaged

ZIP, NPY = b"PK\x03\x04", b"\x93NUMPY"
_CHUNK = 2**20
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(path: Path, wanted: set[str], *, main: str) -> dict[str, NDArray[Any]]:
    """Read arrays from an .npz file, or the one of an .npy file.

    Parameters
    ----------
    path
        The file.
    wanted
        Names to read, if they are there.
    main
        The name that must be there. The only array of a file is it, whatever it is called.

    Raises
    ------
    KSpaceError
        If the file is damaged, claims more than it holds, or holds Python objects.
    """
    with open(path, "rb", buffering=0) as file:
        magic = file.read(len(NPY))
        file.seek(0)
        if magic == NPY:
            return {main: _read_array(file, path.stat().st_size, path)}
        if not magic.startswith(ZIP):
            raise KSpaceError(f"{path} is no .npy or .npz file", hint="save it with numpy.save or numpy.savez")
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_archive(archive, wanted, main, path)
        except KSpaceError:
            raise
        except Exception as error:  # whatever zipfile and the unpackers below it make of damaged bytes
            raise damaged(path) from error


def _read_archive(archive: zipfile.ZipFile, wanted: set[str], main: str, path: Path) -> dict[str, NDArray[Any]]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if main not in members and len(members) == 1:
        members = {main: next(iter(members.values()))}
    if main not in members:
        found = ", ".join(sorted(members)[:8]) or "nothing"
        raise KSpaceError(f"{path} holds {found}, but no {main!r}", hint=f"save it as numpy.savez(file, {main}=…)")
    arrays = {}
    for name in sorted(wanted & set(members)):
        info = members[name]
        check_size(info.file_size, min(info.compress_size, path.stat().st_size), path)
        with archive.open(info) as stream:
            arrays[name] = _read_array(stream, info.file_size, path)
            stream.read(1)  # the end of a member: its checksum is compared here
    return arrays


def _read_array(stream: IO[bytes], size: int, path: Path) -> NDArray[Any]:
    """Read one array from a stream of `size` bytes, into the memory where it stays."""
    shape, fortran, dtype, header = _read_header(stream, path)
    if dtype.hasobject:
        raise KSpaceError(f"{path} holds Python objects, which are not read", hint="save an array of complex numbers")
    if dtype.kind not in "biufcU" or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > size - header:
        raise damaged(path)
    flat = np.empty(math.prod(shape), dtype=dtype)
    if flat.nbytes:
        _fill(stream, flat.view(np.uint8).data, path)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _read_header(stream: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers from Python 2
            version = np.lib.format.read_magic(stream)
            shape, fortran, dtype = _READERS[version](stream)
    except Exception as error:  # whatever NumPy and the parser below it make of damaged bytes
        raise damaged(path) from error
    return shape, fortran, dtype, stream.tell()


def _fill(stream: IO[bytes], memory: memoryview, path: Path) -> None:
    while memory:
        count = stream.readinto(memory[:_CHUNK])  # type: ignore[attr-defined]
        if not count:
            raise damaged(path)
        memory = memory[count:]
