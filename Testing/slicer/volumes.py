"""Volumes for tests of the bridge, and where their voxels are according to VTK."""

import json

import numpy as np
from hypothesis import strategies as st


def rotation(quaternion):
    """Rotation matrix (3, 3) of four numbers that are not all zero."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def affine(quaternion=(1, 0, 0, 0), spacing=(1, 1, 1), shift=(0, 0, 0), signs=(1, 1, 1)):
    """IJK to RAS (4, 4): rotated, spaced, shifted, and mirrored along the axes whose sign is negative."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(quaternion) * np.asarray(spacing) * np.asarray(signs)
    matrix[:3, 3] = shift
    return matrix


OBLIQUE = affine((0.9, 0.2, -0.1, 0.15), (0.7, 0.9, 3.3), (12.5, -40.25, 7.125))
LEFT_HANDED = affine((0.9, 0.2, -0.1, 0.15), (0.7, 0.9, 3.3), (12.5, -40.25, 7.125), (1, 1, -1))

_component = st.floats(-1, 1)
affines = st.builds(
    affine,
    st.tuples(*[_component] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.tuples(*[st.floats(0.01, 20)] * 3),
    st.tuples(*[st.floats(-1000, 1000)] * 3),
    st.tuples(*[st.sampled_from((-1, 1))] * 3),
)


def ramp(size=(5, 4, 3), dtype=np.int16):
    """Voxels [k, j, i] that are all different, for a size (i, j, k)."""
    return np.arange(np.prod(size), dtype=dtype).reshape(size[::-1])


def add(slicer, *, array=None, matrix=OBLIQUE, name="T2", parent=None, kind="vtkMRMLScalarVolumeNode"):
    """A volume in the scene."""
    node = slicer.util.addVolumeFromArray(ramp() if array is None else array, np.asarray(matrix), name, kind)
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def add_transform(slicer, matrix, parent=None):
    """A linear transform in the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix)))
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def matrix_of(slicer, node):
    """IJK to RAS (4, 4), from VTK."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def world(slicer, node, index, *, frame=None):
    """Where VTK says that a voxel (i, j, k) is, in the world or in the frame of another node: RAS, in mm."""
    import vtk

    local = matrix_of(slicer, node) @ (*index, 1.0)
    transform = vtk.vtkGeneralTransform()
    target = frame.GetParentTransformNode() if frame is not None else None
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), target, transform)
    return np.array(transform.TransformPoint(local[:3]))


def written(path, array, matrix=OBLIQUE, window=(0.0, 1.0)):
    """What the worker would say of an array [k, j, i] that it has written to a file."""
    path.write_bytes(np.ascontiguousarray(array).tobytes())
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    flip = np.diag([-1.0, -1.0, 1.0])
    image = {
        "voxels": str(path),
        "pixel_type": array.dtype.name,
        "size": array.shape[::-1],
        "spacing": spacing.tolist(),
        "origin": (flip @ matrix[:3, 3]).tolist(),
        "direction": (flip @ matrix[:3, :3] / spacing).ravel().tolist(),
        "window": window,
    }
    return json.loads(json.dumps(image))


def item_of(slicer, node):
    """Subject hierarchy, and a node's item in it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy, hierarchy.GetItemByDataNode(node)


def put_in_study(slicer, node):
    """Put a node into a patient's study; gives the study's item."""
    hierarchy, item = item_of(slicer, node)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    hierarchy.SetItemParent(item, study)
    return study
