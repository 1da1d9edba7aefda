"""SuperResolve: a coarse scan becomes a finer one, by a trained network.

In the Python console, or in a script::

    from SuperResolve import SuperResolveLogic

    fine = SuperResolveLogic().process(slicer.util.getNode("T1w"), model="iconet-x2")
"""

from collections.abc import Callable
from typing import Annotated, Any

import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from MRIEnhanceBridge import metrics, selftest, super_resolution, views, worker
from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.panel import Panel
from MRIEnhanceBridge.steps import Progress, Steps, run_now
from MRIEnhanceBridge.super_resolution import Request


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
        return SuperResolveParameterNode(super().getParameterNode())  # type: ignore[call-arg]

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
        request = Request.of(
            inputVolume,
            reference=reference,
            output=outputVolume,
            ground_truth=groundTruth,
            model=model,
            scale=scale,
            device=device,
            precision=precision,
            consistency=consistency,
            tile=tile,
        )
        return run_now(self.steps(request), progress)

    def steps(self, request: Request) -> Steps[Any]:
        """What `process` does, in steps: for `run_now` or a `Task`."""
        return super_resolution.steps(self.worker, request)


class SuperResolveWidget(Panel):
    """The panel."""

    task = super_resolution.TASK
    scale: Choice

    def makeLogic(self) -> SuperResolveLogic:
        """The module's logic."""
        return SuperResolveLogic()

    def setupForm(self) -> None:
        """What only this panel has."""
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
        return Request.of(
            node.inputVolume,
            reference=node.referenceVolume if self.ui.referenceSelector.enabled else None,
            output=node.outputVolume,
            ground_truth=node.groundTruthVolume,
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
        watched = [self._parameterNode.inputVolume]
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


def _scale(model: Any) -> int:
    return int((model["card"] or {}).get("scale") or 0)
