"""qMRMLSubjectHierarchyTreeView: as much of it as a panel needs."""

from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QTreeView, QWidget

from ..pythonqt.standin import offered, slot, stored

_INVALID = 0


class qMRMLSubjectHierarchyTreeView(QTreeView):
    """Remembers the current item and the root; draws nothing."""

    currentItemChanged = Signal(object)
    currentItemModified = Signal(object)
    cpp_signatures = {  # noqa: RUF012
        f"{name}(vtkIdType)": f"{name}(PyObject)" for name in ("currentItemChanged", "currentItemModified")
    }

    attributeNameFilter = stored(str, "")
    attributeValueFilter = stored(str, "")
    nameFilter = stored(str, "")
    levelFilter = stored("QStringList", [])
    nodeTypes = stored("QStringList", [])
    hideChildNodeTypes = stored("QStringList", [])
    contextMenuEnabled = stored(bool, True)
    editMenuActionVisible = stored(bool, True)
    visibilityColumnVisible = stored(bool, True)
    idColumnVisible = stored(bool, False)
    colorColumnVisible = stored(bool, True)
    transformColumnVisible = stored(bool, True)
    descriptionColumnVisible = stored(bool, False)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._current = self._root = _INVALID
        self._multiple = False

    @offered
    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    @slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        """Take a scene."""
        self._scene = scene
        self.setCurrentItem(_INVALID)

    @offered
    def subjectHierarchyNode(self) -> Any:
        """The scene's subject hierarchy, or None."""
        from slicer import vtkMRMLSubjectHierarchyNode

        return vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene) if self._scene is not None else None

    @offered
    def currentItem(self) -> int:
        """The current item, 0 where there is none."""
        return self._current

    @slot("vtkIdType")
    def setCurrentItem(self, item: int) -> None:
        """Make an item current."""
        if item != self._current:
            self._current = item
            self.currentItemChanged.emit(item)

    @slot("vtkMRMLNode*")
    def setCurrentNode(self, node: Any) -> None:
        """Make a node's item current."""
        hierarchy = self.subjectHierarchyNode()
        self.setCurrentItem(
            hierarchy.GetItemByDataNode(node) if hierarchy is not None and node is not None else _INVALID
        )

    @offered
    def rootItem(self) -> int:
        """The item that is shown as root."""
        return self._root

    @slot("vtkIdType")
    def setRootItem(self, item: int) -> None:
        """Show an item as root."""
        self._root = item

    @slot("bool")
    def setMultiSelection(self, multiple: bool) -> None:
        """Allow several items to be selected."""
        self._multiple = multiple

    multiSelection = Property(bool, lambda self: self._multiple, setMultiSelection)
