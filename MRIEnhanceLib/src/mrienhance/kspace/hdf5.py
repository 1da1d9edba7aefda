"""HDF5 files from anywhere: opened only, looked through, and read only where they keep what they promise.

An HDF5 file can point to other files (external links, virtual datasets, external storage), ask for code to be loaded
(filters), and claim any size for data that it does not hold. All of it is found before anything is read.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import DependencyError, KSpaceError
from mrienhance.kspace.heap import check_elements
from mrienhance.kspace.limits import check_size, damaged

SIGNATURE = b"\x89HDF\r\n\x1a\n"

# Those that HDF5 and h5py bring along: deflate, shuffle, Fletcher-32, szip, n-bit, scale-offset, LZF.
_BUILT_IN = {1, 2, 3, 4, 5, 6, 32000}
_UNSAFE = "it could read other files of yours: take the file from a source that you trust"


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """The file as an `h5py.File`, read only.

    Raises
    ------
    DependencyError
        If h5py is missing.
    KSpaceError
        If it is no HDF5 file, or is cut short.
    """
    try:
        import h5py
    except ImportError as error:
        raise DependencyError("reading HDF5 files needs h5py", hint="pip install 'mrienhance[kspace]'") from error
    with guarded(path):
        file = h5py.File(path, "r")
    with file:
        yield file


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what h5py raises over a damaged file into a refusal."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise damaged(path) from error


def names(group: Any, path: Path) -> list[str]:
    """The names in a group, the first hundred of them at most."""
    with guarded(path):
        return [name for name, _ in zip(group, range(100), strict=False)]


def child(group: Any, name: str, path: Path) -> Any:
    """A group or dataset by its name, or None if there is none. Never through a link to somewhere else.

    Raises
    ------
    KSpaceError
        If the name is a soft or external link.
    """
    import h5py

    with guarded(path):
        # Not `name in group` or `group.get`: both follow the link to see where it leads.
        links = group.id.links
        if not links.exists(name.encode()):
            return None
        kind = links.get_info(name.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            return group[name]
    what = "an external link" if kind == h5py.h5l.TYPE_EXTERNAL else "a soft link"
    raise KSpaceError(f"{name!r} in {path} is {what} to somewhere else", hint=_UNSAFE)


def dataset(group: Any, name: str, path: Path) -> Any:
    """A dataset by its name, or None if there is none; checked as the module says, and not yet read.

    Raises
    ------
    KSpaceError
        If its data are in other files, need a foreign filter, or are not all there.
    """
    import h5py

    found = child(group, name, path)
    if found is None:
        return None
    if not isinstance(found, h5py.Dataset):
        raise KSpaceError(f"{name!r} in {path} is no dataset", hint="export the raw data again")
    with guarded(path):
        plan, _ = found.id.get_create_plist(), found.dtype  # a type that is no type shows here
        foreign = found.is_virtual or bool(found.external)
        filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if foreign:
        what = "a virtual dataset: its samples are" if found.is_virtual else "stored"
        raise KSpaceError(f"{name!r} in {path} is {what} in other files", hint=_UNSAFE)
    with guarded(path):
        unknown = [code for code in filters if code not in _BUILT_IN or not h5py.h5z.filter_avail(code)]
        if not unknown:
            _check_promise(found, bool(filters), path)
    if unknown:
        raise KSpaceError(
            f"{name!r} in {path} is packed with the HDF5 filter {unknown[0]}, which is not built in",
            hint="write it again without it: h5repack -f GZIP=4 IN OUT",
        )
    return found


def _check_promise(found: Any, packed: bool, path: Path) -> None:
    """Refuse a dataset that claims more than the file holds: HDF5 would fill it up with zeros."""
    held, item = found.id.get_storage_size(), found.id.get_type().get_size()
    wanted = math.prod(found.shape or ()) * item
    if held > path.stat().st_size or (not packed and held < wanted):
        raise damaged(path)
    check_elements(found, path)
    # Of a packed dataset, a whole chunk has to be unpacked to read a part of it.
    check_size(max(wanted, math.prod(found.chunks or ()) * item), held, path)


def read_complex(source: Any, numbers: list[int], path: Path) -> NDArray[np.complex64]:
    """Read entries of the first axis of a complex dataset, straight into the memory of the result.

    Raises
    ------
    KSpaceError
        If it is not complex, or damaged.
    """
    if source.dtype.kind != "c":
        raise KSpaceError(
            f"the k-space in {path} holds {source.dtype} and not complex numbers",
            hint="write it as complex64 again, as h5py does",
        )
    shape = (len(numbers), *source.shape[1:])
    with guarded(path):
        result = np.empty(shape, dtype=np.complex64)
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            source.read_direct(result, source_sel=np.s_[numbers[0] : numbers[0] + len(numbers)])
        else:
            for place, number in enumerate(numbers):
                source.read_direct(result, source_sel=np.s_[number], dest_sel=np.s_[place])
    return result


def read_text(source: Any, path: Path) -> bytes | str:
    """Read a dataset of one text, as h5py gives it."""
    with guarded(path):
        value = source[()] if source.shape == () else source[(0,) * len(source.shape)]
    if not isinstance(value, bytes | str):
        raise KSpaceError(f"the header in {path} is no text", hint="export the raw data again")
    return value
