"""One super-resolution: what is asked for, and the way from the volume to its finer one."""

from __future__ import annotations

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
    options
        What the library's task takes: ``model``, ``scale``, ``device``, ``precision``, ``consistency``, ``tile``.
    """

    input: str
    reference: str
    ground_truth: str
    output: str
    options: Mapping[str, Any]

    @classmethod
    def of(
        cls, source: Any, *, reference: Any = None, output: Any = None, ground_truth: Any = None, **options: Any
    ) -> Request:
        """Check volumes and make a request of them.

        Raises
        ------
        BridgeError
            If a volume cannot be used, or the output would replace an input.
        """
        nodes.check_volume(source, what=_("input volume"))
        for node, what in ((reference, _("reference volume")), (ground_truth, _("ground truth"))):
            if node is not None:
                nodes.check_volume(node, what=what)
                Geometry.of(node, relative_to=source)
        if output is not None and output in (source, reference, ground_truth):
            raise BridgeError(
                _("the output volume is one of the inputs"), _("choose another output volume, or create a new one")
            )
        return cls(_id(source), _id(reference), _id(ground_truth), _id(output), options)


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
    asking = work.ask(TASK, input=image, reference=reference, maps=[], options=dict(request.options))
    answer = yield from within(asking, 0.04, 0.9)
    received = yield from within(work.receive(answer["image"]), 0.9, 0.95)
    judgement = None
    if request.ground_truth:
        judgement = yield from within(_judge(work, request, image, answer), 0.95, 1.0)
    return _deliver(request, received, answer["report"], judgement)


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
    results.set_provenance(result, report, source=source, parameters=request.options)
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
