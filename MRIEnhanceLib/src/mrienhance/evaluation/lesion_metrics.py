"""How good a result is where lesions are: LF-PSNR and LF-SSIM, and how well an attention map finds them.

The definitions are those of the test scripts of PASS (He et al.), a relative of LF-MRI by the same group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.evaluation.evaluate import check_grid
from mrienhance.evaluation.lesions import Box
from mrienhance.evaluation.metrics import SSIM_WINDOW, psnr, ssim
from mrienhance.evaluation.table import Value, as_text, json_row
from mrienhance.images import Grid, to_tensor

Normalisation: TypeAlias = Literal["joint", "own"]

CONTEXT = 5
"""Voxels added on either side of a box that is narrower than SSIM's window."""

DEFINITIONS = {
    "lf_psnr_db": "mean over all boxes of 10 log10(peak^2 / mean squared error) inside the box, in dB; peak: largest "
    "value of the reference inside the box; boxes of 0 dB or less, or of a reference of 0, are left out; "
    "identical ones too, unless all are",
    "lf_ssim": f"mean over all boxes of SSIM inside the box (window {SSIM_WINDOW}x{SSIM_WINDOW}, range 1)",
    "boxes": f"a box narrower than {SSIM_WINDOW} along an axis is made wider there, by {CONTEXT} voxels on each side",
    "pointing": "share of the slices with boxes in which the largest value of the attention lies in a box",
    "iou": "intersection over union of the boxes of a slice and of the attention above a threshold, mean over slices",
}
NORMALISATIONS: Mapping[str, str] = {
    "joint": "reference and result of a slice: by the smallest and the largest value of the reference",
    "own": "reference and result of a slice: each by its own smallest and largest value, which hides errors of gain",
}


@dataclass(frozen=True, kw_only=True)
class LesionMetrics:
    """Figures of merit where lesions are.

    Parameters
    ----------
    lf_psnr_db
        In dB; infinite where nothing differs in any box, NaN where no box counts.
    lf_ssim
        -1 to 1.
    boxes, identical, dropped
        How many boxes there are; in how many nothing differs; how many PSNR leaves out for other reasons.
    """

    lf_psnr_db: float
    lf_ssim: float
    boxes: int
    identical: int
    dropped: int


@dataclass(frozen=True, kw_only=True)
class AttentionMetrics:
    """How well an attention map finds lesions: both from 0 to 1, over `slices` slices with boxes."""

    pointing: float
    iou: float
    slices: int


@dataclass(frozen=True, kw_only=True)
class LesionEvaluation:
    """What `evaluate_lesions` found: figures by the results' names, and the rules that they follow."""

    metrics: Mapping[str, LesionMetrics]
    normalisation: Normalisation
    attention: AttentionMetrics | None = None
    threshold: float | None = None

    @property
    def rows(self) -> list[dict[str, Value]]:
        """One row a result."""
        return [{"method": name, **asdict(metrics)} for name, metrics in self.metrics.items()]

    def to_text(self) -> str:
        """Give the table, and the rules."""
        lines = [
            as_text(self.rows),
            "",
            f"lesions: normalised {self.normalisation} ({NORMALISATIONS[self.normalisation]})",
        ]
        if self.attention is not None:
            found = self.attention
            lines.append(
                f"attention: pointing game {found.pointing:.3f}, IoU {found.iou:.3f} above {self.threshold:g},"
                f" over {found.slices} slices"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give it in types that JSON has."""
        return {
            "rows": [json_row(row) for row in self.rows],
            "normalisation": {"name": self.normalisation, "rule": NORMALISATIONS[self.normalisation]},
            "attention": None if self.attention is None else {**asdict(self.attention), "threshold": self.threshold},
            "definitions": DEFINITIONS,
        }


def evaluate_lesions(
    results: Mapping[str, sitk.Image],
    reference: sitk.Image,
    boxes: Sequence[Box],
    *,
    normalisation: Normalisation = "joint",
    attention: sitk.Image | None = None,
    threshold: float = 0.5,
) -> LesionEvaluation:
    """Compare results with a reference where lesions are.

    Parameters
    ----------
    results, reference
        3-D, on one grid.
    boxes
        Around lesions, one or more.
    normalisation
        ``"joint"`` or, as PASS has it, ``"own"``; see `NORMALISATIONS`.
    attention
        A map on the same grid, to be judged by the boxes.
    threshold
        Attention from here on counts as found.

    Raises
    ------
    ImageError
        If the grids differ.
    UsageError
        If there are no boxes, or no such normalisation.
    """
    truth, grid = to_tensor(reference), Grid.of(reference)
    for name, image in {**results, **({} if attention is None else {"attention": attention})}.items():
        check_grid(grid, image, name)
    return LesionEvaluation(
        metrics={
            name: lesion_metrics(to_tensor(image), truth, boxes, normalisation=normalisation)
            for name, image in results.items()
        },
        normalisation=normalisation,
        attention=None if attention is None else attention_metrics(to_tensor(attention), boxes, threshold=threshold),
        threshold=None if attention is None else threshold,
    )


def lesion_metrics(
    image: Tensor, reference: Tensor, boxes: Sequence[Box], *, normalisation: Normalisation = "joint"
) -> LesionMetrics:
    """Give LF-PSNR and LF-SSIM of a volume (k, j, i): means over all boxes, whichever slice they are in.

    Parameters
    ----------
    image, reference
        Real, of one shape.
    boxes
        Inside that shape.
    normalisation
        As in `evaluate_lesions`.

    Examples
    --------
    >>> import torch
    >>> reference = torch.linspace(0, 1, 400).view(1, 20, 20)
    >>> box = Box(slice=0, row=4, column=4, rows=12, columns=12)
    >>> lesion_metrics(reference, reference, [box])
    LesionMetrics(lf_psnr_db=inf, lf_ssim=1.0, boxes=1, identical=1, dropped=0)
    """
    if not boxes:
        raise UsageError("there are no boxes", hint="give a mask or a file with lesions")
    if normalisation not in NORMALISATIONS:
        raise UsageError(f"no normalisation is called {normalisation!r}", hint=f"choose {' or '.join(NORMALISATIONS)}")
    noises: list[float] = []
    likenesses: list[float] = []
    for box in boxes:
        found, truth = _normalised(image[box.slice], reference[box.slice], normalisation)
        rows, columns = (
            _span(start, count, size)
            for start, count, size in zip((box.row, box.column), (box.rows, box.columns), truth.shape, strict=True)
        )
        found, truth = found[rows, columns], truth[rows, columns]
        peak = float(truth.max())
        noises.append(psnr(found, truth, data_range=peak) if peak > 0 else -math.inf)
        if min(truth.shape) >= SSIM_WINDOW:
            likenesses.append(ssim(found, truth, data_range=1.0))
    finite = [value for value in noises if 0 < value < math.inf]
    identical = noises.count(math.inf)
    only_identical = math.inf if identical else math.nan
    return LesionMetrics(
        lf_psnr_db=sum(finite) / len(finite) if finite else only_identical,
        lf_ssim=sum(likenesses) / len(likenesses) if likenesses else math.nan,
        boxes=len(noises),
        identical=identical,
        dropped=len(noises) - len(finite) - identical,
    )


def attention_metrics(attention: Tensor, boxes: Sequence[Box], *, threshold: float = 0.5) -> AttentionMetrics:
    """Judge an attention map (k, j, i) by boxes: pointing game and IoU, over the slices that have boxes.

    Examples
    --------
    >>> import torch
    >>> attention = torch.zeros(1, 20, 20)
    >>> attention[0, 4:8, 4:8] = 1
    >>> attention_metrics(attention, [Box(slice=0, row=4, column=4, rows=4, columns=8)])
    AttentionMetrics(pointing=1.0, iou=0.5, slices=1)
    """
    if not boxes:
        raise UsageError("there are no boxes", hint="give a mask or a file with lesions")
    hits, overlaps = [], []
    for number in sorted({box.slice for box in boxes}):
        inside = torch.zeros(attention.shape[1:], dtype=torch.bool)
        for box in boxes:
            if box.slice == number:
                inside[box.row : box.row + box.rows, box.column : box.column + box.columns] = True
        seen = attention[number]
        # Where nothing is seen, no place is pointed at.
        hits.append(bool(seen.max() > 0) and bool(inside.flatten()[seen.argmax()]))
        found = seen >= threshold
        overlaps.append(float((found & inside).sum()) / float((found | inside).sum()))
    return AttentionMetrics(pointing=sum(hits) / len(hits), iou=sum(overlaps) / len(overlaps), slices=len(hits))


def _normalised(image: Tensor, reference: Tensor, normalisation: str) -> tuple[Tensor, Tensor]:
    """Both from 0 to 1, the whole slice considered."""
    truth = _from_0_to_1(reference, reference)
    return _from_0_to_1(image, image if normalisation == "own" else reference), truth


def _from_0_to_1(values: Tensor, by: Tensor) -> Tensor:
    low, high = by.double().aminmax()
    return (values.double() - low) / (high - low).clamp(min=torch.finfo(torch.float64).tiny)


def _span(start: int, count: int, size: int) -> slice:
    """A side of a box, wider if it is too narrow for SSIM, moved inwards where it would leave the image."""
    if count >= SSIM_WINDOW:
        return slice(start, start + count)
    count = min(count + 2 * CONTEXT, size)
    first = min(max(start - CONTEXT, 0), size - count)
    return slice(first, first + count)
