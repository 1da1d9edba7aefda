"""What the widgets of the three modules share: their life in Slicer, the model, the device, the run.

A module's widget says which task it serves, whether it is ready, and what a run is; this base does the rest. The form
of a module names the shared widgets alike: ``modelComboBox``, ``cardBrowser``, ``deviceComboBox``,
``precisionComboBox``, ``pythonPathLineEdit``, ``compareButton``, and those of `RunControl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from MRIEnhanceBridge import install, views
from MRIEnhanceBridge.cards import model_page
from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.errors import BridgeError, MissingPackages
from MRIEnhanceBridge.pythonline import PythonLine
from MRIEnhanceBridge.runcontrol import RunControl
from MRIEnhanceBridge.steps import Task


class Panel(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Base of the modules' widgets.

    A subclass sets `task`, makes its logic in `makeLogic` (with ``worker`` and ``getParameterNode()``), and overrides
    `reasonNotReady`, `startRun` and, if its form has more to show, `setupForm`, `onCatalogue`, `showParameters` and
    `comparedWith`. Its parameter node has the fields ``model``, ``device``, ``precision``, ``inputVolume`` and
    ``resultVolume``.
    """

    task = ""

    def __init__(self, parent: Any = None) -> None:
        self.logic: Any = None
        self.models: dict[str, dict[str, Any]] = {}
        self.defaultModel = ""
        self._parameterNode: Any = None
        self._guiTag: Any = None
        self._catalogueError = _("The list of models is being read.")
        self._lookups: list[Task] = []
        self._volumes: list[Any] = []
        self._page = ""
        self._comparison = views.Comparison()
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent, it calls `setup`

    # What a module adds

    def makeLogic(self) -> Any:
        """The module's logic."""
        raise NotImplementedError

    def setupForm(self) -> None:
        """Make what is only in this module's form."""

    def reasonNotReady(self) -> str:
        """Why Apply cannot be clicked, in words; empty if it can."""
        raise NotImplementedError

    def startRun(self) -> None:
        """Start what Apply is for."""
        raise NotImplementedError

    def showParameters(self) -> None:
        """Show what is not bound by ``SlicerParameterName``."""

    def catalogueFields(self) -> Mapping[str, Any]:
        """Further fields of the request for the list of models."""
        return {}

    def modelLabel(self, model: Mapping[str, Any]) -> str:
        """How a model is called in the list."""
        return str(model["title"])

    def comparedWith(self) -> Any:
        """The volume that the last result is compared with; None for none."""
        return self._parameterNode.inputVolume

    # Life in Slicer

    def setup(self) -> None:
        """Build the panel; nothing is installed, started or computed yet."""
        ScriptedLoadableModuleWidget.setup(self)
        form = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(form)
        self.ui = slicer.util.childWidgetVariables(form)
        form.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self.run = RunControl(self.ui, self.onApply)
        self.model = Choice(self.ui.modelComboBox, self.onModelChosen)
        self.device = Choice(self.ui.deviceComboBox, lambda value: self._keep("device", value))
        self.precision = Choice(self.ui.precisionComboBox, lambda value: self._keep("precision", value))
        self.device.fill([Item("auto", _("Automatic")), Item("cpu", _("CPU"))])
        self.precision.fill([Item("auto", _("Automatic"))])
        self.setupForm()
        self.ui.compareButton.connect("toggled(bool)", self.onCompare)
        self.python = PythonLine(self.ui.pythonPathLineEdit, self.onPythonChosen)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()
        if getattr(self.parent, "isEntered", False):  # made anew by the developer's Reload, which does not enter again
            self.readCatalogue()

    def cleanup(self) -> None:
        """The module goes away: end what runs, observe nothing more."""
        self.run.close()
        self.python.close()
        self._closeLookups()
        self._comparison.stop()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        if not self.run.running:
            self.readCatalogue()

    def exit(self) -> None:
        """The user turns to another module; the form need not follow the scene meanwhile."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        """The scene is about to be emptied."""
        self.ui.compareButton.checked = False
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any = None, event: Any = None) -> None:
        """The scene is empty, or about to be filled with another one."""
        if getattr(self.parent, "isEntered", True):  # without a module, the panel is a window of its own
            self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any = None, event: Any = None) -> None:
        """A scene was loaded: its parameters were read before the volumes that they name, so read them again."""
        if self._parameterNode is not None:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node; take the first volume as input if there is none."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first is not None:
                self._parameterNode.inputVolume = first

    def setParameterNode(self, node: Any) -> None:
        """Show this parameter node, and keep it in step with the form; None for none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self._parameterNode = node
        self._watchVolumes()
        if node is not None:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self.onParameters()

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """A parameter changed."""
        node = self._parameterNode
        if node is None:
            return
        self._watchVolumes()
        self.model.show(node.model)
        self.device.show(node.device)
        self.precision.show(node.precision)
        self._showCard()
        self.showParameters()
        self.run.allow(self._catalogueError or self._reasonOfModel() or self.reasonNotReady())
        self.ui.compareButton.enabled = node.resultVolume is not None and self.comparedWith() is not None

    def _showCard(self) -> None:
        page = model_page(self.models.get(self._parameterNode.model, {}))
        if page != self._page:  # otherwise the user would be scrolled back to its start
            self._page = page
            self.ui.cardBrowser.setHtml(page)

    def _watchVolumes(self) -> None:
        """Look again when a chosen volume changes: it may get its voxels only after it was chosen."""
        node, event = self._parameterNode, vtk.vtkCommand.ModifiedEvent
        names = [] if node is None else node.allParameters
        chosen = [getattr(node, name) for name in names if name.endswith("Volume")]
        for volume in self._volumes:
            self.removeObserver(volume, event, self.onParameters)
        self._volumes = list({volume for volume in chosen if volume is not None})
        for volume in self._volumes:
            self.addObserver(volume, event, self.onParameters)

    def _reasonOfModel(self) -> str:
        name = self._parameterNode.model
        if not name:
            return _("Select a model.")
        if name not in self.models:
            return _("The model {name} is not available here: select another one.").format(name=name)
        return str(self.models[name]["error"])

    def _keep(self, field: str, value: str) -> None:
        if self._parameterNode is not None:
            setattr(self._parameterNode, field, value)

    # The catalogue and the devices, as the worker tells them

    def readCatalogue(self) -> None:
        """Ask the worker which models there are, then which devices."""
        self._lookups = [lookup for lookup in self._lookups if lookup.running]
        if not self._lookups:
            steps = self.logic.worker.request("models", task=self.task, **self.catalogueFields())
            self._lookups.append(Task(steps, on_done=self._onCatalogue, on_failed=self._onNoCatalogue))

    def _closeLookups(self) -> None:
        for lookup in self._lookups:
            lookup.close()
        self._lookups = []

    def _onCatalogue(self, answer: Mapping[str, Any]) -> None:
        classical = [{**method, "card": None, "error": ""} for method in answer.get("classical", [])]
        self.models = {model["name"]: model for model in [*answer["models"], *classical]}
        self.defaultModel = str(answer.get("default") or "")
        self._catalogueError = "" if self.models else _("There is no model for this task.")
        models = [Item(model["name"], self.modelLabel(model), model["error"]) for model in answer["models"]]
        without = _("{title} (without a model)")
        self.model.fill([*models, *(Item(each["name"], without.format(title=each["title"])) for each in classical)])
        self.onCatalogue()
        self.onParameters()
        if lacking := self.logic.worker.lacking:
            self.run.say(_("{packages}: not installed yet. Apply offers to do it.").format(packages=", ".join(lacking)))
        else:
            steps = self.logic.worker.request("devices")  # which also makes the first run start sooner
            self._lookups.append(Task(steps, on_done=self._onDevices, on_failed=self.run.complain))

    def onCatalogue(self) -> None:
        """The models are known: a module may choose one."""

    def _onNoCatalogue(self, error: BridgeError) -> None:
        self._catalogueError = error.message
        self.run.complain(error)
        self.onParameters()

    def _onDevices(self, answer: Mapping[str, Any]) -> None:
        self.device.fill([Item(device["name"], device["title"]) for device in answer["devices"]])
        names = {"auto": _("Automatic")}
        self.precision.fill([Item(name, names.get(name, name)) for name in answer["precisions"]])
        self.onParameters()

    def onModelChosen(self, name: str) -> None:
        """The user chose a model."""
        self._keep("model", name)

    # The run

    def onApply(self) -> None:
        """Apply was clicked."""
        self.ui.compareButton.checked = False
        try:
            self.startRun()
        except BridgeError as error:
            self.run.complain(error)

    def onFailed(self, error: BridgeError) -> bool:
        """A run failed; True if what was missing is there now and the run started again."""
        if not isinstance(error, MissingPackages):
            return False
        worker = self.logic.worker
        worker.stop()  # it would not see what is installed meanwhile, and on Windows keep files from being replaced
        try:
            install.install(error.missing, worker.interpreter, ask=True)
            if still := worker.missing():
                raise MissingPackages(still)
        except BridgeError as refusal:
            self.run.complain(refusal)
            return True
        self.startRun()
        self.readCatalogue()  # the devices can be told now
        return True

    def onCompare(self, checked: bool) -> None:
        """Show the result beside what it is compared with, or put the views back."""
        node = self._parameterNode
        if not checked:
            self._comparison.stop()
        elif node is not None and node.resultVolume is not None and (other := self.comparedWith()) is not None:
            self._comparison.start(other, node.resultVolume)

    def onPythonChosen(self) -> None:
        """The user named another interpreter, or none: what the old one said no longer counts."""
        self._closeLookups()
        self.logic.worker.stop()
        self.run.say("")
        self.readCatalogue()
