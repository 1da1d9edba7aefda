"""The MRML scene of a running Slicer, made of the real classes from slicer-core.

A bare ``vtkMRMLScene`` has none of what the application adds: selection and interaction node (application logic),
colour nodes (colour logic), layout, view and slice nodes with their composite nodes (layout and slice logics; only
where there is a main window), and a subject hierarchy that gets an item for each node that is added (in Slicer the
work of a Qt plugin handler, here of observers).
"""

from pathlib import Path
from typing import Any

from . import home, state

SLICE_VIEWS = ("Red", "Yellow", "Green")

# Built-in modules whose logics module code asks for: slicer.modules.volumes.logic().
MODULE_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}

# Kinds of nodes that Slicer's subject hierarchy plugins show; display, storage and view nodes get no item there.
_SHOWN = (
    "vtkMRMLVolumeNode",
    "vtkMRMLModelNode",
    "vtkMRMLTransformNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLSequenceNode",
    "vtkMRMLSequenceBrowserNode",
)


class Scene:
    """Owns the scene and the logics that keep it as the application would.

    Parameters
    ----------
    slicer
        The ``slicer`` package.
    place
        Folder of the installation, for the colour tables.
    """

    def __init__(self, slicer: Any, place: Path) -> None:
        self._slicer = slicer
        self.mrml = slicer.vtkMRMLScene()
        self.mrml.SetDataIOManager(slicer.vtkDataIOManager())  # knows the file formats that ITK writes
        self.application_logic = slicer.vtkSlicerApplicationLogic()
        self.application_logic.SetHomeDirectory(str(place))
        self.application_logic.SetShareDirectory(home.SHARE)
        self.slice_logics: dict[str, Any] = {}
        self.layout_logic: Any = None
        # These register node classes; once is enough, and they hold no node that a closed scene would take away.
        self.module_logics = {name: getattr(slicer, cls)() for name, cls in MODULE_LOGICS.items()}
        for name, logic in self.module_logics.items():
            logic.SetMRMLApplicationLogic(self.application_logic)
            self.application_logic.SetModuleLogic(name, logic)
        self.application_logic.SetColorLogic(self.module_logics["Colors"])
        self._observe()

    def build(self) -> None:
        """Add what a freshly started application has in its scene."""
        self.application_logic.SetMRMLScene(self.mrml)
        for logic in self.module_logics.values():
            if logic.GetMRMLScene() is None:
                logic.SetMRMLScene(self.mrml)
        if state.current.main_window:
            self._build_views()
        self.hierarchy()

    def reset(self) -> None:
        """Empty the scene, singletons included, and build it again.

        The logics let go of the scene first: a slice logic whose slice node is taken away brings the process down.
        """
        for logic in (*self.slice_logics.values(), self.layout_logic, self.module_logics["Colors"]):
            if logic is not None:
                logic.SetMRMLScene(None)
        self.slice_logics.clear()
        self.layout_logic = None
        self.application_logic.SetSliceLogics(None)
        self.application_logic.SetMRMLScene(None)
        self.mrml.Clear(1)
        self.mrml.SetURL("")
        self.build()

    def hierarchy(self) -> Any:
        """Give the subject hierarchy node; made where there is none."""
        return self._slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.mrml)

    def _build_views(self) -> None:
        import vtk

        self.application_logic.SetSliceLogics(vtk.vtkCollection())
        self.layout_logic = self._slicer.vtkMRMLLayoutLogic()
        self.layout_logic.SetMRMLScene(self.mrml)  # adds the view nodes of the layout
        for name in SLICE_VIEWS:
            self._add_slice_view(self.mrml.GetSingletonNode(name, "vtkMRMLSliceNode"))

    def _add_slice_view(self, node: Any) -> None:
        """What the layout manager does for a slice node: a logic, which adds the composite node."""
        name = node.GetLayoutName()
        if name in self.slice_logics or self.layout_logic is None:
            return
        logic = self._slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.mrml)
        logic.SetSliceNode(node)
        self.application_logic.GetSliceLogics().AddItem(logic)
        self.slice_logics[name] = logic

    def _observe(self) -> None:
        import vtk

        scene = self.mrml

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def added(_caller: Any, _event: str, node: Any) -> None:
            self._add_item(node)
            # The three of every layout come in their order, when the layout logic is done with them.
            if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName() not in SLICE_VIEWS:
                self._add_slice_view(node)

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def about_to_be_removed(_caller: Any, _event: str, node: Any) -> None:
            self._remove_item(node)

        scene.AddObserver(scene.NodeAddedEvent, added)
        scene.AddObserver(scene.EndImportEvent, lambda *_: self._add_missing_items())
        scene.AddObserver(scene.EndCloseEvent, lambda *_: self.hierarchy())
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, about_to_be_removed)

    def _add_item(self, node: Any) -> None:
        if self.mrml.IsImporting() or node.GetHideFromEditors() or not any(node.IsA(kind) for kind in _SHOWN):
            return
        hierarchy = self.hierarchy()
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _add_missing_items(self) -> None:
        for index in range(self.mrml.GetNumberOfNodes()):
            self._add_item(self.mrml.GetNthNode(index))

    def _remove_item(self, node: Any) -> None:
        if self.mrml.IsClosing() or not any(node.IsA(kind) for kind in _SHOWN):
            return
        hierarchy = self.mrml.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
        item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
        if item:
            hierarchy.RemoveItem(item, False, False)
