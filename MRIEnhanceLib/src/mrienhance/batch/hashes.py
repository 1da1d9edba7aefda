"""Files by their contents: whether an input or an output is still what it was."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from mrienhance.errors import ImageError

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 16
# Where the headers of NRRD and MetaImage name the file with the voxels.
_DETACHED = re.compile(rb"^(?:ElementDataFile\s*=|data file:)[ \t]*([^\r\n]+)", re.MULTILINE)
# The other halves of pairs: BART's, and those of Analyze and NIfTI.
_HALVES = {".cfl": (".hdr",), ".hdr": (".cfl", ".img", ".img.gz", ".IMG")}


def files_of(path: Path) -> tuple[Path, ...]:
    """All files that belong to an input, so that a change in any of them is seen.

    Parameters
    ----------
    path
        A file; one of a pair, or of BART's pairs their common name; a header whose voxels lie in another file; a folder
        with a DICOM series, of which hidden files are no part.

    Returns
    -------
    tuple
        In an order that does not depend on the system; empty if there is nothing.
    """
    if path.is_dir():
        return tuple(file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith("."))
    if not path.exists():
        pair = tuple(path.with_name(path.name + suffix) for suffix in (".cfl", ".hdr"))
        return pair if all(half.is_file() for half in pair) else ()
    others = [path.with_suffix(suffix) for suffix in _HALVES.get(path.suffix.lower(), ())]
    if path.suffix.lower() in (".mhd", ".nhdr"):
        others += _detached(path)
    return (path, *(other for other in others if other.is_file()))


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def input_hash(path: Path) -> str:
    """SHA-256 of an input: of its only file's bytes, or of the names and hashes of its files.

    Raises
    ------
    ImageError
        If there is nothing.
    OSError
        If it cannot be read.
    """
    files = files_of(path)
    if not files:
        raise ImageError(f"no such file: {path}", hint="check the path")
    if files == (path,):
        return file_hash(path)
    return text_hash(f"{file.name}\0{file_hash(file)}" for file in files)


def text_hash(lines: Iterable[str]) -> str:
    """SHA-256 of some lines, as 64 hexadecimal digits."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _detached(header: Path) -> list[Path]:
    with open(header, "rb") as file:
        found = _DETACHED.search(file.read(_LONGEST_HEADER))
    return [] if found is None else [header.parent / found[1].strip().decode("utf-8", "replace")]
