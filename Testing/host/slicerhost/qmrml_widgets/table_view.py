"""qMRMLTableView: shows a table node."""

from typing import Any

from PySide6.QtCore import Property, QSortFilterProxyModel, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QTableView, QWidget

from ..pythonqt.standin import offered, slot
from .widget import SCENE_CHANGED


class qMRMLTableView(QTableView):
    """A table of the node's columns, read only here."""

    mrmlSceneChanged = Signal(object)
    # Under another name in Python: Qt itself calls a method selectionChanged, and would find the signal.
    _selected = Signal(name="selectionChanged")
    cpp_signatures = SCENE_CHANGED

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._node: Any = None
        self._tag = 0
        self._transposed = self._first_row = self._first_column = False
        self._table = QStandardItemModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._table)
        self.setModel(self._sorted)
        self.destroyed.connect(lambda: self._let_go())

    def _let_go(self) -> None:
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = None

    @offered
    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    @slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        """Take a scene."""
        if scene is not self._scene:
            self._scene = scene
            self.setMRMLTableNode(None)
            self.mrmlSceneChanged.emit(scene)

    @offered
    def mrmlTableNode(self) -> Any:
        """The table node, or None."""
        return self._node

    @slot("vtkMRMLNode*")
    def setMRMLTableNode(self, node: Any) -> None:
        """Show a table node; any other node is no table."""
        if node is not None and not node.IsA("vtkMRMLTableNode"):
            node = None
        if node is not self._node:
            self._let_go()
            self._node = node
            if node is not None:
                self._tag = node.AddObserver("ModifiedEvent", lambda *_: self._fill())
        self._fill()

    def selectionChanged(self, selected: Any, deselected: Any) -> None:
        """Announce that other cells are selected."""
        super().selectionChanged(selected, deselected)
        self._selected.emit()

    def _fill(self) -> None:
        self._table.clear()
        table = self._node.GetTable() if self._node is not None else None
        if table is None:
            return
        columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
        if self._transposed:
            for column in columns:
                values = [column.GetVariantValue(row).ToString() for row in range(table.GetNumberOfRows())]
                self._table.appendRow([QStandardItem(text) for text in [column.GetName() or "", *values]])
            return
        self._table.setHorizontalHeaderLabels([column.GetName() or "" for column in columns])
        for row in range(table.GetNumberOfRows()):
            self._table.appendRow([QStandardItem(column.GetVariantValue(row).ToString()) for column in columns])

    @offered
    def sortFilterProxyModel(self) -> QSortFilterProxyModel:
        """The model that the view shows."""
        return self._sorted

    @slot("bool")
    def setTransposed(self, transposed: bool) -> None:
        """Show columns as rows."""
        self._transposed = transposed
        self._fill()

    @slot("bool")
    def setFirstRowLocked(self, locked: bool) -> None:
        """Keep the first row in sight."""
        self._first_row = locked

    @slot("bool")
    def setFirstColumnLocked(self, locked: bool) -> None:
        """Keep the first column in sight."""
        self._first_column = locked

    transposed = Property(bool, lambda self: self._transposed, setTransposed)
    firstRowLocked = Property(bool, lambda self: self._first_row, setFirstRowLocked)
    firstColumnLocked = Property(bool, lambda self: self._first_column, setFirstColumnLocked)
