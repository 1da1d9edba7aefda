"""Results in the slice views: with real layout, slice and link logics, which are the application's own."""

import numpy as np
import pytest

import slicerhost
import volumes
from screens import NAMES

# In place of the input


def test_the_result_replaces_its_input_and_nothing_else_changes(host, views, screen, pair):
    source, result = pair
    other = volumes.add(host, name="Other")
    screen.composite("Red").SetBackgroundVolumeID(source.GetID())
    screen.composite("Red").SetForegroundVolumeID(other.GetID())
    screen.composite("Yellow").SetBackgroundVolumeID(other.GetID())
    screen.composite("Green").SetForegroundVolumeID(source.GetID())
    screen.view("Red").SetFieldOfView(33, 22, 1)
    layout, before = screen.state()
    assert views.show(result, source=source) is True
    after_layout, after = screen.state()
    red = list(before["Red"])
    red[4] = result.GetID()
    assert after_layout == layout
    assert after == {**before, "Red": tuple(red)}


def test_other_volumes_stay_where_the_user_has_put_them(host, views, screen, pair):
    source, result = pair
    screen.composite("Green").SetLabelVolumeID(volumes.add(host, kind="vtkMRMLLabelMapVolumeNode").GetID())
    before = screen.state()
    assert views.show(result, source=source) is False
    assert screen.state() == before


def test_where_nothing_is_shown_the_result_is_fitted_into_all_views(views, screen, pair):
    _source, result = pair
    assert views.show(result, source=None) is True
    assert screen.backgrounds() == [result.GetID()] * 3
    bounds = [0.0] * 6
    result.GetRASBounds(bounds)
    middle = np.reshape(bounds, (3, 2)).mean(axis=1)
    assert all(screen.seen(name, middle)[0] for name in NAMES)
    assert screen.view("Red").GetFieldOfView()[0] < 100


def test_a_deleted_volume_counts_as_nothing(host, views, screen, pair):
    source, result = pair
    for name in NAMES:
        screen.composite(name).SetBackgroundVolumeID(source.GetID())
    host.mrmlScene.RemoveNode(source)
    assert views.show(result, source=source) is True
    assert screen.backgrounds() == [result.GetID()] * 3


# Beside the input


def test_input_and_result_are_side_by_side_linked_and_in_one_place(host, comparison, screen, pair):
    source, result = pair
    assert not comparison.active
    assert comparison.start(source, result) is True
    assert comparison.active
    assert screen.layout_node.GetViewArrangement() == host.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
    assert screen.backgrounds() == [source.GetID(), result.GetID(), None]
    for name in ("Red", "Yellow"):
        assert screen.composite(name).GetLinkedControl()
        assert screen.composite(name).GetHotLinkedControl()
    np.testing.assert_array_equal(screen.plane("Red"), screen.plane("Yellow"))
    assert screen.view("Red").GetFieldOfView() == screen.view("Yellow").GetFieldOfView()


def test_the_windows_of_both_volumes_stay(comparison, pair):
    windows = [(node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) for node in pair]
    comparison.start(*pair)
    assert windows == [(node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) for node in pair]


@pytest.mark.parametrize("axes", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("turn", [1, -1])
def test_the_planes_are_those_in_which_the_input_was_acquired(host, comparison, screen, axes, turn):
    order = {"axial": (0, 1, 2), "sagittal": (1, 2, 0), "coronal": (0, 2, 1)}[axes]
    matrix = np.eye(4)
    matrix[:3, :3] = volumes.rotation((0.97, 0.12, 0.1, 0.08))[:, order] * (0.8, 0.8, 4.0 * turn)
    parent = volumes.add_transform(host, volumes.affine((0.98, 0.05, -0.1, 0.1), shift=(70, 0, 0)))
    source = volumes.add(host, array=volumes.ramp((20, 30, 7)), matrix=matrix, parent=parent)
    comparison.start(source, source)
    through = volumes.world(host, source, (0, 0, 1)) - volumes.world(host, source, (0, 0, 0))
    normal = screen.plane("Red")[:3, 2]
    assert abs(normal @ through) == pytest.approx(4.0), "perpendicular to the acquired slices"
    along = {"axial": (0, 0, 1), "sagittal": (1, 0, 0), "coronal": (0, 1, 0)}[axes]
    assert abs(normal @ along) > 0.8, "and nearest to that orientation"
    for column, direction in enumerate(("i", "j")):
        step = [0, 0, 0]
        step["ij".index(direction)] = 1
        edge = volumes.world(host, source, step) - volumes.world(host, source, (0, 0, 0))
        edges = np.abs(screen.plane("Red")[:3, :2].T @ edge) / 0.8
        assert sorted(edges) == pytest.approx([0, 1], abs=1e-9), f"no rotation in the plane: {column}"


def test_the_slice_is_one_of_the_inputs_and_all_of_it_is_seen(host, comparison, screen, pair):
    source, result = pair
    screen.resize("Red", 300, 700)
    screen.resize("Yellow", 300, 700)
    comparison.start(source, result)
    for corner in ((-0.5, -0.5, 4), (39.5, -0.5, 4), (-0.5, 29.5, 4), (39.5, 29.5, 4)):
        for name in ("Red", "Yellow"):
            inside, distance = screen.seen(name, volumes.world(host, source, corner))
            assert inside
            assert distance == pytest.approx(0, abs=1e-9), "slice 4, in its middle"
    width, height, _ = screen.view("Red").GetFieldOfView()
    assert width == pytest.approx(max(40 * 0.7, 30 * 0.9), rel=0.4), "and not much else"
    assert width / height == pytest.approx(300 / 700)


def test_it_fits_again_when_the_views_have_got_their_new_size(host, comparison, screen, pair):
    source, result = pair
    comparison.start(source, result)
    for name in ("Red", "Yellow"):
        screen.resize(name, 200, 900)
    corner = volumes.world(host, source, (39.5, 29.5, 4))
    assert slicerhost.process_events_until(lambda: screen.seen("Red", corner)[0], 10)
    assert screen.seen("Yellow", corner)[0]
    assert screen.view("Yellow").GetFieldOfView() == screen.view("Red").GetFieldOfView()


@pytest.mark.parametrize("which", [0, 1])
def test_what_the_user_looks_at_stays_in_the_middle(host, comparison, screen, pair, which):
    """Zoomed, panned, three slices up: the comparison begins there."""
    source, _result = pair
    screen.composite("Green").SetBackgroundVolumeID(pair[which].GetID())
    green = screen.view("Green")
    green.SetOrientation("Axial")
    green.RotateToVolumePlane(source)
    screen.logic("Green").FitSliceToBackground()
    green.SetFieldOfView(12, 12, 1)
    green.SetXYZOrigin(3, -2, 0)
    green.SetSliceOffset(green.GetSliceOffset() + 3 * 3.3 + 1.0)
    x, y, _ = green.GetXYZOrigin()
    looked_at = (screen.plane("Green") @ (x, y, 0, 1))[:3]
    comparison.start(*pair)
    assert screen.view("Red").GetFieldOfView()[0] == pytest.approx(12)
    inside, distance = screen.seen("Red", looked_at)
    assert inside
    assert distance < 3.3 / 2, "the nearest slice"
    offset = np.linalg.inv(screen.plane("Red")) @ (*looked_at, 1)
    np.testing.assert_allclose(offset[:2], 0, atol=1e-9)
    k = np.linalg.inv(volumes.matrix_of(host, source)) @ (
        np.linalg.inv(host.util.arrayFromTransformMatrix(source.GetParentTransformNode())) @ screen.plane("Red")[:, 3]
    )
    assert k[2] == pytest.approx(round(k[2]), abs=1e-9), "on a slice, not between two"


def test_scrolling_in_one_view_scrolls_the_other(comparison, screen, pair):
    comparison.start(*pair)
    before = screen.plane("Yellow")[:3, 3]
    logic = screen.logic("Red")
    logic.StartSliceOffsetInteraction()
    logic.SetSliceOffset(logic.GetSliceOffset() + 6.6)
    logic.EndSliceOffsetInteraction()
    assert np.linalg.norm(screen.plane("Yellow")[:3, 3] - before) == pytest.approx(6.6)
    np.testing.assert_allclose(screen.plane("Red"), screen.plane("Yellow"))
