"""Results as nodes: their names, display, place in the study, and how they came to be."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
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
DISCLAIMER = "For research, not for diagnosis."
_DIVERGING = "DivergingBlueRed"
"""Slicer's colour table from blue through white to red; it comes with the application, not with slicer-core."""

_COLUMNS = {"psnr_db": ("PSNR (dB)", "dB"), "ssim": ("SSIM", ""), "nmae": ("NMAE", "")}
"""Title and unit of each column of figures."""


def result_name(input_name: str, report: Mapping[str, Any]) -> str:
    """Name a result after its input, scale and method: ``T2 SR×2 (ICONet)``."""
    scale = report.get("scale")
    return f"{input_name} SR{f'×{scale}' if scale else ''} ({report['model']['title']})"


def add_volume(
    image: Mapping[str, Any],
    image_data: vtk.vtkImageData,
    *,
    name: str,
    source: slicer.vtkMRMLScalarVolumeNode,
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
        The volume that it was made from.
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
        node.SetVoxelValueQuantity(_copy(source.GetVoxelValueQuantity()))
        node.SetVoxelValueUnits(_copy(source.GetVoxelValueUnits()))
        node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
        renew.place_beside(node, source)
    return node


def difference_volume(
    image: Mapping[str, Any],
    image_data: vtk.vtkImageData,
    *,
    name: str,
    source: slicer.vtkMRMLScalarVolumeNode,
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
    source: slicer.vtkMRMLNode,
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
        The input; its name is the only one that is written down.
    parameters
        What the user chose. Of a path, only the file's name is kept: folders may be named after people.
    """
    model = report["model"]
    values = {
        "model": model["name"],
        "version": model["version"],
        "sha256": model["sha256"],
        "input": source.GetName(),
        "parameters": _json({key: _without_folder(value) for key, value in parameters.items()}),
        "report": _json(report),
        "disclaimer": report.get("disclaimer", DISCLAIMER),
    }
    with slicer.util.NodeModify(node):
        for key, value in values.items():
            node.SetAttribute(PREFIX + key, str(value))
        node.SetNodeReferenceID(INPUT, source.GetID())


def warnings(node: slicer.vtkMRMLNode) -> list[str]:
    """What the report on a result warns of; nothing for a node that is no result."""
    report = node.GetAttribute(f"{PREFIX}report")
    return [str(warning) for warning in json.loads(report)["warnings"]] if report else []


def metrics_table(
    rows: Iterable[Mapping[str, Any]],
    *,
    name: str,
    evaluation: Mapping[str, Any],
    source: slicer.vtkMRMLNode,
) -> slicer.vtkMRMLTableNode:
    """Put a table of figures into the scene.

    Parameters
    ----------
    rows
        One mapping a method: ``method``, ``psnr_db``, ``ssim``, ``nmae``. A figure may be None, for none, or the word
        ``"Infinity"``, since JSON has no such number.
    name
        The table's name, made unique in the scene.
    evaluation
        The rules that the figures follow. They become the columns' descriptions; and an attribute keeps them with the
        rows, because a table's own file rounds to six digits.
    source
        Beside which volume the table is put in the subject hierarchy.
    """
    rows = list(rows)
    definitions = evaluation.get("definitions", {})
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name))
    with slicer.util.NodeModify(table):
        _add_column(table, vtk.vtkStringArray(), "Method", [str(row["method"]) for row in rows])
        for key, (title, unit) in _COLUMNS.items():
            _add_column(table, vtk.vtkDoubleArray(), title, [_number(row.get(key)) for row in rows])
            table.SetColumnUnitLabel(title, unit)
            table.SetColumnDescription(title, _one_line(str(definitions.get(key, ""))))
        table.SetLocked(True)
        table.SetAttribute(f"{PREFIX}evaluation", _json({**evaluation, "rows": rows}))
        table.SetAttribute(f"{PREFIX}disclaimer", DISCLAIMER)
    renew.place_beside(table, source)
    return table


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


def _add_column(table: slicer.vtkMRMLTableNode, column: Any, title: str, values: Iterable[Any]) -> None:
    column.SetName(title)
    for value in values:
        column.InsertNextValue(value)
    table.AddColumn(column)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)  # float reads "Infinity" too


def _one_line(text: str) -> str:
    """Text that a table's schema file, tab-separated and unquoted, can hold."""
    return " ".join(text.replace('"', "'").split())


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _without_folder(value: Any) -> Any:
    return os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else value
