"""The panels' forms are as Slicer needs them, and each check sees what it is there for."""

import ast
from xml.etree import ElementTree

import pytest

import lint_ui
from forms import Form, parameters, read_form
from repository.source import ROOT

FORMS = [read_form(path) for path in sorted((ROOT / "MRIEnhance" / "Resources" / "UI").glob("*.ui"))]


@pytest.mark.parametrize("check", lint_ui.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_forms(form: Form, check: lint_ui.Check) -> None:
    assert not list(check(form))


def test_every_module_has_its_form() -> None:
    assert [form.name for form in FORMS] == sorted(path.stem for path in (ROOT / "MRIEnhance").glob("*.py"))


MODULE = """
class Mode(enum.Enum):
    FAST = 1

@parameterPack
class Box:
    side: float = 1.0

@parameterNodeWrapper
class GoodParameterNode:
    inputVolume: vtkMRMLScalarVolumeNode
    either: Union[vtkMRMLScalarVolumeNode, slicer.vtkMRMLTextNode, None]
    tileSize: Annotated[int, WithinRange(0, 9)] = 0
    unbounded: int = 0
    method: Annotated[str, Choice(["a", "b"])] = "a"
    name: str = ""
    box: Box
    mode: Mode
"""

FORM = """<ui version="4.0"><class>Good</class><widget class="qMRMLWidget" name="Good">
<layout class="QVBoxLayout" name="all">
<item><widget class="QLabel" name="inputLabel"><property name="text"><string>Input:</string></property></widget></item>
<item><widget class="qMRMLNodeComboBox" name="inputSelector">
<property name="nodeTypes"><stringlist notr="true"><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
<property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property></widget></item>
<item><widget class="QSlider" name="tileSlider"><property name="orientation"><enum>Qt::Horizontal</enum></property>
<property name="SlicerParameterName" stdset="0"><string>tileSize</string></property></widget></item>
<item><widget class="QComboBox" name="methodComboBox">
<property name="SlicerParameterName" stdset="0"><string>method</string></property></widget></item>
<item><widget class="QDoubleSpinBox" name="sideSpinBox">
<property name="SlicerParameterName" stdset="0"><string>box.side</string></property></widget></item>
<item><widget class="QPushButton" name="applyButton">
<property name="text"><string>Apply</string></property></widget></item>
<item><widget class="QLabel" name="statusLabel"><property name="text"><string/></property></widget></item>
<item><spacer name="s"><property name="orientation"><enum>Qt::Vertical</enum></property></spacer></item>
</layout></widget><customwidgets>
<customwidget><class>qMRMLWidget</class></customwidget><customwidget><class>qMRMLNodeComboBox</class></customwidget>
</customwidgets><connections><connection><sender>Good</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>inputSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""

BAD = [
    ("root_is_a_mrml_widget", 'class="qMRMLWidget" name', 'class="QWidget" name', "the root is a QWidget"),
    ("root_is_a_mrml_widget", "<class>Good</class>", "<class>Form</class>", "not after the module"),
    ("scene_reaches_every_mrml_widget", "<sender>Good</sender>", "<sender>all</sender>", "does not get the scene"),
    ("scene_reaches_every_mrml_widget", "Changed(vtkMRMLScene*)", "Changed()", "does not get the scene"),
    ("connections_have_two_ends", "<receiver>inputSelector", "<receiver>selector", "names 'selector'"),
    ("names_are_attributes", 'name="applyButton"', 'name="apply button"', "cannot be an attribute"),
    ("names_are_attributes", 'name="applyButton"', 'name="statusLabel"', "is there twice"),
    ("own_classes_are_declared", "<customwidget><class>qMRMLNodeComboBox</class></customwidget>", "", "custom widgets"),
    ("node_selectors_say_what_they_select", "nodeTypes", "nodeType", "takes any node"),
    ("parameters_exist_and_fit", ">inputVolume<", ">inputvolume<", "no field 'inputvolume'"),
    ("parameters_exist_and_fit", ">box.side<", ">box.edge<", "no field 'box.edge'"),
    ("parameters_exist_and_fit", ">method<", ">tileSize<", "bound twice"),
    ("parameters_exist_and_fit", ">tileSize<", ">unbounded<", "cannot bind a QSlider"),
    ("parameters_exist_and_fit", ">method<", ">name<", "cannot bind a QComboBox"),
    ("parameters_exist_and_fit", ">inputVolume<", ">name<", "cannot bind a qMRMLNodeComboBox"),
    ("parameters_exist_and_fit", "QDoubleSpinBox", "QPlainTextEdit", "cannot bind a QPlainTextEdit"),
    ("parameters_exist_and_fit", ' stdset="0"', "", "must be a dynamic string"),
    ("everything_is_labelled", "<string>Apply</string>", "<string/>", "applyButton has no text"),
    ("everything_is_labelled", ">Apply<", ">PushButton<", "still has Designer's text"),
    ("everything_is_labelled", 'name="statusLabel"', 'name="label_2"', "label_2 has no text"),
    ("text_can_be_translated", "<string>Apply", '<string notr="true">Apply', "not to be translated"),
    ("slicers_look_is_left_alone", 'name="orientation"', 'name="styleSheet"', "has a style sheet"),
    ("slicers_look_is_left_alone", "Qt::Vertical", "Qt::Horizontal", "vertical spacer"),
    ("qt_5_and_6_read_it", "Qt::Horizontal", "Qt::Orientation::Horizontal", "Qt::Orientation::Horizontal"),
    ("qt_5_and_6_read_it", 'name="orientation"', 'name="margin"', "no margin"),
]


def good_form(ui: str = FORM) -> Form:
    return Form("Good", ElementTree.fromstring(ui), ast.parse(MODULE))


def test_a_good_form_is_let_be() -> None:
    assert not [line for check in lint_ui.CHECKS for line in check(good_form())]


@pytest.mark.parametrize(("check", "old", "new", "complaint"), BAD)
def test_every_fault_is_seen(check: str, old: str, new: str, complaint: str) -> None:
    assert old in FORM
    assert complaint in "\n".join(getattr(lint_ui, check)(good_form(FORM.replace(old, new))))


def test_every_check_has_a_bad_example() -> None:
    assert {check for check, *_ in BAD} == {check.__name__ for check in lint_ui.CHECKS}


def test_types_are_read_from_the_module() -> None:
    found = parameters(ast.parse(MODULE))
    assert found["either"].kind == found["inputVolume"].kind == "node"
    assert found["mode"].kind == "Enum"
    assert found["tileSize"].bounded
    assert not found["unbounded"].bounded
    assert "box" not in found
