"""Results in a volume that was used before, how they came to be, and their figures."""

import json
import math

import numpy as np
import pytest

import volumes
from outcomes import FINER, REPORT, TRICKY, save_and_load

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


@pytest.fixture
def metrics_table(host):
    from MRIEnhanceBridge.tables import metrics_table

    return metrics_table


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


def test_the_table_is_typed_and_exact(metrics_table, source):
    node = metrics_table(ROWS, name="Metrics", evaluation=EVALUATION, source=source)
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


def test_a_second_table_has_a_name_of_its_own_and_is_in_the_study(host, metrics_table, source):
    study = volumes.put_in_study(host, source)
    nodes = [metrics_table(ROWS, name="M", evaluation=EVALUATION, source=source) for _ in range(2)]
    assert [node.GetName() for node in nodes] == ["M", "M_1"]
    for node in nodes:
        hierarchy, item = volumes.item_of(host, node)
        assert hierarchy.GetItemParent(item) == study


def test_figures_and_rules_are_kept_with_the_scene(host, metrics_table, source, tmp_path):
    node = metrics_table(ROWS, name="Metrics", evaluation=EVALUATION, source=source)
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
