"""Boxes around lesions: from masks, and from fastMRI+ files."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from mrienhance.errors import ImageError, UsageError

_COLUMNS = ("file", "slice", "x", "y", "width", "height")
_LARGEST_FILE = 2**26


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box in a slice, in voxels of the stored image.

    Parameters
    ----------
    slice
        Index k.
    row, column
        Index j and i of the first voxel inside.
    rows, columns
        Extent along j and i.
    label
        What is inside.
    """

    slice: int
    row: int
    column: int
    rows: int
    columns: int
    label: str = ""


def boxes_of_mask(mask: sitk.Image) -> tuple[Box, ...]:
    """Frame each lesion of a mask, slice by slice.

    Parameters
    ----------
    mask
        3-D (2-D is one slice); voxels that are not zero are lesions, whatever their label. Those that touch each other
        in a slice, be it at a corner, are one.

    Raises
    ------
    ImageError
        If the mask is no scalar volume, or empty.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> mask = sitk.Image([8, 6, 2], sitk.sitkUInt8)
    >>> mask[2:5, 1:3, 1] = 1
    >>> boxes_of_mask(mask)
    (Box(slice=1, row=1, column=2, rows=2, columns=3, label=''),)
    """
    if mask.GetNumberOfComponentsPerPixel() != 1 or mask.GetDimension() not in (2, 3):
        raise ImageError("a mask of lesions is a scalar volume", hint="give a label image on the reference's grid")
    volume = sitk.JoinSeries(mask) if mask.GetDimension() == 2 else mask
    lesions = volume != 0
    found: list[Box] = []
    for number in range(lesions.GetSize()[2]):
        shapes = sitk.LabelShapeStatisticsImageFilter()
        shapes.Execute(sitk.ConnectedComponent(lesions[:, :, number], True))
        for label in shapes.GetLabels():
            column, row, columns, rows = shapes.GetBoundingBox(label)
            found.append(Box(slice=number, row=row, column=column, rows=rows, columns=columns))
    if not found:
        raise ImageError("the mask holds no lesion", hint="give a mask with voxels that are not zero")
    return tuple(found)


def read_boxes(path: str | os.PathLike[str], *, size: Sequence[int], case: str | None = None) -> tuple[Box, ...]:
    """Read the boxes of one scan from a file of fastMRI+ (Zhao et al., Scientific Data 2022).

    Its boxes are drawn on the image turned upside down: box (x, y, width, height) of an image of H rows covers the rows
    from ``H - y - height`` to ``H - y`` and the columns from x to ``x + width``.

    Parameters
    ----------
    path
        CSV with the columns file, slice, x, y, width, height, and perhaps study_level and label.
    size
        Voxels of the image along i, j and k.
    case
        Which scan: a name of the column ``file``. None if there is only one.

    Returns
    -------
    tuple of Box
        Without the rows on whole studies, which have no box.

    Raises
    ------
    ImageError
        If the file cannot be read, or a box does not lie in the image.
    UsageError
        If there is no such scan.
    """
    rows = [
        row for row in _rows(Path(path)) if (row.get("study_level") or "").strip().lower() not in ("yes", "true", "1")
    ]
    cases = sorted({row["file"] for row in rows})
    if case is None and len(cases) == 1:
        case = cases[0]
    if case not in cases:
        shown = ", ".join(cases[:5]) + (" …" if len(cases) > 5 else "")
        message = f"{path} holds {len(cases)} scans" if case is None else f"{path} holds no boxes of {case!r}"
        raise UsageError(message, hint=f"choose one with --case: {shown or 'there are none'}")
    return tuple(_box(row, size, str(path)) for row in rows if row["file"] == case)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ImageError(f"{path} is too large for a file of boxes", hint="give the CSV file of fastMRI+")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImageError(f"{path} is no text", hint="give the CSV file of fastMRI+") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ImageError(f"cannot read {path}: {reason}", hint="check the path") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ImageError(f"{path} has no column {missing[0]!r}", hint=f"it should have {', '.join(_COLUMNS)}")
    return [{key: value or "" for key, value in row.items() if isinstance(key, str)} for row in reader]


def _box(row: dict[str, str], size: Sequence[int], name: str) -> Box:
    width, height, slices = size
    try:
        x, y, columns, rows, number = (int(float(row[key])) for key in ("x", "y", "width", "height", "slice"))
    except (ValueError, OverflowError):
        raise ImageError(
            f"{name} holds a box that is none: {row}", hint="x, y, width, height and slice are numbers"
        ) from None
    inside = x >= 0 and y >= 0 and x + columns <= width and y + rows <= height and 0 <= number < slices
    if not inside or rows < 1 or columns < 1:
        raise ImageError(
            f"{name} holds a box outside the image: x {x}, y {y}, {columns} x {rows}, slice {number};"
            f" the image has {width} x {height} x {slices} voxels",
            hint="give the boxes of this scan, and its image without a crop",
        )
    return Box(
        slice=number, row=height - y - rows, column=x, rows=rows, columns=columns, label=row.get("label", "").strip()
    )
