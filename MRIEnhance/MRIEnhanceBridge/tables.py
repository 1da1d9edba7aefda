"""Tables in the scene: columns with a type, a unit and a description, that nobody types over by mistake."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from MRIEnhanceBridge import renew
from MRIEnhanceBridge.figures import figures_of
from MRIEnhanceBridge.results import DISCLAIMER, PREFIX, as_json

_ARRAYS = {str: vtk.vtkStringArray, int: vtk.vtkIntArray, float: vtk.vtkDoubleArray}


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    title
        What stands above it.
    kind
        ``str``, ``int`` or ``float``.
    values
        One a row; a float may be None, for none, or the word ``"Infinity"``.
    unit, description
        What MRML keeps beside the column.
    """

    title: str
    kind: type
    values: Sequence[Any]
    unit: str = ""
    description: str = ""


def add_table(
    columns: Iterable[Column], *, name: str, source: Any = None, attributes: Mapping[str, Any]
) -> slicer.vtkMRMLTableNode:
    """Put a table into the scene.

    Parameters
    ----------
    columns
        Of equal length.
    name
        The table's name, made unique in the scene.
    source
        Beside which node the table is put in the subject hierarchy; by default outside any study.
    attributes
        What is kept with the table as JSON, since a table's own file rounds to six digits.
    """
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name))
    with slicer.util.NodeModify(table):
        for column in columns:
            array = _ARRAYS[column.kind]()
            array.SetName(column.title)
            for value in column.values:
                array.InsertNextValue(_number(value) if column.kind is float else column.kind(value))
            table.AddColumn(array)
            table.SetColumnUnitLabel(column.title, column.unit)
            table.SetColumnDescription(column.title, _one_line(column.description))
        table.SetLocked(True)
        for key, value in attributes.items():
            table.SetAttribute(PREFIX + key, as_json(value))
        table.SetAttribute(f"{PREFIX}disclaimer", DISCLAIMER)
    renew.place_beside(table, source)
    return table


def metrics_table(
    rows: Iterable[Mapping[str, Any]], *, name: str, evaluation: Mapping[str, Any], source: Any = None
) -> slicer.vtkMRMLTableNode:
    """Put a table of figures into the scene.

    Parameters
    ----------
    rows
        One mapping a method: ``method``, and figures such as ``psnr_db``, ``ssim``, ``nmae``. A figure may be None, for
        none, or the word ``"Infinity"``, since JSON has no such number.
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
    columns = [Column(_("Method"), str, [row["method"] for row in rows])]
    for figure in figures_of(rows):
        values = [row.get(figure.key) for row in rows]
        definition = str(definitions.get(figure.key, ""))
        columns.append(Column(figure.title, float, values, figure.unit, definition))
    return add_table(columns, name=name, source=source, attributes={"evaluation": {**evaluation, "rows": rows}})


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)  # float reads "Infinity" too


def _one_line(text: str) -> str:
    """Text that a table's schema file, tab-separated and unquoted, can hold."""
    return " ".join(text.replace('"', "'").split())
