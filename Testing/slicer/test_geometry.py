"""Where voxels are: VTK and SimpleITK are asked independently."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

import volumes

LPS = np.diag([-1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def geometry(slicer_application):
    from MRIEnhanceBridge import geometry

    return geometry


@pytest.fixture(scope="module")
def loose(slicer_application):
    """A volume in no scene, with a matrix."""
    import vtk

    slicer = slicer_application

    def make(matrix, size=(5, 4, 3)):
        image = vtk.vtkImageData()
        image.SetDimensions(*size)
        image.AllocateScalars(vtk.VTK_SHORT, 1)
        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetName("T2")
        node.SetAndObserveImageData(image)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
        return node

    return make


def image_like(geometry):
    image = sitk.Image(geometry.size, sitk.sitkInt16)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image


@given(matrix=volumes.affines)
def test_a_node_gets_its_matrix_back(geometry, loose, slicer_application, matrix):
    node, other = loose(matrix), loose(np.eye(4))
    described = geometry.Geometry.of(node)
    described.place(other)
    expected = volumes.matrix_of(slicer_application, node)
    np.testing.assert_allclose(volumes.matrix_of(slicer_application, other), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(described.ijk_to_ras(), expected, rtol=1e-12, atol=1e-12)
    assert geometry.Geometry.of(other) == described, "not even the last digit changes"


@given(matrix=volumes.affines, index=st.tuples(*[st.floats(-10, 10)] * 3))
def test_simpleitk_sees_a_voxel_where_vtk_does(geometry, loose, slicer_application, matrix, index):
    node = loose(matrix)
    image = image_like(geometry.Geometry.of(node))
    place = LPS @ image.TransformContinuousIndexToPhysicalPoint(index)
    np.testing.assert_allclose(place, volumes.world(slicer_application, node, index), rtol=1e-12, atol=1e-9)


def test_plain_numbers_stay_as_they_are(geometry, loose):
    node = loose(np.eye(4))
    node.SetSpacing(0.1, 0.9375, 3.3)
    node.SetOrigin(1.1, 2.2, 3.3)
    described = geometry.Geometry.of(node)
    assert described.size == (5, 4, 3)
    assert described.spacing == (0.1, 0.9375, 3.3)
    assert described.origin == (-1.1, -2.2, 3.3)
    assert described.direction == (-1, 0, 0, 0, -1, 0, 0, 0, 1)


@pytest.mark.parametrize(("spacing", "length"), [(-2.0, 1.0), (2.0, 1.5), (-2.0, 1.5)])
def test_negative_spacing_and_long_directions_are_put_right(geometry, loose, slicer_application, spacing, length):
    node = loose(np.eye(4))
    node.SetSpacing(spacing, 1.0, 1.0)
    node.SetIJKToRASDirections([[1, 0, 0], [0, length, 0], [0, 0, 1]])
    described = geometry.Geometry.of(node)
    assert min(described.spacing) > 0
    np.testing.assert_allclose(described.ijk_to_ras(), volumes.matrix_of(slicer_application, node))
    np.testing.assert_allclose(np.linalg.norm(np.reshape(described.direction, (3, 3)), axis=0), 1)


def test_observers_see_one_change(geometry, loose):
    node, events = loose(np.eye(4)), []
    node.AddObserver("ModifiedEvent", lambda *_: events.append(node.GetSpacing()))
    geometry.Geometry.of(loose(volumes.OBLIQUE)).place(node)
    assert len(events) == 1
    np.testing.assert_allclose(events[0], (0.7, 0.9, 3.3))


# Another node's frame


@pytest.mark.parametrize("which", ["node", "other", "both", "nested"])
def test_a_volume_is_seen_in_another_frame(host, geometry, which):
    one = volumes.add_transform(host, volumes.affine((0.8, 0.1, 0.5, 0.2), shift=(5, -6, 70)))
    inner = volumes.add_transform(host, volumes.affine((0.5, -0.4, 0.2, 0.9), shift=(-30, 1, 2)), one)
    parents = {"node": (one, None), "other": (None, one), "both": (inner, one), "nested": (one, inner)}[which]
    node = volumes.add(host, matrix=volumes.LEFT_HANDED, parent=parents[0])
    other = volumes.add(host, matrix=np.eye(4), parent=parents[1])
    seen = geometry.Geometry.of(node, relative_to=other)
    for index in ((0, 0, 0), (4, 3, 2), (1.5, 0.25, 1)):
        expected = volumes.world(host, node, index, frame=other)
        np.testing.assert_allclose((seen.ijk_to_ras() @ (*index, 1))[:3], expected, atol=1e-9)


def test_one_frame_for_both_changes_no_digit(host, geometry):
    parent = volumes.add_transform(host, volumes.affine((0.8, 0.1, 0.5, 0.2), (2, 3, 4), (5, -6, 70)))
    other = volumes.add(host, parent=parent)
    for spacing in np.arange(1, 30) / 7:
        matrix = volumes.affine((0.9, 0.3, -spacing, 0.2), (spacing, spacing / 3, 1.1 * spacing))
        node = volumes.add(host, matrix=matrix, parent=parent)
        assert geometry.Geometry.of(node, relative_to=other) == geometry.Geometry.of(node)


def test_a_transform_that_is_not_linear_is_refused_where_it_matters(host, geometry):
    warp = host.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    warped, straight = volumes.add(host, name="Warped", parent=warp), volumes.add(host, name="Straight")
    for node, other in ((warped, straight), (straight, warped)):
        with pytest.raises(geometry.BridgeError, match="not linear") as refusal:
            geometry.Geometry.of(node, relative_to=other)
        assert "Warped" in refusal.value.message
        assert "arden" in refusal.value.hint
    sibling = volumes.add(host, parent=volumes.add_transform(host, volumes.affine(shift=(1, 2, 3)), warp))
    moved = geometry.Geometry.of(sibling, relative_to=warped)
    np.testing.assert_allclose(moved.ijk_to_ras()[:3, 3], volumes.OBLIQUE[:3, 3] + (1, 2, 3))


# Refusals


@pytest.mark.parametrize(("lean", "angle"), [(12.5, 77.5), (-3.0, 93.0), (0.5, 89.5)])
def test_sheared_axes_are_refused_with_their_angle(geometry, loose, lean, angle):
    matrix = np.eye(4)
    matrix[:3, 2] = 0, np.sin(np.radians(lean)), np.cos(np.radians(lean))
    with pytest.raises(geometry.BridgeError) as refusal:
        geometry.Geometry.of(loose(matrix))
    assert f"axes j and k meet at {angle:.1f} degrees" in refusal.value.message
    assert "Crop Volume" in refusal.value.hint


def test_rounded_direction_cosines_are_no_shear_and_are_kept(geometry, loose, slicer_application):
    matrix = volumes.OBLIQUE.copy()
    matrix[:3, :3] = np.round(matrix[:3, :3], 3)
    node = loose(matrix)
    described = geometry.Geometry.of(node).ijk_to_ras()
    np.testing.assert_allclose(described, volumes.matrix_of(slicer_application, node), atol=1e-12)


def test_a_shear_that_comes_from_the_transforms_is_refused(host, geometry):
    stretch = volumes.add_transform(host, np.diag([3.0, 1.0, 1.0, 1.0]))
    node, other = volumes.add(host, parent=stretch), volumes.add(host)
    geometry.Geometry.of(node)
    with pytest.raises(geometry.BridgeError, match="sheared"):
        geometry.Geometry.of(node, relative_to=other)


@pytest.mark.parametrize("spoil", ["length", "origin"])
def test_broken_numbers_are_refused(geometry, loose, spoil):
    node = loose(np.eye(4))
    if spoil == "length":
        node.SetSpacing(0.0, 1.0, 1.0)
    else:
        node.SetOrigin(float("nan"), 0.0, 0.0)
    with pytest.raises(geometry.BridgeError, match="broken geometry"):
        geometry.Geometry.of(node)


def test_a_volume_without_voxels_is_refused(geometry, slicer_application):
    with pytest.raises(geometry.BridgeError, match="no voxels"):
        geometry.Geometry.of(slicer_application.vtkMRMLScalarVolumeNode())


# What the worker says


@given(matrix=volumes.affines)
def test_geometry_goes_through_json_unchanged(geometry, loose, matrix):
    described = geometry.Geometry.of(loose(matrix))
    received = json.loads(json.dumps({**described.to_dict(), "voxels": "a.raw"}))
    assert geometry.Geometry.from_dict(received) == described


@pytest.mark.parametrize(
    "change",
    [
        {"size": [5, 4]},
        {"size": [5, 4, 0]},
        {"size": [5, 4, 2.0]},
        {"size": [5, 4, True]},
        {"size": "543"},
        {"spacing": [1.0, 1.0, 0.0]},
        {"spacing": [1.0, 1.0, -1.0]},
        {"spacing": [1.0, 1.0, "1"]},
        {"origin": [0.0, 0.0, float("inf")]},
        {"origin": None},
        {"direction": [1, 0, 0, 0, 1, 0, 0, 1, 0]},
        {"direction": [1, 0, 0, 0, 1, 0, 0, 0]},
    ],
)
def test_an_answer_without_a_usable_geometry_is_refused(geometry, loose, change):
    good = geometry.Geometry.of(loose(np.eye(4))).to_dict()
    with pytest.raises(geometry.BridgeError, match="without a usable geometry"):
        geometry.Geometry.from_dict({**good, **change})
    key = next(iter(change))
    with pytest.raises(geometry.BridgeError, match=key):
        geometry.Geometry.from_dict({name: value for name, value in good.items() if name != key})
