"""The scene of a running Slicer."""

import numpy as np
import pytest

import slicerhost


def items(host):
    return host.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(host.mrmlScene)


@pytest.fixture
def volume(host):
    return host.util.addVolumeFromArray(np.ones((3, 4, 5), np.float32), name="T1")


@pytest.mark.parametrize(
    "name",
    ["Selection", "Interaction", "Layout", "SubjectHierarchy", "SliceComposite", "View"],
)
def test_nodes_of_a_running_application(host, name):
    assert host.mrmlScene.GetFirstNodeByClass(f"vtkMRML{name}Node") is not None


def test_the_scene_is_the_applications(host):
    assert host.mrmlScene is host.app.mrmlScene()
    assert host.app.applicationLogic().GetMRMLScene() is host.mrmlScene


def test_a_volume_gets_a_grey_display(volume):
    volume.CreateDefaultDisplayNodes()
    assert volume.GetDisplayNode().GetColorNodeID() == "vtkMRMLColorTableNodeGrey"


@pytest.mark.parametrize("name", ["Grey", "Rainbow", "DivergingBlueRed", "GenericColors"])
def test_colour_tables(host, name):
    assert [node for node in host.util.getNodesByClass("vtkMRMLColorTableNode") if node.GetName() == name]


def test_an_added_node_gets_an_item_and_loses_it(host, volume):
    item = items(host).GetItemByDataNode(volume)
    assert item
    assert items(host).GetItemName(item) == "T1"
    host.mrmlScene.RemoveNode(volume)
    assert not items(host).GetItemByDataNode(volume)


@pytest.mark.parametrize("name", ["ScriptedModule", "Selection", "LinearTransform"])
def test_only_data_gets_an_item(host, name):
    node = host.mrmlScene.AddNewNodeByClass(f"vtkMRML{name}Node")
    assert bool(items(host).GetItemByDataNode(node)) == (name == "LinearTransform")


def test_closing_the_scene(host, volume):
    events = []
    scene = host.mrmlScene
    tags = [
        scene.AddObserver(scene.StartCloseEvent, lambda *_: events.append("start")),
        scene.AddObserver(scene.EndCloseEvent, lambda *_: events.append("end")),
    ]
    scene.Clear()
    for tag in tags:
        scene.RemoveObserver(tag)
    assert events == ["start", "end"]
    assert not host.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert host.mrmlScene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode") is not None
    assert host.app.layoutManager().sliceWidget("Red").mrmlSliceNode().GetName() == "Red"


def test_reset_takes_singletons_too(host):
    node = host.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
    node.UnRegister(None)
    node.SetSingletonTag("P")
    host.mrmlScene.AddNode(node)
    host.mrmlScene.Clear()
    assert host.mrmlScene.GetSingletonNode("P", "vtkMRMLScriptedModuleNode") is not None
    slicerhost.reset()
    assert host.mrmlScene.GetSingletonNode("P", "vtkMRMLScriptedModuleNode") is None


def test_volumes_in_the_slice_views(host, volume):
    host.util.setSliceViewerLayers(background=volume, fit=True)
    red = host.app.layoutManager().sliceWidget("Red")
    assert red.mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
    assert red.sliceLogic().GetBackgroundLayer().GetVolumeNode() is volume
    assert max(red.mrmlSliceNode().GetFieldOfView()) < 10


def test_a_layout(host):
    manager = host.app.layoutManager()
    manager.setLayout(host.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert manager.layout == host.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    assert manager.sliceWidget("Purple") is None


def test_a_layout_with_more_slice_views(host, volume):
    manager = host.app.layoutManager()
    manager.layout = host.vtkMRMLLayoutNode.SlicerLayoutFourByThreeSliceView
    assert len(manager.sliceViewNames()) > 3
    name = manager.sliceViewNames()[-1]
    manager.sliceWidget(name).mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    manager.resetSliceViews()
    slicerhost.reset()
    assert len(host.app.layoutManager().sliceViewNames()) == 3


def test_the_logic_of_a_built_in_module(host, volume):
    copy = host.modules.volumes.logic().CloneVolume(host.mrmlScene, volume, "copy")
    assert copy.GetName() == "copy"
    assert host.util.getModule("Volumes") is host.modules.volumes
    assert host.util.getModuleLogic("Volumes").IsA("vtkSlicerVolumesLogic")
