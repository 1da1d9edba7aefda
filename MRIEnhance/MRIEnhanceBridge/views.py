"""Results in the slice views: in place of their input, or beside it.

Only MRML nodes are touched (layout, slice and composite nodes), so that nothing here needs a window; where there is
none, there are no such nodes, and nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import qt
import slicer
import vtk

from MRIEnhanceBridge.viewstate import Views, set_layers, slice_views

_ORIENTATIONS = ("Sagittal", "Coronal", "Axial")
"""Name of the slices that lie across R, A and S."""
_NEAR = np.cos(np.pi / 4)
"""Two planes count as the same one, seen from elsewhere, up to this cosine between their normals."""


def show(result_node: slicer.vtkMRMLVolumeNode, *, source: slicer.vtkMRMLVolumeNode | None) -> bool:
    """Show a result in the slice views that show its source, as background, and change nothing else.

    Where nothing at all is shown, all slice views show it, fitted. Views that show something else are left alone.

    Returns
    -------
    bool
        Whether it is shown now; False where there are no slice views.
    """
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    replaced = [node for node in composites if source is not None and node.GetBackgroundVolumeID() == source.GetID()]
    for node in replaced:
        node.SetBackgroundVolumeID(result_node.GetID())
    if composites and not any(_shown(node) for node in composites):
        slicer.util.setSliceViewerLayers(background=result_node, fit=True)
    return any(node.GetBackgroundVolumeID() == result_node.GetID() for node in composites)


def go_to(volume: slicer.vtkMRMLVolumeNode, place: np.ndarray) -> int:
    """Scroll the slice views that show a volume as background to a place (RAS, mm); zoom and pan stay.

    Returns
    -------
    int
        How many views show it.
    """
    shown = [view for view, layers in slice_views().values() if layers.GetBackgroundVolumeID() == volume.GetID()]
    for view in shown:
        view.JumpSliceByOffsetting(*place[:3].tolist())
    return len(shown)


class Comparison:
    """Two linked slice views side by side: an input in the left one, its result in the right one.

    Both show the slices in which the input was acquired, at one place and with one field of view. What a view
    shows already of either volume in that direction decides where; else it is the middle slice, as a whole. The
    volumes' display windows are left alone.
    """

    def __init__(self) -> None:
        self._before: Views | None = None
        self._frame: _Frame | None = None

    @property
    def active(self) -> bool:
        """Whether a comparison is shown."""
        return self._before is not None

    def start(self, source: slicer.vtkMRMLVolumeNode, result: slicer.vtkMRMLVolumeNode) -> bool:
        """Show the comparison, or another one.

        Returns
        -------
        bool
            False, and nothing is changed, where there are no such views, or a volume is not in the scene.
        """
        scene = slicer.mrmlScene
        layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is None or not all(scene.IsNodePresent(node) and node.GetImageData() for node in (source, result)):
            return False
        before = self._before or Views.now(layout)
        frame = _Frame.around(source, result)
        layout.SetViewArrangement(layout.SlicerLayoutSideBySideView)  # makes views that there were not
        views = slice_views()
        if frame is None or not {"Red", "Yellow"} <= views.keys():
            before.restore(layout)
            self._before = None
            return False
        self._before, self._frame = before, frame
        for name, volume in (("Red", source), ("Yellow", result)):
            view, composite = views[name]
            set_layers(composite, volume.GetID(), "", "")
            composite.SetLinkedControl(True)
            composite.SetHotLinkedControl(True)
            frame.apply(view)
        # The views get their new size when the event loop has turned; then the frame fits again.
        qt.QTimer.singleShot(0, self._fit)
        return True

    def stop(self) -> bool:
        """Put back what was before: layout (unless the user chose another meanwhile), layers, planes, links, zoom.

        Volumes that are gone meanwhile are not shown again.

        Returns
        -------
        bool
            False if no comparison was shown.
        """
        before, self._before, self._frame = self._before, None, None
        layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if before is None or layout is None:
            return False
        before.restore(layout)
        return True

    def _fit(self) -> None:
        frame, views = self._frame, slice_views()
        for name in ("Red", "Yellow"):
            if frame is not None and name in views:
                frame.apply(views[name][0])


@dataclass(frozen=True)
class _Frame:
    """What both views show.

    Parameters
    ----------
    plane
        Slice to RAS, 4 x 4; its last column is the middle of the views.
    width, height
        What is to be seen at least, in mm.
    depth
        Distance between the input's slices, in mm.
    """

    plane: np.ndarray
    width: float
    height: float
    depth: float

    @classmethod
    def around(cls, source: slicer.vtkMRMLVolumeNode, result: slicer.vtkMRMLVolumeNode) -> _Frame | None:
        """Choose it for two volumes; None where there is no slice view."""
        views = slice_views()
        if not views:
            return None
        axes = ijk_to_world(source)
        depth = float(np.linalg.norm(axes[:3, 2]))
        normal = axes[:3, 2] / depth
        plane = _acquired_plane(source, _ORIENTATIONS[int(np.argmax(np.abs(normal)))])
        size = np.array(source.GetImageData().GetDimensions())
        for view, composite in views.values():
            current = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())
            shows = composite.GetBackgroundVolumeID() in (source.GetID(), result.GetID())
            if shows and abs(current[:3, 2] @ normal) > _NEAR:
                centre = current @ (*view.GetXYZOrigin()[:2], 0.0, 1.0)
                plane[:3, 3] = _on_a_slice(centre, axes, size)
                width, height, _depth = view.GetFieldOfView()
                return cls(plane, width, height, depth)
        plane[:3, 3] = _on_a_slice(axes @ (*(size[:2] - 1) / 2, size[2] // 2, 1.0), axes, size)
        bounds = [0.0] * 6
        source.GetSliceBounds(bounds, slicer.util.vtkMatrixFromArray(np.linalg.inv(plane)))
        return cls(plane, bounds[1] - bounds[0], bounds[3] - bounds[2], depth)

    def apply(self, view: slicer.vtkMRMLSliceNode) -> None:
        """Turn a view to the plane, so that all of the width and height is seen whatever the view's shape."""
        pixels = view.GetDimensions()
        aspect = pixels[0] / max(1, pixels[1])
        height = max(self.height, self.width / aspect)
        with slicer.util.NodeModify(view):
            view.GetSliceToRAS().DeepCopy(self.plane.ravel().tolist())
            view.SetXYZOrigin(0.0, 0.0, 0.0)
            view.SetFieldOfView(height * aspect, height, self.depth * pixels[2])
            view.UpdateMatrices()


def _shown(composite: slicer.vtkMRMLSliceCompositeNode) -> bool:
    layers = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetLabelVolumeID())
    return any(slicer.mrmlScene.GetNodeByID(identifier) for identifier in layers if identifier)


def ijk_to_world(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """The 4 x 4 matrix from indices to places in the views; a transform that is not linear counts for nothing."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    parent = volume.GetParentTransformNode()
    if parent is not None and parent.IsTransformToWorldLinear():
        to_world = vtk.vtkMatrix4x4()
        parent.GetMatrixTransformToWorld(to_world)
        vtk.vtkMatrix4x4.Multiply4x4(to_world, matrix, matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _on_a_slice(place: np.ndarray, axes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The place (3) moved along k onto the nearest of the volume's slices, so that none are mixed."""
    k = float((np.linalg.inv(axes) @ place)[2])
    nearest = min(max(round(k), 0), int(size[2]) - 1)
    return place[:3] + (nearest - k) * axes[:3, 2]


def _acquired_plane(volume: slicer.vtkMRMLVolumeNode, orientation: str) -> np.ndarray:
    """Slice to RAS (4 x 4, through the origin) of a volume's own plane nearest to an orientation.

    Slicer works it out, on a slice node that is in no scene. The user's own version of the orientation counts, which
    may have the patient's right on either side.
    """
    view, _composite = next(iter(slice_views().values()))
    scratch = slicer.vtkMRMLSliceNode()
    if view.HasSliceOrientationPreset(orientation):
        scratch.AddSliceOrientationPreset(orientation, view.GetSliceOrientationPreset(orientation))
        scratch.SetOrientation(orientation)
    scratch.RotateToVolumePlane(volume)
    plane = slicer.util.arrayFromVTKMatrix(scratch.GetSliceToRAS())
    plane[:3, 3] = 0.0
    return plane
