"""Arrays without a header: which axis is what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mrienhance.errors import KSpaceError, UsageError
from mrienhance.kspace.build import to_samples

NAMES = ("slice", "coil", "kz", "ky", "kx")
_GUESSES = {2: ("ky", "kx"), 3: ("coil", "ky", "kx"), 4: ("slice", "coil", "ky", "kx")}
_HINT = "say which axis is what by axes, such as coil,ky,kx"


def parse_axes(text: str) -> tuple[str, ...]:
    """The names in a hint such as ``"coil,ky,kx"``.

    Raises
    ------
    UsageError
        If a name is unknown, comes twice, or ky or kx is missing.

    Examples
    --------
    >>> parse_axes("coil, ky, kx")
    ('coil', 'ky', 'kx')
    """
    axes = tuple(part.strip() for part in text.split(","))
    if set(axes) - set(NAMES) or len(set(axes)) < len(axes) or not {"ky", "kx"} <= set(axes):
        raise UsageError(
            f"axes {text!r} are none", hint=f"choose from {','.join(NAMES)}, each at most once, ky and kx always"
        )
    return axes


def arrange(array: NDArray[np.generic], axes: tuple[str, ...] | None, *, name: str) -> Tensor:
    """Bring an array into the order (slice, coil, ky, kx), or (slice, coil, kz, ky, kx) if it has kz.

    Parameters
    ----------
    array
        Complex, of any precision. It becomes the memory of the result where its order and type allow it.
    axes
        From `parse_axes`. None guesses: (ky, kx), (coil, ky, kx) or (slice, coil, ky, kx).
    name
        What to call the array in a message.

    Returns
    -------
    Tensor
        complex64, in one block.

    Raises
    ------
    KSpaceError
        If the hint does not fit the shape, or makes more coils than lines.
    """
    if axes is not None and len(axes) != array.ndim:
        raise KSpaceError(
            f"axes {','.join(axes)!r} name {len(axes)} axes, {name} has {array.ndim}: {array.shape}", hint=_HINT
        )
    if axes is None and array.ndim not in _GUESSES:
        raise KSpaceError(f"{name} has {array.ndim} axes: {array.shape}", hint=_HINT)
    axes = axes or _GUESSES[array.ndim]
    sizes = dict(zip(axes, array.shape, strict=True))
    if 0 in array.shape:
        raise KSpaceError(f"{name} has an axis of length 0: {array.shape}", hint="export the raw data again")
    coils, least = sizes.get("coil", 1), min(sizes["ky"], sizes["kx"])
    if coils > least:
        raise KSpaceError(
            f"axes {','.join(axes)!r} make {coils} coils of {sizes['ky']} x {sizes['kx']} samples of {name}", hint=_HINT
        )
    wanted = [axis for axis in NAMES if axis != "kz" or axis in axes]
    ordered = array.transpose([axes.index(axis) for axis in wanted if axis in axes])
    return to_samples(ordered.reshape([sizes.get(axis, 1) for axis in wanted]))
