"""Stand-ins for the other qMRML widgets."""

import pytest
import slicer

VOLUME = "vtkMRMLScalarVolumeNode"


@pytest.fixture
def scene(host):
    return slicer.mrmlScene


def add(name, node_class=VOLUME):
    return slicer.mrmlScene.AddNewNodeByClass(node_class, name)


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
