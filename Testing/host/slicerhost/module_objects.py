"""The objects behind ``slicer.modules.xyz``, and the container of a scripted panel."""

import sys
from pathlib import Path
from typing import Any

from .scene import MODULE_LOGICS

PARENT_ATTRIBUTES: dict[str, Any] = {
    "title": "",
    "categories": [],
    "dependencies": [],
    "contributors": [],
    "helpText": "",
    "acknowledgementText": "",
    "icon": None,
    "hidden": False,
    "index": -1,
    "associatedNodeTypes": [],
    "widgetRepresentationCreationEnabled": True,
}


class CoreModule:
    """A built-in module, such as slicer.modules.volumes: its name and its real logic."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = self.title = name
        self._logic = logic

    def logic(self) -> Any:
        """The module's logic."""
        return self._logic


class ScriptedModule:
    """slicer.modules.<lowername>, the ``parent`` of the module's class.

    Setting an attribute that qSlicerScriptedLoadableModule does not have raises, as PythonQt does.
    """

    def __init__(self, name: str, path: Path) -> None:
        values: dict[str, Any] = {key: list(v) if isinstance(v, list) else v for key, v in PARENT_ATTRIBUTES.items()}
        self.__dict__.update(values, name=name, path=str(path), _representation=None)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in PARENT_ATTRIBUTES and not name.startswith("_"):
            raise AttributeError(
                f"{name!r} does not exist on qSlicerScriptedLoadableModule "
                "and creating new attributes on C++ objects is not allowed"
            )
        self.__dict__[name] = value

    def logic(self) -> Any:
        """vtkSlicerScriptedLoadableModuleLogic, of no use: the Python logic is the widget's ``logic``."""
        import slicer

        return slicer.vtkSlicerScriptedLoadableModuleLogic()

    def isHidden(self) -> bool:
        """Not in the module selector: asked for, or a "Testing" module outside developer mode."""
        import slicer

        developer = slicer.util.settingsValue("Developer/DeveloperMode", False, converter=slicer.util.toBool)
        testing = any(category.split(".")[0] == "Testing" for category in self.categories)
        return bool(self.hidden) or (testing and not developer)

    def widgetRepresentation(self) -> Any:
        """The panel's container; made on the first call."""
        if self._representation is None:
            self._representation = self.createNewWidgetRepresentation()
        return self._representation

    def createNewWidgetRepresentation(self) -> Any:
        """A new panel: its Python class is made and set up."""
        import slicer

        container = slicer.qSlicerScriptedLoadableModuleWidget()
        container._make(self)
        return container


def _nothing() -> None:
    """What a panel without `enter` or `exit` does then."""


def register(slicer: Any) -> None:
    """Offer the classes of module objects and the built-in modules in ``slicer``."""
    import qt

    class qSlicerScriptedLoadableModuleWidget(slicer.qMRMLWidget):
        """Container of a scripted panel: a widget with a vertical layout."""

        _entered = False

        @property
        def isEntered(self) -> bool:
            """Whether the module is the one that is shown; true already when the Python ``enter`` is called."""
            return self._entered

        def _make(self, module: ScriptedModule) -> None:
            if self.layout() is None:
                self.setLayout(qt.QVBoxLayout())
            self._module = module
            self._self = getattr(sys.modules[module.name], f"{module.name}Widget")(self)
            setattr(slicer.modules, f"{module.name}Widget", self._self)
            self._self.setup()
            self.setMRMLScene(slicer.mrmlScene)

        def self(self) -> Any:
            """The Python object."""
            return self._self

        def enter(self) -> None:
            """Tell the Python object, once until `exit`."""
            if not self._entered:
                self._entered = True
                getattr(self._self, "enter", _nothing)()

        def exit(self) -> None:
            """Tell the Python object, if it was entered."""
            if self._entered:
                self._entered = False
                getattr(self._self, "exit", _nothing)()

        def reload(self) -> None:
            """Make the Python object anew, in the same container."""
            self._make(self._module)

    slicer.qSlicerScriptedLoadableModule = ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = qSlicerScriptedLoadableModuleWidget
    application = slicer.app.applicationLogic()
    for name in MODULE_LOGICS:
        setattr(slicer.modules, name.lower(), CoreModule(name, application.GetModuleLogic(name)))
        setattr(slicer.moduleNames, name, name)
