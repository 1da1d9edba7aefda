"""Synthesize: a contrast that was not scanned, as a network expects it from one or several that were.

In the Python console, or in a script::

    from Synthesize import SynthesizeLogic

    flair = SynthesizeLogic().process(slicer.util.getNode("T1w"), source="T1w", to="FLAIR")
"""

from collections.abc import Callable, Iterable, Mapping
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

from MRIEnhanceBridge import selftest, synthesis, worker
from MRIEnhanceBridge.panel import Panel
from MRIEnhanceBridge.steps import Progress, Steps, run_now
from MRIEnhanceBridge.synthesis import Request
from MRIEnhanceBridge.synthesize_form import SynthesizeForm
from MRIEnhanceBridge.synthesized import SYNTHETIC, comparison, summary
from MRIEnhanceBridge.uncertain import Uncertain


class Synthesize(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Synthesize")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MRIEnhance")]
        parent.dependencies = []
        parent.contributors = ["The MRIEnhance authors"]
        parent.helpText = _(
            "Makes a contrast that was not scanned from one or several that were. Choose a volume and what to make of "
            "it, and press Apply. A synthetic image is no scan: a lesion may be missing in it, or be invented. "
            "For research, not for diagnosis."
        )
        parent.acknowledgementText = _("Each model's card names the paper behind it and the data it learned from.")


@parameterNodeWrapper
class SynthesizeParameterNode:
    """What the panel keeps in the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    secondVolume: vtkMRMLScalarVolumeNode
    thirdVolume: vtkMRMLScalarVolumeNode
    groundTruthVolume: vtkMRMLScalarVolumeNode
    resultVolume: vtkMRMLScalarVolumeNode
    """The result that is shown."""
    inputNamed: vtkMRMLScalarVolumeNode
    """The volume that `inputContrast` was said or guessed of."""
    secondNamed: vtkMRMLScalarVolumeNode
    thirdNamed: vtkMRMLScalarVolumeNode
    inputContrast: str = ""
    """Empty to have the model look."""
    secondContrast: str = ""
    thirdContrast: str = ""
    targets: str = ""
    """The wanted contrasts, with spaces between."""
    model: str = ""
    registration: bool = True
    uncertainty: bool = False
    device: str = "auto"
    precision: str = "auto"
    uncertaintyStrength: Annotated[float, WithinRange(0, 100)] = 50.0
    """Percent."""


class SynthesizeLogic(ScriptedLoadableModuleLogic):
    """Synthesizes contrasts by the worker process.

    Attributes
    ----------
    worker
        The worker that all modules of the application share.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self.worker = worker.shared()

    def getParameterNode(self) -> SynthesizeParameterNode:
        """The scene's parameter node of this module, typed."""
        return SynthesizeParameterNode(super().getParameterNode())  # type: ignore[call-arg]

    def process(
        self,
        inputVolume: Any,
        *,
        to: str | Iterable[str],
        source: str | None = None,
        others: Mapping[str, Any] | None = None,
        model: str | None = None,
        register: bool = True,
        uncertainty: bool = False,
        truth: Any = None,
        outputVolumes: Any = None,
        device: str = "auto",
        precision: str = "auto",
        progress: Callable[[Progress], Any] | None = None,
    ) -> Any:
        """Make contrasts that were not scanned and wait for them; or raise `BridgeError`, and leave nothing behind.

        Parameters
        ----------
        inputVolume
            Scalar volume node. It is not changed.
        to
            The wanted contrast, or several: ``"T1w"``, ``"T1c"``, ``"T2w"``, ``"FLAIR"``, ``"PDw"``.
        source
            The contrast of the input; by default the model looks, and refuses if it is not sure.
        others
            Further scans of the same person, volume nodes by their contrasts. The predictions are averaged.
        model
            Name of a model, or path of a model file; by default the first that does it.
        register
            Whether the further scans and the truth are registered to the input where they are not on its grid.
        uncertainty
            Whether the spread of predictions is wanted. It takes several times as long; a result references it as
            ``MRIEnhance.uncertainty``.
        truth
            Scan of the wanted contrast, if there is one only: gives a table of metrics and a difference volume, which
            the result references as ``MRIEnhance.metrics`` and ``MRIEnhance.difference``.
        outputVolumes
            Volume nodes that the results replace, by their contrasts, or the one node for the one contrast; by default
            new ones.
        device, precision, progress
            As for ``SuperResolveLogic.process``.

        Returns
        -------
        vtkMRMLScalarVolumeNode, or dict of them by contrast
            The synthetic images, where the input is, in a unit of their own: 1000 is the brightest tissue. One node if
            `to` is a text, else a dict.
        """
        wanted = [to] if isinstance(to, str) else list(to)
        if outputVolumes is not None and not isinstance(outputVolumes, Mapping):
            outputVolumes = dict.fromkeys(wanted[:1], outputVolumes)
        request = Request.of(
            inputVolume,
            to=wanted,
            contrast=source,
            others=others,
            truth=truth,
            outputs=outputVolumes,
            uncertainty=uncertainty,
            model=model,
            register=register,
            device=device,
            precision=precision,
        )
        made = run_now(self.steps(request), progress)
        return made[to] if isinstance(to, str) else made

    def steps(self, request: Request) -> Steps[dict[str, Any]]:
        """What `process` does, in steps: for `run_now` or a `Task`."""
        return synthesis.steps(self.worker, request)


class SynthesizeWidget(Panel):
    """The panel."""

    task = synthesis.TASK

    def makeLogic(self) -> SynthesizeLogic:
        """The module's logic."""
        return SynthesizeLogic()

    def setupForm(self) -> None:
        """What only this panel has."""
        self.form = SynthesizeForm(self.ui, self._keep)
        self.uncertain = Uncertain(self.ui)
        self.ui.resultSelector.addAttribute("vtkMRMLScalarVolumeNode", SYNTHETIC, "1")

    def cleanup(self) -> None:
        """The module goes away: the views are as they were before."""
        self.uncertain.close()
        Panel.cleanup(self)

    @property
    def card(self) -> Mapping[str, Any]:
        """The chosen model's card; empty for none."""
        return self.models.get(self._parameterNode.model, {}).get("card") or {}

    def onCatalogue(self) -> None:
        """In a new scene, choose the model that makes most contrasts, and the first that was not scanned."""
        node = self._parameterNode
        if node is not None and not node.model and self.models:
            made = {name: (model["card"] or {}).get("contrasts_out", ()) for name, model in self.models.items()}
            node.model = max(made, key=lambda name: len(made[name]))
            self.form.tick_first(node)

    def showParameters(self) -> None:
        """Offer what goes with the volumes and with the model, and show the result that was chosen."""
        node = self._parameterNode
        self.form.show(node, self.card)
        self.ui.compareButton.text = comparison(node.resultVolume)[1]
        self.uncertain.follow(node.resultVolume, node.uncertaintyStrength / 100)

    def comparedWith(self) -> Any:
        """What the chosen result is shown beside."""
        return comparison(self._parameterNode.resultVolume)[0]

    def reasonNotReady(self) -> str:
        """Why Apply cannot be clicked."""
        return self.form.reason_not_ready(self._parameterNode, self.card)

    def startRun(self) -> None:
        """Start the run that the panel describes."""
        request = self.form.request(self._parameterNode)
        self.run.start(self.logic.steps(request), watched=request.watched, on_done=self.onDone, on_failed=self.onFailed)

    def onDone(self, made: Mapping[str, Any]) -> str:
        """Show the first result; what to say of all."""
        parameters = self.logic.getParameterNode()  # the panel may be closed meanwhile
        first = next(iter(made.values()))
        source, last = first.GetNodeReference("MRIEnhance.input"), parameters.resultVolume
        self.uncertain.show(first, parameters.uncertaintyStrength / 100, instead_of=[source, last])
        parameters.resultVolume = first
        return summary(made.values())


class SynthesizeTest(ScriptedLoadableModuleTest):
    """The self-test inside Slicer: on the library's sample scan, without network."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests."""
        self.setUp()
        self.test_sample_gets_another_contrast()

    def test_sample_gets_another_contrast(self) -> None:
        """The sample scan gets a T2-weighted twin in the same place, where fluid is bright."""
        source = selftest.sample_volume()
        selftest.check_synthetic(source, SynthesizeLogic().process(source, source="T1w", to="T2w"))
        self.delayDisplay(_("Test passed"))
