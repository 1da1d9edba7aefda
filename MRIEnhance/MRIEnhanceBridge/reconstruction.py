"""One reconstruction: what is asked for, and the way from raw k-space, or from a volume, to the image and its maps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from MRIEnhanceBridge import job, metrics, nodes, renew, voxels
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.job import Received
from MRIEnhanceBridge.reconstructed import ATTENTION, FULL, LESION, ZERO_FILLED, deliver
from MRIEnhanceBridge.sources import file_path, number, slice_numbers
from MRIEnhanceBridge.steps import Progress, Steps, within
from MRIEnhanceBridge.worker import Worker

TASK = "reconstruct"
MAPS = (ATTENTION, LESION, ZERO_FILLED)
"""What may be asked for beside the image."""
SAMPLINGS = ("random-lines", "equispaced-lines", "poisson-disc")
COIL_MAPS = ("espirit", "low-resolution", "file")
LINES_ALONG = ("i", "j")
ACCELERATION = 4.0
"""Of a simulated scan, if nothing is said."""


@dataclass(frozen=True)
class Request:
    """What one run is to do.

    Parameters
    ----------
    path
        File with raw k-space; empty if a scan of a volume is simulated.
    node
        ID of that volume, which tells later whether it is still there; empty for a file.
    output
        ID of the volume that the result replaces; empty for none.
    read, simulate, retrospective
        How the worker reads the file, how it scans the volume, which samples of the file it leaves out; None for not.
    maps
        Which of `MAPS` are wanted.
    options
        What the library's task takes: ``model``, ``coil_maps``, ``device``, ``precision``.
    """

    path: str
    node: str
    output: str
    read: Mapping[str, Any] | None
    simulate: Mapping[str, Any] | None
    retrospective: Mapping[str, Any] | None
    maps: tuple[str, ...]
    options: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        model: str | None = None,
        coil_maps: str = "espirit",
        acceleration: float | None = None,
        sampling: str = "random-lines",
        lines_along: str = "i",
        seed: int = 0,
        coils: int = 8,
        snr: float = 50.0,
        slices: str | int | Iterable[int] | None = None,
        maps: Iterable[str] = (ATTENTION,),
        mask: str | os.PathLike[str] | None = None,
        axes: str | None = None,
        output: Any = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> Request:
        """Check what is asked for and make a request of it.

        Parameters
        ----------
        source
            Path of a file with raw k-space, or a scalar volume.
        model, coil_maps, ...
            As for `ReconstructLogic.process`.

        Raises
        ------
        BridgeError
            If there is no such file, the volume cannot be used, an option has no such value, or the output would
            replace the input.
        """
        _check_words(sampling=(sampling, SAMPLINGS), coil_maps=(coil_maps, COIL_MAPS), lines=(lines_along, LINES_ALONG))
        wanted = tuple(maps)
        for name in wanted:
            _check_words(maps=(name, MAPS))
        if acceleration is not None:
            acceleration = number(acceleration, what=_("The acceleration"), least=1)
        if output is not None:
            renew.check_output(output, source)
        undersampling = {
            "sampling": sampling,
            "lines_along": lines_along,
            "seed": int(number(seed, what=_("The seed"), least=0)),
        }
        numbers = slice_numbers(slices)
        options = {"model": model or None, "coil_maps": coil_maps, "device": device, "precision": precision}
        common: dict[str, Any] = {"output": _id(output), "maps": wanted, "options": options}
        if isinstance(source, str | os.PathLike):
            path = file_path(source, what=_("file with raw k-space"))
            used = None if mask is None or not str(mask) else file_path(mask, what=_("sampling mask"))
            read = {"axes": axes or None, "mask": used, "slices": numbers}
            left_out = None if acceleration is None else {"acceleration": acceleration, **undersampling}
            return cls(path, "", read=read, simulate=None, retrospective=left_out, **common)
        nodes.check_volume(source)
        scan = {
            "acceleration": acceleration or ACCELERATION,
            **undersampling,
            "coils": int(number(coils, what=_("The number of coils"), least=1)),
            "snr": number(snr, what=_("The SNR"), least=1e-6),
            "slices": numbers,
        }
        return cls("", _id(source), read=None, simulate=scan, retrospective=None, **common)

    @property
    def parameters(self) -> dict[str, Any]:
        """All that was chosen, for the record of the result."""
        return {**self.options, **(self.read or {}), **(self.simulate or {}), **(self.retrospective or {})}


def steps(worker: Worker, request: Request) -> Steps[Any]:
    """Do what is asked for; the result is a volume node in the scene, which references what came with it.

    Raises
    ------
    BridgeError
        If it cannot be done; nothing is left behind then.
    """
    return job.run(worker, lambda work: _work(work, request))


def _work(work: job.Job, request: Request) -> Steps[Any]:
    sent = None
    if request.node:
        sent = yield from within(work.send(_node(request.node), "input"), 0.0, 0.02)
    asking = work.ask(
        TASK,
        kspace=request.path or None,
        read=request.read,
        input=sent,
        simulate=request.simulate,
        retrospective=request.retrospective,
        maps=list(request.maps),
        options=dict(request.options),
    )
    answer = yield from within(asking, 0.02, 0.9)
    images = yield from within(_receive(work, answer), 0.9, 0.96)
    judgement = yield from within(_judge(work, request, answer), 0.96, 1.0)
    return deliver(
        answer["report"],
        images,
        judgement,
        source=_node(request.node) if request.node else None,
        path=request.path,
        output=slicer.mrmlScene.GetNodeByID(request.output) if request.output else None,
        parameters=request.parameters,
        undersampled=request.retrospective is not None,
    )


def _receive(work: job.Job, answer: Mapping[str, Any]) -> Steps[dict[str, Received]]:
    """All images of an answer, by their roles."""
    described = {"image": answer["image"], **answer["maps"]}
    if answer["full"] is not None:
        described[FULL] = answer["full"]
    received = {}
    for place, (role, image) in enumerate(described.items()):
        first, last = place / len(described), (place + 1) / len(described)
        received[role] = yield from within(work.receive(image), first, last)
    return received


def _judge(work: job.Job, request: Request, answer: Mapping[str, Any]) -> Steps[metrics.Judgement | None]:
    """How far the image is from the truth, if there is one: the image of all samples, or the one that was scanned."""
    if answer["evaluation"] is None:
        return None
    truth = answer["full"]
    if truth is None:
        truth = yield from _scanned(work, request, answer["image"])
    return (yield from metrics.judged(work, answer, truth))


def _scanned(work: job.Job, request: Request, image: Mapping[str, Any]) -> Steps[dict[str, Any]]:
    """The slices of the volume that were scanned, written for the worker on the grid of their reconstruction."""
    node, path = _node(request.node), work.folder / "truth.raw"
    described = nodes.describe(node, path)
    view = nodes.voxel_view(node)
    numbers = (request.simulate or {})["slices"]
    for fraction in voxels.write_voxels(view if numbers is None else view[numbers], path):
        yield Progress(fraction, _("Sending the volume…"))
    return {**image, "voxels": str(path), "pixel_type": described["pixel_type"]}


def _check_words(**given: tuple[str, tuple[str, ...]]) -> None:
    for option, (value, known) in given.items():
        if value not in known:
            raise BridgeError(
                _('"{value}" is no choice for {option}').format(value=value, option=option),
                _("choose one of {names}").format(names=", ".join(known)),
            )


def _id(node: Any) -> str:
    return "" if node is None else str(node.GetID())


def _node(identifier: str) -> Any:
    """The volume that was there when the run started.

    Raises
    ------
    BridgeError
        If it is gone.
    """
    node = slicer.mrmlScene.GetNodeByID(identifier)
    if node is None:
        raise BridgeError(_("A volume of this run is no longer in the scene."), kind="Cancelled")
    return node
