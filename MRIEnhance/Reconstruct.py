"""Reconstruct: raw k-space becomes an image, and what a network saw in it on the way.

In the Python console, or in a script::

    from Reconstruct import ReconstructLogic

    image = ReconstructLogic().process("scan.h5", model="cg-sense")
"""

from collections.abc import Callable, Iterable
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

from MRIEnhanceBridge import metrics, reconstruction, selftest, views, worker
from MRIEnhanceBridge.findings import Findings
from MRIEnhanceBridge.panel import Panel
from MRIEnhanceBridge.reconstruct_form import FILE, ReconstructForm
from MRIEnhanceBridge.reconstructed import ATTENTION, ZERO_FILLED, comparison, image_beside
from MRIEnhanceBridge.reconstruction import Request
from MRIEnhanceBridge.steps import Progress, Steps, run_now


class Reconstruct(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Reconstruct")
        parent.categories = [translate("qSlicerAbstractCoreModule", "MRIEnhance")]
        parent.dependencies = []
        parent.contributors = ["The MRIEnhance authors"]
        parent.helpText = _(
            "Makes an image of raw MR data, also of undersampled ones, or shows what an accelerated scan of a loaded "
            "volume would give. Choose a file and a method, and press Apply. For research, not for diagnosis."
        )
        parent.acknowledgementText = _("Each model's card names the paper behind it and the data it learned from.")


@parameterNodeWrapper
class ReconstructParameterNode:
    """What the panel keeps in the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    resultVolume: vtkMRMLScalarVolumeNode
    """The last result, for comparison and for what was found in it."""
    source: str = FILE
    """Or ``"volume"``."""
    kspaceFile: str = ""
    model: str = ""
    leaveOut: bool = False
    acceleration: Annotated[float, WithinRange(1, 32)] = reconstruction.ACCELERATION
    sampling: str = "random-lines"
    linesAlong: str = "i"
    attention: bool = True
    withoutLesionTerm: bool = False
    zeroFilled: bool = True
    coilMaps: str = "espirit"
    slices: str = ""
    """As the user writes them; empty for all."""
    maskFile: str = ""
    axes: str = ""
    coils: Annotated[int, WithinRange(1, 128)] = 8
    snr: Annotated[float, WithinRange(1, 100000)] = 50.0
    seed: Annotated[int, WithinRange(0, 999999)] = 0
    device: str = "auto"
    precision: str = "auto"
    attentionStrength: Annotated[float, WithinRange(0, 100)] = 50.0
    """Percent."""


class ReconstructLogic(ScriptedLoadableModuleLogic):
    """Reconstructs raw data by the worker process.

    Attributes
    ----------
    worker
        The worker that all modules of the application share.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self.worker = worker.shared()

    def getParameterNode(self) -> ReconstructParameterNode:
        """The scene's parameter node of this module, typed."""
        return ReconstructParameterNode(super().getParameterNode())  # type: ignore[call-arg]

    def process(
        self,
        source: Any,
        *,
        model: str | None = None,
        coilMaps: str = "espirit",
        acceleration: float | None = None,
        sampling: str = "random-lines",
        linesAlong: str = "i",
        seed: int = 0,
        coils: int = 8,
        snr: float = 50,
        slices: str | int | Iterable[int] | None = None,
        maps: Iterable[str] = (ATTENTION,),
        mask: Any = None,
        axes: str | None = None,
        outputVolume: Any = None,
        device: str = "auto",
        precision: str = "auto",
        progress: Callable[[Progress], Any] | None = None,
    ) -> Any:
        """Reconstruct raw data and wait for the image; or raise `BridgeError`, and leave nothing behind.

        Parameters
        ----------
        source
            Path of a file with raw k-space; or a scalar volume node, of which an accelerated scan is simulated.
        model
            Name of a model, path of a model file, or ``"cg-sense"``, ``"l1-wavelet"``, ``"total-variation"``,
            ``"zero-filled"``; by default the first model, else CG-SENSE.
        acceleration
            Of a full scan in a file: so many times fewer samples are kept, and the result is compared with the image of
            all. Of a simulated scan: by default 4.
        sampling, linesAlong, seed, coils, snr
            ``"random-lines"``, ``"equispaced-lines"`` or ``"poisson-disc"``; the axis of lines that are left out,
            ``"i"`` or ``"j"``; of a simulated scan, also coils and SNR.
        slices
            Which slices, from 0: ``"10-12, 15"`` (both ends included), a number, or several; by default all.
        maps
            What is wanted beside the image: ``"attention"``, ``"without-lesion-term"``, ``"zero-filled"``. The result
            references them, as ``MRIEnhance.attention``, and the image of all samples as ``MRIEnhance.full``.
        coilMaps, mask, axes
            ``"espirit"``, ``"low-resolution"`` or ``"file"``; file of a mask; axes, such as ``"coil,ky,kx"``.
        outputVolume, device, precision, progress
            As for ``SuperResolveLogic.process``.

        Returns
        -------
        vtkMRMLScalarVolumeNode
            The image. It references ``MRIEnhance.metrics``, ``MRIEnhance.difference`` and ``MRIEnhance.scores``, as far
            as there are a truth and a classifier.
        """
        request = Request.of(
            source,
            model=model,
            coil_maps=coilMaps,
            acceleration=acceleration,
            sampling=sampling,
            lines_along=linesAlong,
            seed=seed,
            coils=coils,
            snr=snr,
            slices=slices,
            maps=maps,
            mask=mask,
            axes=axes,
            output=outputVolume,
            device=device,
            precision=precision,
        )
        return run_now(self.steps(request), progress)

    def steps(self, request: Request) -> Steps[Any]:
        """What `process` does, in steps: for `run_now` or a `Task`."""
        return reconstruction.steps(self.worker, request)


class ReconstructWidget(Panel):
    """The panel."""

    task = reconstruction.TASK

    def makeLogic(self) -> ReconstructLogic:
        """The module's logic."""
        return ReconstructLogic()

    def setupForm(self) -> None:
        """What only this panel has."""
        self.form = ReconstructForm(self.ui, self._keep)
        self.findings = Findings(self.ui)

    def cleanup(self) -> None:
        """The module goes away: the views are as they were before."""
        self.findings.close()
        Panel.cleanup(self)

    def onCatalogue(self) -> None:
        """Choose the first model in a new scene, or the first method that needs none."""
        if self._parameterNode is not None and not self._parameterNode.model and self.models:
            self._parameterNode.model = next(iter(self.models))

    def showParameters(self) -> None:
        """Show where the raw data come from, and offer what goes with that and with the method."""
        node = self._parameterNode
        self.form.show(node, learned=bool(self.models.get(node.model, {}).get("card")))
        self.ui.compareButton.text = comparison(node.resultVolume)[1]
        self.findings.follow(node.resultVolume, node.attentionStrength / 100)

    def comparedWith(self) -> Any:
        """What the last result is shown beside."""
        return comparison(self._parameterNode.resultVolume)[0]

    def reasonNotReady(self) -> str:
        """Why Apply cannot be clicked."""
        return self.form.reason_not_ready(self._parameterNode)

    def startRun(self) -> None:
        """Start the run that the panel describes."""
        request = self.form.request(self._parameterNode)
        watched = [self._parameterNode.inputVolume] if request.node else []
        self.run.start(self.logic.steps(request), watched=watched, on_done=self.onDone, on_failed=self.onFailed)

    def onDone(self, result: Any) -> str:
        """Show the result; what to say of it."""
        parameters = self.logic.getParameterNode()  # the panel may be closed meanwhile
        replaced = result.GetNodeReference("MRIEnhance.input") or parameters.resultVolume
        parameters.resultVolume = result
        views.show(result, source=replaced)
        self.findings.show(result, parameters.attentionStrength / 100)
        return metrics.summary(result)


class ReconstructTest(ScriptedLoadableModuleTest):
    """The self-test inside Slicer: on the library's sample of raw data, without network."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests."""
        self.setUp()
        self.test_sample_is_reconstructed()

    def test_sample_is_reconstructed(self) -> None:
        """The sample's raw data become a brain, which is not what zeros for the missing samples give."""
        result = ReconstructLogic().process(selftest.sample_kspace(), model="cg-sense", maps=[ZERO_FILLED])
        selftest.check_reconstructed(result, image_beside(result, ZERO_FILLED))
        self.delayDisplay(_("Test passed"))
