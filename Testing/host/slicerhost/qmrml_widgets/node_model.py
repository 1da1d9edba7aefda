"""The rows of a qMRMLNodeComboBox: "None", the nodes, the actions."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox

_ID = Qt.ItemDataRole.UserRole.value + 1
_ACTION = Qt.ItemDataRole.UserRole.value + 2


class NodeModel:
    """Keeps a combo box's rows; rows come and go one by one, so that Qt keeps the current one."""

    def __init__(self, combo: QComboBox) -> None:
        self._combo = combo
        self._none = False
        self._items = QStandardItemModel(combo)
        combo.setModel(self._items)

    def id_at(self, row: int) -> str:
        """The ID of the node in a row; empty for all other rows."""
        item = self._items.item(row) if row >= 0 else None
        return (item.data(_ID) or "") if item is not None else ""

    def action_at(self, row: int) -> str:
        """The action of a row; empty for all other rows."""
        item = self._items.item(row)
        return (item.data(_ACTION) or "") if item is not None else ""

    def row_of(self, identifier: str) -> int:
        """The row of a node, -1 where it is not shown."""
        rows = (row for row in range(self._items.rowCount()) if identifier and self.id_at(row) == identifier)
        return next(rows, -1)

    def node_count(self) -> int:
        """Number of nodes."""
        return sum(bool(self.id_at(row)) for row in range(self._items.rowCount()))

    def select(self, identifier: str) -> None:
        """Make a node's row the current one, else None's, else no row."""
        row = self.row_of(identifier)
        self._combo.setCurrentIndex(row if row >= 0 else 0 if self._none else -1)

    def set_none(self, enabled: bool, text: str) -> None:
        """Show or hide the row for no node."""
        if enabled and not self._none:
            self._none = True
            self._items.insertRow(0, QStandardItem(text))
        elif self._none and not enabled:
            self._none = False
            self._items.removeRow(0)
        elif enabled:
            self._items.item(0).setText(text)

    def set_nodes(self, nodes: list[Any]) -> list[Any]:
        """Show these nodes, in this order; gives the new ones."""
        wanted = {node.GetID() for node in nodes}
        for row in reversed(range(self._items.rowCount())):
            if self.id_at(row) and self.id_at(row) not in wanted:
                self._items.removeRow(row)
        new = []
        for place, node in enumerate(nodes):
            if self.row_of(node.GetID()) < 0:
                item = QStandardItem(node.GetName() or "")
                item.setData(node.GetID(), _ID)
                self._items.insertRow(place + self._none, item)
                new.append(node)
        return new

    def set_text(self, node: Any) -> bool:
        """Show a node's name; whether it was another one before."""
        row = self.row_of(node.GetID())
        item = self._items.item(row) if row >= 0 else None
        if item is None or item.text() == (node.GetName() or ""):
            return False
        item.setText(node.GetName() or "")
        return True

    def set_actions(self, actions: dict[str, str]) -> None:
        """Show actions (name -> text) below the nodes; they can be clicked, not chosen."""
        current = self._combo.currentIndex()
        for row in reversed(range(self._items.rowCount())):
            if self.action_at(row):
                self._items.removeRow(row)
        for name, text in ({"SEPARATOR": ""} | actions if actions else {}).items():
            item = QStandardItem(text)
            item.setData(name, _ACTION)
            item.setFlags(Qt.ItemFlag.NoItemFlags if name == "SEPARATOR" else Qt.ItemFlag.ItemIsEnabled)
            if name == "SEPARATOR":
                item.setData("separator", Qt.ItemDataRole.AccessibleDescriptionRole.value)
            self._items.appendRow(item)
        self._combo.setCurrentIndex(current)
