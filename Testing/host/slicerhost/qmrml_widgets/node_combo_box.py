"""qMRMLNodeComboBox: chooses a node of the scene."""

from typing import Any

from PySide6.QtCore import Property, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ..ctk_widgets.boxes import ctkComboBox
from ..pythonqt import errors
from ..pythonqt.standin import offered, slot, stored
from .node_actions import NodeActions
from .node_filter import NodeFilter
from .node_model import NodeModel
from .scene_watch import SceneWatch

_NODE = "(vtkMRMLNode*)"
_SIGNALS = ["currentNodeChanged", "nodeActivated", "nodeAdded", "nodeAddedByUser", "nodeAddedByUserAction"]
_SIGNALS += ["nodeAboutToBeRemoved", "nodeAboutToBeEdited"]


class qMRMLNodeComboBox(NodeActions, QWidget):
    """A combo box with the nodes of a scene that pass a filter; empty and disabled until it gets the scene."""

    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    cpp_signatures = {name + _NODE: name + "(PyObject)" for name in _SIGNALS}  # noqa: RUF012

    nodeTypes = stored("QStringList", [], lambda self: self._refilter())
    hideChildNodeTypes = stored("QStringList", [], lambda self: self._refilter())
    showHidden = stored(bool, False, lambda self: self._refilter())
    showChildNodeTypes = stored(bool, True, lambda self: self._refilter())
    noneEnabled = stored(bool, False, lambda self: self._model.set_none(self.noneEnabled, self.noneDisplay))
    noneDisplay = stored(str, "None", lambda self: self._model.set_none(self.noneEnabled, self.noneDisplay))
    addEnabled = stored(bool, True, lambda self: self._update_actions())
    removeEnabled = stored(bool, True, lambda self: self._update_actions())
    editEnabled = stored(bool, False, lambda self: self._update_actions())
    renameEnabled = stored(bool, False, lambda self: self._update_actions())
    selectNodeUponCreation = stored(bool, True)
    interactionNodeSingletonTag = stored(str, "Singleton")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filter = NodeFilter()
        self._base_names: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._requested = ""
        self._switching = False
        self._combo = ctkComboBox(self)
        self._combo.elideMode = Qt.TextElideMode.ElideMiddle.value
        self._combo.setFocusProxy(self)
        self._combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._model = NodeModel(self._combo)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        self._watch = SceneWatch(self._on_scene, self._on_leaving)
        # The scene must not call a widget that is gone.
        self.destroyed.connect(self._watch.stop)
        self._combo.currentIndexChanged.connect(lambda _: self._emit_current())
        self._combo.activated.connect(self._on_activated)
        self._combo.view().clicked.connect(self._on_clicked)
        self._update_actions()
        self.setEnabled(False)

    # The scene

    @offered
    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._watch.scene

    @slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        """Show this scene's nodes; a node that was asked for before there was a scene becomes current now."""
        if scene is self._watch.scene:
            return
        wanted = self._current_id() or self._requested
        self._switching = True
        self._model.set_nodes([])
        self._watch.watch(scene)
        self._update_actions()
        self._model.set_nodes(self._wanted_nodes())
        if scene is not None and not wanted and not self.noneEnabled and self.nodeCount():
            wanted = self.nodeFromIndex(0).GetID()
        self._model.select(wanted)
        self._switching = False
        self._requested = ""
        self.setEnabled(scene is not None)
        self._emit_current()

    def _wanted_nodes(self, without: Any = None) -> list[Any]:
        scene = self._watch.scene
        nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())] if scene is not None else []
        return [node for node in nodes if node is not without and self._filter.accepts(node)]

    def _refilter(self) -> None:
        self._filter.types, self._filter.hidden_types = self.nodeTypes, self.hideChildNodeTypes
        self._filter.show_hidden, self._filter.show_children = self.showHidden, self.showChildNodeTypes
        self._update_actions()
        self._on_scene(None)

    def _on_scene(self, node: Any) -> None:
        before = self.currentNode()
        for new in self._model.set_nodes(self._wanted_nodes()):
            self.nodeAdded.emit(new)
        # A node's new name is a new text of the current item, which Slicer announces like a new node.
        if node is not None and node is before and self._model.set_text(node):
            self._emit_current()
        elif node is not None:
            self._model.set_text(node)
        self._deselect_hidden()

    def _on_leaving(self, node: Any) -> None:
        if self._model.row_of(node.GetID()) >= 0:
            self.nodeAboutToBeRemoved.emit(node)
            self._model.set_nodes(self._wanted_nodes(without=node))
            self._deselect_hidden()

    def _deselect_hidden(self) -> None:
        if self.currentNode() is None:
            self._model.select("")

    # The current node

    def _current_id(self) -> str:
        return self._model.id_at(self._combo.currentIndex())

    @offered
    def currentNode(self) -> Any:
        """The current node, or None."""
        identifier, scene = self._current_id(), self._watch.scene
        return scene.GetNodeByID(identifier) if identifier and scene is not None else None

    @slot("vtkMRMLNode*")
    def setCurrentNode(self, node: Any) -> None:
        """Make a node current; one that is not in the list makes None current."""
        if isinstance(node, str):
            raise ValueError("setCurrentNode takes a node; use setCurrentNodeID for an ID")
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    @slot("QString")
    def setCurrentNodeID(self, identifier: str) -> None:
        """Make the node with this ID current; without a scene, it will be when there is one."""
        if self._watch.scene is None:
            self._requested = identifier or ""
        self._model.select(identifier or "")

    @slot("int")
    def setCurrentNodeIndex(self, index: int) -> None:
        """Make the node at this place of the list current."""
        self._combo.setCurrentIndex((index if index < self.nodeCount() else -1) + bool(self.noneEnabled))

    currentNodeID = Property(str, _current_id, setCurrentNodeID, notify=currentNodeIDChanged)

    def _emit_current(self) -> None:
        if self._switching:
            return
        row, node = self._combo.currentIndex(), self.currentNode()
        if node is None and row != (0 if self.noneEnabled else -1):
            # The row of an action was left over after the last node has gone.
            if self.nodeCount():
                self.setCurrentNode(self.nodeFromIndex(self.nodeCount() - 1))
            return
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _on_activated(self, row: int) -> None:
        identifier = self._model.id_at(row)
        if identifier or (self.noneEnabled and row == 0):
            self.nodeActivated.emit(self._watch.scene.GetNodeByID(identifier) if identifier else None)

    def _on_clicked(self, index: QModelIndex) -> None:
        action = self._model.action_at(index.row())
        if action:
            self._combo.hidePopup()
            self._run_action(action)

    # The list

    @offered
    def nodeCount(self) -> int:
        """Number of nodes in the list."""
        return self._model.node_count() if self._watch.scene is not None else 0

    @offered
    def nodeFromIndex(self, index: int) -> Any:
        """The node at this place of the list, or None."""
        identifier = self._model.id_at(index + bool(self.noneEnabled)) if index >= 0 else ""
        return self._watch.scene.GetNodeByID(identifier) if identifier else None

    @offered
    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """Only nodes of this type that have the attribute (with this value), and new nodes get it."""
        self._filter.attributes.setdefault(node_type, {})[name] = value if value is None else str(value)
        self._on_scene(None)

    @offered
    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._filter.attributes.get(node_type, {}).pop(name, None)
        self._on_scene(None)

    def _set_base_name(self, name: str) -> None:
        if not self.nodeTypes:
            errors.report(RuntimeError("qMRMLNodeComboBox: baseName is ignored as long as nodeTypes is not set"))
        self._base_names.update(dict.fromkeys(self.nodeTypes, name))

    baseName = Property(str, lambda self: self._base_names.get((self.nodeTypes or [""])[0], ""), _set_base_name)
