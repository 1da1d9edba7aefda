"""Raw data from any file that is understood."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mrienhance.errors import KSpaceError, OutOfMemory, UsageError
from mrienhance.kspace import bart, hdf5, npy, numpy_files
from mrienhance.kspace.build import Contents, build_kspace
from mrienhance.kspace.fastmri import read_fastmri
from mrienhance.kspace.limits import check_file
from mrienhance.kspace.mrd import read_mrd
from mrienhance.kspace.types import KSpace, Selection, slice_changes, slice_numbers

FORMATS = ("fastmri", "ismrmrd", "bart", "numpy")
"""Names of the formats that `read_kspace` understands."""


def read_kspace(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    axes: str | None = None,
    slices: Selection = None,
    mask: Tensor | ArrayLike | str | os.PathLike[str] | None = None,
    select: Mapping[str, int] | None = None,
) -> KSpace:
    """Read Cartesian k-space: fastMRI HDF5, ISMRMRD, BART .cfl/.hdr, NumPy .npy/.npz.

    Parameters
    ----------
    path
        The file; of a BART pair either one, or their common name.
    format
        One of `FORMATS`; None finds out.
    axes
        For NumPy and BART files: which axis is what, of slice, coil, kz, ky and kx, in the order of the array's shape
        (of a BART header: the dimensions that are not 1, in its order). None takes "coil,ky,kx" with or without a slice
        axis before it, and BART's own dimensions.
    slices
        Which slices to take: a number, a slice or several numbers. None takes all.
    mask
        What was acquired, centred like the data: an array, or an .npy, .npz or .cfl file; (ky, kx), (slice, ky, kx) or
        one line. Samples outside it are set to 0. None finds it from the data: samples that were not acquired are 0.
    select
        For ISMRMRD files with several images: which encoding, contrast, phase, repetition or set to take.

    Returns
    -------
    KSpace
        With the image's geometry, where the file says it.

    Raises
    ------
    KSpaceError
        If there is no such file, or it is damaged, unsafe, not Cartesian, or does not fit the hints.
    DependencyError
        If h5py or ismrmrd is missing (the extra ``kspace``).
    OutOfMemory
        If the data are larger than the memory.
    UsageError
        If a hint names what does not exist.

    Examples
    --------
    >>> from mrienhance.data import sample_path
    >>> read_kspace(sample_path("brain_8ch"))
    KSpace(1 slice(s), 8 coil(s), 230 x 180, 8.04x, NumPy)
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise UsageError(f"there is no format {format!r} of k-space", hint=f"choose one of {', '.join(FORMATS)}")
    try:
        given = None if mask is None else _mask(mask)
        contents = _read(path, format, axes, slices, select)
        return build_kspace(contents, mask=given, name=str(path))
    except MemoryError as error:
        raise OutOfMemory(f"{path} does not fit into the memory", hint="choose fewer slices") from error


def _read(
    path: Path, format: str | None, axes: str | None, slices: Selection, select: Mapping[str, int] | None
) -> Contents:
    kind = _family(path, format)
    if kind == "hdf5":
        if axes:
            raise UsageError(f"{path} says itself which axis is what", hint="leave out axes")
        with hdf5.open_hdf5(path) as file:
            if format == "fastmri" or (format is None and "kspace" in hdf5.names(file, path)):
                _refuse_select(select, path)
                return read_fastmri(file, path, slices=slices)
            return read_mrd(file, path, select=select, slices=slices)
    _refuse_select(select, path)
    reader = bart.read_bart if kind == "bart" else numpy_files.read_numpy
    contents = reader(path, axes=axes)
    if slices is None:
        return contents
    return replace(contents, **slice_changes(contents, slice_numbers(slices, contents.samples.shape[0])))


def _family(path: Path, format: str | None) -> str:
    """Which readers understand a file: bart, numpy or hdf5, by its name and its first bytes."""
    if format == "bart" or (format is None and _paired(path)):
        return "bart"
    check_file(path)
    with open(path, "rb") as file:
        head = file.read(len(hdf5.SIGNATURE))
    if format == "numpy" or (format is None and head.startswith((npy.ZIP, npy.NPY))):
        return "numpy"
    if head == hdf5.SIGNATURE:
        return "hdf5"
    if format is not None:
        raise KSpaceError(f"{path} is no HDF5 file, as those of {format} are", hint="check the file and its format")
    raise KSpaceError(
        f"{path} is not k-space in a known format, or damaged",
        hint="give a fastMRI or ISMRMRD file, a BART pair (.cfl, .hdr), or .npy or .npz",
    )


def _paired(path: Path) -> bool:
    """Whether a name means a pair of BART files."""
    ends = (".cfl", ".hdr")
    return path.suffix.lower() in ends or any(Path(f"{path}{end}").exists() for end in ends)


def _refuse_select(select: Mapping[str, int] | None, path: Path) -> None:
    if select:
        raise UsageError(f"{path} holds one image: there is nothing to select", hint="select is for ISMRMRD files")


def _mask(mask: Tensor | ArrayLike | str | os.PathLike[str]) -> Tensor:
    """A mask from memory or from a file, as real numbers."""
    if isinstance(mask, Tensor):
        return (mask.abs() if mask.is_complex() else mask).detach().cpu()
    if not isinstance(mask, str | os.PathLike):
        return numpy_files.as_real(np.asarray(mask), "the mask")
    path = Path(mask)
    if _paired(path):
        return torch.from_numpy(np.abs(np.ascontiguousarray(bart.read_cfl(path).squeeze().T)))
    check_file(path)
    return numpy_files.read_mask(path)
