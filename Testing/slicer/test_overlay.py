"""A map over its image: what the slice views draw, with Slicer's own pipeline, and what is as before afterwards."""

import numpy as np
import pytest

import slicerhost
import volumes
from outcomes import save_and_load
from screens import NAMES

SIZE = 40  # voxels of 1 mm, and pixels of a view
GREY, WHITE = (128, 128, 128), (255, 255, 255)
RED, ORANGE, PALE = np.array([(255, 13, 0), (242, 153, 26), (116, 105, 80)])  # for 1, 0.5 and 0.06


@pytest.fixture
def overlay(host):
    from MRIEnhanceBridge.overlay import Overlay

    return Overlay()


@pytest.fixture
def recon(host, screen):
    """A volume that is half as bright on one side, and a map whose four quarters are of different strength."""
    image = np.full((4, SIZE, SIZE), 100.0, np.float32)
    image[:, :, : SIZE // 2] = 50.0
    attention = np.zeros_like(image)
    attention[:, 10:20, 10:20] = 0.04
    attention[:, 20:30, 10:20] = 0.06
    attention[:, 10:20, 20:30] = 0.5
    attention[:, 20:30, 20:30] = np.float32(1.0000001)
    for name in NAMES:
        screen.resize(name, SIZE, SIZE)
    nodes = [
        volumes.add(host, array=array, matrix=np.eye(4), name=name)
        for array, name in ((image, "Result"), (attention, "Result attention"))
    ]
    display = nodes[0].GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0, 100)
    display.SetInterpolate(False)
    return nodes


@pytest.fixture
def drawn(screen):
    """What the red view draws at voxels of the second slice: red, green, blue."""

    def look(*voxels):
        logic = screen.logic("Red")
        logic.SetSliceOffset(1.0)
        producer = logic.GetImageDataConnection().GetProducer()
        producer.Update()
        picture = producer.GetOutputDataObject(0)
        to_pixel = np.linalg.inv(screen.slicer.util.arrayFromVTKMatrix(screen.view("Red").GetXYToRAS()))
        pixels = [np.rint(to_pixel @ (*voxel, 1.0, 1.0)).astype(int) for voxel in voxels]
        return [
            tuple(int(picture.GetScalarComponentAsDouble(x, y, 0, channel)) for channel in range(3))
            for x, y, *_ in pixels
        ]

    return look


def foregrounds(screen):
    return [screen.composite(name).GetForegroundVolumeID() for name in NAMES]


def near(colour):
    """A colour, up to the steps that 8 bits and 256 colours make."""
    return pytest.approx(tuple(np.asarray(colour, float)), abs=2)


# What is drawn


def test_the_map_tints_the_image_by_its_strength(overlay, recon, drawn):
    assert overlay.show(*recon, 0.5) is True
    nothing, weak, middle, strong = drawn((15, 15), (15, 25), (25, 15), (25, 25))
    assert nothing == near(GREY), "below 0.05 there is no tint"
    assert weak == near((PALE + GREY) / 2)
    assert middle == near((ORANGE + WHITE) / 2)
    assert strong == near((RED + WHITE) / 2), "rounding errors above 1 are no holes"
    assert drawn((5, 5), (35, 35)) == [near(GREY), near(WHITE)]


@pytest.mark.parametrize(("strength", "share"), [(0.25, 0.25), (0.0, 0.0), (1.0, 1.0), (7.0, 1.0), (-1.0, 0.0)])
def test_the_strength_changes_what_is_drawn_at_once(overlay, recon, drawn, strength, share):
    overlay.show(*recon)
    overlay.set_strength(strength)
    assert drawn((25, 25)) == [near(share * RED + (1 - share) * np.array(WHITE))]
    assert drawn((15, 15)) == [near(GREY)]


def test_the_images_own_display_stays(overlay, recon):
    def display():
        node = recon[0].GetDisplayNode()
        return node.GetWindow(), node.GetLevel(), node.GetAutoWindowLevel(), node.GetColorNodeID()

    before = display()
    overlay.show(*recon)
    overlay.set_strength(0.9)
    overlay.hide()
    assert display() == before


def test_colours_that_the_user_has_chosen_stay(overlay, recon):
    display = recon[1].GetDisplayNode()
    overlay.show(*recon)
    assert display.GetColorNode().GetName() == "MRIEnhance attention"
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeIron")
    display.SetThreshold(0.3, 1.0)
    overlay.show(*recon)
    assert (display.GetColorNode().GetName(), display.GetLowerThreshold()) == ("Iron", 0.3)


# The colours


def colour_tables(scene):
    tag = "MRIEnhanceAttention"
    nodes = [scene.GetNthNodeByClass(index, "vtkMRMLColorTableNode") for index in range(scene.GetNumberOfNodes())]
    return [node for node in nodes if node is not None and node.GetSingletonTag() == tag]


def colours(node):
    return [node.GetLookupTable().GetTableValue(step)[:3] for step in range(node.GetNumberOfColors())]


def save_with_colours(host, folder):
    """The scene in another one, as after Slicer's own Save and Load."""
    (table,) = colour_tables(host.mrmlScene)
    if table.GetStorageNode() is None:
        table.AddDefaultStorageNode()
    table.GetStorageNode().SetFileName(str(folder / "attention.ctbl"))
    assert table.GetStorageNode().WriteData(table)
    return save_and_load(host, folder)


def test_weak_attention_looks_weak(host, overlay, recon):
    overlay.show(*recon)
    (table,) = colour_tables(host.mrmlScene)
    chroma = [max(colour) - min(colour) for colour in colours(table)]
    assert len(chroma) == 256
    assert chroma[13] < 0.2, "at 0.05, where tinting begins"
    assert chroma == sorted(chroma), "the stronger, the more vivid"
    assert chroma[-1] == pytest.approx(1.0)


def test_a_scene_has_the_colours_once(host, overlay, recon):
    from MRIEnhanceBridge.overlay import Overlay, colour

    second = volumes.add(host, array=volumes.ramp((SIZE, SIZE, 4), "float32"), name="Second")
    overlay.show(*recon)
    overlay.show(recon[0], second)
    Overlay().show(*recon)
    colour(second)
    (table,) = colour_tables(host.mrmlScene)
    assert recon[1].GetDisplayNode().GetColorNode() is table
    assert second.GetDisplayNode().GetColorNode() is table


def test_a_scene_that_is_saved_has_them_once_too(host, overlay, recon, tmp_path):
    overlay.show(*recon)
    (table,) = colour_tables(host.mrmlScene)
    loaded = save_with_colours(host, tmp_path)
    (again,) = colour_tables(loaded)
    np.testing.assert_allclose(colours(again), colours(table), atol=1 / 255)
    display = loaded.GetFirstNodeByName("Result attention").GetDisplayNode()
    assert display.GetColorNode() is again
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 1.0)
    assert display.GetApplyThreshold()
    assert display.GetLowerThreshold() == pytest.approx(0.05)


def test_a_scene_that_is_loaded_into_one_with_the_colours_shares_them(host, overlay, recon, tmp_path):
    overlay.show(*recon)
    save_with_colours(host, tmp_path)
    host.mrmlScene.Import()
    (table,) = colour_tables(host.mrmlScene)
    assert len(colours(table)) == 256
    assert table.GetNumberOfStorageNodes() == 1, "one file"
    maps = [node for node in host.util.getNodesByClass("vtkMRMLScalarVolumeNode") if "attention" in node.GetName()]
    assert len(maps) == 2
    assert all(node.GetDisplayNode().GetColorNode() is table for node in maps)


def test_colours_whose_file_was_not_saved_come_back(host, overlay, recon, drawn):
    overlay.show(*recon)
    (table,) = colour_tables(host.mrmlScene)
    table.SetNumberOfColors(0)
    overlay.show(*recon, 1.0)
    assert drawn((25, 25)) == [near(RED)]


# In which views


def test_only_views_of_the_image_get_the_map(host, overlay, recon, screen):
    other = volumes.add(host, name="Other")
    for name, volume in (("Red", recon[0]), ("Yellow", other), ("Green", recon[0])):
        screen.composite(name).SetBackgroundVolumeID(volume.GetID())
        screen.composite(name).SetLinkedControl(True)
        screen.composite(name).SetHotLinkedControl(True)
        screen.composite(name).SetForegroundOpacity(0.125)
    assert overlay.show(*recon, 0.75) is True
    overlay.set_strength(0.5)
    assert foregrounds(screen) == [recon[1].GetID(), None, recon[1].GetID()]
    assert [screen.composite(name).GetForegroundOpacity() for name in NAMES] == [0.5, 0.125, 0.5]


@pytest.mark.parametrize("linked", [True, False])
def test_where_nothing_is_shown_all_views_show_both(overlay, recon, screen, linked):
    for name in NAMES:
        screen.composite(name).SetLinkedControl(linked)
    assert not overlay.active
    assert overlay.show(*recon, 0.3) is True
    assert overlay.active
    assert screen.backgrounds() == [recon[0].GetID()] * 3
    assert foregrounds(screen) == [recon[1].GetID()] * 3
    overlay.set_strength(0.8)
    assert [screen.composite(name).GetForegroundOpacity() for name in NAMES] == [0.8] * 3


def test_a_foreground_that_the_user_has_chosen_keeps_its_own_strength(host, overlay, recon, screen):
    overlay.show(*recon, 0.5)
    other = volumes.add(host, name="Other")
    screen.composite("Green").SetForegroundVolumeID(other.GetID())
    overlay.set_strength(0.9)
    assert [screen.composite(name).GetForegroundOpacity() for name in NAMES] == [0.9, 0.9, 0.5]


# Back


@pytest.fixture
def arranged(host, recon, screen):
    """Views that somebody has set up: another foreground, added instead of mixed."""
    other = volumes.add(host, name="Other")
    for index, name in enumerate(NAMES):
        composite = screen.composite(name)
        composite.SetBackgroundVolumeID(recon[0].GetID())
        composite.SetForegroundVolumeID(other.GetID())
        composite.SetForegroundOpacity(0.1 * index)
        composite.SetCompositing(composite.Add)
    return other, state(screen)


def state(screen):
    composites = [screen.composite(name) for name in NAMES]
    return screen.state(), [(node.GetForegroundOpacity(), node.GetCompositing()) for node in composites]


def test_everything_is_as_before(overlay, recon, screen, arranged, drawn):
    pixels = drawn((25, 25))
    before = state(screen)
    overlay.show(*recon)
    assert state(screen) != before
    overlay.set_strength(0.7)
    assert overlay.hide() is True
    assert state(screen) == before
    assert drawn((25, 25)) == pixels
    assert overlay.hide() is False
    assert not overlay.active


def test_another_map_keeps_what_was_before_the_first(host, overlay, recon, screen, arranged):
    overlay.show(*recon)
    second = volumes.add(host, array=volumes.ramp((SIZE, SIZE, 4), "float32"), name="Second")
    assert overlay.show(recon[0], second) is True
    assert foregrounds(screen) == [second.GetID()] * 3
    overlay.hide()
    assert state(screen) == arranged[1]


def test_what_the_user_has_chosen_meanwhile_stays(host, overlay, recon, screen, arranged):
    overlay.show(*recon, 0.5)
    chosen = volumes.add(host, name="Chosen")
    screen.composite("Red").SetForegroundVolumeID(chosen.GetID())
    screen.composite("Yellow").SetForegroundVolumeID("")
    overlay.hide()
    assert foregrounds(screen)[0] == chosen.GetID()
    assert not foregrounds(screen)[1], "taken away by the user, so nothing comes back"
    assert foregrounds(screen)[2] == arranged[0].GetID()
    assert screen.composite("Red").GetForegroundOpacity() == 0.5


def test_a_map_that_was_deleted_makes_way(host, overlay, recon, screen, arranged):
    overlay.show(*recon)
    host.mrmlScene.RemoveNode(recon[1])
    overlay.set_strength(0.7)
    assert overlay.hide() is True
    assert state(screen) == arranged[1]


def test_a_volume_that_is_gone_does_not_come_back(host, overlay, recon, screen, arranged):
    overlay.show(*recon)
    host.mrmlScene.RemoveNode(arranged[0])
    overlay.hide()
    assert not any(foregrounds(screen))


def test_a_comparison_takes_the_map_away_and_brings_it_back(overlay, recon, screen, comparison, arranged):
    overlay.show(*recon, 0.6)
    shown = state(screen)
    comparison.start(recon[0], recon[0])
    assert not any(foregrounds(screen)[:2])
    comparison.stop()
    assert state(screen) == shown
    overlay.hide()
    assert state(screen) == arranged[1]


def test_the_scene_may_close_at_any_time(host, overlay, recon, screen):
    overlay.show(*recon)
    host.mrmlScene.Clear(0)
    new = [volumes.add(host, name=f"New {index}") for index in range(4)]
    screen.composite("Red").SetForegroundVolumeID(new[1].GetID())
    overlay.set_strength(0.9)
    assert screen.composite("Red").GetForegroundOpacity() != 0.9, "identifiers are given again"
    overlay.hide()
    assert screen.composite("Red").GetForegroundVolumeID() == new[1].GetID()
    assert not overlay.active


# Where it cannot be


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", ["removed", "empty", "none"])
def test_without_both_volumes_nothing_happens(host, overlay, recon, screen, arranged, which, how):
    given = list(recon)
    if how == "removed":
        host.mrmlScene.RemoveNode(given[which])
    elif how == "empty":
        given[which].SetAndObserveImageData(None)
    else:
        given[which] = None
    before = state(screen)
    assert overlay.show(*given) is False
    assert state(screen) == before
    assert not overlay.active


def test_views_of_something_else_are_left_alone(host, overlay, recon, screen):
    other = volumes.add(host, name="Other")
    for name in NAMES:
        screen.composite(name).SetBackgroundVolumeID(other.GetID())
    before = state(screen)
    assert overlay.show(*recon) is False
    assert state(screen) == before


def test_without_a_main_window_nothing_happens(host, overlay):
    slicerhost.pretend(main_window=False)
    image, attention = volumes.add(host), volumes.add(host)
    assert overlay.show(image, attention) is False
    overlay.set_strength(0.3)
    assert overlay.hide() is False
