"""Synthetic images in the scene: what they are called, what came with them, and how to find that again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import metrics, results
from MRIEnhanceBridge.job import Received

SYNTHETIC = "MRIEnhance.synthetic"
"""Attribute of every image that no scanner has made: ``"1"``."""
CONTRAST = "MRIEnhance.contrast"
"""Attribute with the contrast that a synthetic image shows."""
UNCERTAINTY = "MRIEnhance.uncertainty"
"""Node reference from a result to the map of its uncertainty."""
OTHERS = "MRIEnhance.others"
"""Node references from a result to the further sources that it was made from."""
TRUTH = "MRIEnhance.groundTruth"
"""Node reference from a result to the scan that it was compared with."""
UNCERTAIN = 100.0
"""Spread of predictions in the strongest colour; 1000 is the brightest tissue. One voxel in 200 of a brain has more."""


def synthetic_name(input_name: str, contrast: str) -> str:
    """Name a result after its input and contrast: ``sub-01_T1w (synthetic FLAIR)``."""
    return f"{input_name} (synthetic {contrast})"


def uncertainty_of(result: Any) -> Any:
    """The map of a result's uncertainty; None if there is none."""
    return None if result is None else result.GetNodeReference(UNCERTAINTY)


def comparison(result: Any) -> tuple[Any, str]:
    """What a result is shown beside, and what to call that: the ground truth where there is one, else its input.

    Returns
    -------
    tuple
        Volume node and text of the button; None for no node.
    """
    if truth := None if result is None else result.GetNodeReference(TRUTH):
        return truth, _("Compare with ground truth")
    return None if result is None else result.GetNodeReference(results.INPUT), _("Compare with input")


def deliver(
    item: Mapping[str, Any],
    images: Mapping[str, Received],
    judgement: metrics.Judgement | None,
    *,
    source: Any,
    others: Iterable[Any],
    truth: Any,
    output: Any,
    parameters: Mapping[str, Any],
) -> Any:
    """Put one synthetic image into the scene, with what came along.

    Parameters
    ----------
    item
        What the worker says of it, with ``contrast`` and ``report``.
    images
        ``"image"``, and ``"uncertainty"`` if it was asked for.
    judgement
        How far the image is from the truth; None where there is none.
    source, others, truth
        Volume nodes: the source, the further ones, and the truth or None.
    output
        Volume node that the image goes into; None for a new one.
    parameters
        All that was chosen, for the record.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        The image, which references the rest.
    """
    contrast, report = str(item["contrast"]), item["report"]

    def put(role: str, name: str, node: Any = None) -> Any:
        received = images[role]
        described = {**received.image, "window": [0, UNCERTAIN]} if role == "uncertainty" else received.image
        placed = results.add_volume(described, received.data, name=name, source=source, node=node)
        placed.SetVoxelValueQuantity(None)  # the source's measure says nothing of voxels that were not measured
        placed.SetVoxelValueUnits(None)
        results.set_provenance(placed, report, source=source, parameters=parameters)
        placed.SetAttribute(CONTRAST, contrast)
        return placed

    result = put("image", synthetic_name(source.GetName(), contrast), output)
    result.SetAttribute(SYNTHETIC, "1")
    for node in others:
        result.AddNodeReferenceID(OTHERS, node.GetID())
    if truth is not None:
        result.SetNodeReferenceID(TRUTH, truth.GetID())
    if "uncertainty" in images:
        spread = put("uncertainty", f"{result.GetName()} " + _("uncertainty"))
        result.SetNodeReferenceID(UNCERTAINTY, spread.GetID())
    if judgement is not None:
        metrics.add(result, judgement, source=source)
    return result


def summary(made: Iterable[Any]) -> str:
    """What to tell of results of one run: their names, what the sources were taken for, warnings, figures."""
    nodes = list(made)
    told = [line for node in nodes for line in metrics.summary(node).splitlines()]
    names = ", ".join(node.GetName() for node in nodes)
    done = {_("Done: {name}").format(name=node.GetName()) for node in nodes}
    lines = [_("Done: {name}").format(name=names), *_of_sources(nodes[0])]
    return "\n".join(dict.fromkeys([*lines, *(line for line in told if line not in done)]))


def _of_sources(result: Any) -> Iterable[str]:
    """What was done to the sources, as far as the user does not know it."""
    report = json.loads(result.GetAttribute("MRIEnhance.report") or "{}")
    for source in (report.get("synthesis") or {}).get("sources", ()):
        contrast, moved = source["contrast"], source.get("registration")
        if source.get("guessed"):
            yield _("The input was taken for {contrast}, by its looks.").format(contrast=contrast)
        if moved:
            yield results.registered(contrast, moved)
