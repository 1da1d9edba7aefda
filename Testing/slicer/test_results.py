"""Results as nodes: everything of their own, nothing of what was there before, and no file that is not theirs."""

import json
import math

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


# A volume that is used again


@pytest.fixture
def used(host, source, tmp_path):
    """A volume full of the past."""
    node = volumes.add(host, array=volumes.ramp((3, 3, 3)), matrix=np.eye(4), name="My output")
    volumes.put_in_study(host, node)
    node.SetAndObserveTransformNodeID(volumes.add_transform(host, volumes.affine(shift=(9, 9, 9))).GetID())
    node.SetDescription("old")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    node.SetAttribute("MRIEnhance.model", "old")
    node.SetNodeReferenceID("MRIEnhance.input", node.GetID())
    quantity = host.vtkCodedEntry()
    quantity.SetValueSchemeMeaning("1", "DCM", "old")
    node.SetVoxelValueQuantity(quantity)
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "mine.nrrd"))
    node.GetStorageNode().WriteData(node)
    display = node.GetDisplayNode()
    display.SetApplyThreshold(True)
    display.SetThreshold(5, 6)
    display.SetInterpolate(False)
    display.AddWindowLevelPreset(1, 2)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeRainbow")
    hierarchy, item = volumes.item_of(host, node)
    hierarchy.SetItemUID(item, "DICOM", "1.2.3")
    hierarchy.SetItemUID(item, "DICOMInstanceUID", "1.2.3.4 1.2.3.5")
    hierarchy.SetItemAttribute(item, "DICOM.SeriesNumber", "4")
    return node


def test_everything_old_is_gone(host, results, source, used, answer, tmp_path):
    study = volumes.put_in_study(host, source)
    old_file = (tmp_path / "mine.nrrd").read_bytes()
    node = results.add_volume(*answer(), name="Finer", source=source, node=used)
    assert node is used
    assert node.GetName() == "My output", "the user has named it"
    np.testing.assert_array_equal(host.util.arrayFromVolume(node), volumes.ramp((10, 8, 3), "float32"))
    np.testing.assert_allclose(volumes.matrix_of(host, node), FINER, atol=1e-12)
    assert node.GetTransformNodeID() == source.GetTransformNodeID()
    assert node.GetAttributeNames() == ()
    assert not node.GetDescription()
    assert node.GetNodeReference("MRIEnhance.input") is None
    assert node.GetVoxelValueQuantity() is None
    assert node.GetStorageNode() is None
    assert host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeArchetypeStorageNode") == 0
    assert (tmp_path / "mine.nrrd").read_bytes() == old_file
    hierarchy, item = volumes.item_of(host, node)
    assert hierarchy.GetItemParent(item) == study
    assert [hierarchy.GetItemUID(item, name) for name in ("DICOM", "DICOMInstanceUID")] == ["", ""]
    assert hierarchy.GetItemAttributeNames(item) == ()


def test_the_display_is_like_new(results, source, used, answer):
    before = used.GetDisplayNode()
    results.add_volume(*answer(), name="Finer", source=source, node=used)
    display = used.GetDisplayNode()
    assert display is before, "views hold on to it"
    assert used.GetNumberOfDisplayNodes() == 1
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (10.0, 40.0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeGrey"
    assert not display.GetAutoWindowLevel()
    assert not display.GetApplyThreshold()
    assert display.GetInterpolate()
    assert display.GetNumberOfWindowLevelPresets() == 0


def test_observers_see_one_consistent_change(host, results, source, used, answer):
    image, data = answer()
    seen = {}

    def watch(event):
        def look(*_):
            state = (
                used.GetImageData().GetDimensions(),
                used.GetSpacing()[0],
                used.GetParentTransformNode(),  # asked for its identifier, MRML calls the node modified once more
                used.GetDisplayNode().GetWindowLevelMax(),
                used.GetDisplayNode().GetAutoWindowLevel(),
            )
            seen.setdefault(event, []).append(state)

        used.AddObserver(event, look)

    volume_events = host.vtkMRMLVolumeNode.ImageDataModifiedEvent, host.vtkMRMLTransformableNode.TransformModifiedEvent
    for event in ("ModifiedEvent", *volume_events, host.vtkMRMLDisplayableNode.DisplayModifiedEvent):
        watch(event)
    results.add_volume(image, data, name="Finer", source=source, node=used)
    whole = ((10, 8, 3), pytest.approx(0.35), source.GetParentTransformNode(), 40.0, 0)
    assert seen["ModifiedEvent"] == [whole]
    assert seen[volume_events[0]] == [whole]
    assert all(state == whole for states in seen.values() for state in states)


def test_the_input_is_never_overwritten(host, results, source, answer):
    before = host.util.arrayFromVolume(source).copy()
    with pytest.raises(results.BridgeError, match="never overwritten") as refusal:
        results.add_volume(*answer(), name="Finer", source=source, node=source)
    assert "another output volume" in refusal.value.hint
    np.testing.assert_array_equal(host.util.arrayFromVolume(source), before)


@pytest.mark.parametrize("kind", ["label map", "vector", "removed"])
def test_a_node_that_cannot_hold_it_is_refused(host, results, source, answer, kind):
    classes = {"label map": "vtkMRMLLabelMapVolumeNode", "vector": "vtkMRMLVectorVolumeNode"}
    node = host.mrmlScene.AddNewNodeByClass(classes.get(kind, "vtkMRMLScalarVolumeNode"), "Output")
    if kind == "removed":
        host.mrmlScene.RemoveNode(node)
    with pytest.raises(results.BridgeError, match='"Output" cannot hold the result'):
        results.add_volume(*answer(), name="Finer", source=source, node=node)


# The difference


@pytest.mark.parametrize(("window", "shown"), [((-3.0, 8.0), 8.0), ((-9.0, 8.0), 9.0), ((0.0, 0.0), 0.5)])
def test_no_difference_is_in_the_middle_of_the_window(results, source, answer, window, shown):
    node = results.difference_volume(*answer(window=window), name="Difference", source=source)
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (-shown, shown)


@pytest.mark.parametrize("there", [True, False])
def test_the_difference_is_in_colours_where_slicer_has_them(host, results, source, answer, there):
    for color in host.util.getNodesByClass("vtkMRMLColorNode"):
        if color.GetName() == "DivergingBlueRed":
            host.mrmlScene.RemoveNode(color)
    if there:
        host.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "DivergingBlueRed")
    node = results.difference_volume(*answer(), name="Difference", source=source)
    assert node.GetDisplayNode().GetColorNode().GetName() == ("DivergingBlueRed" if there else "Grey")


# How it came to be


def test_provenance_is_kept_with_the_scene(host, results, source, answer, tmp_path):
    source.SetName(f"T2 {TRICKY}")
    node = results.add_volume(*answer(), name="Finer", source=source)
    report = {**REPORT, "note": TRICKY}
    results.set_provenance(node, report, source=source, parameters={"tile": None, "device": "cpu", "über": TRICKY})
    loaded = save_and_load(host, tmp_path).GetFirstNodeByName("Finer")
    for found in (node, loaded):
        values = {key.removeprefix("MRIEnhance."): found.GetAttribute(key) for key in found.GetAttributeNames()}
        assert values.pop("model") == "iconet-x2"
        assert values.pop("version") == "1.2"
        assert values.pop("sha256") == "ab" * 32
        assert values.pop("input") == f"T2 {TRICKY}"
        assert values.pop("disclaimer") == "For research, not for diagnosis."
        text = values.pop("parameters")
        assert text.startswith('{"device":"cpu","tile":null,"über":'), "compact, sorted, readable"
        assert json.loads(text) == {"device": "cpu", "tile": None, "über": TRICKY}
        assert json.loads(values.pop("report")) == report
        assert not values
    assert node.GetNodeReference("MRIEnhance.input") is source
    assert loaded.GetNodeReferenceID("MRIEnhance.input") == source.GetID()


def test_no_folder_is_written_down(results, source, answer, tmp_path):
    node = results.add_volume(*answer(), name="Finer", source=source)
    parameters = {"model": str(tmp_path / "Jane Doe" / "own.safetensors"), "device": "cuda:1"}
    results.set_provenance(node, REPORT, source=source, parameters=parameters)
    written = json.loads(node.GetAttribute("MRIEnhance.parameters"))
    assert written == {"model": "own.safetensors", "device": "cuda:1"}
    assert not any("Jane" in node.GetAttribute(key) for key in node.GetAttributeNames())


def test_warnings_are_read_from_the_node(results, source, answer):
    node = results.add_volume(*answer(), name="Finer", source=source)
    assert results.warnings(node) == []
    results.set_provenance(node, REPORT, source=source, parameters={})
    assert results.warnings(node) == REPORT["warnings"]


# Figures

ROWS = [
    {"method": "ICONet", "psnr_db": 100 / 3, "ssim": 0.123456789012345, "nmae": 1e-7},
    {"method": "sinc — “interpolation”", "psnr_db": "Infinity", "ssim": None, "nmae": 0.0},
]
EVALUATION = {
    "rows": ROWS,
    "data_range": {"value": 1234.5, "rule": "99.9th percentile of the reference"},
    "mask": {"voxels": 77, "rule": "reference > 0.02 data range"},
    "definitions": {"psnr_db": '10 log10(range^2 / mse),\n"in" dB', "ssim": "mean of the map", "nmae": "mae / range"},
    "notes": ["one", "two"],
}


def test_the_table_is_typed_and_exact(results, source):
    node = results.metrics_table(ROWS, name="Metrics", evaluation=EVALUATION, source=source)
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    assert [column.GetName() for column in columns] == ["Method", "PSNR (dB)", "SSIM", "NMAE"]
    assert [column.GetClassName() for column in columns] == ["vtkStringArray", *["vtkDoubleArray"] * 3]
    assert [columns[0].GetValue(row) for row in range(2)] == ["ICONet", "sinc — “interpolation”"]
    figures = [[column.GetValue(row) for column in columns[1:]] for row in range(2)]
    assert figures[0] == [100 / 3, 0.123456789012345, 1e-7]
    assert figures[1][0] == math.inf
    assert math.isnan(figures[1][1])
    assert node.GetLocked(), "figures are not typed over by mistake"


def test_a_second_table_has_a_name_of_its_own_and_is_in_the_study(host, results, source):
    study = volumes.put_in_study(host, source)
    nodes = [results.metrics_table(ROWS, name="M", evaluation=EVALUATION, source=source) for _ in range(2)]
    assert [node.GetName() for node in nodes] == ["M", "M_1"]
    for node in nodes:
        hierarchy, item = volumes.item_of(host, node)
        assert hierarchy.GetItemParent(item) == study


def test_figures_and_rules_are_kept_with_the_scene(host, results, source, tmp_path):
    node = results.metrics_table(ROWS, name="Metrics", evaluation=EVALUATION, source=source)
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "metrics.tsv"))
    assert node.GetStorageNode().WriteData(node)
    loaded = save_and_load(host, tmp_path).GetFirstNodeByName("Metrics")
    for found in (node, loaded):
        assert json.loads(found.GetAttribute("MRIEnhance.evaluation")) == EVALUATION
        assert found.GetAttribute("MRIEnhance.disclaimer") == "For research, not for diagnosis."
        assert found.GetTable().GetColumnByName("SSIM").GetDataTypeAsString() == "double"
        assert found.GetTable().GetColumnByName("PSNR (dB)").GetValue(0) == pytest.approx(100 / 3, rel=1e-5)
        assert found.GetColumnDescription("PSNR (dB)") == "10 log10(range^2 / mse), 'in' dB"
        assert found.GetColumnDescription("NMAE") == "mae / range"
        assert found.GetColumnUnitLabel("PSNR (dB)") == "dB"
