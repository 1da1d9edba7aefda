"""Fixtures for tests of results as nodes."""

import numpy as np
import pytest

import volumes

REPORT = {
    "task": "super-resolve",
    "model": {"name": "iconet-x2", "version": "1.2", "method": "iconet", "title": "ICONet", "sha256": "ab" * 32},
    "scale": 2,
    "warnings": ["spacing 3 mm is outside the card", "Größe"],
    "disclaimer": "For research, not for diagnosis.",
}
FINER = volumes.OBLIQUE @ np.diag([0.5, 0.5, 1.0, 1.0])
TRICKY = "a:b;c d\"e'f<g>&h\\i\nÄ×"


@pytest.fixture
def results(host):
    from MRIEnhanceBridge import results

    return results


@pytest.fixture
def source(host):
    parent = volumes.add_transform(host, volumes.affine(shift=(1, 2, 3)))
    return volumes.add(host, parent=parent, name="T2 of knee")


@pytest.fixture
def answer(host, tmp_path):
    """What the worker has written, and its voxels in VTK's memory."""
    from MRIEnhanceBridge import nodes

    def make(array=None, window=(10.0, 40.0)):
        array = volumes.ramp((10, 8, 3), "float32") if array is None else array
        image = volumes.written(tmp_path / "a.raw", array, FINER, window)
        data, view = nodes.new_image_data(image)
        view[...] = array
        return image, data

    return make


def save_and_load(slicer, folder):
    """The scene as it is after it was written to a file and read from there into another one."""
    scene = slicer.mrmlScene
    scene.SetRootDirectory(str(folder))
    scene.SetURL(str(folder / "scene.mrml"))
    scene.Commit()
    loaded = slicer.vtkMRMLScene()
    loaded.SetURL(scene.GetURL())
    loaded.Connect()
    return loaded
