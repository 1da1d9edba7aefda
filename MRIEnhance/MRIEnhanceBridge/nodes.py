"""Volume nodes as images: what may be given to the worker, and what comes back from it.

Array order is (k, j, i), as in SimpleITK's arrays and in VTK's memory, where i changes fastest.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.geometry import Geometry
from MRIEnhanceBridge.voxels import check_size

_VTK_TYPES = {
    "int8": vtk.VTK_SIGNED_CHAR,
    "uint8": vtk.VTK_UNSIGNED_CHAR,
    "int16": vtk.VTK_SHORT,
    "uint16": vtk.VTK_UNSIGNED_SHORT,
    "int32": vtk.VTK_INT,
    "uint32": vtk.VTK_UNSIGNED_INT,
    "float32": vtk.VTK_FLOAT,
    "float64": vtk.VTK_DOUBLE,
}
"""VTK's type for each pixel type that Slicer can show; not 64-bit integers, which its slice views draw wrongly."""

_KINDS = {
    vtk.VTK_CHAR: "int",  # as VTK's numpy support has it on all platforms
    vtk.VTK_SIGNED_CHAR: "int",
    vtk.VTK_UNSIGNED_CHAR: "uint",
    vtk.VTK_SHORT: "int",
    vtk.VTK_UNSIGNED_SHORT: "uint",
    vtk.VTK_INT: "int",
    vtk.VTK_UNSIGNED_INT: "uint",
    vtk.VTK_LONG: "int",
    vtk.VTK_UNSIGNED_LONG: "uint",
    vtk.VTK_LONG_LONG: "int",
    vtk.VTK_UNSIGNED_LONG_LONG: "uint",
    vtk.VTK_ID_TYPE: "int",
    vtk.VTK_FLOAT: "float",
    vtk.VTK_DOUBLE: "float",
}

# Classes that are scalar volumes by inheritance alone.
_OTHER_CLASSES = ("vtkMRMLTensorVolumeNode", "vtkMRMLDiffusionWeightedVolumeNode", "vtkMRMLMultiVolumeNode")


def check_volume(node: Any, *, what: str = "input volume") -> None:
    """Refuse what is not one scalar volume with voxels at right angles.

    Parameters
    ----------
    node
        What the user chose, or None.
    what
        What to call it if it has no name.

    Raises
    ------
    BridgeError
        If the node is None, no volume, not in the scene, without voxels, a label map, a vector, tensor or diffusion
        volume, of a pixel type that Slicer cannot show, or sheared.
    """
    if node is None:
        raise BridgeError(_("There is no {what}").format(what=what), _("choose a volume"))
    if not isinstance(node, slicer.vtkMRMLScalarVolumeNode):
        raise BridgeError(_("The {what} is not a scalar volume").format(what=what), _("choose an MRI volume"))
    name = node.GetName()
    scene = node.GetScene()
    if scene is None or not scene.IsNodePresent(node):
        raise BridgeError(
            _('The {what} "{name}" is no longer in the scene').format(what=what, name=name), _("choose another volume")
        )
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise BridgeError(_('"{name}" is a label map').format(name=name), _("choose the image that it belongs to"))
    if any(node.IsA(kind) for kind in _OTHER_CLASSES) or (image and image.GetNumberOfScalarComponents() > 1):
        raise BridgeError(
            _('"{name}" has more than one number in each voxel: colours, a vector, complex or diffusion data').format(
                name=name
            ),
            _("choose a scalar volume, or make one with the module Vector to Scalar Volume"),
        )
    if scalars is None or not math.prod(image.GetDimensions()):
        raise BridgeError(_('"{name}" has no voxels').format(name=name), _("load it again, or choose another volume"))
    _check_type(name, _pixel_type(scalars), scalars.GetDataTypeAsString())
    Geometry.of(node)


def voxel_view(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """The voxels of a volume that `check_volume` lets pass, as they are now: an array (k, j, i) in VTK's memory.

    The memory lives as long as the array. A volume that shows one frame of a sequence gets other memory with the next
    frame, so that the array goes on showing the frame that it was made of.
    """
    image = node.GetImageData()
    return _array(image.GetPointData().GetScalars(), image.GetDimensions())


def describe(node: slicer.vtkMRMLScalarVolumeNode, path: str | os.PathLike[str]) -> dict[str, Any]:
    """A volume as the worker's protocol names it, with its voxels in the file `path`.

    Raises
    ------
    BridgeError
        As for `check_volume`.
    """
    check_volume(node)
    pixel_type = _pixel_type(node.GetImageData().GetPointData().GetScalars())
    return {"voxels": os.fspath(path), "pixel_type": pixel_type, **Geometry.of(node).to_dict()}


def to_image(node: slicer.vtkMRMLScalarVolumeNode) -> sitk.Image:
    """A copy of a volume as an image, in its own frame: without its parent transform.

    Raises
    ------
    BridgeError
        As for `check_volume`.
    """
    check_volume(node)
    geometry = Geometry.of(node)
    image = sitk.GetImageFromArray(voxel_view(node))
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image


def from_image(
    image: sitk.Image, name: str, *, scene: slicer.vtkMRMLScene | None = None
) -> slicer.vtkMRMLScalarVolumeNode:
    """Put a copy of an image into the scene, as a new volume with Slicer's own choice of display.

    Parameters
    ----------
    image
        Scalar and 3-D.
    name
        The volume's name; made unique in the scene.
    scene
        Default: the application's.

    Raises
    ------
    BridgeError
        If the image is not scalar and 3-D, or of a pixel type that Slicer cannot show.
    """
    array = sitk.GetArrayViewFromImage(image)
    if image.GetDimension() != 3 or array.ndim != 3 or not array.size:
        raise BridgeError(_('"{name}" is not a scalar 3-D image').format(name=name), _("choose one volume of it"))
    geometry = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    _check_type(name, array.dtype.name, array.dtype.name)
    data, view = _allocate(geometry.size, array.dtype.name)
    view[...] = array
    scene = scene or slicer.mrmlScene
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    with slicer.util.NodeModify(node):
        geometry.place(node)
        node.SetAndObserveImageData(data)
    node.CreateDefaultDisplayNodes()
    return node


def new_image_data(image: Mapping[str, Any]) -> tuple[vtk.vtkImageData, np.ndarray]:
    """Make room for an image that the worker has written, once its file proves that there is so much.

    Parameters
    ----------
    image
        What the worker says of it: ``voxels``, ``pixel_type``, ``size`` and the rest of its geometry.

    Returns
    -------
    vtkImageData
        Of that size and type, in no node yet; its voxels are not set.
    ndarray
        Its voxels as an array (k, j, i), to be filled.

    Raises
    ------
    BridgeError
        If the description is not usable, its file has another size, or memory is short.
    """
    geometry = Geometry.from_dict(image)
    pixel_type = image.get("pixel_type")
    if not isinstance(pixel_type, str) or pixel_type not in _VTK_TYPES:
        raise BridgeError(
            _("The worker sent an image of pixel type {type}, which Slicer cannot show").format(type=pixel_type)
        )
    try:
        check_size(str(image.get("voxels")), math.prod(geometry.size) * np.dtype(pixel_type).itemsize)
    except (OSError, ValueError) as error:  # ValueError: no path at all
        raise BridgeError(_("The worker's image cannot be read: {reason}").format(reason=error)) from error
    return _allocate(geometry.size, pixel_type)


def _pixel_type(scalars: vtk.vtkDataArray) -> str:
    """Name of numpy's type, by the size that VTK's has here: a long is 4 bytes on Windows, 8 elsewhere."""
    kind = _KINDS.get(scalars.GetDataType())
    return f"{kind}{8 * scalars.GetDataTypeSize()}" if kind else ""


def _check_type(name: str, pixel_type: str, shown: str) -> None:
    if pixel_type not in _VTK_TYPES:
        raise BridgeError(
            _('"{name}" has voxels of type {type}, which cannot be used').format(name=name, type=shown),
            _("convert it, to float for instance, with the module Cast Scalar Volume"),
        )


def _array(scalars: vtk.vtkDataArray, size: tuple[int, int, int]) -> np.ndarray:
    return vtk_to_numpy(scalars).reshape(size[::-1])


def _allocate(size: tuple[int, int, int], pixel_type: str) -> tuple[vtk.vtkImageData, np.ndarray]:
    nbytes = math.prod(size) * np.dtype(pixel_type).itemsize
    data = vtk.vtkImageData()
    try:
        np.empty(nbytes, np.uint8)  # raises where VTK would end the application
        data.SetDimensions(*size)
    except (MemoryError, OverflowError) as error:
        raise BridgeError(
            _("There is not enough memory for a volume of {size:.1f} GB").format(size=nbytes / 1e9),
            _("close other volumes or programs, or crop the input volume"),
        ) from error
    data.AllocateScalars(_VTK_TYPES[pixel_type], 1)
    return data, _array(data.GetPointData().GetScalars(), size)
