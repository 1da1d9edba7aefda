"""The global heaps of an HDF5 file, looked through before the HDF5 library does.

Texts and readouts, which may be of any length, are in such heaps. In a damaged one (a download that ends in zeros), the
library may look for the next object for ever, or take as much memory as a broken length says.

HDF5 File Format Specification 3.0, section III.E: "GCOL", version 1, three reserved bytes, size; then objects, each
with its index, reference count, four reserved bytes, and size; index 0 is free space.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import KSpaceError
from mrienhance.kspace.limits import damaged

_MAGIC = b"GCOL\x01\x00\x00\x00"
_HEAD = 16
# An element of any length, as it is stored: its length, the address of its heap, its number there.
_ELEMENT = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])


def check_elements(dataset: Any, path: Path) -> None:
    """Refuse a dataset with texts or readouts that are longer than the file, or in a damaged heap.

    Raises
    ------
    KSpaceError
        If there is one, or if the dataset is stored in a way that cannot be looked through.
    """
    kind = dataset.id.get_type()
    units = _units(kind)
    if not units:
        return
    extents, packed = list(_extents(dataset)), dataset.id.get_create_plist().get_nfilters() > 0
    # In memory, which is what the library tells, a compound type may be of another size if it holds texts.
    step = kind.get_size() if hasattr(kind, "get_member_offset") else _ELEMENT.itemsize
    if not extents or packed or (1 in units.values() and step != _ELEMENT.itemsize):
        raise KSpaceError(
            f"{dataset.name!r} in {path} is stored in a way that cannot be checked before it is read",
            hint="write the file again with h5py or the ismrmrd library, without packing",
        )
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        heaps: set[int] = set()
        for extent in extents:
            for offset, unit in units.items():
                elements = _elements(view, extent, step, offset, path)
                if elements.size and int(elements["length"].max()) * unit > len(view):
                    raise damaged(path)
                heaps.update(elements["heap"][elements["length"] > 0].tolist())
        if not all(view[heap : heap + len(_MAGIC)] == _MAGIC and _end_of_heap(view, heap) for heap in heaps):
            raise damaged(path)


def heaps_are_sound(path: Path, datasets: Iterable[Any]) -> bool:
    """Whether no heap of a file is damaged, wherever it is. Attributes do not say in which heap their text is.

    Parameters
    ----------
    path
        An HDF5 file.
    datasets
        Those whose data need not be looked through.
    """
    taken = sorted(extent for dataset in datasets for extent in _extents(dataset))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for start, stop in _gaps(taken, len(view)):
            place = view.find(_MAGIC, start, stop)
            while place >= 0:
                end = _end_of_heap(view, place)
                if not end:
                    return False
                place = view.find(_MAGIC, end, stop)
    return True


def _units(kind: Any) -> dict[int, int]:
    """Where in a type there are members of any length, and the size of one of their numbers or letters."""
    members = [(0, kind)]
    if hasattr(kind, "get_member_offset"):
        members = [(kind.get_member_offset(n), kind.get_member_type(n)) for n in range(kind.get_nmembers())]
    units = {}
    for offset, member in members:
        if hasattr(member, "is_variable_str") and member.is_variable_str():
            units[offset] = 1
        elif type(member).__name__ == "TypeVlenID":
            units[offset] = member.get_super().get_size()
    return units


def _elements(view: mmap.mmap, extent: tuple[int, int], step: int, offset: int, path: Path) -> NDArray[Any]:
    """The stored form of one member of all elements in a part of the file."""
    start, stop = extent
    count = (stop - start) // step
    if stop > len(view) or offset + _ELEMENT.itemsize > step:
        raise damaged(path)
    rows = np.frombuffer(view[start : start + count * step], dtype=np.uint8).reshape(count, step)
    return np.ascontiguousarray(rows[:, offset : offset + _ELEMENT.itemsize]).view(_ELEMENT)[:, 0]


def _end_of_heap(view: mmap.mmap, start: int) -> int:
    """Where the heap at `start` ends; 0 if its objects do not follow one another up to there."""
    end = start + _number(view, start + 8)
    place = start + _HEAD
    if not place <= end <= len(view):
        return 0
    while place + _HEAD <= end:
        length = _number(view, place + 8)
        step = length if view[place : place + 2] == b"\0\0" else _HEAD + (length + 7) // 8 * 8
        if step < _HEAD or place + step > end:
            return 0
        place += step
    return end


def _number(view: mmap.mmap, place: int) -> int:
    return int.from_bytes(view[place : place + 8], "little")


def _extents(dataset: Any) -> Iterator[tuple[int, int]]:
    """Where in the file the data of a dataset are, from and to."""
    if dataset.chunks is None:
        start = dataset.id.get_offset()
        if start is not None:
            yield start, start + dataset.id.get_storage_size()
        return
    chunks: list[Any] = []
    if hasattr(dataset.id, "chunk_iter"):
        dataset.id.chunk_iter(chunks.append)
    else:  # built with an older HDF5
        chunks.extend(map(dataset.id.get_chunk_info, range(dataset.id.get_num_chunks())))
    for chunk in chunks:
        yield chunk.byte_offset, chunk.byte_offset + chunk.size


def _gaps(taken: list[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    """What is left of a file between the parts that are taken."""
    place = 0
    for start, stop in taken:
        if start > place:
            yield place, start
        place = max(place, stop)
    if place < length:
        yield place, length
