"""SuperResolve: a coarse scan becomes a finer one, by a trained network; a finer scan of another contrast may help.

In the Python console, or in a script::

    from SuperResolve import SuperResolveLogic

    fine = SuperResolveLogic().process(slicer.util.getNode("T1w"), model="iconet-x2")
    thin = SuperResolveLogic().process(slicer.util.getNode("T2w"), reference=slicer.util.getNode("T1w"))
"""

from collections.abc import Callable, Mapping
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

from MRIEnhanceBridge import selftest, super_resolution, views, worker
from MRIEnhanceBridge.cards import model_label
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.panel import Panel
from MRIEnhanceBridge.steps import Progress, Steps, Task, run_now
from MRIEnhanceBridge.super_resolution import Request
from MRIEnhanceBridge.super_resolve_form import SuperResolveForm, for_scale


class SuperResolve(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("SuperResolve")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MRIEnhance")]
        parent.dependencies = []
        parent.contributors = ["The MRIEnhance authors"]
        parent.helpText = _(
            "Makes a coarse MR scan finer with a trained network: in plane, in 3D, or thick slices thinner. "
            "Some models look at a finer scan of another contrast as well. Choose a volume and a model, and press "
            "Apply. For research, not for diagnosis."
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
    inputNamed: vtkMRMLScalarVolumeNode
    """The volume that `inputContrast` was said or guessed of."""
    referenceNamed: vtkMRMLScalarVolumeNode
    inputContrast: str = ""
    """Empty if it is not known."""
    referenceContrast: str = ""
    registration: bool = True
    model: str = ""
    suggestedModel: str = ""
    """The model as the worker suggests it, which changes with the volumes until the user chooses one."""
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
        contrast: str | None = None,
        reference: Any = None,
        referenceContrast: str | None = None,
        register: bool = True,
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
        model, scale
            Name of a model, or path of a model file, and factor; by default a model for the image (are its slices
            thick?) and the reference, by 2 if nothing speaks against it.
        contrast, referenceContrast
            What they are, such as ``"T1w"``; the result's report warns where the model was made for others.
        reference
            Finer volume of another contrast, on any grid, which the result references as ``MRIEnhance.reference``.
        register
            Whether the reference is registered to the input, or placed by its header.
        outputVolume
            Volume node that the result replaces; by default a new one.
        device, precision
            ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; ``"auto"``, ``"float32"``, ``"bfloat16"`` ...
        consistency, tile
            Whether the measured frequencies are kept exactly; side of the tiles in voxels, else what memory allows.
        groundTruth
            True fine volume on the result's grid: gives a table and a difference volume, which the result references as
            ``MRIEnhance.metrics`` and ``MRIEnhance.difference``.
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
            contrast=contrast,
            reference=reference,
            reference_contrast=referenceContrast,
            output=outputVolume,
            ground_truth=groundTruth,
            model=model,
            scale=scale,
            register=register,
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

    def makeLogic(self) -> SuperResolveLogic:
        """The module's logic."""
        return SuperResolveLogic()

    def setupForm(self) -> None:
        """What only this panel has."""
        self.form = SuperResolveForm(self.ui, self._keep, self.onScaleChosen)
        self._wish: Mapping[str, Any] = {}

    @property
    def chosen(self) -> Mapping[str, Any]:
        """What is known of the chosen model; empty for none."""
        return self.models.get(self._parameterNode.model, {})

    def modelLabel(self, model: Mapping[str, Any]) -> str:
        """How a model is called in the list: with what it makes finer."""
        return model_label(model)

    def catalogueFields(self) -> Mapping[str, Any]:
        """Ask which model is the default as well."""
        if self._parameterNode is None:
            return {}
        self._wish = self.form.wish(self._parameterNode, self.chosen)
        return {"for": self._wish}

    def onCatalogue(self) -> None:
        """Offer the scales that there are models for; in a new scene, choose the default model."""
        self.form.offer_scales(self.models.values())
        self._suggest(self.defaultModel)

    def onModelChosen(self, name: str) -> None:
        """The user chose a model, which stays whatever volumes come."""
        self._keep("suggestedModel", "")
        Panel.onModelChosen(self, name)

    def onScaleChosen(self, value: str) -> None:
        """Choose a model for the scale: like the present one, as far as there is one."""
        self.onModelChosen(for_scale(self.models.values(), int(value), self.chosen))

    def showParameters(self) -> None:
        """Show what goes with the model and the volumes, and ask for the default model anew if they have changed."""
        self.form.show(self._parameterNode, self.chosen)
        wish = self.form.wish(self._parameterNode, self.chosen)
        if self._follows and wish != self._wish and self.models and not self.run.running:
            self._lookups = [lookup for lookup in self._lookups if lookup.running]
            steps = self.logic.worker.request("models", **{"task": self.task, **self.catalogueFields()})
            self._lookups.append(
                Task(
                    steps,
                    on_done=lambda answer: self._suggest(answer["default"] if wish == self._wish else ""),
                    on_failed=self.onNoSuggestion,
                )
            )

    @property
    def _follows(self) -> bool:
        """Whether the model is still the one that the worker suggests."""
        return self._parameterNode.model in ("", self._parameterNode.suggestedModel)

    def _suggest(self, name: str | None) -> None:
        if self._parameterNode is not None and self._follows and name in self.models:
            self._parameterNode.suggestedModel = name
            self._parameterNode.model = name

    def onNoSuggestion(self, error: BridgeError) -> None:
        """The worker did not say which model is the default; it is told unless the worker was only stopped."""
        if error.kind != "Cancelled":
            self.run.complain(error)

    def reasonNotReady(self) -> str:
        """Why Apply cannot be clicked."""
        return self.form.reason_not_ready(self._parameterNode, self.chosen)

    def startRun(self) -> None:
        """Start the run that the panel describes."""
        request = self.form.request(self._parameterNode, self.chosen)
        self.run.start(self.logic.steps(request), watched=request.watched, on_done=self.onDone, on_failed=self.onFailed)

    def onDone(self, result: Any) -> str:
        """Show the result; what to say of it."""
        parameters = self.logic.getParameterNode()  # the panel may be closed meanwhile
        parameters.resultVolume = result
        views.show(result, source=parameters.inputVolume)
        return super_resolution.summary(result)


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
