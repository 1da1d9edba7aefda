"""slicer.parameterNodeWrapper.connectGui: a whole form, bound by the property SlicerParameterName."""

from typing import Annotated

import pytest

import slicerhost


def form(host, **names):
    import qt

    parent = qt.QWidget()
    layout = qt.QVBoxLayout()
    parent.setLayout(layout)
    for object_name, field in names.items():
        child = qt.QLineEdit()
        child.objectName = object_name
        child.setProperty("SlicerParameterName", field)
        layout.addWidget(child)
    return parent


@pytest.fixture
def parameters(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    cls = parameterNodeWrapper(type("P", (), {"__annotations__": {"a": str, "b": str}}))
    return cls(host.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))


def test_a_form_is_bound_by_its_properties(host, parameters):
    parent = form(host, first="a", second="b")
    ui = host.util.childWidgetVariables(parent)
    tag = parameters.connectGui(ui)
    ui.first.text = "x"
    parameters.b = "y"
    assert (parameters.a, ui.second.text) == ("x", "y")
    parameters.disconnectGui(tag)
    ui.first.text = "z"
    assert parameters.a == "x"
    parameters.b = "w"
    assert ui.second.text == "y"


def test_a_widget_is_bound_with_its_children(host, parameters):
    parent = form(host, first="a")
    parameters.connectGui(parent)
    parameters.a = "x"
    assert host.util.childWidgetVariables(parent).first.text == "x"


def test_an_unknown_name_is_refused(host, parameters):
    with pytest.raises(ValueError, match="nothing"):
        parameters.connectGui(form(host, first="nothing"))


def test_in_5_10_the_tag_is_lost_and_the_form_stays_bound(host, parameters):
    slicerhost.pretend(version="5.10")
    parent = form(host, first="a")
    tag = parameters.connectGui(parent)
    assert tag is None
    parameters.disconnectGui(tag)
    host.util.childWidgetVariables(parent).first.text = "x"
    assert parameters.a == "x"


def test_disconnecting_removes_the_observer(host, parameters):
    parent = form(host, first="a")
    before = parameters.parameterNode.HasObserver("ModifiedEvent")
    tag = parameters.connectGui(parent)
    parameters.disconnectGui(tag)
    assert parameters._gui == {}
    assert parameters.parameterNode.HasObserver("ModifiedEvent") == before


def test_a_child_is_found_by_its_parameter(host):
    from slicer.parameterNodeWrapper import findChildWidgetForParameter

    parent = form(host, first="a", second="b")
    assert findChildWidgetForParameter(parent, "b").objectName == "second"
    assert findChildWidgetForParameter(parent, "c") is None


def test_a_value_that_a_field_refuses_is_an_error_in_the_slot(host):
    from slicer.parameterNodeWrapper import Exclude, parameterNodeWrapper

    cls = parameterNodeWrapper(type("P", (), {"__annotations__": {"a": Annotated[str, Exclude(["bad"])]}}))
    parameters = cls(host.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    parent = form(host, first="a")
    parameters.connectGui(parent)
    host.util.childWidgetVariables(parent).first.text = "bad"
    assert parameters.a == ""
    assert "excluded" in slicerhost.errors.take()[0]
