"""Synthesize's results as nodes, and what its panel shows of them."""

import json

import numpy as np
import pytest

import panels
import volumes

MODULE = panels.SYNTHESIZE


@pytest.fixture
def ready(user_with):
    """A user in front of a fake worker who wants T2w and FLAIR of a T1w scan."""
    user, _ = user_with("works")
    user.tick(user.widget.form._boxes["FLAIR"])
    return user


@pytest.fixture
def sure(ready):
    """The same, who wants to know how sure the network is."""
    ready.tick(ready.ui.uncertaintyCheckBox)
    return ready


def layers(user, name="Red"):
    return user.slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()


def spread_of(result):
    return result.GetNodeReference("MRIEnhance.uncertainty")


def made(user):
    """The synthetic images in the scene, by contrast."""
    return {
        node.GetAttribute("MRIEnhance.contrast"): node
        for node in user.volumes
        if node.GetAttribute("MRIEnhance.synthetic") == "1"
    }


# Nodes


def test_each_contrast_becomes_a_volume_where_the_input_is(ready):
    source = ready.volumes[0]
    transform = ready.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    source.SetAndObserveTransformNodeID(transform.GetID())
    voxels = ready.slicer.util.arrayFromVolume(source).copy()
    ready.run()
    assert [node.GetName() for node in ready.volumes] == ["T1w", "T1w (synthetic T2w)", "T1w (synthetic FLAIR)"]
    results = made(ready)
    assert list(results) == ["T2w", "FLAIR"]
    for contrast, added in (("T2w", 200), ("FLAIR", 300)):
        node = results[contrast]
        np.testing.assert_array_equal(ready.slicer.util.arrayFromVolume(node), voxels + added)
        assert node.GetNodeReference("MRIEnhance.input") is source
        assert node.GetTransformNodeID() == transform.GetID()
        for index in ((0, 0, 0), (27, 23, 5)):
            places = [volumes.world(ready.slicer, each, index) for each in (node, source)]
            np.testing.assert_allclose(*places, atol=1e-9)
    np.testing.assert_array_equal(ready.slicer.util.arrayFromVolume(source), voxels)
    assert source.GetAttribute("MRIEnhance.synthetic") is None


def test_a_result_says_that_it_is_synthetic_and_how_it_was_made(ready):
    ready.run()
    node = made(ready)["FLAIR"]
    assert "synthetic" in node.GetName()
    assert node.GetAttribute("MRIEnhance.model") == "toy-gan"
    assert node.GetAttribute("MRIEnhance.input") == "T1w"
    assert node.GetAttribute("MRIEnhance.disclaimer")
    report = json.loads(node.GetAttribute("MRIEnhance.report"))
    assert report["synthesis"]["target"] == "FLAIR"
    assert json.loads(node.GetAttribute("MRIEnhance.parameters")) == {
        **{"source": "T1w", "to": ["T2w", "FLAIR"], "others": [], "uncertainty": False},
        **{"model": "toy-gan", "register": True, "device": "auto", "precision": "auto"},
    }


def test_the_unit_of_the_scan_is_not_that_of_the_result(ready):
    unit = ready.slicer.vtkCodedEntry()
    unit.SetValueSchemeMeaning("110852", "DCM", "MR signal intensity")
    ready.volumes[0].SetVoxelValueQuantity(unit)
    ready.run()
    assert made(ready)["T2w"].GetVoxelValueQuantity() is None
    assert ready.volumes[0].GetVoxelValueQuantity() is not None


def test_further_sources_are_named_by_reference_only(ready):
    ready.tick(ready.widget.form._boxes["FLAIR"])
    other = ready.add_volume(panels.orthonormal(panels.OBLIQUE), name="FLAIR of Jane Doe")
    ready.ui.secondSelector.setCurrentNode(other)
    result = ready.run()
    assert result.GetNodeReference("MRIEnhance.others") is other
    assert not any("Jane" in str(result.GetAttribute(name)) for name in result.GetAttributeNames())
    assert "FLAIR was registered to the input: 1.2° and 0.8 mm" in ready.status


def test_what_the_input_was_taken_for_is_told(ready):
    ready.choose(ready.ui.inputContrastComboBox, "")
    ready.run()
    assert "The input was taken for T1w, by its looks." in ready.status


def test_all_results_and_warnings_are_told_once(ready):
    ready.run()
    assert ready.status.splitlines() == ["Done: T1w (synthetic T2w), T1w (synthetic FLAIR)", "a toy made this"]


def test_a_ground_truth_brings_metrics_and_the_difference(ready):
    ready.tick(ready.widget.form._boxes["FLAIR"])
    truth = ready.add_volume(panels.orthonormal(panels.OBLIQUE), name="T2w", voxels=panels.blob() / 2)
    ready.ui.groundTruthSelector.setCurrentNode(truth)
    result = ready.run()
    difference = result.GetNodeReference("MRIEnhance.difference")
    expected = panels.blob() + 200 - panels.blob() / 2
    np.testing.assert_allclose(ready.slicer.util.arrayFromVolume(difference), expected, rtol=1e-6)
    table = result.GetNodeReference("MRIEnhance.metrics")
    titles = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    assert titles == ["Method", "PSNR (dB)", "SSIM", "NMAE", "VIF", "NIQE"]
    assert "25.00 dB" in ready.status
    assert ready.ui.compareButton.text == "Compare with ground truth"
    ready.click(ready.ui.compareButton)
    assert [layers(ready, name).GetBackgroundVolumeID() for name in ("Red", "Yellow")] == [
        truth.GetID(),
        result.GetID(),
    ]


# Views


def test_the_first_result_takes_the_place_of_its_input(ready):
    layers(ready).SetBackgroundVolumeID(ready.volumes[0].GetID())
    result = ready.run()
    assert result is made(ready)["T2w"]
    assert layers(ready).GetBackgroundVolumeID() == result.GetID()
    assert not layers(ready).GetForegroundVolumeID()
    assert not ready.ui.uncertaintySlider.enabled


def test_another_result_can_be_chosen_and_takes_its_place(sure):
    first = sure.run()
    selector = sure.ui.resultSelector
    offered = [selector.nodeFromIndex(index) for index in range(selector.nodeCount())]
    assert offered == list(made(sure).values()), "no scans, no maps"
    assert selector.currentNode() is first
    other = made(sure)["FLAIR"]
    selector.setCurrentNode(other)
    assert layers(sure).GetBackgroundVolumeID() == other.GetID()
    assert layers(sure).GetForegroundVolumeID() == spread_of(other).GetID()
    sure.click(sure.ui.compareButton)
    shown = [layers(sure, name).GetBackgroundVolumeID() for name in ("Red", "Yellow")]
    assert shown == [sure.parameters.inputVolume.GetID(), other.GetID()]


def test_the_uncertainty_lies_over_the_image_and_the_slider_fades_it(sure):
    result = sure.run()
    spread = spread_of(result)
    assert spread.GetName() == "T1w (synthetic T2w) uncertainty"
    assert spread.GetAttribute("MRIEnhance.model") == "toy-gan"
    assert layers(sure).GetForegroundVolumeID() == spread.GetID()
    assert layers(sure).GetForegroundOpacity() == pytest.approx(0.5)
    window = result.GetDisplayNode().GetWindow()
    assert sure.ui.uncertaintySlider.enabled
    sure.ui.uncertaintySlider.value = 20
    assert layers(sure).GetForegroundOpacity() == pytest.approx(0.2)
    assert result.GetDisplayNode().GetWindow() == window


def test_the_colours_mean_the_same_for_every_image(sure):
    """Red is a tenth of the brightest tissue, and what is above it is shown as well."""
    display = spread_of(sure.run()).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 100)
    assert display.GetLowerThreshold() == pytest.approx(5)
    assert display.GetUpperThreshold() >= 250
    assert display.GetApplyThreshold()


def test_the_next_result_takes_the_place_of_the_last_one(sure):
    first = sure.run()
    sure.tick(sure.ui.uncertaintyCheckBox)
    second = sure.run()
    assert first is not second
    assert layers(sure).GetBackgroundVolumeID() == second.GetID()
    assert not layers(sure).GetForegroundVolumeID(), "no uncertainty of another result over it"


def test_the_uncertainty_of_a_scene_that_was_loaded_can_be_faded(sure, tmp_path):
    sure.run()
    path = str(tmp_path / "scene.mrml")
    for number, node in enumerate(sure.volumes):  # the scene names files
        sure.slicer.util.saveNode(node, str(tmp_path / f"{number}.nrrd"))
    assert sure.slicer.util.saveScene(path)
    sure.slicer.mrmlScene.Clear()
    assert not sure.ui.uncertaintySlider.enabled
    sure.slicer.util.loadScene(path)
    assert sure.ui.uncertaintySlider.enabled
    result = sure.parameters.resultVolume
    assert result.GetName() == "T1w (synthetic T2w)"
    sure.slicer.util.setSliceViewerLayers(background=result)
    sure.ui.uncertaintySlider.value = 80
    assert layers(sure).GetForegroundVolumeID() == spread_of(result).GetID()
    assert layers(sure).GetForegroundOpacity() == pytest.approx(0.8)


def test_a_panel_that_goes_away_takes_the_uncertainty_with_it(sure):
    result = sure.run()
    sure.widget.cleanup()
    assert not layers(sure).GetForegroundVolumeID()
    assert layers(sure).GetBackgroundVolumeID() == result.GetID()


def test_looking_at_another_module_leaves_the_views_alone(sure):
    result = sure.run()
    sure.widget.exit()
    other = sure.volumes[0]
    sure.slicer.util.setSliceViewerLayers(background=other)
    sure.widget.enter()
    assert layers(sure).GetBackgroundVolumeID() == other.GetID()
    assert sure.parameters.resultVolume is result


def test_without_a_result_there_is_nothing_to_compare(ready):
    assert not ready.ui.compareButton.enabled
    ready.run()
    assert ready.ui.compareButton.enabled
    assert ready.ui.compareButton.text == "Compare with input"
    ready.ui.resultSelector.setCurrentNode(None)
    assert not ready.ui.compareButton.enabled
