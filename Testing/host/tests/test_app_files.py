"""slicer.util.loadVolume, saveNode, exportNode, loadScene, saveScene."""

import numpy as np
import pytest
import vtk

OBLIQUE = np.array([[0.9, 0.1, 0, 10], [-0.1, 0.8, 0.05, 20], [0, -0.05, 1.5, 30], [0, 0, 0, 1.0]])
LEFT_HANDED = np.diag([1.0, 1.0, -2.0, 1.0])


@pytest.fixture
def volume(host):
    values = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    return host.util.addVolumeFromArray(values, np.eye(4), "T1")


def matrix(host, node):
    found = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(found)
    return host.util.arrayFromVTKMatrix(found)


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz", "mha"])
def test_a_volume_comes_back(host, volume, tmp_path, ending):
    assert host.util.saveNode(volume, str(tmp_path / f"a.b.{ending}"))
    loaded = host.util.loadVolume(str(tmp_path / f"a.b.{ending}"))
    np.testing.assert_array_equal(host.util.arrayFromVolume(loaded), host.util.arrayFromVolume(volume))
    assert loaded.GetName() == "a"
    assert loaded.GetDisplayNode() is not None


def test_a_left_handed_volume_is_flipped_as_in_slicer(host, volume, tmp_path):
    volume.SetIJKToRASMatrix(host.util.vtkMatrixFromArray(LEFT_HANDED))
    host.util.saveNode(volume, str(tmp_path / "a.nrrd"))
    loaded = host.util.loadVolume(str(tmp_path / "a.nrrd"))
    assert np.linalg.det(matrix(host, loaded)[:3, :3]) > 0
    np.testing.assert_array_equal(host.util.arrayFromVolume(loaded), host.util.arrayFromVolume(volume)[::-1])


def test_a_missing_file_raises(host, tmp_path):
    before = host.mrmlScene.GetNumberOfNodes()
    with pytest.raises(RuntimeError, match="Failed to load node"):
        host.util.loadVolume(str(tmp_path / "none.nrrd"))
    assert host.mrmlScene.GetNumberOfNodes() == before


def test_a_loaded_volume_is_shown_unless_asked_not_to(host, volume, tmp_path):
    host.util.saveNode(volume, str(tmp_path / "a.nrrd"))
    red = host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    host.util.loadVolume(str(tmp_path / "a.nrrd"), {"show": False})
    assert red.GetBackgroundVolumeID() is None
    shown = host.util.loadVolume(str(tmp_path / "a.nrrd"), {"name": "mine"})
    assert red.GetBackgroundVolumeID() == shown.GetID()
    assert shown.GetName() == "mine"


def test_a_label_map_is_one(host, tmp_path):
    labels = host.util.addVolumeFromArray(np.ones((2, 3, 4), np.uint8), nodeClassName="vtkMRMLLabelMapVolumeNode")
    host.util.saveNode(labels, str(tmp_path / "a.nrrd"))
    assert host.util.loadLabelVolume(str(tmp_path / "a.nrrd")).IsA("vtkMRMLLabelMapVolumeNode")


def test_an_unknown_ending_is_not_written(host, volume, tmp_path):
    assert not host.util.saveNode(volume, str(tmp_path / "a.xyz"))
    assert not list(tmp_path.iterdir())


def test_export_leaves_the_node_as_it_was(host, volume, tmp_path):
    assert host.util.exportNode(volume, str(tmp_path / "b.nrrd"))
    assert volume.GetStorageNode() is None or not volume.GetStorageNode().GetFileName()
    assert (tmp_path / "b.nrrd").is_file()


def test_export_to_the_world_hardens_the_transform(host, volume, tmp_path):
    transform = host.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(host.util.vtkMatrixFromArray(OBLIQUE))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert host.util.exportNode(volume, str(tmp_path / "b.nrrd"), world=True)
    np.testing.assert_array_equal(matrix(host, volume), np.eye(4))
    loaded = host.util.loadVolume(str(tmp_path / "b.nrrd"))
    # The file holds a rotation and a spacing; the sheared part of this matrix cannot be in it.
    np.testing.assert_allclose(matrix(host, loaded)[:3, 3], OBLIQUE[:3, 3], atol=1e-4)


def test_export_refuses_an_unknown_ending(host, volume, tmp_path):
    with pytest.raises(ValueError, match="no known file format"):
        host.util.exportNode(volume, str(tmp_path / "b.xyz"))


def test_a_table_and_a_transform_come_back(host, tmp_path):
    table = host.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "t")
    table.AddColumn().SetName("c")
    transform = host.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "m")
    transform.SetMatrixTransformToParent(host.util.vtkMatrixFromArray(np.diag([1.0, 2.0, 3.0, 1.0])))
    for node, name in ((table, "t.csv"), (transform, "m.tfm")):
        assert host.util.saveNode(node, str(tmp_path / name))
    assert host.util.loadTable(str(tmp_path / "t.csv")).GetColumnName(0) == "c"
    loaded = host.util.loadTransform(str(tmp_path / "m.tfm"))
    np.testing.assert_allclose(host.util.arrayFromTransformMatrix(loaded), np.diag([1.0, 2.0, 3.0, 1.0]))


@pytest.mark.parametrize("name", ["scene.mrb", "folder"])
def test_a_scene_comes_back_with_voxels_attributes_and_parameters(host, volume, tmp_path, name):
    volume.SetAttribute("MRIEnhance.model", "x2")
    parameters = host.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "P")
    parameters.SetSingletonTag("P")
    parameters.SetParameter("key", "value")
    parameters.SetNodeReferenceID("input", volume.GetID())
    values = host.util.arrayFromVolume(volume).copy()
    assert host.util.saveScene(str(tmp_path / name))
    host.mrmlScene.Clear(0)
    path = tmp_path / name if name.endswith("mrb") else tmp_path / name / f"{name}.mrml"
    host.util.loadScene(str(path))
    loaded = host.util.getNode("T1")
    np.testing.assert_array_equal(host.util.arrayFromVolume(loaded), values)
    assert loaded.GetAttribute("MRIEnhance.model") == "x2"
    again = host.mrmlScene.GetSingletonNode("P", "vtkMRMLScriptedModuleNode")
    assert again.GetParameter("key") == "value"
    assert again.GetNodeReference("input") is loaded


def test_a_scene_file_alone_can_be_read_in_place_of_the_present_scene(host, tmp_path):
    text = host.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    text.SetAttribute("a", "b")
    assert host.util.saveScene(str(tmp_path / "s.mrml"))
    host.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "later")
    host.util.loadScene(str(tmp_path / "s.mrml"), {"clear": True})
    assert [node.GetName() for node in host.util.getNodesByClass("vtkMRMLTextNode")] == ["note"]


def test_a_loaded_scene_is_added_unless_cleared(host, tmp_path):
    host.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    host.util.saveScene(str(tmp_path / "s.mrml"))
    host.util.loadScene(str(tmp_path / "s.mrml"))
    assert host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 2


def test_the_kind_of_a_file_is_found_by_its_ending(host, volume, tmp_path):
    host.util.saveNode(volume, str(tmp_path / "a.nii"))
    assert host.util.loadNodeFromFile(str(tmp_path / "a.nii")).IsA("vtkMRMLScalarVolumeNode")
