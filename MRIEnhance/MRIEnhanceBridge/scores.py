"""What a classifier found in the slices of a reconstruction: a row a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import views
from MRIEnhanceBridge.tables import Column, add_table

_AXES = "RAS"


@dataclass(frozen=True)
class Score:
    """How likely something is in the image, at most.

    Parameters
    ----------
    name
        The class.
    probability
        Highest of all slices, from 0 to 1.
    slice
        The slice that has it: along k, from 0.
    """

    name: str
    probability: float
    slice: int


def rows(report: Mapping[str, Any]) -> list[Score]:
    """What a report says that a classifier found; nothing where there was none."""
    found = (report.get("reconstruction") or {}).get("scores") or ()
    return [Score(str(score["name"]), float(score["highest"]), int(score["slice"])) for score in found]


def table(report: Mapping[str, Any], *, name: str, source: Any = None, volume: Any = None) -> Any:
    """Put the scores into the scene, as a table.

    Parameters
    ----------
    report
        The library's report.
    name
        The table's name, made unique in the scene.
    source
        Beside which node the table is put in the subject hierarchy.
    volume
        The result: where its slices are becomes a column.

    Returns
    -------
    vtkMRMLTableNode or None
        None where there are no scores.
    """
    found = rows(report)
    if not found:
        return None
    highest = _("Highest probability of the class in any slice, by the network's classifier; no diagnosis")
    columns = [
        Column(_("Class"), str, [score.name for score in found]),
        Column(_("Probability"), float, [score.probability for score in found], description=highest),
        Column(_("Slice"), int, [score.slice for score in found], description=_("Where it is highest: k, from 0")),
    ]
    if volume is not None:
        places = [_slice_centre(volume, score.slice) for score in found]
        axis = int(np.argmax(np.abs(views.ijk_to_world(volume)[:3, 2])))
        columns.append(Column(f"{_AXES[axis]} (mm)", float, [place[axis] for place in places], "mm"))
    kept = [{"name": score.name, "highest": score.probability, "slice": score.slice} for score in found]
    return add_table(columns, name=name, source=source, attributes={"scores": kept})


def show(volume: Any, score: Score) -> int:
    """Go to a score's slice in the slice views that show `volume`; how many there are."""
    return views.go_to(volume, _slice_centre(volume, score.slice))


def _slice_centre(volume: slicer.vtkMRMLVolumeNode, number: int) -> np.ndarray:
    """Where the middle of a slice is in the world: RAS, in mm."""
    i, j, k = volume.GetImageData().GetDimensions()
    place: np.ndarray = views.ijk_to_world(volume) @ ((i - 1) / 2, (j - 1) / 2, min(max(number, 0), k - 1), 1.0)
    return place[:3]
