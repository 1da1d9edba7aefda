"""How good a result is, where the truth is known: figures in a table, the difference in a volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import results
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.job import Job, Received
from MRIEnhanceBridge.steps import Steps

TABLE = "MRIEnhance.metrics"
"""Node reference from a result to its table."""
DIFFERENCE = "MRIEnhance.difference"
"""Node reference from a result to the volume result minus truth."""
_REFUSAL = "MRIEnhance.metricsRefusal"
_SUMMARY = "MRIEnhance.metricsSummary"


@dataclass(frozen=True)
class Judgement:
    """What a comparison with the truth gave; with a `refusal`, nothing else.

    Parameters
    ----------
    rows
        One mapping a method: ``method``, ``psnr_db``, ``ssim``, ``nmae``.
    evaluation
        The rules that the figures follow.
    difference
        The first result minus the truth.
    refusal
        Why there is no comparison, in words.
    """

    rows: list[dict[str, Any]]
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


def add(result: Any, judgement: Judgement, *, source: Any) -> None:
    """Put a judgement into the scene, and let `result` refer to it."""
    if judgement.difference is None:
        result.SetAttribute(_REFUSAL, judgement.refusal)
        return
    name = result.GetName()
    table = results.metrics_table(
        judgement.rows, name=f"{name} − " + _("metrics"), evaluation=judgement.evaluation, source=source
    )
    difference = results.difference_volume(
        judgement.difference.image, judgement.difference.data, name=f"{name} − " + _("difference"), source=source
    )
    result.SetNodeReferenceID(TABLE, table.GetID())
    result.SetNodeReferenceID(DIFFERENCE, difference.GetID())
    result.SetAttribute(_SUMMARY, "\n".join(_row(row) for row in judgement.rows))


def summary(result: Any) -> str:
    """What to tell of a result that is done: its name, warnings, figures."""
    lines = [_("Done: {name}").format(name=result.GetName()), *results.warnings(result)]
    if figures := result.GetAttribute(_SUMMARY):
        lines.append(figures)
    if refusal := result.GetAttribute(_REFUSAL):
        lines.append(_("No metrics: {reason}").format(reason=refusal))
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    """A row in words. JSON has no infinity: what is equal comes with the word, what has no figure with None."""
    figures = {"PSNR {} dB": ("psnr_db", ".2f"), "SSIM {}": ("ssim", ".4f")}
    known = {text: (float(row[key]), form) for text, (key, form) in figures.items() if row.get(key) is not None}
    return f"{row['method']}: " + ", ".join(text.format(format(value, form)) for text, (value, form) in known.items())
