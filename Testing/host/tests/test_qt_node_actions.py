"""qMRMLNodeComboBox: what it does to the scene."""

import pytest
import slicer

import slicerhost
from slicerhost import pythonqt

VOLUME = "vtkMRMLScalarVolumeNode"


@pytest.fixture
def scene(host):
    return slicer.mrmlScene


@pytest.fixture
def selector(scene):
    """A selector for volumes, with the scene."""
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    selector.setMRMLScene(scene)
    return selector


def test_adding_a_node_names_selects_and_announces_it(selector):
    added, by_action = [], []
    selector.connect("nodeAddedByUser(vtkMRMLNode*)", added.append)
    selector.connect("nodeAddedByUserAction(vtkMRMLNode*)", by_action.append)
    selector.baseName = "Result"
    node = selector.addNode()
    assert node.GetName() == "Result"
    assert selector.addNode().GetName() != "Result"
    assert added[0] is node
    assert by_action == []
    assert selector.addNode("vtkMRMLLinearTransformNode") is None


def test_an_added_node_is_not_selected_if_so_wanted(selector):
    selector.selectNodeUponCreation = False
    selector.addNode()
    assert selector.currentNode() is None


def test_a_base_name_before_the_types_is_lost_and_told(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.baseName = "Result"
    selector.nodeTypes = [VOLUME]
    assert selector.baseName == ""
    assert any("baseName is ignored" in text for text in slicerhost.errors.take())


def click_action(selector, text):
    """Click an entry of the open list, as a user does."""
    combo = selector.children()[0]
    index = combo.model().index(combo.findText(text), 0)
    combo.view().clicked.emit(index)


def test_actions_can_be_clicked(selector):
    by_action = []
    selector.connect("nodeAddedByUserAction(vtkMRMLNode*)", by_action.append)
    click_action(selector, "Create new Volume")
    assert by_action == [selector.currentNode()]
    click_action(selector, "Delete current Volume")
    assert selector.nodeCount() == 0


def test_renaming_asks_for_a_name(selector):
    renamed = []
    selector.renameEnabled = True
    selector.connect("currentNodeRenamed(QString)", renamed.append)
    node = slicer.mrmlScene.AddNewNodeByClass(VOLUME, "a")
    selector.setCurrentNode(node)
    pythonqt.answer_dialogs(["b"])
    click_action(selector, "Rename current Volume")
    assert node.GetName() == "b"
    assert renamed == ["b"]


def test_only_what_cpp_offers_is_offered(selector):
    for name in ("setNodeTypes", "setNoneEnabled", "setBaseName", "comboBox", "nodes"):
        assert not hasattr(selector, name)
    with pytest.raises(ValueError, match="no signal"):
        selector.connect("currentNodeChanged(PyObject)", print)
