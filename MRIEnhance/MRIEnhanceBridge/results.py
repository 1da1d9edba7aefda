"""Results as nodes: their names, display, place in the study, and how they came to be."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from MRIEnhanceBridge import renew
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.geometry import Geometry
from MRIEnhanceBridge.renew import PREFIX

INPUT = f"{PREFIX}input"
"""Node reference from a result to its input; as an attribute, the input's name."""
REFERENCE = f"{PREFIX}reference"
"""Node reference from a result to the reference that it was made with; as an attribute, the reference's name."""
DISCLAIMER = "For research, not for diagnosis."
_DIVERGING = "DivergingBlueRed"
"""Slicer's colour table from blue through white to red; it comes with the application, not with slicer-core."""


def result_name(input_name: str, report: Mapping[str, Any]) -> str:
    """Name a result after its input, scale and method: ``T2 SR×2 (ICONet)``."""
    scale = report.get("scale")
    return f"{input_name} SR{f'×{scale}' if scale else ''} ({report['model']['title']})"


def reconstruction_name(input_name: str, report: Mapping[str, Any], *, undersampled: bool = False) -> str:
    """Name a reconstruction after its raw data and method: ``scan recon R=4 (CG-SENSE)``.

    Parameters
    ----------
    input_name
        Name of the volume, or of the file without its ending.
    report
        The library's report.
    undersampled
        Whether samples of a full scan were left out: then, and for a simulated scan, the acceleration is named.
    """
    simulated = any(each.get("format") == "simulated" for each in report.get("inputs", ()))
    factor = f" R={report['reconstruction']['acceleration']:.2g}" if undersampled or simulated else ""
    return f"{input_name} recon{factor} ({report['model']['title']})"


def add_volume(
    image: Mapping[str, Any],
    image_data: vtk.vtkImageData,
    *,
    name: str,
    source: slicer.vtkMRMLScalarVolumeNode | None = None,
    node: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Put an image that came from the worker into the scene.

    It gets the parent transform of its source, its place in the subject hierarchy, and what its voxels measure (MRML's
    quantity and units); nothing that identifies a DICOM series. Observers of the node see one change.

    Parameters
    ----------
    image
        What the worker says of it; its ``window`` (lowest and highest value to show) is used as it is.
    image_data
        Its voxels, which the node takes over.
    name
        Name of a new volume, made unique in the scene.
    source
        The volume that it was made from; None if it was made from a file: it is under no transform then, and outside
        any study.
    node
        A volume to use instead of a new one. It keeps its name; everything else that it held is replaced, and it no
        longer belongs to the file that it was loaded from.

    Raises
    ------
    BridgeError
        If `node` is the source or cannot hold the result, or the description is not usable.
    """
    geometry, window = Geometry.from_dict(image), _window(image)
    if node is None:
        scene = slicer.mrmlScene
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    else:
        renew.check_output(node, source)
    with slicer.util.NodeModify(node):
        renew.forget(node)
        # Before the voxels: with the automatic window on, VTK would at once make a histogram of them all.
        renew.set_display(node, *window)
        image_data.GetPointData().GetScalars().Modified()
        node.SetAndObserveImageData(image_data)
        geometry.place(node)
        node.SetVoxelValueQuantity(_copy(source.GetVoxelValueQuantity() if source else None))
        node.SetVoxelValueUnits(_copy(source.GetVoxelValueUnits() if source else None))
        node.SetAndObserveTransformNodeID(source.GetTransformNodeID() if source else None)
        renew.place_beside(node, source)
    return node


def difference_volume(
    image: Mapping[str, Any],
    image_data: vtk.vtkImageData,
    *,
    name: str,
    source: slicer.vtkMRMLScalarVolumeNode | None = None,
    node: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """As `add_volume`, with 0 in the middle of the window, and in colours where Slicer has the table: blue, white, red.

    Raises
    ------
    BridgeError
        As for `add_volume`.
    """
    window, level = _window(image)
    highest = abs(level) + window / 2
    node = add_volume({**image, "window": [-highest, highest]}, image_data, name=name, source=source, node=node)
    for color in slicer.util.getNodesByClass("vtkMRMLColorNode"):
        if color.GetName() == _DIVERGING:
            node.GetDisplayNode().SetAndObserveColorNodeID(color.GetID())
    return node


def set_provenance(
    node: slicer.vtkMRMLNode,
    report: Mapping[str, Any],
    *,
    source: slicer.vtkMRMLNode | None = None,
    input_name: str = "",
    reference: slicer.vtkMRMLNode | None = None,
    parameters: Mapping[str, Any],
) -> None:
    """Write down how a result came to be: in attributes, which are saved with the scene.

    Parameters
    ----------
    node
        The result.
    report
        The library's report; it holds hashes of the images, no names.
    source
        The input, if it is a node; its name is written down, and that of the reference.
    input_name
        The input's name, if it is a file. Its folders are left out.
    reference
        The scan of another contrast that helped; None for none.
    parameters
        What the user chose. Of a path, only the file's name is kept: folders may be named after people.
    """
    model = report["model"]
    values = {
        "model": model["name"],
        "version": model["version"],
        "sha256": model["sha256"],
        "input": source.GetName() if source else re.split(r"[/\\]", input_name)[-1],
        "reference": reference.GetName() if reference else "",
        "parameters": as_json(_without_folder(parameters)),
        "report": as_json(report),
        "disclaimer": report.get("disclaimer", DISCLAIMER),
    }
    with slicer.util.NodeModify(node):
        for key, value in values.items():
            if value:  # no hash of what learned nothing
                node.SetAttribute(PREFIX + key, str(value))
        if source:
            node.SetNodeReferenceID(INPUT, source.GetID())
        if reference:
            node.SetNodeReferenceID(REFERENCE, reference.GetID())


def warnings(node: slicer.vtkMRMLNode) -> list[str]:
    """What the report on a result warns of; nothing for a node that is no result."""
    report = node.GetAttribute(f"{PREFIX}report")
    return [str(warning) for warning in json.loads(report)["warnings"]] if report else []


def registered(what: str, registration: Mapping[str, float]) -> str:
    """How far a scan was turned and shifted to fit the input, in words; `what` is its contrast, or what else it is."""
    return _("{contrast} was registered to the input: {angle:.1f}° and {shift:.1f} mm.").format(
        contrast=what, angle=registration["angle_deg"], shift=registration["shift_mm"]
    )


def _window(image: Mapping[str, Any]) -> tuple[float, float]:
    """Window and level of an image of the worker's protocol."""
    try:
        low, high = (float(number) for number in image["window"])
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(image["window"])
    except (KeyError, TypeError, ValueError) as error:
        raise BridgeError(_("The worker sent an image without a usable display window")) from error
    return (high - low) or 1.0, (low + high) / 2


def _copy(entry: slicer.vtkCodedEntry | None) -> slicer.vtkCodedEntry | None:
    """A coded entry of its own for another node, which would else share it."""
    if entry is None:
        return None
    copy = slicer.vtkCodedEntry()
    copy.Copy(entry)
    return copy


def as_json(value: Any) -> str:
    """A value as JSON: compact, sorted, readable; for an attribute."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _without_folder(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_folder(each) for key, each in value.items()}
    return os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else value
