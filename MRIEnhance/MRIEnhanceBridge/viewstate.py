"""What the slice views show, remembered and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
import vtk


@dataclass(frozen=True)
class View:
    """One slice view as it was."""

    layers: tuple[Any, Any, Any]
    links: tuple[int, int]
    plane: tuple[float, ...]
    origin: tuple[float, float, float]
    field: tuple[float, float, float]
    pixels: tuple[int, int, int]

    @classmethod
    def of(cls, view: slicer.vtkMRMLSliceNode, composite: slicer.vtkMRMLSliceCompositeNode) -> View:
        """Remember a view. Volumes are remembered weakly: identifiers may be given again, to other volumes."""
        layers = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetLabelVolumeID())
        return cls(
            layers=tuple(weak(slicer.mrmlScene.GetNodeByID(volume or "")) for volume in layers),
            links=(composite.GetLinkedControl(), composite.GetHotLinkedControl()),
            plane=tuple(slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS()).ravel().tolist()),
            origin=view.GetXYZOrigin(),
            field=view.GetFieldOfView(),
            pixels=view.GetDimensions(),
        )

    def restore(self, view: slicer.vtkMRMLSliceNode, composite: slicer.vtkMRMLSliceCompositeNode) -> None:
        """Make a view as it was."""
        composite.SetLinkedControl(self.links[0])
        composite.SetHotLinkedControl(self.links[1])
        set_layers(composite, *(identifier(layer) for layer in self.layers))
        width, height, depth = self.field
        pixels = view.GetDimensions()
        if pixels != self.pixels:
            # A view that changes its size keeps its height in mm (vtkMRMLSliceLogic); it may be about to change back.
            width = height * pixels[0] / max(1, pixels[1])
        with slicer.util.NodeModify(view):
            view.GetSliceToRAS().DeepCopy(self.plane)
            view.SetXYZOrigin(*self.origin)
            view.SetFieldOfView(width, height, depth)
            view.UpdateMatrices()


@dataclass(frozen=True)
class Views:
    """Layout and all slice views as they were: linked ones change even while they are hidden."""

    layout: int
    views: dict[str, View]

    @classmethod
    def now(cls, layout: slicer.vtkMRMLLayoutNode) -> Views:
        """Remember them."""
        return cls(layout.GetViewArrangement(), {name: View.of(*nodes) for name, nodes in slice_views().items()})

    def restore(self, layout: slicer.vtkMRMLLayoutNode) -> None:
        """Make those that still exist as they were."""
        if layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView:
            layout.SetViewArrangement(self.layout)
        for name, nodes in slice_views().items():
            if name in self.views:
                self.views[name].restore(*nodes)


def slice_views() -> dict[str, tuple[Any, Any]]:
    """Slice node and composite node of each slice view, by the view's name."""
    composites = {node.GetLayoutName(): node for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    names = ((node.GetLayoutName(), node) for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"))
    return {name: (node, composites[name]) for name, node in names if name in composites}


def set_layers(composite: slicer.vtkMRMLSliceCompositeNode, background: str, foreground: str, label: str) -> None:
    """Show volumes, by their identifiers, in the layers of a view; nothing where the identifier is empty."""
    with slicer.util.NodeModify(composite):
        composite.SetBackgroundVolumeID(background)
        composite.SetForegroundVolumeID(foreground)
        composite.SetLabelVolumeID(label)


def weak(node: Any) -> vtk.vtkWeakReference:
    """Remember a node, or None, without holding it."""
    reference = vtk.vtkWeakReference()
    reference.Set(node)
    return reference


def identifier(reference: vtk.vtkWeakReference) -> str:
    """Identifier of a node that is still in the scene, else nothing."""
    node = reference.Get()
    return node.GetID() if node is not None and slicer.mrmlScene.IsNodePresent(node) else ""
