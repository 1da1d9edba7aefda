"""Readouts of an ISMRMRD file onto the matrix of k-space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mrienhance.errors import DependencyError
from mrienhance.kspace.hdf5 import guarded
from mrienhance.kspace.limits import check_size
from mrienhance.kspace.mrd_lines import Lines

_BLOCK_BYTES = 2**24


class Matrix:
    """K-space (slice, coil, kz, ky, kx) that fills up readout by readout; what comes twice is averaged.

    Parameters
    ----------
    order
        Numbers in the file of the slices that are wanted, in the order in which they lie.
    shape
        (coil, kz, ky, kx).
    path
        The file; it must be large enough for what is asked for.

    Raises
    ------
    KSpaceError
        If the file cannot hold so much.
    """

    def __init__(self, order: Sequence[int], shape: tuple[int, int, int, int], path: Path) -> None:
        coils, *matrix = shape
        check_size(len(order) * int(np.prod(shape, dtype=object)) * 8, path.stat().st_size, path)
        self._samples = np.zeros((len(order), *shape), dtype=np.complex64)
        self._count = np.zeros((len(order), *matrix), dtype=np.float32)
        self._place = {number: place for place, number in enumerate(order)}
        self._path, self._coils = path, coils

    def add(self, source: Any, lines: Lines) -> None:
        """Read lines from the dataset of acquisitions and put them where they belong."""
        lines = self._wanted(lines)
        for row, data in enumerate(read_readouts(source, lines.numbers, self._path)):
            if lines.reverse[row]:
                data = data[:, ::-1]
            place, kz, ky = self._place[int(lines.slices[row])], lines.kz[row], lines.ky[row]
            start, skip, length = lines.start[row], lines.skip[row], lines.length[row]
            # The number of coils of a damaged readout may differ; NaN and infinity are found later.
            with guarded(self._path), np.errstate(invalid="ignore", over="ignore"):
                self._samples[place, :, kz, ky, start : start + length] += data[:, skip : skip + length]
            self._count[place, kz, ky, start : start + length] += 1

    def missing(self, lines: Lines) -> Lines:
        """Those of the lines of which nothing is there yet."""
        lines = self._wanted(lines)
        places = np.array([self._place[int(number)] for number in lines.slices], dtype=np.intp)
        return lines.of(np.logical_not(self._count[places, lines.kz, lines.ky].any(axis=-1)))

    def _wanted(self, lines: Lines) -> Lines:
        """Those in the slices that are wanted."""
        return lines.of(np.array([int(number) in self._place for number in lines.slices], dtype=np.bool_))

    def samples(self) -> Tensor:
        """All that was added; it is the matrix itself, no copy."""
        repeated = self._count > 1
        if repeated.any():
            np.divide(self._samples, self._count[:, None], out=self._samples, where=repeated[:, None])
        return torch.from_numpy(self._samples)


def read_readouts(source: Any, numbers: NDArray[np.intp], path: Path) -> Iterator[NDArray[np.complex64]]:
    """The samples (coil, sample) of some acquisitions, in increasing order, a block of the file at a time.

    Raises
    ------
    DependencyError
        If the package ismrmrd is missing.
    KSpaceError
        If an acquisition does not hold what its header says.
    """
    try:
        from ismrmrd.file import Acquisitions
    except ImportError as error:
        raise DependencyError("reading ISMRMRD files needs ismrmrd", hint="pip install 'mrienhance[kspace]'") from error
    acquisitions = Acquisitions(source)
    # What the readouts may take on average: all of the file.
    block = max(1, _BLOCK_BYTES * source.shape[0] // max(path.stat().st_size, 1))
    done = 0
    while done < len(numbers):
        first = int(numbers[done])
        stop = int(np.searchsorted(numbers, first + block))
        last = int(numbers[stop - 1])
        with guarded(path):
            part = acquisitions[first : last + 1]
        for number in numbers[done:stop]:
            yield part[int(number) - first].data
        done = stop
