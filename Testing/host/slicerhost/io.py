"""slicer.app.coreIOManager(): reads and writes nodes as Slicer's readers and writers do, through the real MRML classes.

Facts that matter to tests, all from the real classes or from Slicer's qSlicerVolumesReader, qSlicerNodeWriter and
qSlicerSceneReader: a volume is named after its file up to the first dot; a left-handed volume is flipped on reading
(ForceRightHandedIJKCoordinateSystem); a loaded volume is shown unless ``show`` is False; a scene is merged into the
present one unless ``clear`` is True; an ``.mrml`` file alone holds no voxels, a folder or an ``.mrb`` file does.
"""

import dataclasses
from pathlib import Path
from typing import Any

from . import bundles

_VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".hdr", ".img", ".mgz", ".dcm", ".tif", ".png", ".jpg")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One file type.

    Parameters
    ----------
    file_type
        Its name in Slicer.
    node
        Class of the nodes that are read, and whose subclasses are written.
    endings
        File name endings, the longest first.
    """

    file_type: str
    node: str
    endings: tuple[str, ...]


KINDS = (
    Kind("SegmentationFile", "vtkMRMLSegmentationNode", (".seg.nrrd", ".seg.nhdr")),
    Kind("MarkupsFile", "vtkMRMLMarkupsNode", (".mrk.json",)),
    Kind("TransformFile", "vtkMRMLTransformNode", (".tfm", ".h5", ".mat")),
    Kind("TableFile", "vtkMRMLTableNode", (".schema.csv", ".csv", ".tsv")),
    Kind("TextFile", "vtkMRMLTextNode", (".txt", ".json", ".xml")),
    Kind("ModelFile", "vtkMRMLModelNode", (".vtk", ".vtp", ".stl", ".ply", ".obj")),
    Kind("SequenceFile", "vtkMRMLSequenceNode", (".seq.nrrd", ".seq.mrb")),
    Kind("VolumeFile", "vtkMRMLVolumeNode", _VOLUMES),
    Kind("SceneFile", "", (".mrml", ".mrb")),
)
_MADE = {"vtkMRMLTransformNode": "vtkMRMLLinearTransformNode", "vtkMRMLMarkupsNode": "vtkMRMLMarkupsFiducialNode"}
_LOAD_OPTIONS = {"labelmap": 0x1, "center": 0x2, "singleFile": 0x4, "autoWindowLevel": 0x8, "discardOrientation": 0x10}


class CoreIOManager:
    """What slicer.util needs of qSlicerCoreIOManager."""

    def __init__(self, application: Any) -> None:
        self._application = application

    @property
    def _scene(self) -> Any:
        return self._application.mrmlScene()

    def fileType(self, fileName: Any) -> str:
        """File type by the name's ending; "NoFile" for an unknown one."""
        name = str(fileName).lower()
        return next((kind.file_type for kind in KINDS if name.endswith(kind.endings)), "NoFile")

    def fileWriterFileType(self, node: Any) -> str:
        """File type that writes a node; "NoFile" where there is none."""
        return next((kind.file_type for kind in KINDS if kind.node and node.IsA(kind.node)), "NoFile")

    def fileWriterExtensions(self, node: Any) -> list[str]:
        """Formats that the node's storage node writes, such as "NRRD (.nrrd)"."""
        types = self._storage(node).GetSupportedWriteFileTypes()
        return [types.GetValue(index) for index in range(types.GetNumberOfValues())]

    def extractKnownExtension(self, fileName: Any, node: Any) -> str:
        """Ending of a file name, if the node can be written with it; else empty."""
        return str(self._storage(node).GetSupportedFileExtension(str(fileName), False, True) or "")

    def loadNodes(self, fileType: str, parameters: dict[str, Any], loaded: Any = None, messages: Any = None) -> bool:
        """Read a file; False where that fails, with nothing added."""
        path = Path(str(parameters["fileName"]))
        kind = next((kind for kind in KINDS if kind.file_type == fileType), None)
        if kind is None or not path.is_file():
            _say(messages, f"cannot read {path} as {fileType}")
            return False
        if kind.file_type == "SceneFile":
            return bundles.load_scene(self._application, path, clear=bool(parameters.get("clear", False)))
        node = (
            self._load_volume(path, parameters)
            if kind.file_type == "VolumeFile"
            else self._load(kind, path, parameters)
        )
        if node is None:
            _say(messages, f"reading {path} failed")
        elif loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def _load_volume(self, path: Path, parameters: dict[str, Any]) -> Any:
        options = sum(flag for name, flag in _LOAD_OPTIONS.items() if parameters.get(name))
        name = parameters.get("name") or path.name.split(".")[0]
        logic = self._application.applicationLogic().GetModuleLogic("Volumes")
        node = logic.AddArchetypeVolume(str(path), name, options, None)
        if node is None:
            return None
        if parameters.get("colorNodeID"):
            node.GetDisplayNode().SetAndObserveColorNodeID(parameters["colorNodeID"])
        if parameters.get("show", True):
            self._show(node)
        return node

    def _show(self, node: Any) -> None:
        logic = self._application.applicationLogic()
        selection = logic.GetSelectionNode()
        if node.IsA("vtkMRMLLabelMapVolumeNode"):
            selection.SetReferenceActiveLabelVolumeID(node.GetID())
        else:
            selection.SetReferenceActiveVolumeID(node.GetID())
        logic.PropagateVolumeSelection()

    def _load(self, kind: Kind, path: Path, parameters: dict[str, Any]) -> Any:
        name = parameters.get("name") or path.name.split(".")[0]
        node = self._scene.AddNewNodeByClass(_MADE.get(kind.node, kind.node), self._scene.GenerateUniqueName(name))
        node.AddDefaultStorageNode(str(path))
        storage = node.GetStorageNode()
        if not storage.ReadData(node):
            self._scene.RemoveNode(storage)
            self._scene.RemoveNode(node)
            return None
        if node.IsA("vtkMRMLDisplayableNode"):
            node.CreateDefaultDisplayNodes()
        return node

    def saveNodes(self, fileType: str, parameters: dict[str, Any], messages: Any = None) -> bool:
        """Write a node with its own storage node, whose file name becomes that; or the scene."""
        path = str(parameters["fileName"])
        if fileType == "SceneFile":
            return bundles.save_scene(self._application, Path(path))
        node = self._scene.GetNodeByID(parameters["nodeID"])
        if node is None or fileType == "NoFile":
            _say(messages, f"there is no writer for {parameters['nodeID']}")
            return False
        storage = self._storage(node)
        if not storage.GetSupportedFileExtension(path, False, True):
            _say(messages, f"{node.GetName()} cannot be written to {path}")
            return False
        storage.SetFileName(path)
        storage.SetURI(None)
        if "useCompression" in parameters:
            storage.SetUseCompression(int(parameters["useCompression"]))
        return bool(storage.WriteData(node))

    def exportNodes(
        self,
        nodeIDs: list[str],
        fileNames: list[str],
        parameters: dict[str, Any],
        hardenTransforms: bool,
        messages: Any = None,
    ) -> bool:
        """Write copies of nodes, in a scene of their own: nodes and their storage nodes stay as they are."""
        import slicer

        done = all(
            self._export(self._scene.GetNodeByID(node_id), str(name), slicer.vtkMRMLScene(), hardenTransforms)
            for node_id, name in zip(nodeIDs, fileNames, strict=True)
        )
        if not done:
            _say(messages, f"exporting {', '.join(nodeIDs)} failed")
        return done

    def _export(self, node: Any, name: str, scene: Any, harden: bool) -> bool:
        if not scene.IsNodeClassRegistered(node.GetClassName()):
            scene.RegisterNodeClass(node)
        copy = scene.AddNode(node.CreateNodeInstance())
        copy.Copy(node)
        if harden and node.GetParentTransformNode() is not None:
            _harden(copy, node.GetParentTransformNode(), scene)
        storage = scene.AddNode(copy.CreateDefaultStorageNode())
        storage.SetFileName(name)
        return bool(storage.WriteData(copy))

    def _storage(self, node: Any) -> Any:
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        return node.GetStorageNode()


def _harden(copy: Any, parent: Any, scene: Any) -> None:
    import vtk

    to_world = vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(to_world)
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    transform.SetAndObserveTransformToParent(to_world)
    copy.SetAndObserveTransformNodeID(transform.GetID())
    copy.HardenTransform()


def _say(messages: Any, text: str) -> None:
    import vtk

    if messages is not None:
        messages.AddMessage(vtk.vtkCommand.ErrorEvent, text)
