"""What can be done below the list of a qMRMLNodeComboBox: create, rename, edit, delete."""

from typing import Any

from ..pythonqt import dialogs
from ..pythonqt.standin import offered, slot


class NodeActions:
    """The part of qMRMLNodeComboBox that changes the scene."""

    _labels: dict[str, str]
    _base_names: dict[str, str]

    @offered
    def nodeTypeLabel(self: Any, node_type: str) -> str:
        """What the user reads for a class of nodes."""
        scene = self._watch.scene
        label = self._labels.get(node_type) or (scene.GetTypeDisplayNameByClassName(node_type) if scene else "")
        return label or "node"

    @offered
    def setNodeTypeLabel(self: Any, label: str, node_type: str) -> None:
        """Say what the user reads for a class of nodes; an empty label stands for the usual one."""
        self._labels[node_type] = label
        self._update_actions()

    def _update_actions(self: Any) -> None:
        types = self.nodeTypes
        label = self.nodeTypeLabel(types[0] if len(types) == 1 else "")
        actions: dict[str, str] = {}
        if self.renameEnabled:
            actions["RENAME"] = f"Rename current {label}"
        if self.editEnabled:
            actions["EDIT"] = f"Edit current {label}"
        for each in types if self.addEnabled else []:
            actions[f"CREATE/{each}"] = f"Create new {self.nodeTypeLabel(each)}"
            if self.renameEnabled:
                actions[f"CREATE_AS/{each}"] = f"Create new {self.nodeTypeLabel(each)} as..."
        if self.removeEnabled:
            actions["DELETE"] = f"Delete current {label}"
        self._model.set_actions(actions if self._watch.scene is not None else {})
        self._combo.defaultText = f"Select a {self.nodeTypeLabel(types[0] if types else '')}"

    def _run_action(self: Any, action: str) -> None:
        name, _, node_type = action.partition("/")
        if name == "RENAME":
            self.renameCurrentNode()
        elif name == "EDIT":
            self.editCurrentNode()
        elif name == "DELETE":
            self.removeCurrentNode()
        elif name in ("CREATE", "CREATE_AS"):
            self._create(node_type, ask=name == "CREATE_AS")

    def _create(self: Any, node_type: str, *, ask: bool) -> None:
        title = f"Create new {self.nodeTypeLabel(node_type)}"
        node_name = dialogs.ask_text(self, title, "New name:", "") if ask else ""
        if ask and not node_name:
            return
        node = self.addNode(node_type)
        if node is not None:
            if ask:
                node.SetName(node_name)
            self.setCurrentNode(node)
            self.nodeAddedByUserAction.emit(node)

    @slot()
    def addNode(self: Any, node_type: str | None = None) -> Any:
        """Add a node of this class, else of the first class; None where there is no such class or no scene."""
        types, scene = self.nodeTypes, self._watch.scene
        node_type = node_type or (types[0] if types else "")
        if node_type not in types or scene is None:
            return None
        node = scene.CreateNodeByClass(node_type)
        if node is None:
            return None
        # CreateNodeByClass gives a reference of its own; the scene takes another one.
        node.UnRegister(None)
        base = self._base_names.get(node_type) or node.GetNodeTagName()
        node.SetName(scene.GetUniqueNameByString(base))
        for name, value in self._filter.attributes.get(node_type, {}).items():
            node.SetAttribute(name, value or "")
        scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    @slot()
    def removeCurrentNode(self: Any) -> None:
        """Remove the current node from the scene."""
        node = self.currentNode()
        if node is not None:
            self._watch.scene.RemoveNode(node)

    @slot()
    def editCurrentNode(self: Any) -> None:
        """Say that the current node is to be edited; the application would open its module."""
        self.nodeAboutToBeEdited.emit(self.currentNode())

    @slot()
    def renameCurrentNode(self: Any) -> None:
        """Ask for a new name of the current node."""
        node = self.currentNode()
        if node is not None:
            title = f"Rename {self.nodeTypeLabel(node.GetClassName())}"
            new = dialogs.ask_text(self, title, "New name:", node.GetName())
            if new:
                node.SetName(new)
                self.currentNodeRenamed.emit(new)
