"""Results in the slice views: with real layout, slice and link logics, which are the application's own."""

import numpy as np
import pytest

import slicerhost
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


# Back


@pytest.fixture
def arranged(host, screen, pair):
    """Views that somebody has set up with care."""
    others = [volumes.add(host, name=name) for name in ("A", "B")]
    labels = volumes.add(host, kind="vtkMRMLLabelMapVolumeNode", name="L")
    screen.layout_node.SetViewArrangement(host.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    for index, name in enumerate(NAMES):
        composite, view = screen.composite(name), screen.view(name)
        composite.SetBackgroundVolumeID(others[index % 2].GetID())
        composite.SetForegroundVolumeID(pair[0].GetID())
        composite.SetLabelVolumeID(labels.GetID())
        composite.SetHotLinkedControl(index == 1)
        screen.resize(name, 400 + index, 300)
        view.SetFieldOfView(100.1 + index, 77.7, 1.5)
        view.SetXYZOrigin(1.1, 2.2, 0)
        view.SetSliceOffset(3.3 * index)
    screen.view("Yellow").RotateToVolumePlane(pair[0])
    return screen.state()


def test_everything_is_as_before(comparison, screen, pair, arranged):
    comparison.start(*pair)
    assert screen.state() != arranged
    logic = screen.logic("Red")
    logic.StartSliceOffsetInteraction()
    logic.SetSliceOffset(-20.0)
    logic.EndSliceOffsetInteraction()
    assert comparison.stop() is True
    assert screen.state() == arranged
    assert not comparison.active


def test_a_stop_before_the_second_fit_is_final(host, comparison, screen, pair, arranged):
    comparison.start(*pair)
    comparison.stop()
    host.app.processEvents()
    assert screen.state() == arranged


@pytest.mark.parametrize("sizes_come_back", ["before", "after", "never"])
def test_zoom_comes_back_whenever_the_views_get_their_size_back(comparison, screen, pair, arranged, sizes_come_back):
    sizes = {name: screen.view(name).GetDimensions()[:2] for name in NAMES}
    comparison.start(*pair)
    for name in ("Red", "Yellow"):
        screen.resize(name, 640, 900)

    def shrink():
        for name in ("Red", "Yellow"):
            screen.resize(name, *sizes[name])

    if sizes_come_back == "before":
        shrink()
    comparison.stop()
    if sizes_come_back == "after":
        shrink()
    for name, (_, field, *_rest) in arranged[1].items():
        width, height, _ = screen.view(name).GetFieldOfView()
        pixels = screen.view(name).GetDimensions()
        assert height == pytest.approx(field[1])
        if sizes_come_back != "before" and name != "Green":
            assert width / height == pytest.approx(pixels[0] / pixels[1]), "nothing is stretched"
        elif sizes_come_back == "before":
            assert width == pytest.approx(field[0])


def test_another_comparison_keeps_what_was_before_the_first(host, comparison, screen, pair, arranged):
    source, result = pair
    second = volumes.add(host, array=volumes.ramp((80, 60, 8)), name="Second")
    comparison.start(source, result)
    assert comparison.start(source, second) is True
    assert screen.backgrounds()[:2] == [source.GetID(), second.GetID()]
    comparison.stop()
    assert screen.state() == arranged


def test_a_layout_that_the_user_chose_meanwhile_stays(host, comparison, screen, pair, arranged):
    comparison.start(*pair)
    screen.layout_node.SetViewArrangement(host.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert comparison.stop() is True
    layout, state = screen.state()
    assert layout == host.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    assert state == arranged[1]


def test_volumes_that_are_gone_do_not_come_back(host, comparison, screen, pair, arranged):
    comparison.start(*pair)
    gone = host.mrmlScene.GetFirstNodeByName("A")
    identifier = gone.GetID()
    for node in (*pair, gone):
        host.mrmlScene.RemoveNode(node)
    assert comparison.stop() is True
    layout, state = screen.state()
    assert layout == arranged[0]
    assert screen.composite("Red").GetBackgroundVolumeID() is None
    assert screen.composite("Yellow").GetBackgroundVolumeID() == arranged[1]["Yellow"][4]
    assert screen.composite("Red").GetForegroundVolumeID() is None
    assert state["Red"][:4] == arranged[1]["Red"][:4]
    assert identifier not in screen.backgrounds()


def test_identifiers_that_are_given_again_are_not_taken_for_the_old_volumes(host, comparison, screen, pair, arranged):
    comparison.start(*pair)
    host.mrmlScene.Clear(0)
    new = [volumes.add(host, name=f"New {index}") for index in range(6)]
    assert {node.GetID() for node in new} >= {pair[0].GetID(), pair[1].GetID()}, "MRML counts from 1 again"
    assert comparison.stop() is True
    assert screen.backgrounds() == [None] * 3
    assert [screen.composite(name).GetForegroundVolumeID() for name in NAMES] == [None] * 3
    assert screen.layout_node.GetViewArrangement() == arranged[0]


def test_the_scene_may_close_at_any_time(host, comparison, screen, pair):
    comparison.start(*pair)
    host.mrmlScene.Clear(0)
    host.app.processEvents()
    assert comparison.stop() is True
    assert comparison.stop() is False


# Where it cannot be


def test_without_a_main_window_nothing_happens(views, host):
    slicerhost.pretend(main_window=False)
    assert not host.util.getNodesByClass("vtkMRMLSliceNode")
    source, result = volumes.add(host), volumes.add(host)
    comparison = views.Comparison()
    before = host.mrmlScene.GetNumberOfNodes()
    assert views.show(result, source=source) is False
    assert comparison.start(source, result) is False
    assert not comparison.active
    assert comparison.stop() is False
    assert host.mrmlScene.GetNumberOfNodes() == before


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", ["removed", "empty", "none"])
def test_without_both_volumes_nothing_happens(host, comparison, screen, pair, which, how):
    volumes_given = list(pair)
    if how == "removed":
        host.mrmlScene.RemoveNode(pair[which])
    elif how == "empty":
        pair[which].SetAndObserveImageData(None)
    else:
        volumes_given[which] = None
    before = screen.state()
    assert comparison.start(*volumes_given) is False
    assert screen.state() == before


def test_without_the_two_views_nothing_is_left_changed(host, comparison, screen, pair, views, monkeypatch):
    only_red = {"Red": (screen.view("Red"), screen.composite("Red"))}
    monkeypatch.setattr(views, "slice_views", lambda: only_red)
    before = screen.state()
    assert comparison.start(*pair) is False
    assert screen.state() == before
    assert not comparison.active
