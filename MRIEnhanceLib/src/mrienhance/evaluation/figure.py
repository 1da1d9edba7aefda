"""Draw images side by side: panels with one window, a zoomed region, and error maps on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from mrienhance.errors import ImageError, OutputError, UsageError
from mrienhance.evaluation.canvas import DPI, PANEL, Canvas, Theme


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One image of a figure.

    Parameters
    ----------
    title
        Name above the image.
    image
        Tensor (row, column); row 0 is drawn at the top.
    caption
        Second line of the title, such as the figures of merit.
    """

    title: str
    image: Tensor
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Zoom:
    """The region that the second row shows enlarged, in pixels of the panels."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a figure looks; everything here is common to all its panels.

    Parameters
    ----------
    window
        Intensities drawn black and white.
    error_limit
        Error drawn brightest. Default: the largest of the maps' 99.5th percentiles.
    error_label
        What the colour bar measures, with its unit.
    zoom
        Region of the second row, framed in the first and in the error maps; None leaves that row out.
    pixel_aspect
        Height of a pixel over its width.
    edges
        Letters at the left, right, top and bottom edge of the first panel, such as ``("R", "L", "A", "P")``.
    heading, footnote
        Text above and below everything.
    theme
        ``"dark"`` or ``"light"`` background.
    dpi
        Pixels an inch; a panel is 2.7 inches wide.
    """

    window: tuple[float, float]
    error_limit: float | None = None
    error_label: str = "absolute error"
    zoom: Zoom | None = None
    pixel_aspect: float = 1.0
    edges: tuple[str, str, str, str] | None = None
    heading: str = ""
    footnote: str = ""
    theme: Theme = "dark"
    dpi: int = DPI


def side_by_side(
    panels: Sequence[Panel],
    errors: Sequence[Tensor | None],
    path: str | Path,
    *,
    style: Style,
    overwrite: bool = False,
) -> Path:
    """Write a PNG: one column a panel; rows for the images, the zoomed region and the error maps.

    Parameters
    ----------
    panels
        One or more, all of one shape.
    errors
        For each panel its error map, zero and up, of the panels' shape; None (for the reference itself) leaves the
        place empty. All None: no row of error maps.
    path
        A name that ends in ``.png``.
    style
        Window, zoomed region, labels, colours.
    overwrite
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImageError
        If panels or errors differ in shape or are not 2-D.
    UsageError
        If there are no panels, the lists differ in length, the window or the error limit is empty, the zoom lies
        outside, or there is no such theme.
    DependencyError
        If matplotlib is missing.
    OutputError
        If the name does not end in ``.png``, or the file exists or cannot be written.
    """
    from mrienhance.images.files import atomic_path

    path = Path(path)
    shape = _checked_shape(panels, errors, path)
    limit = _error_limit(errors) if style.error_limit is None else style.error_limit
    _check_numbers(shape, style, limit)
    with_errors = any(error is not None for error in errors)
    canvas = Canvas(
        len(panels),
        _heights(shape, style, with_errors=with_errors),
        theme=style.theme,
        heading=style.heading,
        footnote=style.footnote,
        with_bar=with_errors,
    )
    _draw_images(canvas, panels, style)
    _draw_errors(canvas, errors, style, limit)
    with atomic_path(path, overwrite=overwrite) as temporary:
        canvas.write(temporary, dpi=style.dpi)
    return path


def _heights(shape: tuple[int, int], style: Style, *, with_errors: bool) -> list[float]:
    """Give the height of each row in inches."""
    whole = PANEL * style.pixel_aspect * shape[0] / shape[1]
    zoomed = [PANEL * style.pixel_aspect * style.zoom.rows / style.zoom.columns] if style.zoom else []
    return [whole, *zoomed, *([whole] if with_errors else [])]


def _draw_images(canvas: Canvas, panels: Sequence[Panel], style: Style) -> None:
    zoom = style.zoom
    for column, panel in enumerate(panels):
        image = panel.image.detach().cpu()
        canvas.title(column, panel.title, panel.caption)
        axes = canvas.cell(0, column)
        canvas.grey(axes, image, style.window, style.pixel_aspect)
        if style.edges and column == 0:
            canvas.letters(axes, style.edges)
        if zoom:
            canvas.box(axes, zoom.column, zoom.row, zoom.columns, zoom.rows)
            axes = canvas.cell(1, column)
            part = image[zoom.row : zoom.row + zoom.rows, zoom.column : zoom.column + zoom.columns]
            # Pixels as they are: a smooth enlargement would hide what the methods differ in.
            canvas.grey(axes, part, style.window, style.pixel_aspect, interpolation="nearest")
            canvas.border(axes)


def _draw_errors(canvas: Canvas, errors: Sequence[Tensor | None], style: Style, limit: float) -> None:
    if all(error is None for error in errors):
        return
    row, zoom = (2 if style.zoom else 1), style.zoom
    for column, error in enumerate(errors):
        if error is None:
            if column == next(n for n, each in enumerate(errors) if each is None):  # once is enough
                canvas.note(row, column, f"{style.error_label}\n(one scale for all)")
            continue
        axes = canvas.cell(row, column)
        canvas.heat(axes, error.detach().cpu(), limit, style.pixel_aspect)
        if zoom:
            canvas.box(axes, zoom.column, zoom.row, zoom.columns, zoom.rows)
    canvas.bar(limit, style.error_label)


def _error_limit(errors: Sequence[Tensor | None]) -> float:
    """Give one scale for all; 1 where nothing differs, as a scale needs a length."""
    tops = [float(np.percentile(error.detach().cpu().numpy(), 99.5)) for error in errors if error is not None]
    return max(tops, default=1.0) or 1.0


def _checked_shape(panels: Sequence[Panel], errors: Sequence[Tensor | None], path: Path) -> tuple[int, int]:
    if path.suffix.lower() != ".png":
        raise OutputError(f"a figure is a PNG, not {path.name!r}", hint="give a name that ends in .png")
    if not panels or len(panels) != len(errors):
        raise UsageError(
            f"{len(panels)} panels and {len(errors)} error maps", hint="give one error map, or None, for each panel"
        )
    shape = panels[0].image.shape
    for tensor in [*(panel.image for panel in panels), *(error for error in errors if error is not None)]:
        if tensor.ndim != 2 or tensor.shape != shape or tensor.numel() == 0:
            raise ImageError(
                f"a panel or error map of shape {tuple(tensor.shape)} beside one of shape {tuple(shape)}",
                hint="give 2-D slices of one shape",
            )
    return shape[0], shape[1]


def _check_numbers(shape: tuple[int, int], style: Style, limit: float) -> None:
    zoom = style.zoom
    if not style.window[0] < style.window[1]:
        raise UsageError(f"the window {style.window} is empty", hint="give (black, white) with black below white")
    if not (limit > 0 and style.pixel_aspect > 0):
        raise UsageError(f"error limit {limit} and pixel aspect {style.pixel_aspect}", hint="give positive numbers")
    if zoom is None:
        return
    inside = min(zoom.row, zoom.column) >= 0 and min(zoom.rows, zoom.columns) > 0
    if not (inside and zoom.row + zoom.rows <= shape[0] and zoom.column + zoom.columns <= shape[1]):
        raise UsageError(f"{zoom} lies outside panels of {shape[0]}x{shape[1]} pixels", hint="choose a region inside")
