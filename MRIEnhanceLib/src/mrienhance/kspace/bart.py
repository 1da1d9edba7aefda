"""BART's pairs of files: a header (.hdr) with dimensions, and complex floats (.cfl) in column-major order.

Of its sixteen dimensions, k-space uses 0 readout, 1 and 2 phase encoding, 3 coils, 13 slices (BART, README, section 3
and src/misc/mri.h). A scan of two dimensions may lie in any two of 0, 1 and 2.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import KSpaceError
from mrienhance.kspace.axes import arrange, parse_axes
from mrienhance.kspace.build import Contents
from mrienhance.kspace.limits import check_file, damaged
from mrienhance.kspace.volume import stack_slices

DIMENSIONS = 16
COIL, SLICE = 3, 13
_NAMES = {
    **{0: "READ", 1: "PHS1", 2: "PHS2", 3: "COIL", 4: "MAPS", 5: "TE", 6: "COEFF", 7: "COEFF2", 8: "ITER"},
    **{9: "CSHIFT", 10: "TIME", 11: "TIME2", 12: "LEVEL", 13: "SLICE", 14: "AVG", 15: "BATCH"},
}
_LONGEST_HEADER = 2**20


def pair(path: Path) -> tuple[Path, Path]:
    """The header and the data of a pair, named by either of them or without a suffix.

    Raises
    ------
    KSpaceError
        If one of the two is missing, or both.
    """
    base = str(path.with_suffix("") if path.suffix.lower() in (".cfl", ".hdr") else path)
    header, data = Path(base + ".hdr"), Path(base + ".cfl")
    if not header.exists() and not data.exists():
        check_file(path)  # says that there is no such file, by the name that was given
    for here, missing in ((header, data), (data, header)):
        if here.exists() and not missing.exists():
            raise KSpaceError(f"{here} lacks its other half {missing.name}", hint="put both files into one folder")
    return header, data


def read_bart(path: Path, *, axes: str | None = None) -> Contents:
    """Read k-space from a pair of BART files.

    Raises
    ------
    KSpaceError
        If half of the pair is missing, its sizes disagree, or it has dimensions that are no single scan.
    """
    array = read_cfl(path)
    if axes is not None:
        sizes = [size for size in array.shape if size > 1]
        samples = arrange(array.reshape(sizes, order="F"), parse_axes(axes), name=str(path))
    else:
        samples = arrange(_spatial(array, path), ("kx", "ky", "kz", "coil", "slice"), name=str(path))
    return Contents(stack_slices(samples, name=str(path)), source="BART")


def read_cfl(path: Path) -> NDArray[np.complex64]:
    """Read a pair of BART files as an array with the sixteen dimensions of its header.

    Raises
    ------
    KSpaceError
        If half of the pair is missing, or its sizes disagree.
    """
    header, data = pair(path)
    length, size = check_file(header), check_file(data)
    if length > _LONGEST_HEADER:
        raise _no_header(header)
    shape = _dimensions(header)
    if math.prod(shape) * 8 != size:
        raise KSpaceError(
            f"{data} has {size} bytes, its header of {' x '.join(map(str, shape))} makes {math.prod(shape) * 8}",
            hint="copy both files again: one was cut short, or they do not belong together",
        )
    values = np.fromfile(data, dtype="<c8")
    if values.nbytes != size:
        raise damaged(data)
    return values.reshape(shape + [1] * (DIMENSIONS - len(shape)), order="F")


def _dimensions(header: Path) -> list[int]:
    """The line after "# Dimensions", without the ones at its end."""
    lines = iter(header.read_bytes().decode("ascii", "replace").splitlines())
    for line in lines:
        if line.strip() == "# Dimensions":
            words = next(lines, "").split()
            if (
                not words
                or len(words) > DIMENSIONS
                or not all(w.isascii() and w.isdigit() and len(w) < 10 for w in words)
            ):
                break
            sizes = [int(word) for word in words]
            if 0 in sizes:
                break
            while len(sizes) > 2 and sizes[-1] == 1:
                sizes.pop()
            return sizes
    raise _no_header(header)


def _spatial(array: NDArray[np.complex64], path: Path) -> NDArray[np.complex64]:
    """The dimensions kx, ky, kz, coil and slice; every other must have length 1."""
    for number, size in enumerate(array.shape):
        if size > 1 and number not in (0, 1, 2, COIL, SLICE):
            raise KSpaceError(
                f"{path} has {size} entries along dimension {number} ({_NAMES[number]})",
                hint=f"choose one of them: bart slice {number} 0 IN OUT",
            )
    space = array.reshape((*array.shape[:COIL], array.shape[COIL], array.shape[SLICE]), order="F")
    long = [size for size in array.shape[:COIL] if size > 1]
    if len(long) == 2:  # in whichever two they lie: (READ, PHS1), or (PHS1, PHS2) after a transform along the readout
        space = space.reshape((*long, 1, *space.shape[COIL:]), order="F")
    return space


def _no_header(header: Path) -> KSpaceError:
    return KSpaceError(
        f"{header} is no header of BART", hint="its second line gives the dimensions; write it with BART"
    )
