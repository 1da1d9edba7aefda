"""What Reconstruct's panel shows of a result: in the views, beside another image, over it, and in its table."""

import pytest

import panels

MODULE = panels.RECONSTRUCT
ROLES = {"full": "MRIEnhance.full", "zero-filled": "MRIEnhance.zeroFilled", "attention": "MRIEnhance.attention"}


@pytest.fixture
def ready(user_with, tmp_path):
    """A user who has named a file, in front of a fake worker; no volume is in the scene."""
    user, _ = user_with("works")
    user.slicer.mrmlScene.RemoveNode(user.volumes[0])
    path = tmp_path / "scan.npz"
    path.write_bytes(b"raw")
    user.ui.kspacePathLineEdit.currentPath = str(path)
    return user


def layers(user, name="Red"):
    return user.slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()


def view(user, name="Red"):
    return user.slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()


def came_along(result, role):
    return result.GetNodeReference(ROLES[role])


def test_the_attention_lies_over_the_image_and_the_slider_fades_it(ready):
    assert not ready.ui.attentionSlider.enabled
    result = ready.run()
    attention = came_along(result, "attention")
    assert layers(ready).GetBackgroundVolumeID() == result.GetID()
    assert layers(ready).GetForegroundVolumeID() == attention.GetID()
    assert layers(ready).GetForegroundOpacity() == pytest.approx(0.5)
    window = result.GetDisplayNode().GetWindow()
    assert ready.ui.attentionSlider.enabled
    ready.ui.attentionSlider.value = 20
    assert layers(ready).GetForegroundOpacity() == pytest.approx(0.2)
    assert result.GetDisplayNode().GetWindow() == window
    assert ready.parameters.attentionStrength == 20


def test_attention_that_was_not_asked_for_is_not_shown(ready):
    ready.tick(ready.ui.attentionCheckBox)
    ready.run()
    assert not layers(ready).GetForegroundVolumeID()
    assert not ready.ui.attentionSlider.enabled


def test_the_next_result_takes_the_place_of_the_last_one(ready):
    first = ready.run()
    second = ready.run()
    assert first is not second
    assert layers(ready).GetBackgroundVolumeID() == second.GetID()
    assert layers(ready).GetForegroundVolumeID() == came_along(second, "attention").GetID()
    ready.choose(ready.ui.modelComboBox, "cg-sense")
    third = ready.run()
    assert layers(ready).GetBackgroundVolumeID() == third.GetID()
    assert not layers(ready).GetForegroundVolumeID(), "no attention of another result over it"


def test_the_attention_of_a_scene_that_was_loaded_can_be_faded(ready, tmp_path):
    ready.run()
    path = str(tmp_path / "scene.mrml")
    for number, node in enumerate(ready.volumes):  # the scene names files
        ready.slicer.util.saveNode(node, str(tmp_path / f"{number}.nrrd"))
    assert ready.slicer.util.saveScene(path)
    ready.slicer.mrmlScene.Clear()
    assert not ready.ui.attentionSlider.enabled
    assert ready.ui.scoresTable.isHidden()
    ready.slicer.util.loadScene(path)
    assert ready.ui.attentionSlider.enabled
    assert not ready.ui.scoresTable.isHidden()
    ready.slicer.util.setSliceViewerLayers(background=ready.parameters.resultVolume)
    ready.ui.attentionSlider.value = 80
    assert layers(ready).GetForegroundVolumeID() == came_along(ready.parameters.resultVolume, "attention").GetID()
    assert layers(ready).GetForegroundOpacity() == pytest.approx(0.8)


def test_a_panel_that_goes_away_takes_the_attention_with_it(ready):
    result = ready.run()
    ready.widget.cleanup()
    assert not layers(ready).GetForegroundVolumeID()
    assert layers(ready).GetBackgroundVolumeID() == result.GetID()


def test_the_scores_are_in_a_table_and_a_click_goes_to_the_slice(ready):
    table = ready.ui.scoresTable
    assert table.isHidden()
    result = ready.run()
    assert not table.isHidden()
    texts = [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]
    assert texts == [["lesion", "83 %", "1"], ["none", "20 %", "0"]]
    kept = result.GetNodeReference("MRIEnhance.scores")
    assert kept.GetNumberOfRows() == 2
    place = result.GetOrigin()[2] + result.GetSpacing()[2]
    table.cellClicked.emit(0, 0)
    assert view(ready).GetSliceToRAS().GetElement(2, 3) == pytest.approx(place)
    table.cellClicked.emit(1, 2)
    assert view(ready).GetSliceToRAS().GetElement(2, 3) == pytest.approx(result.GetOrigin()[2])


# Comparison


def compared(user):
    """What the left and the right view show while the button is down."""
    user.click(user.ui.compareButton)
    shown = [layers(user, name).GetBackgroundVolumeID() for name in ("Red", "Yellow")]
    user.click(user.ui.compareButton)
    return shown


def test_a_result_is_compared_with_zero_filled(ready):
    assert not ready.ui.compareButton.enabled
    result = ready.run()
    assert ready.ui.compareButton.text == "Compare with zero-filled"
    assert compared(ready) == [came_along(result, "zero-filled").GetID(), result.GetID()]
    assert layers(ready).GetBackgroundVolumeID() == result.GetID()
    assert layers(ready).GetForegroundVolumeID() == came_along(result, "attention").GetID()


def test_a_result_is_compared_with_the_image_of_all_samples_where_there_is_one(ready):
    ready.tick(ready.ui.leaveOutCheckBox)
    result = ready.run()
    assert ready.ui.compareButton.text == "Compare with all samples"
    assert compared(ready) == [came_along(result, "full").GetID(), result.GetID()]


def test_a_result_of_a_simulated_scan_is_compared_with_its_volume(ready):
    source = ready.add_volume(panels.orthonormal(panels.OBLIQUE))
    ready.click(ready.ui.volumeRadioButton)
    ready.ui.inputSelector.setCurrentNode(source)
    result = ready.run()
    assert ready.ui.compareButton.text == "Compare with input"
    assert compared(ready) == [source.GetID(), result.GetID()]


def test_there_is_nothing_to_compare_an_image_alone_with(ready):
    ready.tick(ready.ui.zeroFilledCheckBox)
    ready.run()
    assert not ready.ui.compareButton.enabled
    assert ready.ui.compareButton.text == "Compare"
