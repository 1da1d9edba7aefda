"""slicer.app.layoutManager(): layout node and slice views without anything to see."""

from typing import Any


class SliceWidget:
    """layoutManager().sliceWidget(name)."""

    def __init__(self, logic: Any) -> None:
        self._logic = logic

    def sliceLogic(self) -> Any:
        """vtkMRMLSliceLogic."""
        return self._logic

    def mrmlSliceNode(self) -> Any:
        """vtkMRMLSliceNode."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        """vtkMRMLSliceCompositeNode."""
        return self._logic.GetSliceCompositeNode()


class LayoutManager:
    """What module code uses of qSlicerLayoutManager."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene

    @property
    def layout(self) -> int:
        """Number of the layout that is shown."""
        return int(self.layoutLogic().GetLayoutNode().GetViewArrangement())

    @layout.setter
    def layout(self, layout: int) -> None:
        self.setLayout(layout)

    def layoutLogic(self) -> Any:
        """vtkMRMLLayoutLogic."""
        return self._scene.layout_logic

    def setLayout(self, layout: int) -> None:
        """Show another layout."""
        self.layoutLogic().GetLayoutNode().SetViewArrangement(layout)

    def sliceViewNames(self) -> tuple[str, ...]:
        """Names of the slice views."""
        return tuple(self._scene.slice_logics)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        """One slice view, or None."""
        logic = self._scene.slice_logics.get(name)
        return SliceWidget(logic) if logic is not None else None

    def mrmlSliceLogics(self) -> Any:
        """vtkCollection of the slice logics."""
        return self._scene.application_logic.GetSliceLogics()

    def resetSliceViews(self) -> None:
        """Fit every slice view."""
        for logic in self._scene.slice_logics.values():
            logic.FitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """There is no 3D view here."""
