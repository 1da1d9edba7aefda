"""A reconstruction in the scene: the image, what came with it, and how to find that again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import metrics, results, scores
from MRIEnhanceBridge.job import Received
from MRIEnhanceBridge.sources import title

ATTENTION = "attention"
LESION = "without-lesion-term"
ZERO_FILLED = "zero-filled"
FULL = "full"
REFERENCES = {
    ATTENTION: "MRIEnhance.attention",
    LESION: "MRIEnhance.withoutLesionTerm",
    ZERO_FILLED: "MRIEnhance.zeroFilled",
    FULL: "MRIEnhance.full",
}
"""Node reference from a result to each image that came with it."""
SCORES = "MRIEnhance.scores"
"""Node reference from a result to the table of what a classifier found."""


def image_beside(result: Any, role: str) -> Any:
    """An image that came with a result, by its key in `REFERENCES`; None if it did not, or is gone."""
    return None if result is None else result.GetNodeReference(REFERENCES[role])


def comparison(result: Any) -> tuple[Any, str]:
    """What a result is shown beside, and what to call that: the truth where there is one, else zero-filled.

    Returns
    -------
    tuple
        Volume node and text of the button; None for no node.
    """
    if full := image_beside(result, FULL):
        return full, _("Compare with all samples")
    if scanned := None if result is None else result.GetNodeReference(results.INPUT):
        return scanned, _("Compare with input")
    if zero_filled := image_beside(result, ZERO_FILLED):
        return zero_filled, _("Compare with zero-filled")
    return None, _("Compare")


def deliver(
    report: Mapping[str, Any],
    images: Mapping[str, Received],
    judgement: metrics.Judgement | None,
    *,
    source: Any,
    path: str,
    output: Any,
    parameters: Mapping[str, Any],
    undersampled: bool,
) -> Any:
    """Put what came back into the scene, all at once.

    Parameters
    ----------
    report
        The library's report.
    images
        ``"image"``, the result, and what came with it, by the keys of `REFERENCES`.
    judgement
        How far the image is from the truth; None where there is none.
    source, path
        The volume whose scan was simulated, or None, and then the file with the raw data.
    output
        Volume node that the image goes into; None for a new one.
    parameters
        All that was chosen, for the record.
    undersampled
        Whether samples of a full scan were left out.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        The image, which references the rest.
    """

    def record(node: Any) -> None:
        results.set_provenance(node, report, source=source, input_name=path, parameters=parameters)

    def put(role: str, name: str, node: Any = None) -> Any:
        received = images[role]
        described = {**received.image, "window": [0, 1]} if role == ATTENTION else received.image
        return results.add_volume(described, received.data, name=name, source=source, node=node)

    input_name = title(path) if source is None else source.GetName()
    result = put("image", results.reconstruction_name(input_name, report, undersampled=undersampled), output)
    record(result)
    name = result.GetName()
    for role, word in _words().items():
        if role in images:
            beside = put(role, f"{name} {word}")
            if role in (ATTENTION, LESION):  # the others are not the model's
                record(beside)
            result.SetNodeReferenceID(REFERENCES[role], beside.GetID())
    table = scores.table(report, name=f"{name} − " + _("scores"), source=source, volume=result)
    if table is not None:
        result.SetNodeReferenceID(SCORES, table.GetID())
    if judgement is not None:
        metrics.add(result, judgement, source=source)
    return result


def _words() -> dict[str, str]:
    """What is put behind a result's name to name what came with it."""
    return {
        ATTENTION: _("attention"),
        LESION: _("without lesion term"),
        ZERO_FILLED: _("zero-filled"),
        FULL: _("full"),
    }
