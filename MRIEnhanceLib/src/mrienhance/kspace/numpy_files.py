"""NumPy's .npy and .npz: arrays without a header that says what they are. No pickle is ever read.

An .npz may hold, besides ``kspace``: ``mask``, ``maps`` (coil sensitivities), ``reference``, ``noise``,
``calibration``, and what `write_kspace` adds: ``crop``, ``contrast`` and the geometry.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mrienhance.errors import KSpaceError
from mrienhance.kspace.axes import arrange, parse_axes
from mrienhance.kspace.build import Contents, to_samples
from mrienhance.kspace.npy import read_arrays
from mrienhance.kspace.placement import Placement
from mrienhance.kspace.types import Facts
from mrienhance.kspace.volume import stack_slices

_KEYS = {"kspace", "mask", "maps", "reference", "noise", "calibration", "crop", "contrast"}
_GEOMETRY = {"spacing": 3, "origin": 3, "direction": 9, "in_patient": 1}
_CONTRASTS = {"T1w", "T2w", "PDw", "FLAIR", "T1c"}


def read_numpy(path: Path, *, axes: str | None = None) -> Contents:
    """Read k-space from an .npy or .npz file.

    Raises
    ------
    KSpaceError
        If it is damaged, holds Python objects or no complex numbers, or if the hint does not fit.
    """
    arrays = read_arrays(path, _KEYS | set(_GEOMETRY), main="kspace")
    array = arrays["kspace"]
    if array.dtype.kind != "c":
        raise KSpaceError(
            f"{path} holds {array.dtype} and not complex numbers",
            hint="save it as complex64 in the order (slice,) coil, ky, kx",
        )
    samples = arrange(array, parse_axes(axes) if axes else None, name=str(path))
    contents = Contents(stack_slices(samples, name=str(path)), source="NumPy")
    if "mask" in arrays:
        contents.mask = as_real(arrays["mask"], f"the mask in {path}")
    contents.maps = _complex(arrays, "maps", 4, path)
    contents.noise = _complex(arrays, "noise", 2, path)
    contents.calibration = _complex(arrays, "calibration", 4, path)
    if "reference" in arrays:
        contents.reference = as_real(arrays["reference"], f"the reference in {path}")
    _read_extras(arrays, contents, path)
    return contents


def read_mask(path: Path) -> Tensor:
    """Read a mask, the array ``mask`` or the only one, from an .npy or .npz file.

    Raises
    ------
    KSpaceError
        If it is damaged, or holds no numbers.
    """
    return as_real(read_arrays(path, {"mask"}, main="mask")["mask"], f"the mask in {path}")


def as_real(array: NDArray[Any], what: str) -> Tensor:
    """Numbers of any kind as float32; of complex ones the magnitude.

    Raises
    ------
    KSpaceError
        If they are no numbers.
    """
    if array.dtype.kind not in "biufc":
        raise KSpaceError(f"{what} holds {array.dtype}", hint="give numbers")
    return torch.from_numpy(np.array(np.abs(array) if array.dtype.kind == "c" else array, dtype=np.float32))


def _complex(arrays: dict[str, NDArray[Any]], name: str, axes: int, path: Path) -> Tensor | None:
    array = arrays.get(name)
    if array is None:
        return None
    if array.ndim == axes - 1 == 3:  # one slice
        array = array[None]
    if array.dtype.kind != "c" or array.ndim != axes:
        raise KSpaceError(
            f"{name!r} in {path} is {array.dtype} of shape {array.shape}", hint=f"save it as complex64 with {axes} axes"
        )
    return to_samples(array)


def _read_extras(arrays: dict[str, NDArray[Any]], contents: Contents, path: Path) -> None:
    """What `write_kspace` adds."""
    slices, _, height, width = contents.samples.shape
    if "crop" in arrays:
        rows, columns = _numbers(arrays["crop"], 2, "crop", path)
        contents.crop = (int(min(max(rows, 1), height)), int(min(max(columns, 1), width)))
    contrast = str(arrays["contrast"]) if "contrast" in arrays else ""
    contents.facts = Facts(contrast=contrast if contrast in _CONTRASTS else None)
    if not _GEOMETRY.keys() <= arrays.keys():
        return
    spacing, origin, direction, (in_patient,) = (
        _numbers(arrays[name], count, name, path) for name, count in _GEOMETRY.items()
    )
    axes = np.reshape(direction, (3, 3))
    if min(spacing) <= 0 or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise KSpaceError(f"{path} has a broken geometry: spacing {spacing}", hint="leave spacing and direction out")
    rows, columns = contents.crop or (height, width)
    x, y, z = spacing
    a, b, c = origin
    contents.geometry = Placement((columns, rows, slices), (x, y, z), (a, b, c), tuple(direction), bool(in_patient))


def _numbers(array: NDArray[Any], count: int, name: str, path: Path) -> list[float]:
    numbers = np.ravel(array)
    if array.dtype.kind not in "biuf" or numbers.size != count or not all(map(math.isfinite, numbers.tolist())):
        raise KSpaceError(f"{name!r} in {path} is not {count} number(s)", hint="leave it out, or write it again")
    return [float(number) for number in numbers]
