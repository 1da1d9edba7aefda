"""Boxes around lesions as label maps, and the lists that say which scans somebody has looked at.

fastMRI+ (Zhao R et al., Scientific Data 9, 152, 2022) has one table for knees and one for brains, a row a box, and one
list each of the scans that were read: those without a row in the table have no findings. Scans in neither are unknown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mrienhance.datasets.scan import RawScan, Scan
from mrienhance.errors import ImageError, UsageError
from mrienhance.evaluation.lesions import Box, read_boxes
from mrienhance.images import Grid

_COLUMNS = ("file", "slice", "x", "y", "width", "height")
_LARGEST = 2**26
_PLACES = ("*.csv", "Annotations/*.csv", "*/Annotations/*.csv", "../Annotations/*.csv")


class Tables:
    """Files of fastMRI+.

    Parameters
    ----------
    folder
        Where they are looked for: in it, in a folder ``Annotations`` in it or beside it.
    given
        Such files that lie elsewhere.

    Raises
    ------
    UsageError
        If one that was given is none.
    """

    def __init__(self, folder: Path, given: Sequence[Path] = ()) -> None:
        near = sorted({path.resolve() for pattern in _PLACES for path in folder.glob(pattern)})
        self._tables: list[tuple[Path, set[str]]] = []
        self._listed: set[str] = set()
        for path in (*given, *near):
            lines = _lines(path)
            if lines and set(_COLUMNS) <= set(lines[0].split(",")):
                self._tables.append((path, {line.split(",", 1)[0] for line in lines[1:]}))
            elif path.name.endswith("_file_list.csv"):
                self._listed |= set(lines)
            elif path in given:
                hint = f"a table of boxes has the columns {', '.join(_COLUMNS)}; a list of scans ends in _file_list.csv"
                raise UsageError(f"{path} is no file of fastMRI+", hint=hint)

    def boxes(self, case: str, size: Sequence[int]) -> tuple[Box, ...] | None:
        """The boxes of a scan; none if it was read without findings, None if nobody says that it was read.

        Parameters
        ----------
        case
            The name of its file without suffix.
        size
            Voxels of its image along i, j and k.

        Raises
        ------
        ImageError
            If a box does not lie in the image.
        """
        for path, cases in self._tables:
            if case in cases:
                try:
                    return read_boxes(path, size=size, case=case)
                except UsageError:  # rows on the whole study only
                    return ()
        return () if case in self._listed else None


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _LARGEST:
            return []
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def box_label(raw: RawScan, boxes: Sequence[Box], grid: Grid) -> Scan:
    """A label map ``lesions`` that is 1 inside the boxes, on the grid of the scan's image."""
    part = json.dumps({"grid": asdict(grid), "boxes": [asdict(box) for box in boxes]}, sort_keys=True)
    return Scan(
        subject=raw.subject,
        visit=raw.visit,
        contrast="lesions",
        path=raw.path,
        read=_drawn,
        part=part,
        facts=raw.facts,
    )


def _drawn(path: Path, part: str) -> sitk.Image:
    values: dict[str, Any] = json.loads(part)
    grid = Grid(**{name: tuple(value) for name, value in values["grid"].items()})
    label = np.zeros(grid.shape, np.uint8)
    for box in values["boxes"]:
        rows, columns = (slice(box[at], box[at] + box[count]) for at, count in (("row", "rows"), ("column", "columns")))
        label[box["slice"], rows, columns] = 1
    image = sitk.GetImageFromArray(label)
    grid.place(image)
    return image


def check_boxes(boxes: Sequence[Box], shape: Sequence[int], path: Path) -> None:
    """Refuse boxes that leave the volume (k, j, i).

    Raises
    ------
    ImageError
        If one does.
    """
    for box in boxes:
        spans = ((box.slice, 1), (box.row, box.rows), (box.column, box.columns))
        if any(
            start < 0 or count < 1 or start + count > size for (start, count), size in zip(spans, shape, strict=True)
        ):
            raise ImageError(f"{path} has a box outside of its image: {box}", hint="check the labels")
