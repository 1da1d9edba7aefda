"""Compare results with a reference image: one row of figures and one difference image for each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from torch import Tensor

from mrienhance.errors import ImageError, UsageError
from mrienhance.evaluation.metrics import SSIM_WINDOW, Metrics, Step
from mrienhance.evaluation.table import Value, as_text, json_row
from mrienhance.images import Grid, IntensityScale, check_image, to_image, to_tensor

if TYPE_CHECKING:
    from mrienhance.evaluation.lesion_metrics import LesionEvaluation
    from mrienhance.evaluation.synthetic import SyntheticFigures

MASK_THRESHOLD = 0.02
"""The default mask is where the reference is above this fraction of the data range."""

DEFINITIONS = {
    "psnr_db": "10 log10(data_range^2 / mean squared error), in dB",
    "ssim": f"mean of the 2-D SSIM map of each slice, Gaussian window {SSIM_WINDOW}x{SSIM_WINDOW}, sigma 1.5, K1 0.01, "
    f"K2 0.03, over mask voxels {SSIM_WINDOW // 2} pixels or more from the slice's edge",
    "nmae": "mean absolute error / data_range",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What :func:`evaluate` found.

    Parameters
    ----------
    metrics
        Name of each result, in the order given, and its figures.
    differences
        Result minus reference, float32, on the reference's grid, in its unit, for each name.
    reference
        What the results were compared with, 3-D.
    data_range, data_range_rule
        The intensity span that counts as 1, and where it comes from.
    mask, mask_rule
        Image of 0 and 1: which voxels count, and why these.
    notes
        What the reader of the figures should know.
    lesions
        Figures where lesions are, if somebody asked for them.
    synthetic
        Name of each result, and what only synthetic images are measured by; empty if they are none.
    """

    metrics: Mapping[str, Metrics]
    differences: Mapping[str, sitk.Image]
    reference: sitk.Image
    data_range: float
    data_range_rule: str
    mask: sitk.Image
    mask_rule: str
    notes: tuple[str, ...] = ()
    lesions: LesionEvaluation | None = None
    synthetic: Mapping[str, SyntheticFigures] = field(default_factory=dict)

    @property
    def rows(self) -> list[dict[str, Value]]:
        """One row a result: ``method``, ``psnr_db``, ``ssim``, ``nmae``; of synthetic ones also ``vif``, ``niqe``."""
        more = {name: figures.inside.to_dict() for name, figures in self.synthetic.items()}
        return [{"method": name, **asdict(metrics), **more.get(name, {})} for name, metrics in self.metrics.items()]

    @property
    def mask_voxels(self) -> int:
        """How many voxels count."""
        return int(np.count_nonzero(sitk.GetArrayViewFromImage(self.mask)))

    @property
    def difference(self) -> sitk.Image:
        """The difference image of the first (often the only) result."""
        return next(iter(self.differences.values()))

    def to_text(self) -> str:
        """Give the table, and below it the rules that the figures follow."""
        facts = [f"data range {self.data_range:.6g} ({self.data_range_rule})"]
        facts += [f"mask {self.mask_voxels} voxels ({self.mask_rule})", *self.notes]
        facts += [f"whole frame of {name}: {figures.to_text()}" for name, figures in self.synthetic.items()]
        facts += [] if self.lesions is None else ["", self.lesions.to_text()]
        return "\n".join([as_text(self.rows), "", *facts])

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the images, in types that JSON has."""
        return {
            "rows": [json_row(row) for row in self.rows],
            "data_range": {"value": self.data_range, "rule": self.data_range_rule},
            "mask": {"voxels": self.mask_voxels, "rule": self.mask_rule},
            "definitions": DEFINITIONS | self._more_definitions(),
            "notes": list(self.notes),
            **({"synthetic": {name: x.to_dict() for name, x in self.synthetic.items()}} if self.synthetic else {}),
            **({} if self.lesions is None else {"lesions": self.lesions.to_dict()}),
        }

    def _more_definitions(self) -> dict[str, str]:
        """What the figures of synthetic images mean, if there are any."""
        if not self.synthetic:
            return {}
        from mrienhance.evaluation import synthetic

        return synthetic.DEFINITIONS

    def to_json(self) -> str:
        """Give :meth:`to_dict` as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def write_json(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write :meth:`to_json` to a file, whole or not at all."""
        from mrienhance.images.files import atomic_path

        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_text(self.to_json() + "\n", encoding="utf-8", newline="\n")
        return Path(path)


def evaluate(
    result: sitk.Image,
    reference: sitk.Image,
    *,
    mask: sitk.Image | None = None,
    data_range: float | None = None,
    name: str = "result",
) -> Evaluation:
    """Compare one result with its reference.

    Parameters
    ----------
    result, reference
        3-D scalar images on one grid.
    mask
        Image on the same grid; voxels that are not zero count. Default: reference > 0.02 `data_range`.
    data_range
        The intensity span that counts as 1, in the images' unit. Default: the 99.9th percentile of the reference.
    name
        What the row is called.

    Returns
    -------
    Evaluation
        Figures, difference image, and the data range and mask used.

    Raises
    ------
    ImageError
        If an image cannot be used (NaN, constant, ...), the grids differ, or the mask is empty.
    UsageError
        If `data_range` is not a positive finite number.
    """
    return evaluate_all({name: result}, reference, mask=mask, data_range=data_range)


def evaluate_all(
    results: Mapping[str, sitk.Image],
    reference: sitk.Image,
    *,
    mask: sitk.Image | None = None,
    data_range: float | None = None,
    step: Step | None = None,
) -> Evaluation:
    """Compare several results with one reference, all with the same data range and mask; see :func:`evaluate`.

    Parameters
    ----------
    results
        Name to image; the rows come in this order.
    reference, mask, data_range
        As in :func:`evaluate`.
    step
        Called now and then with the fraction of the work that is done; may raise to stop.
    """
    if not results:
        raise UsageError("no result to evaluate", hint="give one result or more")
    reference = check_image(reference, what="reference")
    grid, truth = Grid.of(reference), to_tensor(reference)
    data_range, range_rule = _data_range(truth, data_range)
    inside, mask_rule = _mask(truth, grid, mask, data_range)
    metrics, differences = {}, {}
    for number, (name, result) in enumerate(results.items()):
        image = _tensor_on(grid, result, name)
        part = None if step is None else _part(step, number, len(results))
        metrics[name] = Metrics.of(image, truth, data_range=data_range, mask=inside, step=part)
        differences[name] = to_image(image - truth, grid)
    return Evaluation(
        metrics=metrics,
        differences=differences,
        reference=reference,
        data_range=data_range,
        data_range_rule=range_rule,
        mask=to_image(inside.float(), grid, like=sitk.Image(grid.size, sitk.sitkUInt8)),
        mask_rule=mask_rule,
        notes=_notes(metrics, truth),
    )


def _part(step: Step, number: int, count: int) -> Step:
    """Tell of one of several results as a part of the whole work."""
    return lambda fraction: step((number + fraction) / count)


def _data_range(truth: Tensor, given: float | None) -> tuple[float, str]:
    if given is None:
        return IntensityScale.of(truth).scale, "99.9th percentile of the reference"
    if not (math.isfinite(given) and given > 0):
        raise UsageError(f"data_range is {given}", hint="give a positive number, such as the reference's maximum")
    return float(given), "given"


def _usable_mask(mask: sitk.Image) -> sitk.Image:
    """Refuse a mask with NaN; unlike an image it may be constant. A 2-D one becomes a volume of one slice."""
    mask = sitk.JoinSeries(mask) if mask.GetDimension() == 2 else mask
    bad = int((~to_tensor(mask).isfinite()).sum())
    if bad:
        raise ImageError(
            f"the mask holds {bad} voxel(s) that are NaN or infinite", hint="replace them, with 0 for instance"
        )
    return mask


def _mask(truth: Tensor, grid: Grid, given: sitk.Image | None, data_range: float) -> tuple[Tensor, str]:
    if given is None:
        inside, rule = truth > MASK_THRESHOLD * data_range, f"reference > {MASK_THRESHOLD} data range"
    else:
        given = _usable_mask(given)
        check_grid(grid, given, "mask")
        inside, rule = to_tensor(given) != 0, "given"
    if not bool(inside.any()):
        raise ImageError(f"the mask is empty ({rule})", hint="give a mask image with voxels that are not zero")
    return inside, rule


def _tensor_on(grid: Grid, image: sitk.Image, name: str) -> Tensor:
    image = check_image(image, what=name)
    check_grid(grid, image, name)
    return to_tensor(image)


def check_grid(grid: Grid, image: sitk.Image, name: str) -> None:
    """Refuse an image, called `name`, that is not on the reference's grid."""
    other = Grid.of(image)
    if not other.matches(grid):
        raise ImageError(
            f"{name} and reference are on different grids: {_difference_of_grids(other, grid)}",
            hint="resample one onto the other's grid first, for example with mrienhance.images.resample_to",
        )


def _difference_of_grids(grid: Grid, reference: Grid) -> str:
    parts = []
    for name in ("size", "spacing", "origin", "direction"):
        here, there = (" ".join(f"{value:.6g}" for value in getattr(g, name)) for g in (grid, reference))
        if here != there:
            parts.append(f"{name} {here}, not {there}")
    return "; ".join(parts)


def _notes(metrics: Mapping[str, Metrics], truth: Tensor) -> tuple[str, ...]:
    if any(math.isnan(m.ssim) for m in metrics.values()):
        rows, columns = truth.shape[-2:]
        window = f"{SSIM_WINDOW}x{SSIM_WINDOW}"
        return (
            f"SSIM is not defined: in slices of {rows}x{columns} pixels no mask voxel has its {window} window inside",
        )
    return ()
