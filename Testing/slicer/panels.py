"""A user in front of a panel: opens it, clicks, looks, waits."""

from pathlib import Path

import numpy as np

import slicerhost

MODULE = Path(__file__).parents[2] / "MRIEnhance" / "SuperResolve.py"
RECONSTRUCT = MODULE.with_name("Reconstruct.py")
SYNTHESIZE = MODULE.with_name("Synthesize.py")

OBLIQUE = np.array([[-0.98, 0.15, 0.3, 40.0], [-0.1, -0.95, 0.6, -20.0], [0.05, -0.12, 2.9, 30.0], [0, 0, 0, 1.0]])


def orthonormal(matrix):
    """The nearest matrix without shear, spacings kept."""
    directions, spacing = matrix[:3, :3], np.linalg.norm(matrix[:3, :3], axis=0)
    left, _, right = np.linalg.svd(directions / spacing)
    result = matrix.copy()
    result[:3, :3] = left @ right * spacing
    return result


def left_handed(matrix):
    """The same with the slices in the opposite order."""
    flipped = matrix.copy()
    flipped[:3, 2] *= -1
    return flipped


def blob(shape=(6, 24, 28), centre=(2, 9.0, 17.0), width=2.5):
    """A smooth blob on a smooth ground, [k, j, i]; the centre is not in the middle of any axis."""
    axes = np.meshgrid(*map(np.arange, shape), indexing="ij")
    distance = sum((axis - middle) ** 2 for axis, middle in zip(axes, centre, strict=True))
    return (100 + 900 * np.exp(-distance / (2 * width**2))).astype(np.float32)


def blob_in_world(slicer, node):
    """Where the blob of a volume node is, in mm in the world (RAS), its parent transforms included."""
    import vtk

    voxels = slicer.util.arrayFromVolume(node).astype(float)
    weights = np.clip(voxels - 400, 0, None)
    index = [float((axis * weights).sum() / weights.sum()) for axis in np.indices(voxels.shape)]
    matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    node.GetIJKToRASMatrix(matrix)
    local = matrix.MultiplyPoint((*index[::-1], 1.0))[:3]
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, transform)
    return np.array(transform.TransformPoint(local))


class User:
    """Somebody who works with the panel."""

    def __init__(self, slicer, module=MODULE):
        self.slicer = slicer
        self.module = slicerhost.load_module(module).open()
        self.widget, self.parent = self.module.widget, self.module.parent
        self.ui = self.widget.ui
        self.parent.resize(440, 760)

    @property
    def parameters(self):
        return self.widget.logic.getParameterNode()

    @property
    def status(self):
        return self.ui.statusLabel.text

    @property
    def volumes(self):
        return self.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")

    def add_volume(self, matrix=None, name="T1w", voxels=None):
        ijk_to_ras = np.eye(4) if matrix is None else matrix
        return self.slicer.util.addVolumeFromArray(blob() if voxels is None else voxels, ijk_to_ras, name)

    def wait(self, condition, seconds=60):
        assert slicerhost.process_events_until(condition, seconds), f"still waiting; the panel says: {self.status!r}"

    def wait_for_models(self):
        self.wait(lambda: self.widget.models and not any(lookup.running for lookup in self.widget._lookups))

    def click(self, widget):
        import qt

        qt.QTest.mouseClick(widget, qt.Qt.LeftButton)
        self.slicer.app.processEvents()

    def tick(self, box):
        """Click on the mark of a check box, which may be much wider than its text."""
        import qt

        middle = box.height // 2
        qt.QTest.mouseClick(box, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(middle, middle))
        self.slicer.app.processEvents()

    def choose(self, combo, value):
        """Choose an entry by its data, as a click on it would."""
        index = combo.findData(value)
        assert index >= 0, f"{value!r} is not offered"
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        self.slicer.app.processEvents()

    def type(self, line, text):
        """Type into a line, in place of what is there, a letter at a time."""
        import qt

        line.selectAll()
        qt.QTest.keyClick(line, qt.Qt.Key_Delete)
        qt.QTest.keyClicks(line, text)
        self.slicer.app.processEvents()

    def apply(self):
        assert self.ui.applyButton.enabled, self.ui.applyButton.toolTip
        self.click(self.ui.applyButton)

    def wait_for_end(self):
        self.wait(lambda: not self.widget.run.running)

    def run(self):
        """Apply, wait, give the result."""
        self.apply()
        self.wait_for_end()
        return self.parameters.resultVolume
