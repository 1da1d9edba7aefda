"""Results as nodes: everything of their own, nothing of what was there before, and no file that is not theirs."""

import math

import numpy as np
import pytest

import volumes
from outcomes import FINER, REPORT

# Names


def test_a_result_is_named_after_its_input_scale_and_method(results):
    assert results.result_name("T2", REPORT) == "T2 SR×2 (ICONet)"
    assert results.result_name("T2", {**REPORT, "scale": None}) == "T2 SR (ICONet)"


def test_names_are_unique_in_the_scene(results, source, answer):
    name = results.result_name(source.GetName(), REPORT)
    names = [results.add_volume(*answer(), name=name, source=source).GetName() for _ in range(3)]
    assert names == ["T2 of knee SR×2 (ICONet)", "T2 of knee SR×2 (ICONet)_1", "T2 of knee SR×2 (ICONet)_2"]


# A new volume


def test_the_voxels_are_where_the_answer_says(host, results, source, answer):
    node = results.add_volume(*answer(), name="Finer", source=source)
    np.testing.assert_array_equal(host.util.arrayFromVolume(node), volumes.ramp((10, 8, 3), "float32"))
    np.testing.assert_allclose(volumes.matrix_of(host, node), FINER, atol=1e-12)
    for coarse, fine in (((0, 0, 0), (0, 0, 0)), ((4, 3, 2), (8, 6, 2))):
        np.testing.assert_allclose(
            volumes.world(host, node, fine), volumes.world(host, source, coarse), atol=1e-9, err_msg="sample 0 stays"
        )
    assert node.GetTransformNodeID() == source.GetTransformNodeID()


def test_the_display_is_ready_before_the_voxels_are_there(host, results, source, answer):
    seen = []

    def watch(node):
        def look(*_):
            display = node.GetDisplayNode()
            seen.append((display.GetAutoWindowLevel(), display.GetWindowLevelMin(), display.GetWindowLevelMax()))

        node.AddObserver(host.vtkMRMLVolumeNode.ImageDataModifiedEvent, look)

    with added(host, watch):
        node = results.add_volume(*answer(window=(-5.0, 7.0)), name="Finer", source=source)
    assert seen == [(0, -5.0, 7.0)]
    display = node.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (12.0, 1.0, 0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeGrey"
    assert (source.GetDisplayNode().GetWindow(), source.GetDisplayNode().GetAutoWindowLevel()) != (12.0, 0)


class added:  # noqa: N801
    """Calls a function with each volume as it is added to the scene."""

    def __init__(self, slicer, call):
        import vtk

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def observer(_scene, _event, node):
            if node.IsA("vtkMRMLVolumeNode"):
                call(node)

        self.scene = slicer.mrmlScene
        self.tag = self.scene.AddObserver(self.scene.NodeAddedEvent, observer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scene.RemoveObserver(self.tag)


def test_a_constant_image_has_a_window_too(results, source, answer):
    node = results.add_volume(*answer(window=(3.0, 3.0)), name="Flat", source=source)
    assert (node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) == (1.0, 3.0)


@pytest.mark.parametrize("window", [None, [], [1.0], [2.0, 1.0], [0.0, math.inf], ["a", "b"]])
def test_an_answer_without_a_window_is_refused_and_leaves_nothing(host, results, source, answer, window):
    image, data = answer()
    before = host.mrmlScene.GetNumberOfNodes()
    with pytest.raises(results.BridgeError, match="window"):
        results.add_volume({**image, "window": window}, data, name="Finer", source=source)
    with pytest.raises(results.BridgeError, match="geometry"):
        results.add_volume({**image, "spacing": None}, data, name="Finer", source=source)
    assert host.mrmlScene.GetNumberOfNodes() == before


def test_the_result_is_in_the_same_study_but_is_no_dicom_series(host, results, source, answer):
    study = volumes.put_in_study(host, source)
    hierarchy, item = volumes.item_of(host, source)
    hierarchy.SetItemUID(item, "DICOM", "1.2.3")
    hierarchy.SetItemAttribute(item, "DICOM.SeriesNumber", "4")
    source.SetAttribute("DICOM.instanceUIDs", "1.2.3.4 1.2.3.5")
    node = results.add_volume(*answer(), name="Finer", source=source)
    hierarchy, item = volumes.item_of(host, node)
    assert hierarchy.GetItemParent(item) == study
    assert hierarchy.GetItemUIDNames(item) == ()
    assert hierarchy.GetItemAttributeNames(item) == ()
    assert node.GetAttributeNames() == ()


def test_a_source_outside_any_study_has_its_result_beside_it(host, results, source, answer):
    node = results.add_volume(*answer(), name="Finer", source=source)
    hierarchy, item = volumes.item_of(host, node)
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()


def test_what_the_voxels_measure_is_copied_not_shared(host, results, source, answer):
    quantity, units = host.vtkCodedEntry(), host.vtkCodedEntry()
    quantity.SetValueSchemeMeaning("110852", "DCM", "MR signal intensity")
    units.SetValueSchemeMeaning("1", "UCUM", "no units")
    source.SetVoxelValueQuantity(quantity)
    source.SetVoxelValueUnits(units)
    node = results.add_volume(*answer(), name="Finer", source=source)
    quantity.SetValueSchemeMeaning("0", "DCM", "changed later")
    assert node.GetVoxelValueQuantity().GetCodeMeaning() == "MR signal intensity"
    assert node.GetVoxelValueUnits().GetCodeMeaning() == "no units"


def test_a_result_asks_to_be_saved_and_has_no_file(results, source, answer):
    node = results.add_volume(*answer(), name="Finer", source=source)
    assert node.GetModifiedSinceRead()
    assert node.GetStorageNode() is None
