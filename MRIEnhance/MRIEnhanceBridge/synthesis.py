"""One synthesis: what is asked for, and the way from scans to the contrasts that were not scanned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import job, nodes, renew
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.geometry import Geometry
from MRIEnhanceBridge.job import Received
from MRIEnhanceBridge.metrics import Judgement
from MRIEnhanceBridge.steps import Steps, within
from MRIEnhanceBridge.synthesized import deliver
from MRIEnhanceBridge.worker import Worker

TASK = "synthesize"
_SENT, _ANSWERED = 0.05, 0.93
"""Parts of the progress."""


@dataclass(frozen=True)
class Request:
    """What one run is to do.

    Parameters
    ----------
    input, truth
        IDs of volume nodes, which tell later whether they are still there; empty for none.
    contrast
        Of the input; None to have the model look.
    to
        The wanted contrasts.
    others, outputs
        IDs of further sources, and of the volumes that results replace, by their contrasts.
    uncertainty
        Whether the spread of predictions is wanted.
    options
        What the library's task takes: ``model``, ``register``, ``device``, ``precision``.
    """

    input: str
    truth: str
    contrast: str | None
    to: tuple[str, ...]
    others: Mapping[str, str]
    outputs: Mapping[str, str]
    uncertainty: bool
    options: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        to: Iterable[str],
        contrast: str | None = None,
        others: Mapping[str, Any] | None = None,
        truth: Any = None,
        outputs: Mapping[str, Any] | None = None,
        uncertainty: bool = False,
        **options: Any,
    ) -> Request:
        """Check what is asked for and make a request of it.

        Raises
        ------
        BridgeError
            If a volume cannot be used, an output would replace an input, or contrasts contradict each other.
        """
        wanted, others, outputs = tuple(to), dict(others or {}), dict(outputs or {})
        nodes.check_volume(source, what=_("input volume"))
        _check_contrasts(wanted, contrast, others, outputs)
        if truth is not None and len(wanted) > 1:
            raise BridgeError(
                _("The ground truth has one contrast, and {count} are wanted").format(count=len(wanted)),
                _("choose one contrast, or no ground truth"),
            )
        scans = [(node, _("further source")) for node in others.values()]
        for node, what in [*scans, *([] if truth is None else [(truth, _("ground truth"))])]:
            nodes.check_volume(node, what=what)
            Geometry.of(node, relative_to=source)
        sources = [source, *others.values()]
        if len(set(sources)) < len(sources):
            raise BridgeError(_("One volume is chosen twice as a source"), _("choose each once"))
        for node in outputs.values():
            for scan in (*sources, truth):
                renew.check_output(node, scan)
        identified = {name: _id(node) for name, node in others.items()}
        replaced = {name: _id(node) for name, node in outputs.items()}
        return cls(_id(source), _id(truth), contrast or None, wanted, identified, replaced, uncertainty, {**options})

    @property
    def parameters(self) -> dict[str, Any]:
        """All that was chosen, for the record of the results; no names of volumes."""
        chosen = {"source": self.contrast, "to": list(self.to), "others": list(self.others)}
        return {**chosen, "uncertainty": self.uncertainty, **self.options}

    @property
    def watched(self) -> list[Any]:
        """The volumes without which the run makes no sense."""
        return [_node(each) for each in (self.input, *self.others.values(), self.truth) if each]


def steps(worker: Worker, request: Request) -> Steps[dict[str, Any]]:
    """Do what is asked for; the results are volume nodes in the scene, by their contrasts.

    Raises
    ------
    BridgeError
        If it cannot be done; nothing is left behind then.
    """
    return job.run(worker, lambda work: _work(work, request))


def _work(work: job.Job, request: Request) -> Steps[dict[str, Any]]:
    image, others, truth = yield from within(_send(work, request), 0.0, _SENT)
    asking = work.ask(
        TASK,
        input=image,
        source=request.contrast,
        to=list(request.to),
        others=others,
        reference=truth,
        maps=["uncertainty"] if request.uncertainty else [],
        options=dict(request.options),
    )
    answer = yield from within(asking, _SENT, _ANSWERED)
    images, judgement = yield from within(_receive(work, answer), _ANSWERED, 1.0)
    source = _node(request.input)
    further = [_node(each) for each in request.others.values()]
    compared = _node(request.truth) if request.truth else None
    made = {}
    for item, received in zip(answer["results"], images, strict=True):
        output = request.outputs.get(item["contrast"])
        made[item["contrast"]] = deliver(
            item,
            received,
            judgement,
            source=source,
            others=further,
            truth=compared,
            output=slicer.mrmlScene.GetNodeByID(output) if output else None,
            parameters=request.parameters,
        )
    return made


def _send(work: job.Job, request: Request) -> Steps[tuple[Any, list[Any], Any]]:
    """All volumes, written for the worker in the frame of the input."""
    source = _node(request.input)
    scans = [
        ("input", request.input),
        *((f"other-{place}", each) for place, each in enumerate(request.others.values())),
    ]
    if request.truth:
        scans.append(("truth", request.truth))
    sent = {}
    for place, (role, identifier) in enumerate(scans):
        sending = work.send(_node(identifier), role, relative_to=source)
        sent[role] = yield from within(sending, place / len(scans), (place + 1) / len(scans))
    others = [{"contrast": name, "image": sent[f"other-{place}"]} for place, name in enumerate(request.others)]
    return sent["input"], others, sent.get("truth")


def _receive(work: job.Job, answer: Mapping[str, Any]) -> Steps[tuple[list[dict[str, Received]], Judgement | None]]:
    """The images of each result, by their roles, and the comparison with the truth if there is one."""
    described = [{"image": item["image"], **item["maps"]} for item in answer["results"]]
    total = sum(map(len, described)) + (answer["difference"] is not None)
    received: list[dict[str, Received]] = []
    done = 0
    for images in described:
        received.append({})
        for role, image in images.items():
            received[-1][role] = yield from within(work.receive(image), done / total, (done + 1) / total)
            done += 1
    if answer["evaluation"] is None:
        return received, None
    difference = None
    if answer["difference"] is not None:
        difference = yield from within(work.receive(answer["difference"]), done / total, 1.0)
    return received, Judgement(answer["rows"], answer["evaluation"], difference)


def _check_contrasts(
    wanted: Sequence[str], contrast: str | None, others: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Refuse contrasts that make no sense together."""
    if not wanted or len(set(wanted)) < len(wanted):
        message = _("A contrast is named twice") if wanted else _("No contrast is wanted")
        raise BridgeError(message, _("name each wanted contrast once"))
    if not all(others):
        raise BridgeError(_("A further source has no contrast"), _("say which contrast it has"))
    if contrast in others:
        raise BridgeError(
            _("Two sources have the contrast {contrast}").format(contrast=contrast), _("choose one scan of each")
        )
    for name in (contrast, *others):
        if name in wanted:
            raise BridgeError(
                _("{contrast} was scanned: it need not be made").format(contrast=name), _("choose another contrast")
            )
    if strangers := set(outputs) - set(wanted):
        message = _("There is an output for {contrast}, which is not wanted").format(contrast=sorted(strangers)[0])
        raise BridgeError(message, _("leave it out, or name that contrast"))


def _id(node: Any) -> str:
    return "" if node is None else str(node.GetID())


def _node(identifier: str) -> Any:
    """A volume that was there when the run started.

    Raises
    ------
    BridgeError
        If it is gone.
    """
    node = slicer.mrmlScene.GetNodeByID(identifier)
    if node is None:
        raise BridgeError(_("A volume of this run is no longer in the scene."), kind="Cancelled")
    return node
