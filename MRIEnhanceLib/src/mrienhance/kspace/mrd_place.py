"""Where the slices of an ISMRMRD file lie: from position, read_dir, phase_dir and slice_dir of its acquisitions.

All of them are LPS, as in DICOM. `position` is the centre of the excited slice or slab, where the gradients add no
phase, so that the Fourier transform puts it at voxel size // 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrienhance.kspace.header import Encoding
from mrienhance.kspace.placement import Placement

# Headers hold single precision.
_PERPENDICULAR = 1e-3
_SAME_PLACE_MM = 0.02


@dataclass(frozen=True)
class Stack:
    """The slices in the order in which they lie.

    Parameters
    ----------
    order
        Their numbers in the file, along slice_dir; as counted in the file where their places are unknown.
    geometry
        Of all slices, or None where the headers do not say.
    notes
        Why there is none.
    """

    order: list[int]
    geometry: Placement | None
    notes: tuple[str, ...] = ()


def place_stack(heads: NDArray[Any], encoding: Encoding, full: Sequence[int], crop: Sequence[int]) -> Stack:
    """Order the slices by their places, and place the image of all of them.

    Parameters
    ----------
    heads
        Acquisition headers of the image, a structured array.
    encoding
        Says the fields of view.
    full, crop
        Size of the k-space matrix, and of the image that is kept of it, along x, y and z; z is 1 for slices.
    """
    numbers, first = np.unique(heads["idx"]["slice"], return_index=True)
    order = [int(number) for number in numbers]
    axes = np.stack([heads[name][first] for name in ("read_dir", "phase_dir", "slice_dir")], axis=-1).astype(np.float64)
    places = heads["position"][first].astype(np.float64)
    if not np.isfinite(axes).all() or not np.isfinite(places).all() or np.abs(places).max() > 1e5:
        return _unplaced(order, "the headers hold no usable position")
    direction = axes[0]
    if np.abs(direction.T @ direction - np.eye(3)).max() > _PERPENDICULAR:
        return _unplaced(order, "the headers hold no usable directions")
    if np.abs(axes - direction).max() > _PERPENDICULAR:
        return _unplaced(order, "the slices are not parallel")
    along = (places - places[0]) @ direction
    rank = np.argsort(along[:, 2], kind="stable")
    order = [order[number] for number in rank]
    fov = encoding.encoded.fov
    thickness = fov[2] / full[2] if full[2] > 1 else encoding.recon.fov[2]
    if len(order) > 1:
        steps = np.diff(along[rank, 2])
        thickness = float(steps.mean())
        if thickness <= _SAME_PLACE_MM:
            return _unplaced(order, "all slices are said to lie in one place")
        uneven = np.abs(steps - thickness).max() > max(_SAME_PLACE_MM, 0.01 * thickness)
        if uneven or np.abs(along[:, :2]).max() > _SAME_PLACE_MM:
            return _unplaced(order, "the slices are not evenly stacked")
    if not (fov[0] and fov[1] and thickness):
        return _unplaced(order, "the header says no field of view")
    geometry = Placement.around(
        places[rank[0]].tolist(),
        index=(crop[0] // 2, crop[1] // 2, crop[2] // 2),
        size=(crop[0], crop[1], max(crop[2], len(order))),
        spacing=(fov[0] / full[0], fov[1] / full[1], thickness),
        direction=_orthonormal(direction).ravel().tolist(),
    )
    return Stack(order, geometry)


def _unplaced(order: list[int], why: str) -> Stack:
    return Stack(order, None, (f"{why}: the image has no geometry",))


def _orthonormal(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest matrix with perpendicular columns of length 1, left-handed ones included."""
    left, _, right = np.linalg.svd(direction)
    nearest: NDArray[np.float64] = left @ right
    return nearest
