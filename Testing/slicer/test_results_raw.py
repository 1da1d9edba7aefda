"""Results of raw data: no node that they were made from, no model perhaps, and names of their own."""

import json

import numpy as np
import pytest

import volumes
from outcomes import FINER, TRICKY, save_and_load

REPORT = {
    "task": "reconstruct",
    "model": {"name": "cg-sense", "version": "0.1.0", "method": "cg-sense", "title": "CG-SENSE", "sha256": None},
    "inputs": [{"role": "k-space", "sha256": "cd" * 32, "format": "fastMRI"}],
    "reconstruction": {"coils": 8, "acceleration": 3.96, "scores": []},
    "warnings": ["random-lines, 4-fold, of a full scan; seed 0"],
    "disclaimer": "For research, not for diagnosis.",
}

# Names


def test_a_reconstruction_is_named_after_its_raw_data_and_method(results):
    assert results.reconstruction_name("scan", REPORT) == "scan recon (CG-SENSE)"


@pytest.mark.parametrize(("acceleration", "shown"), [(4.0, "4"), (3.96, "4"), (3.53, "3.5"), (12.2, "12"), (1.0, "1")])
def test_the_acceleration_is_named_where_samples_were_left_out(results, acceleration, shown):
    report = {**REPORT, "reconstruction": {"acceleration": acceleration}}
    assert results.reconstruction_name("scan", report, undersampled=True) == f"scan recon R={shown} (CG-SENSE)"
    simulated = {**report, "inputs": [{"format": "simulated"}]}
    assert results.reconstruction_name("T2", simulated) == f"T2 recon R={shown} (CG-SENSE)"


# Without a source


def test_the_image_of_a_file_is_where_the_answer_says_under_no_transform(host, results, answer):
    node = results.add_volume(*answer(window=(-5.0, 7.0)), name="Image")
    np.testing.assert_array_equal(host.util.arrayFromVolume(node), volumes.ramp((10, 8, 3), "float32"))
    np.testing.assert_allclose(volumes.matrix_of(host, node), FINER, atol=1e-12)
    assert node.GetTransformNodeID() is None
    assert (node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) == (12.0, 1.0)
    assert node.GetVoxelValueQuantity() is None
    hierarchy, item = volumes.item_of(host, node)
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()


def test_a_volume_that_is_used_again_leaves_its_study_and_its_transform(host, results, answer):
    parent = volumes.add_transform(host, volumes.affine(shift=(9, 9, 9)))
    used = volumes.add(host, name="My output", parent=parent)
    volumes.put_in_study(host, used)
    used.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    node = results.add_volume(*answer(), name="Image", node=used)
    assert node is used
    assert node.GetName() == "My output"
    assert node.GetTransformNodeID() is None
    assert node.GetAttributeNames() == ()
    hierarchy, item = volumes.item_of(host, node)
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()


def test_a_node_that_cannot_hold_it_is_refused(host, results, answer):
    labels = volumes.add(host, kind="vtkMRMLLabelMapVolumeNode", name="Labels")
    with pytest.raises(results.BridgeError, match='"Labels" cannot hold the result'):
        results.add_volume(*answer(), name="Image", node=labels)


def test_provenance_names_the_file_and_no_folder(host, results, answer, tmp_path):
    node = results.add_volume(*answer(), name="Image")
    path = tmp_path / "Jane Doe" / "scan of knee.h5"
    parameters = {"read": {"mask": str(tmp_path / "Jane Doe" / "mask.npy"), "slices": [1, 2]}, "model": "cg-sense"}
    results.set_provenance(node, REPORT, input_name=str(path), parameters=parameters)
    loaded = save_and_load(host, tmp_path).GetFirstNodeByName("Image")
    for found in (node, loaded):
        values = {key.removeprefix("MRIEnhance."): found.GetAttribute(key) for key in found.GetAttributeNames()}
        assert values["input"] == "scan of knee.h5"
        assert values["model"] == "cg-sense"
        assert "sha256" not in values, "nothing was learned"
        assert json.loads(values["parameters"]) == {
            "model": "cg-sense",
            "read": {"mask": "mask.npy", "slices": [1, 2]},
        }
        assert json.loads(values["report"]) == REPORT
        assert not any("Jane" in value for value in values.values())
    assert node.GetNodeReference("MRIEnhance.input") is None
    assert results.warnings(node) == REPORT["warnings"]


@pytest.mark.parametrize("path", [r"C:\Jane Doe\scan.h5", "/data/Jane Doe/scan.h5", "scan.h5"])
def test_folders_are_left_out_whichever_system_wrote_them(results, answer, path):
    node = results.add_volume(*answer(), name="Image")
    results.set_provenance(node, REPORT, input_name=path, parameters={})
    assert node.GetAttribute("MRIEnhance.input") == "scan.h5"


def test_a_volume_whose_scan_was_simulated_is_the_source(results, source, answer):
    source.SetName(TRICKY)
    node = results.add_volume(*answer(), name="Image", source=source)
    results.set_provenance(node, REPORT, source=source, parameters={})
    assert node.GetAttribute("MRIEnhance.input") == TRICKY
    assert node.GetNodeReference("MRIEnhance.input") is source
