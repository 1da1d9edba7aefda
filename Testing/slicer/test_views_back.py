"""After a comparison the views are as they were; without views nothing happens."""

import pytest

import slicerhost
import volumes
from screens import NAMES

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
