"""Which readouts of an ISMRMRD file are wanted, and where in k-space each belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import KSpaceError, UsageError
from mrienhance.kspace.header import Encoding, Limit

COUNTERS = ("contrast", "phase", "repetition", "set")
_SELECTABLE = ("encoding", *COUNTERS)
# Flag numbers of the standard, from 1.
_NOISE, _CALIBRATION, _CALIBRATION_AND_IMAGING, _REVERSE = 19, 20, 21, 22
# Navigation, phase correction, HP feedback, dummy scan, RT feedback, surface coil correction, phase stabilisation (2).
_OTHER = (23, 24, 26, 27, 28, 29, 30, 31)
_COMPRESSED = (53, 54, 55, 56)


@dataclass(frozen=True)
class Readouts:
    """The readouts of one scan: numbers of acquisitions in the file, by their use."""

    encoding: int
    imaging: NDArray[np.intp]
    calibration: NDArray[np.intp]
    noise: NDArray[np.intp]
    contrast: int


def choose_readouts(heads: NDArray[Any], select: Mapping[str, int], path: Path) -> Readouts:
    """Sort acquisitions by their flags, and choose those of one image.

    Parameters
    ----------
    heads
        Acquisition headers, a structured array.
    select
        Which encoding, contrast, phase, repetition or set to take, where there are several.

    Raises
    ------
    KSpaceError
        If there are several and none is selected, or what is selected is not there.
    UsageError
        If `select` names something else.
    """
    if unknown := set(select) - set(_SELECTABLE):
        raise UsageError(
            f"a selection has no {', '.join(sorted(unknown))}",
            hint=f"select by {', '.join(_SELECTABLE)}, with a number",
        )
    flags = heads["flags"]
    noise = _flagged(flags, _NOISE)
    other = _flagged(flags, *_OTHER)
    if bool((_flagged(flags, *_COMPRESSED) & ~noise & ~other).any()):
        raise KSpaceError(f"the readouts in {path} are compressed", hint="convert the raw data without compression")
    only_calibration = _flagged(flags, _CALIBRATION) & ~_flagged(flags, _CALIBRATION_AND_IMAGING)
    imaging = ~noise & ~other & ~only_calibration
    calibration = only_calibration & ~noise & ~other
    chosen = {}
    for name in _SELECTABLE:
        values = heads["encoding_space_ref"] if name == "encoding" else heads["idx"][name]
        value = chosen[name] = _choose(name, np.unique(values[imaging]).tolist(), select, path)
        imaging &= values == value
        calibration &= values == value
    return Readouts(
        chosen["encoding"], imaging.nonzero()[0], calibration.nonzero()[0], noise.nonzero()[0], chosen["contrast"]
    )


@dataclass(frozen=True)
class Lines:
    """Where each of some readouts belongs.

    Parameters
    ----------
    numbers
        Acquisitions in the file.
    slices, kz, ky
        The line of k-space; slices by their number in the file.
    start, skip, length
        Its samples from `skip` on, `length` of them, lie from `start` on along kx.
    reverse
        Whether it was acquired backwards.
    """

    numbers: NDArray[np.intp]
    slices: NDArray[np.intp]
    kz: NDArray[np.intp]
    ky: NDArray[np.intp]
    start: NDArray[np.intp]
    skip: NDArray[np.intp]
    length: NDArray[np.intp]
    reverse: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> Lines:
        """Some of the lines."""
        return Lines(**{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})


def locate(
    heads: NDArray[Any], readouts: Readouts, encoding: Encoding, partitions: int, path: Path
) -> tuple[Lines, Lines]:
    """Place the readouts of the image, and those that are for calibration only, on the encoded matrix.

    Parameters
    ----------
    partitions
        Size of the matrix along kz; 1 for slices.

    Raises
    ------
    KSpaceError
        If there are more lines, or more samples in a readout, than the matrix has.
    """
    both = np.concatenate([readouts.imaging, readouts.calibration])
    idx, limits = heads["idx"], encoding.limits
    ky, kz = (idx[name].astype(np.intp) for name in ("kspace_encode_step_1", "kspace_encode_step_2"))
    ky += _first_line(encoding.encoded.matrix[1], ky[both], limits.get("kspace_encoding_step_1"), "lines", path)
    if partitions == 1:
        kz[:] = 0
    else:
        kz += _first_line(partitions, kz[both], limits.get("kspace_encoding_step_2"), "partitions", path)
    start, skip, length = _along_readout(heads, both, encoding.encoded.matrix[0], path)
    everything = Lines(
        numbers=both,
        slices=idx["slice"][both].astype(np.intp),
        kz=kz[both],
        ky=ky[both],
        start=start,
        skip=skip,
        length=length,
        reverse=_flagged(heads["flags"][both], _REVERSE),
    )
    imaging = np.arange(both.size) < readouts.imaging.size
    return everything.of(imaging), everything.of(~imaging)


def _first_line(encoded: int, counters: NDArray[np.intp], limit: Limit | None, what: str, path: Path) -> int:
    """Where in the matrix the line with counter 0 belongs.

    The header's centre decides. Lines that would stick out of the matrix are moved inside: some programs leave the
    centre at 0, or round it down.

    Raises
    ------
    KSpaceError
        If there are more lines than the matrix has.
    """
    lowest, highest = int(counters.min()), int(counters.max())
    if highest - lowest >= encoded:
        raise KSpaceError(
            f"{path} has {what} from {lowest} to {highest}, which do not fit a matrix of {encoded}",
            hint="convert the raw data again: its header does not belong to it",
        )
    center = limit.center if limit is not None and limit.center is not None else encoded // 2
    return min(max(encoded // 2 - center, -lowest), encoded - 1 - highest)


def _along_readout(
    heads: NDArray[Any], numbers: NDArray[np.intp], width: int, path: Path
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, skip and length of `Lines`: the centre of an asymmetric echo comes to the centre of the matrix."""
    chosen = heads[numbers]
    samples, center, skip, drop = (
        chosen[name].astype(np.intp) for name in ("number_of_samples", "center_sample", "discard_pre", "discard_post")
    )
    length = samples - skip - drop
    if bool((length > width).any()) or bool((length < 1).any()):
        raise KSpaceError(
            f"{path} has readouts of {int(length.min())} to {int(length.max())} samples for a matrix of {width}",
            hint="convert the raw data again: its header does not belong to it",
        )
    # Turned round, what was acquired last comes first.
    reverse = _flagged(chosen["flags"], _REVERSE)
    center = np.where(reverse, samples - 1 - center, center)
    skip = np.where(reverse, drop, skip)
    start = np.clip(width // 2 - (center - skip), 0, width - length)
    return start, skip, length


def _flagged(flags: NDArray[Any], *numbers: int) -> NDArray[np.bool_]:
    bits = np.uint64(sum(1 << (number - 1) for number in numbers))
    flagged: NDArray[np.bool_] = (flags.astype(np.uint64) & bits) != 0
    return flagged


def _choose(name: str, values: list[int], select: Mapping[str, int], path: Path) -> int:
    wanted = select.get(name)
    if not values:
        raise KSpaceError(f"{path} holds no readouts of an image", hint="it may be a noise or calibration scan")
    if wanted is None and len(values) == 1:
        return values[0]
    if wanted in values:
        return int(wanted)
    which = ", ".join(map(str, values[:12])) + (" …" if len(values) > 12 else "")
    if wanted is None:
        raise KSpaceError(
            f"{path} holds {len(values)} {name}s: {which}", hint=f"choose one: select={{{name!r}: {values[0]}}}"
        )
    raise KSpaceError(f"{path} holds no {name} {wanted}", hint=f"it holds {which}")
