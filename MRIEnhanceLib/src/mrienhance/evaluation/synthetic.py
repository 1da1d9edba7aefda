"""Compare synthetic images with a scan: in their own unit, with VIF and NIQE next to the other figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import SimpleITK as sitk
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.evaluation.evaluate import Evaluation, evaluate_all
from mrienhance.evaluation.metrics import Metrics, Step
from mrienhance.evaluation.niqe import Naturalness, niqe, niqe_contrasts
from mrienhance.evaluation.scene_statistics import PATCH
from mrienhance.evaluation.table import json_row
from mrienhance.evaluation.vif import VIF_SMALLEST, information
from mrienhance.images import IntensityScale, check_image, to_tensor

SYNTHETIC_PEAK = 1000.0
"""What the brightest tissue (99.9th percentile) of a synthetic image is, which has no unit of its own."""

DEFINITIONS = {
    "vif": "visual information fidelity in the pixel domain (Sheikh and Bovik 2006), 4 scales, noise variance 2 where "
    "data_range is 255; information of all windows around mask voxels, result over reference",
    "niqe": f"distance from real slices of the contrast (Mittal et al. 2013), patches of {PATCH}x{PATCH} pixels that "
    "lie in the mask by 3/4; lower is more like them",
    "whole_frame": "all voxels, windows and patches, without a mask; NIQE against whole frames of real slices",
    "slices": "the figures inside the mask for each slice along k",
}

_TEXT_OF = {"psnr_db": "PSNR {:.2f} dB", "ssim": "SSIM {:.4f}", "nmae": "NMAE {:.4f}", "vif": "VIF {:.4f}"}


@dataclass(frozen=True, kw_only=True)
class SyntheticMetrics:
    """What only synthetic images are measured by.

    Parameters
    ----------
    vif
        Visual information fidelity; NaN where it is not defined.
    niqe
        Naturalness; NaN without a contrast, or without patches.
    """

    vif: float
    niqe: float

    def to_dict(self) -> dict[str, float]:
        """Give both by name."""
        return {"vif": self.vif, "niqe": self.niqe}


@dataclass(frozen=True, kw_only=True)
class SyntheticFigures:
    """Everything that is measured of one synthetic image beside `Metrics`.

    Parameters
    ----------
    inside
        In the mask, all slices together.
    slices
        In the mask, slice by slice along k.
    frame
        Without a mask.
    frame_metrics
        The usual figures without a mask.
    """

    inside: SyntheticMetrics
    slices: tuple[SyntheticMetrics, ...]
    frame: SyntheticMetrics
    frame_metrics: Metrics

    def to_dict(self) -> dict[str, Any]:
        """Give what is not in the rows, in types that JSON has."""
        usual = {name: getattr(self.frame_metrics, name) for name in ("psnr_db", "ssim", "nmae")}
        return {
            "whole_frame": json_row({**usual, **self.frame.to_dict()}),
            "slices": [json_row(dict(one.to_dict())) for one in self.slices],
        }

    def to_text(self) -> str:
        """Give the figures of the whole frame in a line."""
        usual = {name: getattr(self.frame_metrics, name) for name in ("psnr_db", "ssim", "nmae")}
        values = {**usual, **self.frame.to_dict()}
        known = [f"NIQE {values['niqe']:.2f}"] if not math.isnan(values["niqe"]) else []
        return ", ".join([text.format(values[name]) for name, text in _TEXT_OF.items()] + known)


def evaluate_synthetic(
    results: Mapping[str, sitk.Image],
    reference: sitk.Image,
    *,
    contrast: str | None = None,
    mask: sitk.Image | None = None,
    data_range: float | None = None,
    step: Step | None = None,
) -> Evaluation:
    """Compare synthetic images with a scan of their contrast.

    Parameters
    ----------
    results
        Name to image, in the unit of synthetic images: 1000 is the brightest tissue.
    reference
        A scan on their grid; negative values count as background, and it is scaled so that its 99.9th percentile is
        1000.
    contrast
        Of the reference: one of `niqe_contrasts`, for NIQE. Without it there is none.
    mask, data_range
        As `evaluate` takes them; `data_range` in the unit of the synthetic images.
    step
        Called now and then with the fraction of the work that is done; may raise to stop.

    Returns
    -------
    Evaluation
        With `synthetic`, and the columns ``vif`` and ``niqe`` in its rows.

    Raises
    ------
    ImageError
        If an image cannot be used (NaN, constant, ...), the grids differ, or the mask is empty.
    UsageError
        If `data_range` is not a positive finite number, or there is no fit for `contrast`.
    """
    if contrast is not None and contrast not in niqe_contrasts():
        hint = f"choose one of {', '.join(niqe_contrasts())}, or leave it out and have no NIQE"
        raise UsageError(f"there is no NIQE for the contrast {contrast!r}", hint=hint)
    scaled, factor = in_synthetic_unit(reference)
    first = None if step is None else _scaled(step, 0.0, 0.2)
    evaluation = evaluate_all(results, scaled, mask=mask, data_range=data_range, step=first)
    truth, inside = to_tensor(evaluation.reference), to_tensor(evaluation.mask) != 0
    figures = {}
    for number, (name, image) in enumerate(results.items()):
        part = None if step is None else _scaled(step, 0.2 + 0.8 * number / len(results), 0.8 / len(results))
        figures[name] = _measure(to_tensor(check_image(image)), truth, inside, contrast, evaluation.data_range, part)
    notes = [f"the reference was scaled by {factor:.6g}: its 99.9th percentile is {SYNTHETIC_PEAK:g}"]
    if min(truth.shape[-2:]) < VIF_SMALLEST:
        notes.append(f"VIF is not defined: slices are smaller than {VIF_SMALLEST}x{VIF_SMALLEST} pixels")
    if contrast is None:
        notes.append("NIQE needs the contrast of the reference")
    return replace(evaluation, notes=(*evaluation.notes, *notes), synthetic=figures)


def in_synthetic_unit(reference: sitk.Image) -> tuple[sitk.Image, float]:
    """A scan as synthetic images are: float32, nothing below 0, its 99.9th percentile 1000; and the factor."""
    reference = check_image(reference, what="reference")
    factor = SYNTHETIC_PEAK / IntensityScale.of(to_tensor(reference).clamp_(min=0)).scale
    return sitk.Clamp(sitk.Cast(reference, sitk.sitkFloat32) * factor, sitk.sitkFloat32, 0.0), factor


def _measure(
    image: Tensor, truth: Tensor, inside: Tensor, contrast: str | None, data_range: float, step: Step | None
) -> SyntheticFigures:
    parts = [None if step is None else _scaled(step, start, 0.25) for start in (0.0, 0.25, 0.5, 0.75)]
    kept = information(image, truth, data_range=data_range, mask=inside, step=parts[0])
    framed = information(image, truth, data_range=data_range, step=parts[1])
    near = _niqe(image, contrast, data_range, inside, parts[2])
    far = _niqe(image, contrast, data_range, None, parts[3])
    return SyntheticFigures(
        inside=SyntheticMetrics(vif=_ratio(kept.sum(0)), niqe=near.volume),
        slices=tuple(
            SyntheticMetrics(vif=_ratio(one), niqe=value) for one, value in zip(kept, near.slices, strict=True)
        ),
        frame=SyntheticMetrics(vif=_ratio(framed.sum(0)), niqe=far.volume),
        frame_metrics=Metrics.of(image, truth, data_range=data_range),
    )


def _niqe(
    image: Tensor, contrast: str | None, data_range: float, mask: Tensor | None, step: Step | None
) -> Naturalness:
    if contrast is None:
        return Naturalness(volume=math.nan, slices=(math.nan,) * len(image))
    return niqe(image, contrast=contrast, data_range=data_range, mask=mask, step=step)


def _ratio(parts: Tensor) -> float:
    kept, all_of_it = parts.tolist()
    return kept / all_of_it if all_of_it > 0 else math.nan


def _scaled(step: Step, start: float, length: float) -> Step:
    """Tell of a part of the work as a part of the whole."""
    return lambda fraction: step(start + length * fraction)
