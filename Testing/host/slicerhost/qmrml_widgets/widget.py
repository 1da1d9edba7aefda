"""qMRMLWidget: the root of every module's panel, passes the scene on."""

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ..pythonqt.standin import offered, slot

#: PySide knows no MRML types; this is how the signal is written in Slicer, and here.
SCENE_CHANGED = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}


class qMRMLWidget(QWidget):
    """A widget that knows the scene."""

    mrmlSceneChanged = Signal(object)
    cpp_signatures = SCENE_CHANGED

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    @offered
    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    @slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        """Take a scene and tell everybody who is connected."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)
