"""Choose and orient what a figure shows: a plane, a slice, its upright view, a crop and a region to enlarge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import SimpleITK as sitk
import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.errors import UsageError
from mrienhance.evaluation.figure import Zoom

Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]

_NORMALS: dict[Plane, str] = {"axial": "IS", "coronal": "AP", "sagittal": "LR"}
_EDGES: dict[Plane, tuple[str, str, str, str]] = {
    "axial": ("R", "L", "A", "P"),
    "coronal": ("R", "L", "S", "I"),
    "sagittal": ("A", "P", "S", "I"),
}

_SMALLEST_ZOOM = 8
_FILLED = 0.97


@dataclass(frozen=True, kw_only=True)
class View:
    """One slice of any image on a grid, drawn upright by radiological convention (the patient's right on the left).

    Parameters
    ----------
    plane
        Anatomical plane that the slice is nearest to.
    axis
        Axis of the image, in SimpleITK order (i, j, k), that the slice cuts across.
    index
        Which slice along that axis.
    """

    plane: Plane
    axis: int
    index: int

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """What lies at the left, right, top and bottom of the drawn slice."""
        return _EDGES[self.plane]

    def slice(self, image: sitk.Image) -> Tensor:
        """Give the slice as float32 (row, column), row 0 at the top."""
        return _array(self._oriented(image), self.plane)

    def pixel_aspect(self, image: sitk.Image) -> float:
        """Height of a pixel over its width."""
        x, y, z = (float(spacing) for spacing in self._oriented(image).GetSpacing())
        return {"axial": y / x, "coronal": z / x, "sagittal": z / y}[self.plane]

    def _oriented(self, image: sitk.Image) -> sitk.Image:
        cut = [slice(None)] * 3
        cut[self.axis] = slice(self.index, self.index + 1)
        # LPS: indices grow to the patient's left, back and head.
        oriented: sitk.Image = sitk.DICOMOrient(image[tuple(cut)], "LPS")
        return oriented


def choose_view(image: sitk.Image, inside: Tensor, *, plane: Plane | None = None, index: int | None = None) -> View:
    """Choose the plane and slice to show.

    Parameters
    ----------
    image
        3-D image.
    inside
        Boolean tensor (k, j, i): where the object is.
    plane
        Default: the plane of the stored slices, across k.
    index
        Index along that plane's axis of the image. Default: the slice with the largest part of the object.

    Raises
    ------
    UsageError
        If there is no such plane or slice.
    """
    letters = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    if plane is None:
        plane = next(name for name, normal in _NORMALS.items() if letters[2] in normal)
    if plane not in _NORMALS:
        raise UsageError(f"no plane {plane!r}", hint=f"use one of {', '.join(_NORMALS)}")
    axis = next(n for n, letter in enumerate(letters) if letter in _NORMALS[plane])
    size = image.GetSize()[axis]
    if index is None:
        others = [n for n in range(3) if n != 2 - axis]
        index = int(inside.sum(dim=others).argmax())
    if not 0 <= index < size:
        raise UsageError(f"slice {index} of {size}", hint=f"choose an index from 0 to {size - 1}")
    return View(plane=plane, axis=axis, index=index)


def bounding_box(inside: Tensor, *, margin: float = 0.04) -> Zoom:
    """Give the smallest region (row, column) that holds the object, and a margin; everything if there is no object."""
    rows, columns = inside.any(dim=1).nonzero().flatten(), inside.any(dim=0).nonzero().flatten()
    if len(rows) == 0:
        return Zoom(row=0, column=0, rows=inside.shape[0], columns=inside.shape[1])
    space = round(margin * max(inside.shape)) + 1
    top, left = max(int(rows[0]) - space, 0), max(int(columns[0]) - space, 0)
    bottom, right = min(int(rows[-1]) + space + 1, inside.shape[0]), min(int(columns[-1]) + space + 1, inside.shape[1])
    return Zoom(row=top, column=left, rows=bottom - top, columns=right - left)


def choose_zoom(reference: Tensor, inside: Tensor, *, fraction: float = 0.27) -> Zoom | None:
    """Choose the region with the most detail in the reference, wholly inside the object if one is.

    The choice looks at the reference alone, never at a result, so that it cannot flatter one.

    Parameters
    ----------
    reference, inside
        Slice (row, column), and where the object is.
    fraction
        Sides of the region over those of the slice.

    Returns
    -------
    Zoom or None
        None for slices too small to enlarge a part of (a side of the region below 8 pixels).
    """
    rows, columns = (round(fraction * side) for side in reference.shape)
    if min(rows, columns) < _SMALLEST_ZOOM:
        return None
    down = functional.pad(reference.diff(dim=0), (0, 0, 0, 1))
    right = functional.pad(reference.diff(dim=1), (0, 1))
    # Differences across the object's rim are large and of no interest: only pixels well inside count.
    rim = max(3, min(rows, columns) // 8) | 1
    core = -functional.max_pool2d(-inside.double()[None, None], rim, stride=1, padding=rim // 2)
    detail = (down.square() + right.square()).double()[None, None] * core
    detail_mean = functional.avg_pool2d(detail, (rows, columns), stride=1)[0, 0]
    filled = functional.avg_pool2d(inside.double()[None, None], (rows, columns), stride=1)[0, 0]
    score = torch.where(filled >= min(_FILLED, float(filled.max())), detail_mean, -1.0)
    row, column = divmod(int(score.argmax()), score.shape[1])
    return Zoom(row=row, column=column, rows=rows, columns=columns)


def _array(oriented: sitk.Image, plane: Plane) -> Tensor:
    values = torch.from_numpy(sitk.GetArrayFromImage(sitk.Cast(oriented, sitk.sitkFloat32)))
    if plane == "axial":
        return values[0]
    # Rows of the LPS volume grow to the head; the head belongs at the top.
    return (values[:, 0, :] if plane == "coronal" else values[:, :, 0]).flip(0)
