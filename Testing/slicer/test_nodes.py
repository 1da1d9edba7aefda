"""Volume nodes as images: what is taken, what is refused, and where voxels end up."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

import volumes

PIXEL_TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]


@pytest.fixture
def nodes(host):
    from MRIEnhanceBridge import nodes

    return nodes


def set_image(node, kind, size=(5, 4, 3), components=1):
    """Give a node voxels of a VTK type that numpy need not have; all are 0."""
    import vtk

    image = vtk.vtkImageData()
    image.SetDimensions(*size)
    image.AllocateScalars(getattr(vtk, kind), components)
    node.SetAndObserveImageData(image)


# What is taken


@pytest.mark.parametrize(
    "kind",
    ["CHAR", "SIGNED_CHAR", "UNSIGNED_CHAR", "SHORT", "UNSIGNED_SHORT", "INT", "UNSIGNED_INT", "FLOAT", "DOUBLE"],
)
def test_the_name_of_the_pixel_type_is_that_of_the_bytes(host, nodes, kind):
    node = volumes.add(host)
    set_image(node, f"VTK_{kind}")
    node.GetImageData().GetPointData().GetScalars().Fill(77)
    node.GetImageData().SetScalarComponentFromDouble(4, 2, 1, 0, 3)
    described = nodes.describe(node, "a.raw")
    values = np.frombuffer(nodes.voxel_view(node).tobytes(), described["pixel_type"]).reshape(3, 4, 5)
    assert values[1, 2, 4] == 3
    assert (values == 77).sum() == values.size - 1


def test_a_long_is_taken_for_what_its_size_is(nodes):
    import vtk

    class Long(vtk.vtkIntArray):
        """What VTK has for a long on Windows: 4 bytes."""

        def GetDataType(self):  # noqa: N802
            return vtk.VTK_LONG

    assert nodes._pixel_type(Long()) == "int32"
    assert nodes._pixel_type(vtk.vtkLongArray()) == f"int{8 * vtk.vtkLongArray().GetDataTypeSize()}"


def test_a_volume_becomes_a_copy_with_its_geometry(host, nodes):
    node = volumes.add(host, array=volumes.ramp(), matrix=volumes.LEFT_HANDED)
    image = nodes.to_image(node)
    nodes.voxel_view(node)[...] = 0
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volumes.ramp())
    for index in ((0, 0, 0), (4, 3, 2)):
        place = np.diag([-1, -1, 1]) @ image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(place, volumes.world(host, node, index), atol=1e-12)


@pytest.mark.parametrize("pixel_type", PIXEL_TYPES)
@pytest.mark.parametrize("matrix", [volumes.OBLIQUE, volumes.LEFT_HANDED], ids=["oblique", "left-handed"])
def test_an_image_goes_in_and_comes_out_the_same(host, nodes, pixel_type, matrix):
    image = nodes.to_image(volumes.add(host, array=volumes.ramp(dtype=pixel_type), matrix=matrix))
    node = nodes.from_image(image, "again")
    np.testing.assert_allclose(volumes.matrix_of(host, node), matrix, atol=1e-12)
    assert node.GetDisplayNode() is not None
    back = nodes.to_image(node)
    assert back.GetPixelID() == image.GetPixelID()
    assert back.GetSpacing() == image.GetSpacing()
    assert back.GetOrigin() == image.GetOrigin()
    assert back.GetDirection() == image.GetDirection()
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(back), volumes.ramp(dtype=pixel_type))


def test_a_new_volume_has_a_name_of_its_own_and_may_be_in_another_scene(host, nodes):
    image = sitk.Image((3, 3, 3), sitk.sitkInt16)
    names = [nodes.from_image(image, "T2").GetName() for _ in range(2)]
    assert names == ["T2", "T2_1"]
    other = host.vtkMRMLScene()
    node = nodes.from_image(image, "T2", scene=other)
    assert node.GetScene() is other
    assert node.GetName() == "T2"


def test_the_description_is_what_the_protocol_asks_for(host, nodes, tmp_path):
    node = volumes.add(host)
    described = json.loads(json.dumps(nodes.describe(node, tmp_path / "a.raw")))
    assert described.pop("voxels") == str(tmp_path / "a.raw")
    assert described.pop("pixel_type") == "int16"
    assert described.pop("size") == [5, 4, 3]
    assert {key: len(value) for key, value in described.items()} == {"spacing": 3, "origin": 3, "direction": 9}


def test_the_view_is_no_copy_and_outlives_the_volume(host, nodes):
    node = volumes.add(host)
    view = nodes.voxel_view(node)
    view[2, 1, 4] = -7
    assert node.GetImageData().GetScalarComponentAsDouble(4, 1, 2, 0) == -7
    host.mrmlScene.RemoveNode(node)
    assert view[2, 1, 4] == -7


@pytest.mark.parametrize("save_changes", [False, True])
def test_the_frame_of_a_sequence_stays_while_the_sequence_plays(host, nodes, save_changes):
    logic = host.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(host.mrmlScene)
    sequence = host.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")
    for frame in range(3):
        shown = host.vtkMRMLScalarVolumeNode()
        set_image(shown, "VTK_SHORT")
        shown.GetImageData().GetPointData().GetScalars().Fill(frame)
        sequence.SetDataNodeAtValue(shown, str(frame))
    browser = host.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetSaveChanges(sequence, save_changes)
    browser.SetSelectedItemNumber(0)
    logic.UpdateAllProxyNodes()
    proxy = browser.GetProxyNode(sequence)
    nodes.check_volume(proxy)
    view = nodes.voxel_view(proxy)
    browser.SetSelectedItemNumber(2)
    logic.UpdateAllProxyNodes()
    assert (nodes.voxel_view(proxy) == 2).all()
    assert (view == 0).all()
    logic.SetMRMLScene(None)


# What is refused


def refused(nodes, node, **arguments):
    """Why; one line, with a hint."""
    with pytest.raises(nodes.BridgeError) as refusal:
        nodes.check_volume(node, **arguments)
    assert refusal.value.hint
    assert "\n" not in str(refusal.value)
    return refusal.value.message


def test_nothing_is_refused_by_its_role(nodes):
    assert refused(nodes, None, what="ground truth") == "There is no ground truth"


def test_what_is_no_volume_is_refused(host, nodes):
    assert "not a scalar volume" in refused(nodes, host.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode"))
    assert "not a scalar volume" in refused(nodes, "T2")


@pytest.mark.parametrize("how", ["removed", "closed", "never"])
def test_a_volume_that_is_not_in_the_scene_is_refused(host, nodes, how):
    node = volumes.add(host)
    nodes.check_volume(node)
    if how == "removed":
        host.mrmlScene.RemoveNode(node)
    elif how == "closed":
        host.mrmlScene.Clear(0)
    else:
        node = host.vtkMRMLScalarVolumeNode()
        set_image(node, "VTK_SHORT")
    assert "no longer in the scene" in refused(nodes, node)


@pytest.mark.parametrize(
    "size", [None, (0, 4, 3), (5, 0, 3), (5, 4, 0)], ids=["none", "i is empty", "j is empty", "k is empty"]
)
def test_a_volume_without_voxels_is_refused(host, nodes, size):
    node = host.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    if size:
        set_image(node, "VTK_SHORT", size)
    assert refused(nodes, node) == '"Empty" has no voxels'


def test_a_label_map_is_refused(host, nodes):
    node = volumes.add(host, kind="vtkMRMLLabelMapVolumeNode", name="Labels")
    assert refused(nodes, node) == '"Labels" is a label map'


@pytest.mark.parametrize(
    ("kind", "components"),
    [
        ("vtkMRMLScalarVolumeNode", 2),
        ("vtkMRMLScalarVolumeNode", 3),
        ("vtkMRMLVectorVolumeNode", 3),
        ("vtkMRMLVectorVolumeNode", 1),
        ("vtkMRMLDiffusionWeightedVolumeNode", 7),
        ("vtkMRMLDiffusionWeightedVolumeNode", 1),
        ("vtkMRMLDiffusionTensorVolumeNode", 9),
    ],
)
def test_more_than_one_number_in_a_voxel_is_refused(host, nodes, kind, components):
    node = host.mrmlScene.AddNewNodeByClass(kind, "Many")
    set_image(node, "VTK_FLOAT", components=components)
    assert '"Many" has more than one number in each voxel' in refused(nodes, node)


@pytest.mark.parametrize("kind", ["LONG_LONG", "UNSIGNED_LONG_LONG", "BIT"])
def test_a_pixel_type_that_slicer_cannot_show_is_refused_by_its_name(host, nodes, kind):
    node = volumes.add(host)
    set_image(node, f"VTK_{kind}")
    if kind == "BIT":  # VTK's images hold no bits of their own accord
        import vtk

        bits = vtk.vtkBitArray()
        bits.SetNumberOfTuples(60)
        node.GetImageData().GetPointData().SetScalars(bits)
    assert kind.lower().replace("_", " ") in refused(nodes, node)


def test_sheared_axes_are_refused(host, nodes):
    matrix = np.eye(4)
    matrix[0, 2] = 0.2
    node = volumes.add(host, matrix=matrix)
    assert "sheared" in refused(nodes, node)
    for use in (nodes.to_image, lambda node: nodes.describe(node, "a.raw")):
        with pytest.raises(nodes.BridgeError, match="sheared"):
            use(node)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (sitk.Image((3, 3), sitk.sitkInt16), "not a scalar 3-D image"),
        (sitk.Image((3, 3, 3), sitk.sitkVectorFloat32), "not a scalar 3-D image"),
        (sitk.Image((3, 3, 3), sitk.sitkInt64), "int64"),
        (sitk.Image((3, 3, 3), sitk.sitkComplexFloat32), "complex64"),
    ],
    ids=["2-D", "vector", "int64", "complex"],
)
def test_an_image_that_is_no_volume_for_slicer_is_refused(host, nodes, image, reason):
    before = host.mrmlScene.GetNumberOfNodes()
    with pytest.raises(nodes.BridgeError, match=reason):
        nodes.from_image(image, "T2")
    assert host.mrmlScene.GetNumberOfNodes() == before


# What the worker has written


@pytest.mark.parametrize("pixel_type", PIXEL_TYPES)
def test_room_is_made_for_an_answer(nodes, tmp_path, pixel_type):
    array = volumes.ramp(dtype=pixel_type)
    data, view = nodes.new_image_data(volumes.written(tmp_path / "a.raw", array))
    assert view.shape == (3, 4, 5)
    assert view.dtype == pixel_type
    assert view.flags.c_contiguous
    view[...] = array
    assert data.GetScalarComponentAsDouble(4, 2, 1, 0) == array[1, 2, 4]
    assert data.GetNumberOfScalarComponents() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": [5, 4, 4]}, "120 bytes, not the 160"),
        ({"size": [5, 4, 2]}, "120 bytes, not the 80"),
        ({"size": [10**6, 10**6, 10**6]}, "120 bytes"),
        ({"size": [2**70, 1, 1]}, "120 bytes"),
        ({"size": [-5, -4, 3]}, "geometry"),
        ({"pixel_type": "float64"}, "120 bytes, not the 480"),
        ({"pixel_type": "int64"}, "int64"),
        ({"pixel_type": "float16"}, "float16"),
        ({"pixel_type": ">i2"}, ">i2"),
        ({"pixel_type": ["int16"]}, "int16"),
        ({"pixel_type": None}, "None"),
        ({"voxels": "/no/such/file"}, "cannot be read"),
        ({"voxels": None}, "cannot be read"),
        ({"voxels": "a\0b"}, "cannot be read"),
        ({"voxels": "/"}, "not a file"),
    ],
)
def test_an_answer_that_its_file_does_not_bear_out_gets_no_room(nodes, monkeypatch, tmp_path, change, reason):
    image = volumes.written(tmp_path / "a.raw", volumes.ramp())
    nodes.new_image_data(image)

    def refuse(*_):
        raise AssertionError("memory is asked for")

    monkeypatch.setattr(nodes, "_allocate", refuse)
    with pytest.raises(nodes.BridgeError, match=reason):
        nodes.new_image_data({**image, **change})


def test_a_lack_of_memory_is_told_before_vtk_meets_it(nodes, monkeypatch, tmp_path):
    image = volumes.written(tmp_path / "a.raw", volumes.ramp())

    def empty(*_):
        raise MemoryError

    monkeypatch.setattr(nodes.np, "empty", empty)
    with pytest.raises(nodes.BridgeError, match="not enough memory") as refusal:
        nodes.new_image_data(image)
    assert "crop" in refusal.value.hint
