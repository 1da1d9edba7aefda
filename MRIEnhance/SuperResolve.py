"""SuperResolve: a coarse scan becomes a finer one, by a trained network.

In the Python console, or in a script::

    from SuperResolve import SuperResolveLogic

    fine = SuperResolveLogic().process(slicer.util.getNode("T1w"), model="iconet-x2")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import slicer
from MRIEnhanceBridge.geometry import Geometry
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from MRIEnhanceBridge import job, metrics, nodes, results, selftest, views, worker
from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.panel import Panel
from MRIEnhanceBridge.steps import Progress, Steps, run_now, within

TASK = "super-resolve"


class SuperResolve(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("SuperResolve")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MRIEnhance")]
        parent.dependencies = []
        parent.contributors = ["The MRIEnhance authors"]
        parent.helpText = _(
            "Makes a coarse MR scan finer with a trained network. Choose a volume and a model, and press Apply. "
            "For research, not for diagnosis."
        )
        parent.acknowledgementText = _("Each model's card names the paper behind it and the data it learned from.")


@parameterNodeWrapper
class SuperResolveParameterNode:
    """What the panel keeps in the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    groundTruthVolume: vtkMRMLScalarVolumeNode
    resultVolume: vtkMRMLScalarVolumeNode
    """The last result, for comparison."""
    model: str = ""
    device: str = "auto"
    precision: str = "auto"
    consistency: bool = True
    tileSize: Annotated[int, WithinRange(0, 4096)] = 0
    """Voxels, 0 for automatic."""


@dataclass(frozen=True)
class Request:
    """What one run is to do; nodes by their IDs, which tell whether they are still there."""

    input: str
    reference: str
    ground_truth: str
    output: str
    options: dict[str, Any]


class SuperResolveLogic(ScriptedLoadableModuleLogic):
    """Super-resolves volumes by the worker process.

    Attributes
    ----------
    worker
        The worker that all modules of the application share.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self.worker = worker.shared()

    def getParameterNode(self) -> SuperResolveParameterNode:
        """The scene's parameter node of this module, typed."""
        return SuperResolveParameterNode(super().getParameterNode())

    def process(
        self,
        inputVolume: Any,
        *,
        model: str | None = None,
        scale: int | None = None,
        reference: Any = None,
        outputVolume: Any = None,
        device: str = "auto",
        precision: str = "auto",
        consistency: bool = True,
        tile: int | None = None,
        groundTruth: Any = None,
        progress: Callable[[Progress], Any] | None = None,
    ) -> Any:
        """Super-resolve a volume and wait for the result.

        Parameters
        ----------
        inputVolume
            Scalar volume node. It is not changed.
        model
            Name of a model, or path of a model file; by default the first for `scale`.
        scale
            Factor; by default the model's, or 2.
        reference
            Finer volume of another contrast, for models that use one.
        outputVolume
            Volume node that the result replaces; by default a new one.
        device, precision
            ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; ``"auto"``, ``"float32"``, ``"bfloat16"`` ...
        consistency
            Whether the measured frequencies are kept exactly.
        tile
            Side of the tiles in voxels; by default what memory allows.
        groundTruth
            True fine volume on the result's grid: gives a table of metrics and a difference volume, which the result
            references as ``MRIEnhance.metrics`` and ``MRIEnhance.difference``.
        progress
            Told a `Progress` (``fraction``, ``text``, ``seconds_left``) on the way.

        Returns
        -------
        vtkMRMLScalarVolumeNode
            The finer volume, where the input is, with attributes that say how it came to be.

        Raises
        ------
        BridgeError
            In one line, with a hint, if it cannot be done; nothing is left behind then.
        """
        request = self.request(
            inputVolume,
            model=model,
            scale=scale,
            reference=reference,
            outputVolume=outputVolume,
            device=device,
            precision=precision,
            consistency=consistency,
            tile=tile,
            groundTruth=groundTruth,
        )
        return run_now(self.steps(request), progress)

    def request(
        self,
        inputVolume: Any,
        *,
        reference: Any = None,
        outputVolume: Any = None,
        groundTruth: Any = None,
        **options: Any,
    ) -> Request:
        """Check what is asked for; arguments as for `process`.

        Raises
        ------
        BridgeError
            If a volume cannot be used.
        """
        nodes.check_volume(inputVolume, what=_("input volume"))
        for node, what in ((reference, _("reference volume")), (groundTruth, _("ground truth"))):
            if node is not None:
                nodes.check_volume(node, what=what)
                Geometry.of(node, relative_to=inputVolume)
        if outputVolume is not None and outputVolume in (inputVolume, reference, groundTruth):
            raise BridgeError(
                _("the output volume is one of the inputs"), _("choose another output volume, or create a new one")
            )
        return Request(_id(inputVolume), _id(reference), _id(groundTruth), _id(outputVolume), options)

    def steps(self, request: Request) -> Steps[Any]:
        """What `process` does, in steps: for `run_now` or a `Task`."""
        return job.run(self.worker, lambda work: self._work(work, request))

    def _work(self, work: job.Job, request: Request) -> Steps[Any]:
        source = _node(request.input)
        image = yield from within(work.send(source, "input"), 0.0, 0.02)
        reference = None
        if request.reference:
            sending = work.send(_node(request.reference), "reference", relative_to=source)
            reference = yield from within(sending, 0.02, 0.04)
        asking = work.ask(TASK, input=image, reference=reference, maps=[], options=request.options)
        answer = yield from within(asking, 0.04, 0.9)
        received = yield from within(work.receive(answer["image"]), 0.9, 0.95)
        judged = None
        if request.ground_truth:
            judged = yield from within(self._judge(work, request, image, answer), 0.95, 1.0)
        return self._deliver(request, received, answer["report"], judged)

    def _judge(self, work: job.Job, request: Request, image: Any, answer: Any) -> Steps[metrics.Judgement]:
        truth = yield from work.send(_node(request.ground_truth), "truth", relative_to=_node(request.input))
        title = answer["report"]["model"]["title"]
        return (yield from metrics.judge(work, {title: answer["image"]}, truth, coarse=image))

    def _deliver(self, request: Request, received: job.Received, report: Any, judged: Any) -> Any:
        """Put what came back into the scene, all at once."""
        source = _node(request.input)
        name = results.result_name(source.GetName(), report)
        existing = slicer.mrmlScene.GetNodeByID(request.output) if request.output else None
        result = results.add_volume(received.image, received.data, name=name, source=source, node=existing)
        results.set_provenance(result, report, source=source, parameters=request.options)
        if judged is not None:
            metrics.add(result, judged, source=source)
        return result


class SuperResolveWidget(Panel):
    """The panel."""

    task = TASK

    def makeLogic(self) -> SuperResolveLogic:
        """The module's logic."""
        return SuperResolveLogic()

    def setup(self) -> None:
        """Build the panel."""
        self.scale: Choice | None = None
        Panel.setup(self)
        self.scale = Choice(self.ui.scaleComboBox, self.onScaleChosen)

    def onCatalogue(self) -> None:
        """Offer the scales that there are models for; choose the first model in a new scene."""
        scales = sorted({_scale(model) for model in self.models.values()} - {0})
        self.scale.fill([Item(str(scale), f"×{scale}") for scale in scales])
        if self._parameterNode is not None and not self._parameterNode.model and self.models:
            self._parameterNode.model = next(iter(self.models))

    def onScaleChosen(self, value: str) -> None:
        """Choose a model for the scale: of the same method, if there is one."""
        fitting = [model for model in self.models.values() if _scale(model) == int(value)]
        current = self.models.get(self._parameterNode.model)
        method = current["card"]["method"] if current and current["card"] else ""
        self._parameterNode.model = min(fitting, key=lambda model: model["card"]["method"] != method)["name"]

    def showParameters(self) -> None:
        """Show the scale of the model, and whether it takes a reference."""
        model = self.models.get(self._parameterNode.model)
        if self.scale is not None:
            self.scale.show(str(_scale(model)) if model and _scale(model) else "")
        takes = bool(model and (model["card"] or {}).get("reference"))
        self.ui.referenceSelector.enabled = takes
        self.ui.referenceSelector.toolTip = (
            _("A finer scan of another contrast of the same patient.")
            if takes
            else _("The selected model works from the input alone; it takes no reference.")
        )

    def reasonNotReady(self) -> str:
        """Why Apply cannot be clicked."""
        node = self._parameterNode
        if node.inputVolume is None:
            return _("Select an input volume.")
        try:
            self._request()
        except BridgeError as error:
            return f"{error.message}\n{error.hint}".strip()
        return ""

    def _request(self) -> Request:
        node = self._parameterNode
        return self.logic.request(  # type: ignore[no-any-return]
            node.inputVolume,
            reference=node.referenceVolume if self.ui.referenceSelector.enabled else None,
            outputVolume=node.outputVolume,
            groundTruth=node.groundTruthVolume,
            model=node.model,
            scale=None,
            device=node.device,
            precision=node.precision,
            consistency=node.consistency,
            tile=node.tileSize or None,
        )

    def startRun(self) -> None:
        """Start the run that the panel describes."""
        request = self._request()
        watched = [_node(request.input)]
        self.run.start(self.logic.steps(request), watched=watched, on_done=self.onDone, on_failed=self.onFailed)

    def onDone(self, result: Any) -> str:
        """Show the result; what to say of it."""
        parameters = self.logic.getParameterNode()  # the panel may be closed meanwhile
        parameters.resultVolume = result
        views.show(result, source=parameters.inputVolume)
        return metrics.summary(result)


class SuperResolveTest(ScriptedLoadableModuleTest):
    """The self-test inside Slicer: on the library's sample scan, without network."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests."""
        self.setUp()
        self.test_sample_is_super_resolved_in_place()

    def test_sample_is_super_resolved_in_place(self) -> None:
        """The sample scan becomes twice as fine, and stays where it is."""
        source = selftest.sample_volume()
        result = SuperResolveLogic().process(source, model="iconet-x2")
        selftest.check_finer(source, result, scale=2)
        self.delayDisplay(_("Test passed"))


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


def _scale(model: Any) -> int:
    return int((model["card"] or {}).get("scale") or 0)
