"""From an evaluation to a figure: one slice of the reference and of each result, upright, cropped, with its errors."""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from mrienhance.evaluation.canvas import Theme
from mrienhance.evaluation.evaluate import MASK_THRESHOLD, Evaluation
from mrienhance.evaluation.figure import Panel, Style, Zoom, side_by_side
from mrienhance.evaluation.metrics import Metrics
from mrienhance.evaluation.view import Plane, View, bounding_box, choose_view, choose_zoom
from mrienhance.images import to_tensor


def comparison_figure(
    evaluation: Evaluation,
    path: str | Path,
    *,
    plane: Plane | None = None,
    index: int | None = None,
    heading: str = "",
    theme: Theme = "dark",
    overwrite: bool = False,
) -> Path:
    """Write a PNG that shows one slice of the reference and of each result, a region enlarged, and the errors.

    The view is upright and radiological (the patient's right on the left; in sagittal views the face looks left), and
    cropped to the object. The enlarged region is where the *reference* has most detail. Reference and results share
    one window, 0 to the data range, and the error maps share one scale.

    Parameters
    ----------
    evaluation
        What `evaluate` or `evaluate_all` found; its results are drawn from left to right after the reference.
    path
        A name that ends in ``.png``.
    plane, index
        Plane, and index of the slice across it. Default: the stored slices, the one with the largest part of the mask.
    heading
        Text above everything.
    theme
        ``"dark"`` or ``"light"`` background.
    overwrite
        Whether an existing file is replaced.

    Raises
    ------
    UsageError
        If there is no such plane, slice or theme.
    DependencyError, OutputError
        As :func:`side_by_side`.
    """
    reference, threshold = evaluation.reference, MASK_THRESHOLD * evaluation.data_range
    view = choose_view(reference, to_tensor(evaluation.mask) > 0, plane=plane, index=index)
    whole = view.slice(reference)
    crop = bounding_box(whole > threshold)
    shown = _cropped(whole, crop)
    style = Style(
        window=(min(0.0, float(shown.min())), evaluation.data_range),
        error_label="|result - reference|, % of data range",
        zoom=choose_zoom(shown, shown > threshold),
        pixel_aspect=view.pixel_aspect(reference),
        edges=view.edges,
        heading=heading,
        footnote=_footnote(evaluation, view),
        theme=theme,
    )
    panels = [Panel(title="reference", image=shown)]
    errors: list[Tensor | None] = [None]
    for name, metrics in evaluation.metrics.items():
        difference = _cropped(view.slice(evaluation.differences[name]), crop)
        panels.append(Panel(title=name, image=shown + difference, caption=_caption(metrics)))
        errors.append(difference.abs() * (100 / evaluation.data_range))
    return side_by_side(panels, errors, path, style=style, overwrite=overwrite)


def _cropped(values: Tensor, crop: Zoom) -> Tensor:
    return values[crop.row : crop.row + crop.rows, crop.column : crop.column + crop.columns]


def _caption(metrics: Metrics) -> str:
    similarity = "" if math.isnan(metrics.ssim) else f"SSIM {metrics.ssim:.4f}   "
    return f"{metrics.psnr_db:.2f} dB   {similarity}NMAE {metrics.nmae:.4f}"


def _footnote(evaluation: Evaluation, view: View) -> str:
    side = "anterior" if view.plane == "sagittal" else "the patient's right"
    axis, last = "ijk"[view.axis], evaluation.reference.GetSize()[view.axis] - 1
    return (
        f"{view.plane} slice {axis} = {view.index} of 0 to {last}, {side} on the left; "
        f"intensities 0 to the data range, {evaluation.data_range:.5g} ({evaluation.data_range_rule}).\n"
        f"Figures of merit over {evaluation.mask_voxels:,} voxels of the volume (mask: {evaluation.mask_rule}). "
        "For research, not for diagnosis."
    )
