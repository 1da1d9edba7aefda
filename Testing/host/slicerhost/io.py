"""slicer.app.coreIOManager(): reads and writes nodes through the real MRML storage nodes."""

from pathlib import Path
from typing import Any


class CoreIOManager:
    """What slicer.util needs of qSlicerCoreIOManager."""

    def __init__(self, application: Any) -> None:
        self._application = application

    @property
    def _scene(self) -> Any:
        return self._application.mrmlScene()

    def loadNodes(self, kind: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None) -> bool:
        """Read a file into new nodes; False where that fails."""
        name = str(properties["fileName"])
        cls = "vtkMRMLLabelMapVolumeNode" if properties.get("labelmap") else "vtkMRMLScalarVolumeNode"
        if not Path(name).is_file():
            return False
        node = self._scene.AddNewNodeByClass(cls, properties.get("name") or Path(name).name.split(".")[0])
        node.AddDefaultStorageNode(name)
        if not node.GetStorageNode().ReadData(node):
            self._scene.RemoveNode(node.GetStorageNode())
            self._scene.RemoveNode(node)
            return False
        node.CreateDefaultDisplayNodes()
        if loaded is not None:
            loaded.AddItem(node)
        return True

    def fileWriterFileType(self, node: Any) -> str:
        """Kind of the writer for a node."""
        return "VolumeFile"

    def saveNodes(self, kind: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Write a node, or the scene."""
        node = self._scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(properties["fileName"]))
        return bool(node.GetStorageNode().WriteData(node))
