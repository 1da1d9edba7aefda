"""K-space to files: NumPy's .npz, which keeps all of it, and BART's pair, which keeps the samples."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.errors import OutputError
from mrienhance.kspace.bart import COIL, DIMENSIONS, SLICE
from mrienhance.kspace.types import KSpace

KSPACE_SUFFIXES = (".npz", ".cfl")
"""What `write_kspace` writes."""


def write_kspace(kspace: KSpace, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write k-space to a file, which appears whole or not at all.

    Parameters
    ----------
    kspace
        Of any number of slices and coils.
    path
        Ends with ``.npz`` (samples, mask, maps, reference, noise, calibration, crop, contrast and geometry;
        `read_kspace` gives back the same) or ``.cfl`` (the samples, with a header .hdr beside it, for BART).
    overwrite
        Whether files that are there may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If the suffix is none of those, if the file exists, or if it cannot be written; nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> from mrienhance.data import sample_path
    >>> from mrienhance.kspace import read_kspace
    >>> kspace = read_kspace(sample_path("brain_8ch"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_kspace(kspace, Path(folder) / "brain.cfl")
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['brain.cfl', 'brain.hdr']
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in KSPACE_SUFFIXES:
        raise OutputError(
            f"cannot write {path}: its suffix names no format for k-space",
            hint=f"end the name with one of {' '.join(KSPACE_SUFFIXES)}",
        )
    if suffix == ".npz":
        arrays = _arrays(kspace)
        _write_whole({path: lambda file: np.savez(file, **arrays)}, overwrite=overwrite)  # type: ignore[arg-type]
        return path
    samples = kspace.samples.cpu().numpy()
    header = _bart_header(samples.shape)
    _write_whole(
        {
            path: lambda file: _write_all(file, np.ascontiguousarray(samples, dtype="<c8")),
            path.with_suffix(".hdr"): lambda file: file.write(header.encode("ascii")),
        },
        overwrite=overwrite,
    )
    return path


def _arrays(kspace: KSpace) -> dict[str, NDArray[Any]]:
    tensors = {
        "kspace": kspace.samples,
        "mask": kspace.mask,
        "maps": kspace.maps,
        "reference": kspace.reference,
        "noise": kspace.noise,
        "calibration": kspace.calibration,
    }
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items() if tensor is not None}
    arrays["crop"] = np.array(kspace.crop)
    if kspace.facts.contrast:
        arrays["contrast"] = np.array(kspace.facts.contrast)
    if place := kspace.geometry:
        arrays |= {
            "spacing": np.array(place.spacing),
            "origin": np.array(place.origin),
            "direction": np.array(place.direction),
            "in_patient": np.array(place.in_patient),
        }
    return arrays


def _bart_header(shape: tuple[int, ...]) -> str:
    """BART counts its dimensions from the fastest: (slice, coil, ky, kx) in C order is (kx, ky, 1, coil, …, slice)."""
    slices, coils, height, width = shape
    sizes = [1] * DIMENSIONS
    sizes[0], sizes[1], sizes[COIL], sizes[SLICE] = width, height, coils, slices
    return f"# Dimensions\n{' '.join(map(str, sizes))} \n"


def _write_all(file: IO[bytes], array: NDArray[Any]) -> None:
    file.write(array.data.cast("B"))


def _write_whole(files: dict[Path, Callable[[IO[bytes]], object]], *, overwrite: bool) -> None:
    """Write each file beside its place, flush it, and rename all of them at the end."""
    for path in files:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder", hint="add the name of a file")
        if os.path.lexists(path) and not overwrite:
            raise OutputError(
                f"cannot write {path}: it exists already",
                hint="choose another name, or allow it to be replaced (--force, overwrite=True)",
            )
    written: dict[Path, Path] = {}
    try:
        for path, write in files.items():
            written[path] = temporary = path.parent / f".mrienhance-{secrets.token_hex(6)}{path.suffix}"
            with open(temporary, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in written.items():
            os.replace(temporary, path)
    except OSError as error:
        reason = (error.strerror or str(error)).strip().lower()
        raise OutputError(f"cannot write {path}: {reason}", hint="check the folder and the disk") from error
    finally:
        for temporary in written.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
