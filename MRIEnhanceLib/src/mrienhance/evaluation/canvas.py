"""The page that :mod:`mrienhance.evaluation.figure` draws on: where the cells lie, in inches, and how they look."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mrienhance.errors import DependencyError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

Theme: TypeAlias = Literal["dark", "light"]

DPI = 150
PANEL = 2.7
GAP = 0.06
MARGIN = 0.12
LINE = 0.21
SMALL_LINE = 0.14
BAR = 0.75

_SIZE = 9.5
_SMALL = 8.0
_LETTER = 0.066
_HEADING_LETTER = 0.105
_FRAME = "#ffc400"
_HEAT = "inferno"


@dataclass(frozen=True)
class Colours:
    """Background, text, and text of less weight."""

    background: str
    text: str
    faint: str


THEMES: dict[Theme, Colours] = {
    "dark": Colours("#0f1113", "#f4f4f4", "#b4bcc4"),
    "light": Colours("#ffffff", "#111111", "#555c64"),
}


def wrapped(text: str, width: float, *, large: bool = False) -> str:
    """Break small print, or a heading, where a width in inches ends."""
    letters = int(width / (_HEADING_LETTER if large else _LETTER))
    return "\n".join(part for line in text.splitlines() for part in textwrap.wrap(line, letters))


class Canvas:
    """A page of `columns` columns and rows of given heights below one band of titles.

    Parameters
    ----------
    columns
        How many panels lie side by side.
    heights
        Height of each row in inches.
    theme
        ``"dark"`` or ``"light"``.
    heading, footnote
        Lines above and below; each may hold several lines or none.
    with_bar
        Whether a colour bar stands right of the last row.
    """

    def __init__(
        self, columns: int, heights: list[float], *, theme: Theme, heading: str, footnote: str, with_bar: bool
    ) -> None:
        if theme not in THEMES:
            raise UsageError(f"no theme {theme!r}", hint=f"use one of {', '.join(THEMES)}")
        self.colours = THEMES[theme]
        self._heights = heights
        self._width = 2 * MARGIN + columns * (PANEL + GAP) - GAP + (BAR if with_bar else 0)
        inside = self._width - 2 * MARGIN
        heading, footnote = wrapped(heading, inside, large=True), wrapped(footnote, inside)
        top = MARGIN + (1.3 * LINE * len(heading.splitlines())) + 2.3 * LINE
        bottom = MARGIN + SMALL_LINE * len(footnote.splitlines())
        self._height = top + sum(heights) + GAP * (len(heights) - 1) + bottom + GAP
        self._tops = [top + sum(heights[:n]) + GAP * n for n in range(len(heights))]
        self.figure = self._page()
        self._text(MARGIN, MARGIN, heading, size=_SIZE + 1.5, weight="bold")
        self._text(MARGIN, self._height - bottom, footnote, size=_SMALL, colour=self.colours.faint)

    def _page(self) -> Figure:
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise DependencyError("figures need matplotlib", hint="pip install 'mrienhance[evaluate]'") from error
        # The object interface and not pyplot: no global state, no window, whatever backend the host program uses.
        figure = Figure(figsize=(self._width, self._height), dpi=DPI, facecolor=self.colours.background)
        FigureCanvasAgg(figure)
        return figure

    def cell(self, row: int, column: int) -> Axes:
        """Add the axes of one cell, without ticks."""
        left = MARGIN + column * (PANEL + GAP)
        axes = self._axes(left, self._tops[row], PANEL, self._heights[row])
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def title(self, column: int, title: str, caption: str) -> None:
        """Write two lines above a column."""
        left = MARGIN + column * (PANEL + GAP) + PANEL / 2
        self._text(left, self._tops[0] - 2.1 * LINE, title, size=_SIZE, weight="bold", align="center")
        self._text(left, self._tops[0] - 1.1 * LINE, caption, size=_SMALL, colour=self.colours.faint, align="center")

    def note(self, row: int, column: int, text: str) -> None:
        """Write into the middle of an empty cell."""
        left, top = MARGIN + column * (PANEL + GAP) + PANEL / 2, self._tops[row] + self._heights[row] / 2
        self._text(left, top - LINE, text, size=_SMALL, colour=self.colours.faint, align="center")

    def letters(self, axes: Axes, edges: tuple[str, str, str, str]) -> None:
        """Write what lies at the left, right, top and bottom edge."""
        from matplotlib.patheffects import withStroke

        places = [(0.0, 0.5, 7, 0), (1.0, 0.5, -7, 0), (0.5, 1.0, 0, -7), (0.5, 0.0, 0, 7)]
        for (x, y, right, up), letter in zip(places, edges, strict=True):
            # White with a dark rim, whatever the theme: readable on any image.
            axes.annotate(
                letter,
                (x, y),
                xycoords="axes fraction",
                xytext=(right, up),
                textcoords="offset points",
                color="#ffffff",
                path_effects=[withStroke(linewidth=2, foreground="#000000")],
                size=_SMALL,
                weight="bold",  # thin strokes of an outlined L or I are rounded to nothing
                ha="center",
                va="center",
            )

    def box(self, axes: Axes, left: float, top: float, width: float, height: float) -> None:
        """Frame the zoomed region, in pixels."""
        from matplotlib.patches import Rectangle

        axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=_FRAME, linewidth=1.1))

    def border(self, axes: Axes) -> None:
        """Give a whole cell the colour of the frame."""
        for spine in axes.spines.values():
            spine.set(visible=True, edgecolor=_FRAME, linewidth=1.1)

    def grey(
        self, axes: Axes, image: Tensor, window: tuple[float, float], aspect: float, *, interpolation: str | None = None
    ) -> None:
        """Draw an image between black and white."""
        low, high = window
        axes.imshow(image.numpy(), cmap="gray", vmin=low, vmax=high, aspect=aspect, interpolation=interpolation)

    def heat(self, axes: Axes, error: Tensor, limit: float, aspect: float) -> None:
        """Draw an error map from 0 to `limit`."""
        axes.imshow(error.numpy(), cmap=_HEAT, vmin=0, vmax=limit, aspect=aspect)

    def bar(self, limit: float, label: str) -> None:
        """Draw the colour bar of the error maps right of the last row, with its label if that fits."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        height = self._heights[-1]
        axes = self._axes(self._width - MARGIN - BAR + 0.1, self._tops[-1] + 0.05 * height, 0.13, 0.9 * height)
        scale = ScalarMappable(Normalize(0, limit), cmap=_HEAT)
        bar = self.figure.colorbar(scale, cax=axes, extend="max", extendfrac=0.03)
        if len(label) * _LETTER < height:
            bar.set_label(label, color=self.colours.text, size=_SMALL)
        axes.tick_params(colors=self.colours.text, labelsize=_SMALL, length=2)

    def write(self, path: Path, *, dpi: int = DPI) -> None:
        """Write the page as a PNG, with so many pixels an inch."""
        # A fixed entry instead of matplotlib's version: the same input gives the same bytes.
        metadata = {"Software": "MRIEnhance"}
        self.figure.savefig(path, format="png", dpi=dpi, facecolor=self.colours.background, metadata=metadata)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self._height - top - height
        fractions = (left / self._width, bottom / self._height, width / self._width, height / self._height)
        return self.figure.add_axes(fractions)

    def _text(
        self,
        left: float,
        top: float,
        text: str,
        *,
        size: float,
        weight: str = "normal",
        colour: str | None = None,
        align: Literal["left", "center"] = "left",
    ) -> None:
        x, y = left / self._width, 1 - top / self._height
        colour = colour or self.colours.text
        # parse_math off: a "$" in a file name is a dollar sign.
        self.figure.text(x, y, text, size=size, weight=weight, color=colour, ha=align, va="top", parse_math=False)
