"""qMRMLCheckableNodeComboBox: chooses several nodes."""

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from ..pythonqt.standin import offered, slot
from .node_combo_box import qMRMLNodeComboBox


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """A node selector where each node has a tick; ticks are the widget's, not the nodes'."""

    checkedNodesChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checked: set[str] = set()

    def _all(self) -> list[Any]:
        return [self.nodeFromIndex(index) for index in range(self.nodeCount())]

    @offered
    def checkedNodes(self) -> list[Any]:
        """Nodes with a tick."""
        return [node for node in self._all() if node.GetID() in self._checked]

    @offered
    def uncheckedNodes(self) -> list[Any]:
        """Nodes without a tick."""
        return [node for node in self._all() if node.GetID() not in self._checked]

    @offered
    def allChecked(self) -> bool:
        """Whether no node is without a tick."""
        return not self.uncheckedNodes()

    @offered
    def noneChecked(self) -> bool:
        """Whether no node has a tick."""
        return not self.checkedNodes()

    @offered
    def checkState(self, node: Any) -> Qt.CheckState:
        """Checked or Unchecked."""
        checked = node is not None and node in self.checkedNodes()
        return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked

    @offered
    def setCheckState(self, node: Any, state: Any) -> None:
        """Set or take a tick."""
        if node not in self._all():
            return
        before = set(self._checked)
        checked = Qt.CheckState(state) == Qt.CheckState.Checked
        (self._checked.add if checked else self._checked.discard)(node.GetID())
        if self._checked != before:
            self.checkedNodesChanged.emit()

    @slot("vtkMRMLNode*")
    def check(self, node: Any) -> None:
        """Set a tick."""
        self.setCheckState(node, Qt.CheckState.Checked)

    @slot("vtkMRMLNode*")
    def uncheck(self, node: Any) -> None:
        """Take a tick."""
        self.setCheckState(node, Qt.CheckState.Unchecked)
