"""Curves of a training as SVG pictures."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points: TypeAlias = Sequence[tuple[float, float]]

COLOURS = ("#0b6bcb", "#c2571a", "#2c8a4b", "#8a4bb0", "#b02a54", "#5b6770", "#8b7500", "#00797a")
_FAINT = "#c9d0d6"
_TEXT = "#2c3338"
_FEW = 3
"""Curves whose names have room among them."""
_MOST = 1500
"""Points of a curve that are drawn; of more, each stands for the mean of some."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One picture.

    Parameters
    ----------
    title, unit
        Above it, and beside the vertical axis.
    curves
        Name to points (step, value); those that are not finite are left out.
    marked
        A step that is marked by a vertical line, and what it is.
    logarithmic
        Whether the vertical axis is logarithmic; where values are not all above 0, it is linear about 0.
    smooth
        Whether a running mean is drawn over the values themselves.
    from_zero
        Whether the vertical axis begins at 0.
    """

    title: str
    unit: str
    curves: Mapping[str, Points]
    marked: tuple[int, str] | None = None
    logarithmic: bool = False
    smooth: bool = False
    from_zero: bool = False


def draw(chart: Chart) -> str:
    """Draw a chart as SVG, as the address of an image in a page (``data:image/svg+xml;base64,...``)."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Text stays text: small, sharp, and found by a search. No date: the same run gives the same picture.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "mrienhance", "font.size": 9}):
        figure = Figure(figsize=(5.6, 3.0), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        shown = {name: thinned(points) for name, points in chart.curves.items()}
        for colour, (name, points) in zip(_cycle(len(shown)), shown.items(), strict=True):
            _curve(axes, name, points, colour, chart)
        values = [value for points in shown.values() for _, value in points]
        if chart.logarithmic and values:
            _logarithmic(axes, values)
        elif chart.from_zero:
            axes.set_ylim(bottom=0)
        if chart.marked:
            axes.axvline(chart.marked[0], color=_TEXT, linewidth=0.9, linestyle=(0, (4, 3)), label=chart.marked[1])
        _dress(axes, chart, legend=len(shown) > 1 or chart.marked is not None)
        file = io.BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


def thinned(points: Points, most: int = _MOST) -> list[tuple[float, float]]:
    """Finite points, at most so many: neighbours are averaged.

    Examples
    --------
    >>> thinned([(1, 1.0), (2, 3.0), (3, float("nan")), (4, 5.0), (5, 7.0)], most=2)
    [(1.5, 2.0), (4.5, 6.0)]
    """
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    size = -(-len(finite) // most)
    if size <= 1:
        return finite
    parts = (finite[start : start + size] for start in range(0, len(finite), size))
    return [(sum(step for step, _ in part) / len(part), sum(value for _, value in part) / len(part)) for part in parts]


def running_mean(points: Points, width: int) -> list[tuple[float, float]]:
    """Each value averaged with those around it, `width` in all where there are as many."""
    half = width // 2
    around = ((step, points[max(n - half, 0) : n + half + 1]) for n, (step, _) in enumerate(points))
    return [(step, sum(value for _, value in near) / len(near)) for step, near in around]


def _curve(axes: Axes, name: str, points: Points, colour: str, chart: Chart) -> None:
    if not points:
        return
    plot = axes.plot
    if chart.smooth and len(points) > 20:
        plot(*zip(*points, strict=True), color=colour, linewidth=0.7, alpha=0.3)
        points = running_mean(points, max(len(points) // 20, 3))
    marker = "o" if len(points) <= 30 else ""
    plot(*zip(*points, strict=True), color=colour, linewidth=1.6, marker=marker, markersize=3, label=_plain(name))


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if min(values) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_yscale("symlog", linthresh=max(median(map(abs, values)), 1e-6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _dress(axes: Axes, chart: Chart, *, legend: bool) -> None:
    axes.set_title(_plain(chart.title), loc="left", color=_TEXT, size=10, weight="bold")
    axes.set_xlabel("step", color=_TEXT)
    axes.set_ylabel(_plain(chart.unit), color=_TEXT)
    axes.grid(color=_FAINT, linewidth=0.5)
    axes.tick_params(colors=_TEXT, length=2)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_FAINT)
    if len(chart.curves) > _FEW:
        axes.figure.legend(loc="outside right upper", frameon=False, labelcolor=_TEXT, fontsize=8)
    elif legend:
        axes.legend(frameon=False, labelcolor=_TEXT, fontsize=8)


def _plain(text: str) -> str:
    """Text as it is: a dollar sign begins no formula."""
    return text.replace("$", r"\$")


def _cycle(count: int) -> list[str]:
    return [COLOURS[n % len(COLOURS)] for n in range(count)]
