"""How good a result is, where the truth is known: figures in a table, the difference in a volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import results, tables
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.figures import figures_of
from MRIEnhanceBridge.job import Job, Received
from MRIEnhanceBridge.steps import Steps

TABLE = "MRIEnhance.metrics"
"""Node reference from a result to its table."""
DIFFERENCE = "MRIEnhance.difference"
"""Node reference from a result to the volume result minus truth."""
_REFUSAL = "MRIEnhance.metricsRefusal"
_SUMMARY = "MRIEnhance.metricsSummary"
_IN_WORDS = ("psnr_db", "ssim", "lf_psnr_db", "lf_ssim")
"""Figures that the panel tells of."""


@dataclass(frozen=True)
class Judgement:
    """What a comparison with the truth gave.

    Parameters
    ----------
    rows
        One mapping a method: ``method``, and figures such as ``psnr_db``, ``ssim``, ``nmae``; none if it was refused.
    evaluation
        The rules that the figures follow.
    difference
        The first result minus the truth, or None.
    refusal
        Why there is no comparison, or no difference, in words.
    """

    rows: Sequence[Mapping[str, Any]]
    evaluation: Mapping[str, Any]
    difference: Received | None
    refusal: str = ""


def judge(job: Job, images: Mapping[str, Any], truth: Mapping[str, Any], *, coarse: Any = None) -> Steps[Judgement]:
    """Compare results with the truth, in the worker. What is refused there does not cost the result.

    Parameters
    ----------
    job
        The run whose files they are.
    images
        Name of each result, and what the worker said of it.
    truth
        The true volume, as `Job.send` gave it.
    coarse
        The coarse input: its interpolation is compared as well.
    """
    first = next(iter(images))
    try:
        answer = yield from job.ask(
            "evaluate", results=dict(images), reference=truth, mask=None, interpolate=coarse, differences=[first]
        )
        difference = yield from job.receive(answer["differences"][first])
    except BridgeError as error:
        if error.kind in ("Crash", "Cancelled"):
            raise
        return Judgement([], {}, None, str(error))
    return Judgement(answer["rows"], answer["evaluation"], difference)


def judged(job: Job, answer: Mapping[str, Any], truth: Mapping[str, Any] | None) -> Steps[Judgement]:
    """The comparison that came with a reconstruction, completed by the difference from the truth.

    Parameters
    ----------
    job
        The run whose files they are.
    answer
        Of the worker, with ``image``, ``rows`` and ``evaluation``.
    truth
        The true volume on the image's grid; None if there is to be no difference.
    """
    judgement = Judgement(answer["rows"], answer["evaluation"], None)
    if truth is None:
        return judgement
    compared = yield from judge(job, {"result": answer["image"]}, truth)
    return replace(judgement, difference=compared.difference, refusal=compared.refusal)


def add(result: Any, judgement: Judgement, *, source: Any = None) -> None:
    """Put a judgement into the scene, and let `result` refer to it.

    Parameters
    ----------
    result
        The volume that was compared.
    judgement
        What the comparison gave.
    source
        The volume that the result was made from; by default, what comes is placed beside the result.
    """
    name, place = result.GetName(), result if source is None else source
    if judgement.refusal:
        result.SetAttribute(_REFUSAL, judgement.refusal)
    if judgement.rows:
        table = tables.metrics_table(
            judgement.rows, name=f"{name} − " + _("metrics"), evaluation=judgement.evaluation, source=place
        )
        result.SetNodeReferenceID(TABLE, table.GetID())
        result.SetAttribute(_SUMMARY, "\n".join(_row(row) for row in judgement.rows))
    if judgement.difference is not None:
        difference = results.difference_volume(
            judgement.difference.image, judgement.difference.data, name=f"{name} − " + _("difference"), source=place
        )
        result.SetNodeReferenceID(DIFFERENCE, difference.GetID())


def summary(result: Any) -> str:
    """What to tell of a result that is done: its name, warnings, figures."""
    lines = [_("Done: {name}").format(name=result.GetName()), *results.warnings(result)]
    if figures := result.GetAttribute(_SUMMARY):
        lines.append(figures)
    if refusal := result.GetAttribute(_REFUSAL):
        text = _("No difference volume: {reason}") if figures else _("No metrics: {reason}")
        lines.append(text.format(reason=refusal))
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    """A row in words, with the figures where more is better; equal images have an infinite PSNR."""
    known = [figure for figure in figures_of([row]) if figure.key in _IN_WORDS and row[figure.key] is not None]
    words = (f"{figure.name} {figure.write(row[figure.key])} {figure.unit}".strip() for figure in known)
    return f"{row['method']}: " + ", ".join(words)
