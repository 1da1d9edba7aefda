"""Figures to look through before a training: each visit in three planes, and everybody on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.datasets.cache import axial
from mrienhance.datasets.manifest import Dataset, Image
from mrienhance.datasets.scan import visit_name
from mrienhance.evaluation.canvas import PANEL, Canvas, wrapped
from mrienhance.images import Grid, atomic_path, display_window, to_tensor

OVERVIEW = "qc/overview.png"
_DPI = 80
"""Enough to see what is wrong, and small enough for hundreds of people."""
_MOST, _COLUMNS = 48, 8
_RIM = "#ff5a36"
_EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}
_PLANES = tuple(_EDGES)
_TALLEST, _LOWEST = 1.6, 0.3
"""Limits of a panel's height over its width."""


def visit_figure(
    images: Mapping[str, sitk.Image],
    labels: Mapping[str, sitk.Image],
    path: Path,
    *,
    heading: str,
    notes: Sequence[str] = (),
) -> None:
    """Draw three planes of each contrast through the same place, label maps as outlines.

    Parameters
    ----------
    images
        Contrast to volume; those on the grid of the first are cut where it is, others in their own middle.
    labels
        Name to label map; drawn on the images whose grid they are on.
    path
        A PNG file; its folder is made.
    heading, notes
        Written above and below.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    volumes = {name: _upright(image) for name, image in images.items()}
    outlines = [_upright(label) for label in labels.values()]
    centre = _centre([volume for volume, _ in outlines] or [next(iter(volumes.values()))[0]])
    first = next(iter(volumes.values()))[1]
    heights = [_height(_plane(*next(iter(volumes.values())), centre, plane)) for plane in _PLANES]
    canvas = Canvas(len(volumes), heights, theme="dark", heading=heading, footnote="\n".join(notes), with_bar=False)
    for column, (name, (volume, grid)) in enumerate(volumes.items()):
        canvas.title(column, name, _size(grid))
        place = centre if grid.matches(first) else _centre([volume])
        window = display_window(volume.numpy())
        for row, plane in enumerate(_PLANES):
            axes = canvas.cell(row, column)
            picture, aspect = _plane(volume, grid, place, plane)
            canvas.grey(axes, picture, window, aspect)
            if column == 0:
                canvas.letters(axes, _EDGES[plane])
            for label, where in outlines:
                if where.matches(grid):
                    _outline(axes, _plane(label, where, place, plane)[0])
    _write(canvas, path)


def overview(dataset: Dataset) -> Path | None:
    """Draw the middle of the first image of everybody, or of people evenly chosen where there are many.

    Returns
    -------
    Path or None
        The figure; None if the data set has no images.
    """
    shown = [(subject, visit.visit, image) for subject, visit in dataset.visits() for image in visit.images[:1]]
    if not shown:
        return None
    chosen = [shown[index] for index in np.linspace(0, len(shown) - 1, min(len(shown), _MOST)).round().astype(int)]
    columns = min(len(chosen), _COLUMNS)
    rows = -(-len(chosen) // columns)
    parts = ", ".join(f"{len(dataset.split(part))} {part}" for part in ("train", "validation", "test"))
    canvas = Canvas(
        columns,
        [PANEL] * rows,
        theme="dark",
        heading=f"{dataset.layout}: {len(dataset.subjects)} people",
        footnote=f"{parts}; {len(chosen)} of {len(shown)} visits shown",
        with_bar=False,
    )
    for number, (subject, visit, image) in enumerate(chosen):
        axes = canvas.cell(*divmod(number, columns))
        picture, aspect = _middle(image, dataset.folder)
        title = wrapped(visit_name(subject.subject, visit), PANEL)
        canvas.grey(axes, picture, display_window(picture.numpy()), aspect)
        axes.text(
            0.02, 0.98, f"{title}\n{image.name}, {subject.split}", transform=axes.transAxes, color="#f4f4f4",
            size=8, va="top", parse_math=False, bbox={"facecolor": "#0f1113", "alpha": 0.6, "pad": 1, "linewidth": 0},
        )  # fmt: skip
    path = dataset.folder / OVERVIEW
    _write(canvas, path)
    return path


def _upright(image: sitk.Image) -> tuple[Tensor, Grid]:
    """Axial slices, from foot to head, rows from front to back, columns from the person's right to the left."""
    oriented = sitk.DICOMOrient(image, "LPS")
    return to_tensor(oriented), Grid.of(oriented)


def _centre(volumes: Sequence[Tensor]) -> tuple[int, int, int]:
    """Where most of the object is along each axis; of label maps, where most is labelled, if anything is."""
    weight = torch.stack([volume.clamp_min(0) for volume in volumes]).sum(0) if len(volumes) > 1 else volumes[0]
    if not bool((weight > 0).any()):
        k, j, i = weight.shape
        return k // 2, j // 2, i // 2
    if float(weight.max()) == 1.0 and bool((weight[weight > 0] == 1).all()):  # labels: the fullest planes
        k, j, i = (int(weight.sum(axes).argmax()) for axes in ((1, 2), (0, 2), (0, 1)))
        return k, j, i
    total = weight.double().clamp_min(0)
    k, j, i = (
        int((total.sum(axes) * torch.arange(size)).sum() / total.sum())
        for size, axes in zip(weight.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
    )
    return k, j, i


def _plane(volume: Tensor, grid: Grid, place: Sequence[int], plane: str) -> tuple[Tensor, float]:
    """One plane with its top at the top, and the height of its pixels over their width."""
    x, y, z = grid.spacing
    if plane == "axial":
        return volume[place[0]], y / x
    if plane == "coronal":
        return volume[:, place[1]].flip(0), z / x
    return volume[:, :, place[2]].flip(0), z / y


def _height(view: tuple[Tensor, float]) -> float:
    picture, aspect = view
    rows, columns = picture.shape
    return PANEL * min(max(rows * aspect / columns, _LOWEST), _TALLEST)


def _middle(image: Image, folder: Path) -> tuple[Tensor, float]:
    """The middle axial slice of a cached image, as `_plane` gives it."""
    values, grid = axial(image.volume.open(folder), image.volume.grid)
    return values[len(values) // 2].float().flip(0), grid.spacing[1] / grid.spacing[0]


def _outline(axes: Any, label: Tensor) -> None:
    if bool((label > 0).any()) and min(label.shape) >= 2:
        axes.contour(label.numpy(), levels=[0.5], colors=[_RIM], linewidths=0.8)


def _size(grid: Grid) -> str:
    size, spacing = " x ".join(map(str, grid.size)), " x ".join(f"{step:.3g}" for step in grid.spacing)
    return f"{size}, {spacing} mm"


def _write(canvas: Canvas, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, overwrite=True) as temporary:
        canvas.write(temporary, dpi=_DPI)
