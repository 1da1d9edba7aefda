"""Where a volume's voxels are, between MRML (RAS) and SimpleITK (LPS).

MRML keeps the place of a voxel as IJK -> RAS: unit directions, spacing and the place of voxel (0, 0, 0), all in double
precision. SimpleITK keeps the same three in LPS, which points the other way along the first two axes. Changing the sign
of two numbers is exact, so nothing is lost either way; no image file stands between them, because Slicer turns
left-handed volumes over when it reads one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

_LPS = np.diag([-1.0, -1.0, 1.0])
_UNIT = 1e-12
"""How far a direction's length may be from 1 for it to be taken as it is."""

SHEAR_TOLERANCE = 0.1
"""How far two axes may be from a right angle, in degrees. Direction cosines in DICOM are rounded to a few decimals,
which is less; a tilted gantry is several degrees."""


@dataclass(frozen=True)
class Geometry:
    """The lattice of a volume, in SimpleITK's conventions.

    Parameters
    ----------
    size
        Voxels along i, j and k.
    spacing
        Distance between voxels along i, j and k, in mm.
    origin
        Place of the centre of voxel (0, 0, 0), in mm, LPS.
    direction
        3 x 3 matrix, row by row, whose columns are the unit directions of i, j and k.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]

    @classmethod
    def of(
        cls, node: slicer.vtkMRMLVolumeNode, *, relative_to: slicer.vtkMRMLTransformableNode | None = None
    ) -> Geometry:
        """The geometry of a volume node, without its parent transform.

        Parameters
        ----------
        node
            A volume with voxels.
        relative_to
            Another node: the volume is described in that node's local frame, so that both parent transforms count.

        Raises
        ------
        BridgeError
            If there are no voxels, the axes are not at right angles to each other, an axis has no length, or the
            transforms between the two nodes are not linear.
        """
        image = node.GetImageData()
        if image is None or 0 in image.GetDimensions():
            raise BridgeError(
                _('"{name}" has no voxels').format(name=node.GetName()), _("load it again, or choose another volume")
            )
        spacing, direction, origin = _own_axes(node)
        if relative_to is not None and relative_to.GetTransformNodeID() != node.GetTransformNodeID():
            between = _matrix_between(node, relative_to)
            axes = between[:3, :3] @ (direction * spacing)
            origin = between[:3, :3] @ origin + between[:3, 3]
            spacing, direction = _split(axes)
        _check_axes(node.GetName(), spacing, direction, origin)
        return cls(
            size=image.GetDimensions(),
            spacing=tuple(spacing.tolist()),
            origin=tuple((_LPS @ origin).tolist()),
            direction=tuple((_LPS @ direction).ravel().tolist()),
        )

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Geometry:
        """Read the geometry of an image of the worker's protocol; other keys do not matter.

        Raises
        ------
        BridgeError
            If a number is missing, of the wrong kind or not finite, or no voxel would have a volume.
        """
        try:
            i, j, k = (_whole(number) for number in _list(mapping["size"], 3))
            spacing_i, spacing_j, spacing_k = (_real(number) for number in _list(mapping["spacing"], 3))
            x, y, z = (_real(number) for number in _list(mapping["origin"], 3))
            geometry = cls(
                size=(i, j, k),
                spacing=(spacing_i, spacing_j, spacing_k),
                origin=(x, y, z),
                direction=tuple(_real(number) for number in _list(mapping["direction"], 9)),
            )
            if min(geometry.size) < 1 or min(geometry.spacing) <= 0:
                raise ValueError("size and spacing must be positive")
            if abs(np.linalg.det(np.reshape(geometry.direction, (3, 3)))) < 0.01:
                raise ValueError("the directions lie in one plane")
        except (KeyError, TypeError, ValueError) as error:
            raise BridgeError(
                _("The worker sent an image without a usable geometry: {reason}").format(reason=error)
            ) from error
        return geometry

    def to_dict(self) -> dict[str, list[int] | list[float]]:
        """The keys ``size``, ``spacing``, ``origin`` and ``direction`` of an image of the worker's protocol."""
        return {key: list(value) for key, value in asdict(self).items()}

    def ijk_to_ras(self) -> np.ndarray:
        """The 4 x 4 matrix that takes voxel indices (i, j, k) to places in RAS, in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = _LPS @ np.reshape(self.direction, (3, 3)) * self.spacing
        matrix[:3, 3] = _LPS @ self.origin
        return matrix

    def place(self, node: slicer.vtkMRMLVolumeNode) -> None:
        """Give a volume node this spacing, origin and direction; its observers see one change.

        The three are set one by one: a single matrix would be taken apart again, and rounded.
        """
        with slicer.util.NodeModify(node):
            node.SetSpacing(*self.spacing)
            node.SetOrigin(*(_LPS @ self.origin).tolist())
            node.SetIJKToRASDirections((_LPS @ np.reshape(self.direction, (3, 3))).tolist())


def _own_axes(node: slicer.vtkMRMLVolumeNode) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spacing (3), unit directions in the columns (3, 3) and origin (3) of a node, in RAS."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASDirectionMatrix(matrix)
    direction = slicer.util.arrayFromVTKMatrix(matrix)[:3, :3]
    spacing, origin = np.array(node.GetSpacing()), np.array(node.GetOrigin())
    # MRML allows negative spacing and directions of any length.
    if min(spacing) <= 0 or np.abs(np.linalg.norm(direction, axis=0) - 1).max() > _UNIT:
        spacing, direction = _split(direction * spacing)
    return spacing, direction, origin


def _split(axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the steps along i, j and k, in the columns (3, 3), apart into lengths (3) and unit directions (3, 3)."""
    spacing = np.linalg.norm(axes, axis=0)
    return spacing, axes / np.where(spacing > 0, spacing, 1.0)


def _matrix_between(node: slicer.vtkMRMLVolumeNode, other: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """The 4 x 4 matrix from one node's local frame to another's, in RAS."""
    source, target = node.GetParentTransformNode(), other.GetParentTransformNode()
    # Asked from either side, because one of the two may have no transform.
    linear = source.IsTransformToNodeLinear(target) if source else target.IsTransformToNodeLinear(source)
    if not linear:
        raise BridgeError(
            _('"{name}" and "{other}" are related by a transform that is not linear').format(
                name=node.GetName(), other=other.GetName()
            ),
            _("harden it: in the Data module, click the transform icon beside the volume, then Harden transform"),
        )
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _check_axes(name: str, spacing: np.ndarray, direction: np.ndarray, origin: np.ndarray) -> None:
    """Refuse axes that are not those of a box."""
    if not np.isfinite([*spacing, *direction.ravel(), *origin]).all() or min(spacing) <= 0:
        raise BridgeError(
            _('"{name}" has a broken geometry: an axis has no length, or a number is not finite').format(name=name),
            _("load it again, or set its spacing in the Volumes module"),
        )
    for (first, one), (second, other) in itertools.combinations(zip("ijk", direction.T, strict=True), 2):
        angle = math.degrees(math.acos(max(-1.0, min(1.0, float(one @ other)))))
        if abs(angle - 90) > SHEAR_TOLERANCE:
            raise BridgeError(
                _('"{name}" is sheared: its axes {first} and {second} meet at {angle:.1f} degrees, not 90').format(
                    name=name, first=first, second=second, angle=angle
                ),
                _("resample it onto a straight grid, with the module Crop Volume or Resample Scalar/Vector/DWI Volume"),
            )


def _list(value: Any, length: int) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or len(value) != length:
        raise ValueError(f"{value!r:.80} is not a list of {length} numbers")
    return value


def _whole(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{number!r:.80} is not a whole number")
    return number


def _real(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise ValueError(f"{number!r:.80} is not a finite number")
    return float(number)
