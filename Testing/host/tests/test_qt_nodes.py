"""Stand-ins for qMRML widgets, over the real scene."""

import pytest
import slicer

import slicerhost

VOLUME = "vtkMRMLScalarVolumeNode"
LABELS = "vtkMRMLLabelMapVolumeNode"


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


@pytest.fixture
def changes(selector):
    """Names of the nodes that the selector announces."""
    names = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: names.append(node and node.GetName()))
    return names


def add(name, node_class=VOLUME):
    return slicer.mrmlScene.AddNewNodeByClass(node_class, name)


def names(selector):
    return [selector.nodeFromIndex(index).GetName() for index in range(selector.nodeCount())]


def test_nodes_of_the_types_are_listed(selector):
    add("a")
    add("t", "vtkMRMLLinearTransformNode")
    add("b")
    assert names(selector) == ["a", "b"]


def test_a_selector_without_types_takes_any_node(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.setMRMLScene(scene)
    assert selector.currentNode() is not None


def test_without_a_scene_it_is_empty_and_disabled(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    node = add("a")
    assert not selector.enabled
    selector.setCurrentNode(node)
    assert selector.currentNode() is None
    assert selector.nodeCount() == 0
    assert selector.addNode() is None


def test_a_node_that_was_asked_for_early_is_current_when_the_scene_comes(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    add("a")
    wanted = add("b")
    selector.setCurrentNode(wanted)
    selector.setMRMLScene(scene)
    assert selector.currentNode() is wanted
    assert selector.enabled


def test_the_first_node_is_current_where_none_is_no_choice(scene):
    add("a")
    add("b")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    selector.setMRMLScene(scene)
    assert selector.currentNode().GetName() == "a"


def test_none_is_current_where_it_is_a_choice(scene):
    add("a")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes, selector.noneEnabled, selector.noneDisplay = [VOLUME], True, "Create new"
    selector.setMRMLScene(scene)
    assert selector.currentNode() is None
    assert selector.children()[0].currentText == "Create new"


def test_a_change_is_announced_in_all_forms(selector, changes):
    flags, identifiers = [], []
    selector.connect("currentNodeChanged(bool)", flags.append)
    selector.connect("currentNodeIDChanged(QString)", identifiers.append)
    node = add("a")
    selector.setCurrentNode(node)
    selector.setCurrentNode(None)
    assert changes == ["a", None]
    assert flags == [True, False]
    assert identifiers == [node.GetID(), ""]


def test_the_node_that_is_current_already_is_not_announced(selector, changes):
    node = add("a")
    selector.setCurrentNode(node)
    selector.setCurrentNode(node)
    selector.currentNodeID = node.GetID()
    assert changes == ["a"]


def test_the_signal_as_an_attribute_gives_the_node(selector):
    got = []
    selector.currentNodeChanged.connect(got.append)
    node = add("a")
    selector.setCurrentNode(node)
    assert got == [node]


def test_the_current_id_is_a_property(selector):
    node = add("a")
    selector.currentNodeID = node.GetID()
    assert selector.currentNodeID == node.GetID()
    assert selector.currentNode() is node
    selector.setCurrentNodeID("nothing")
    assert selector.currentNodeID == ""


def test_a_node_that_is_not_listed_makes_none_current(selector):
    selector.setCurrentNode(add("a"))
    selector.setCurrentNode(add("t", "vtkMRMLLinearTransformNode"))
    assert selector.currentNode() is None


def test_a_new_node_is_not_chosen_while_there_are_actions(selector, changes):
    add("a")
    assert selector.currentNode() is None
    assert changes == []


def test_the_first_node_of_a_list_without_actions_is_chosen(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes, selector.addEnabled, selector.removeEnabled = [VOLUME], False, False
    selector.setMRMLScene(scene)
    node = add("a")
    add("b")
    assert selector.currentNode() is node


def test_the_node_before_a_removed_one_becomes_current(selector, changes, scene):
    first, second = add("a"), add("b")
    selector.setCurrentNode(second)
    scene.RemoveNode(second)
    assert selector.currentNode() is first
    scene.RemoveNode(first)
    assert selector.currentNode() is None
    assert changes == ["b", "a", None]


def test_removing_another_node_changes_nothing(selector, changes, scene):
    add("a")
    current = add("b")
    selector.setCurrentNode(current)
    scene.RemoveNode(scene.GetFirstNodeByName("a"))
    assert selector.currentNode() is current


def test_a_node_about_to_be_removed_is_announced_while_it_is_there(selector, scene):
    seen = []
    selector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", lambda node: seen.append(scene.GetNodeByID(node.GetID())))
    node = add("a")
    scene.RemoveNode(node)
    assert seen == [node]


def test_closing_the_scene_empties_it(selector, changes, scene):
    selector.setCurrentNode(add("a"))
    scene.Clear(0)
    assert selector.nodeCount() == 0
    assert selector.currentNode() is None
    assert changes[-1] is None


def test_a_renamed_node_is_a_renamed_entry(selector, changes):
    node = add("a")
    selector.setCurrentNode(node)
    node.SetName("b")
    assert selector.children()[0].currentText == "b"
    assert names(selector) == ["b"]
    assert changes == ["a", "b"]


def test_hidden_nodes_are_shown_on_request(selector):
    node = add("a")
    node.SetHideFromEditors(True)
    assert selector.nodeCount() == 0
    selector.showHidden = True
    assert names(selector) == ["a"]


def test_subclasses_are_shown_unless_they_are_unwanted(selector):
    add("a")
    add("labels", LABELS)
    assert names(selector) == ["a", "labels"]
    selector.hideChildNodeTypes = [LABELS]
    assert names(selector) == ["a"]
    selector.hideChildNodeTypes, selector.showChildNodeTypes = [], False
    assert names(selector) == ["a"]


def test_attributes_filter(selector):
    add("a")
    add("b").SetAttribute("kind", "result")
    selector.addAttribute(VOLUME, "kind", "result")
    assert names(selector) == ["b"]
    assert selector.addNode().GetAttribute("kind") == "result"
    selector.removeAttribute(VOLUME, "kind")
    assert len(names(selector)) == 3


def test_the_scene_no_longer_calls_a_selector_that_is_gone(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.setMRMLScene(scene)
    selector.delete()
    add("a")
    assert not slicerhost.errors.take()
