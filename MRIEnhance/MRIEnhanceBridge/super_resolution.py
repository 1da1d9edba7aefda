"""One super-resolution: what is asked for, and the way from the volume to its finer one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import job, metrics, nodes, results
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.geometry import Geometry
from MRIEnhanceBridge.steps import Steps, within
from MRIEnhanceBridge.worker import Worker

TASK = "super-resolve"


@dataclass(frozen=True)
class Request:
    """What one run is to do.

    Parameters
    ----------
    input, reference, ground_truth, output
        IDs of volume nodes, which tell later whether they are still there; empty for none.
    contrast, reference_contrast
        What they are; None if nobody says.
    options
        What the library's task takes: ``model``, ``scale``, ``register``, ``device``, ``precision``, ``consistency``,
        ``tile``.
    """

    input: str
    reference: str
    ground_truth: str
    output: str
    contrast: str | None
    reference_contrast: str | None
    options: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        contrast: str | None = None,
        reference: Any = None,
        reference_contrast: str | None = None,
        output: Any = None,
        ground_truth: Any = None,
        **options: Any,
    ) -> Request:
        """Check volumes and make a request of them.

        Raises
        ------
        BridgeError
            If a volume cannot be used, the input is its own reference, or the output would replace an input.
        """
        nodes.check_volume(source, what=_("input volume"))
        for node, what in ((reference, _("reference volume")), (ground_truth, _("ground truth"))):
            if node is not None:
                nodes.check_volume(node, what=what)
                Geometry.of(node, relative_to=source)
        if reference is not None and reference is source:
            raise BridgeError(
                _("The reference is the input volume"), _("choose a finer scan of another contrast, or none")
            )
        if output is not None and output in (source, reference, ground_truth):
            raise BridgeError(
                _("the output volume is one of the inputs"), _("choose another output volume, or create a new one")
            )
        return cls(
            input=_id(source),
            reference=_id(reference),
            ground_truth=_id(ground_truth),
            output=_id(output),
            contrast=contrast or None,
            reference_contrast=(reference_contrast or None) if reference is not None else None,
            options=options,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """All that was chosen, for the record of the result; no names of volumes."""
        return {"contrast": self.contrast, "referenceContrast": self.reference_contrast, **self.options}

    @property
    def watched(self) -> list[Any]:
        """The volumes without which the run makes no sense."""
        return [_node(each) for each in (self.input, self.reference) if each]


def steps(worker: Worker, request: Request) -> Steps[Any]:
    """Do what is asked for; the result is a volume node in the scene.

    Raises
    ------
    BridgeError
        If it cannot be done; nothing is left behind then.
    """
    return job.run(worker, lambda work: _work(work, request))


def _work(work: job.Job, request: Request) -> Steps[Any]:
    source = _node(request.input)
    image = yield from within(work.send(source, "input"), 0.0, 0.02)
    reference = None
    if request.reference:
        sending = work.send(_node(request.reference), "reference", relative_to=source)
        reference = yield from within(sending, 0.02, 0.04)
    asking = work.ask(
        TASK,
        input=image,
        contrast=request.contrast,
        reference=reference,
        reference_contrast=request.reference_contrast,
        maps=[],
        options=dict(request.options),
    )
    answer = yield from within(asking, 0.04, 0.9)
    received = yield from within(work.receive(answer["image"]), 0.9, 0.95)
    judgement = None
    if request.ground_truth:
        judgement = yield from within(_judge(work, request, image, answer), 0.95, 1.0)
    return _deliver(request, received, answer["report"], judgement)


def summary(result: Any) -> str:
    """What to tell of a result that is done: its name, what was done to the reference, warnings, figures."""
    first, *rest = metrics.summary(result).splitlines()
    used = json.loads(result.GetAttribute("MRIEnhance.report") or "{}").get("reference") or {}
    moved = used.get("registration")
    told = [results.registered(used.get("contrast") or _("The reference"), moved)] if moved else []
    return "\n".join([first, *told, *rest])


def _judge(work: job.Job, request: Request, image: Any, answer: Any) -> Steps[metrics.Judgement]:
    truth = yield from work.send(_node(request.ground_truth), "truth", relative_to=_node(request.input))
    title = answer["report"]["model"]["title"]
    return (yield from metrics.judge(work, {title: answer["image"]}, truth, coarse=image))


def _deliver(request: Request, received: job.Received, report: Any, judgement: metrics.Judgement | None) -> Any:
    """Put what came back into the scene, all at once."""
    source = _node(request.input)
    name = results.result_name(source.GetName(), report)
    existing = slicer.mrmlScene.GetNodeByID(request.output) if request.output else None
    result = results.add_volume(received.image, received.data, name=name, source=source, node=existing)
    reference = _node(request.reference) if request.reference else None
    results.set_provenance(result, report, source=source, reference=reference, parameters=request.parameters)
    if judgement is not None:
        metrics.add(result, judgement, source=source)
    return result


def _id(node: Any) -> str:
    return "" if node is None else str(node.GetID())


def _node(identifier: str) -> Any:
    """A node that was there when the run started.

    Raises
    ------
    BridgeError
        If it is gone.
    """
    node = slicer.mrmlScene.GetNodeByID(identifier)
    if node is None:
        raise BridgeError(_("A volume of this run is no longer in the scene."), kind="Cancelled")
    return node
