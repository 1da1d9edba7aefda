"""Fixtures for tests of slice views, with real layout, slice and link logics."""

import numpy as np
import pytest

import volumes

NAMES = ("Red", "Yellow", "Green")


@pytest.fixture
def views(host):
    from MRIEnhanceBridge import views

    return views


class Screen:
    """What a user sees of the slice views."""

    def __init__(self, slicer):
        self.slicer, self.scene = slicer, slicer.mrmlScene
        self.layout_node = self.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")

    def view(self, name):
        return self.scene.GetNodeByID(f"vtkMRMLSliceNode{name}")

    def composite(self, name):
        return self.scene.GetNodeByID(f"vtkMRMLSliceCompositeNode{name}")

    def logic(self, name):
        return self.slicer.app.layoutManager().sliceWidget(name).sliceLogic()

    def plane(self, name):
        return self.slicer.util.arrayFromVTKMatrix(self.view(name).GetSliceToRAS())

    def backgrounds(self):
        return [self.composite(name).GetBackgroundVolumeID() for name in NAMES]

    def state(self):
        """Everything that a comparison may change, to the last digit."""
        return self.layout_node.GetViewArrangement(), {
            name: (
                self.plane(name).tolist(),
                self.view(name).GetFieldOfView(),
                self.view(name).GetXYZOrigin(),
                self.view(name).GetOrientation(),
                self.composite(name).GetBackgroundVolumeID(),
                self.composite(name).GetForegroundVolumeID(),
                self.composite(name).GetLabelVolumeID(),
                self.composite(name).GetLinkedControl(),
                self.composite(name).GetHotLinkedControl(),
            )
            for name in NAMES
        }

    def resize(self, name, width, height):
        """What the application does when a view gets another size."""
        self.logic(name).ResizeSliceNode(width, height)

    def seen(self, name, place):
        """Whether a place is inside a view, and how far it is from its slice in mm."""
        x, y, z = (np.linalg.inv(self.plane(name)) @ (*place, 1))[:3] - self.view(name).GetXYZOrigin()
        width, height, _ = self.view(name).GetFieldOfView()
        return abs(x) <= width / 2 * (1 + 1e-9) and abs(y) <= height / 2 * (1 + 1e-9), abs(z)


@pytest.fixture
def screen(host):
    return Screen(host)


@pytest.fixture
def pair(host):
    """An oblique input under a transform, and its result; neither is shown."""
    parent = volumes.add_transform(host, volumes.affine((0.95, 0.1, 0.1, 0.2), shift=(4, 5, 6)))
    source = volumes.add(host, array=volumes.ramp((40, 30, 8)), name="Input", parent=parent)
    finer = volumes.OBLIQUE @ np.diag([0.5, 0.5, 1, 1])
    result = volumes.add(host, array=volumes.ramp((80, 60, 8)), matrix=finer, name="Result", parent=parent)
    return source, result


@pytest.fixture
def comparison(views):
    comparison = views.Comparison()
    yield comparison
    comparison.stop()
