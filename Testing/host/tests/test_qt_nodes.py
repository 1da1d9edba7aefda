"""Stand-ins for qMRML widgets, over the real scene."""

import pytest
import slicer

import slicerhost
from slicerhost import pythonqt

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
    node = add("a")
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


def test_the_scene_no_longer_calls_a_selector_that_is_gone(scene):
    selector = slicer.qMRMLNodeComboBox()
    selector.setMRMLScene(scene)
    selector.delete()
    add("a")
    assert not slicerhost.errors.take()


def test_a_root_widget_passes_the_scene_on(scene):
    root, got = slicer.qMRMLWidget(), []
    root.connect("mrmlSceneChanged(vtkMRMLScene*)", got.append)
    assert root.mrmlScene() is None
    root.setMRMLScene(scene)
    root.setMRMLScene(scene)
    assert root.mrmlScene() is scene
    assert got == [scene]


def test_a_table_view_shows_its_node(scene):
    import qt
    import vtk

    node = add("metrics", "vtkMRMLTableNode")
    column = vtk.vtkStringArray()
    column.SetName("Method")
    column.InsertNextValue("sinc")
    node.AddColumn(column)
    view = slicer.qMRMLTableView()
    view.setMRMLScene(scene)
    view.setMRMLTableNode(node)
    assert view.mrmlTableNode() is node
    model = view.model()
    assert model.rowCount() == 1
    assert model.index(0, 0).data() == "sinc"
    assert model.headerData(0, qt.Qt.Horizontal) == "Method"
    node.RemoveAllColumns()
    assert view.model().columnCount() == 0
    view.setMRMLTableNode(add("a"))
    assert view.mrmlTableNode() is None


def test_numbers_with_units(scene):
    slider = slicer.qMRMLSliderWidget()
    slider.setMRMLScene(scene)
    slider.quantity = "length"
    slider.value = 3
    assert (slider.mrmlScene(), slider.quantity, slider.value) == (scene, "length", 3)
    spin = slicer.qMRMLSpinBox()
    spin.unitAwareProperties = slicer.qMRMLSpinBox.Prefix | slicer.qMRMLSpinBox.Suffix
    assert spin.unitAwareProperties == 3


def test_several_nodes_can_be_ticked(scene):
    import qt

    selector, changed = slicer.qMRMLCheckableNodeComboBox(), []
    selector.nodeTypes = [VOLUME]
    selector.setMRMLScene(scene)
    selector.connect("checkedNodesChanged()", lambda: changed.append(1))
    first, second = add("a"), add("b")
    selector.setCheckState(second, qt.Qt.Checked)
    assert selector.checkedNodes() == (second,)
    assert selector.uncheckedNodes() == (first,)
    assert selector.checkState(second) == qt.Qt.Checked
    selector.uncheck(second)
    assert selector.noneChecked()
    assert changed == [1, 1]


def test_a_tree_of_the_subject_hierarchy_has_a_current_item(scene):
    tree, got = slicer.qMRMLSubjectHierarchyTreeView(), []
    tree.setMRMLScene(scene)
    tree.connect("currentItemChanged(vtkIdType)", got.append)
    hierarchy = tree.subjectHierarchyNode()
    item = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "case")
    tree.setCurrentItem(item)
    assert tree.currentItem() == item
    assert got == [item]
