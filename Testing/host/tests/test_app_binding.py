"""slicer.parameterNodeWrapper and widgets: which pairs there are, and what binding does to a widget."""

import enum
import pathlib
from typing import Annotated, Any

import pytest
import slicer


class Colour(enum.Enum):
    RED = 1
    GREEN = 2

    def label(self):
        return self.name.title()


def choice(*values):
    from slicer.parameterNodeWrapper import Choice

    return Annotated[type(values[0]), Choice(list(values))]


def limits(type_, low, high):
    from slicer.parameterNodeWrapper import WithinRange

    return Annotated[type_, WithinRange(low, high)]


@pytest.fixture
def bind(host):
    """Bind one widget to one field; gives the wrapper and the tag."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def make(widget, datatype, **default):
        node = host.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
        cls = parameterNodeWrapper(type("P", (), {"__annotations__": {"field": datatype}, **default}))
        parameters = cls(node)
        tag = parameters.connectParametersToGui({"field": widget})
        return parameters, tag

    return make


def widget_class(name) -> Any:
    import ctk
    import qt

    return next(getattr(owner, name) for owner in (qt, ctk, slicer) if hasattr(owner, name))


def first_choice(datatype):
    """A default that Choice allows, where there is one: the default's default is empty."""
    choices = getattr(getattr(datatype, "__metadata__", [None])[0], "choices", None)
    return {"field": choices[0]} if choices else {}


PAIRS = [
    ("QCheckBox", lambda: bool, True, "checked", True),
    ("ctkCheckBox", lambda: bool, True, "checked", True),
    ("QPushButton", lambda: bool, True, "checked", True),
    ("QSpinBox", lambda: int, 7, "value", 7),
    ("QSlider", lambda: limits(int, 0, 9), 7, "value", 7),
    ("QDoubleSpinBox", lambda: float, 2.5, "value", 2.5),
    ("QDoubleSpinBox", lambda: int, 2, "value", 2.0),
    ("ctkDoubleSpinBox", lambda: float, 2.5, "value", 2.5),
    ("ctkSliderWidget", lambda: limits(float, 0, 9), 2.5, "value", 2.5),
    ("qMRMLSliderWidget", lambda: limits(float, 0, 9), 2.5, "value", 2.5),
    ("QLineEdit", lambda: str, "text", "text", "text"),
    ("QTextEdit", lambda: str, "text", "plainText", "text"),
    ("QComboBox", lambda: choice("a", "b"), "b", "currentText", "b"),
    ("ctkComboBox", lambda: choice(1, 2), 2, "currentText", "2"),
    ("QComboBox", lambda: Colour, Colour.GREEN, "currentText", "Green"),
    ("ctkPathLineEdit", lambda: pathlib.Path, pathlib.Path("/a/b"), "currentPath", "/a/b"),
]


@pytest.mark.parametrize(("name", "datatype", "value", "attribute", "shown"), PAIRS)
def test_a_field_reaches_its_widget(bind, name, datatype, value, attribute, shown):
    first = (
        {"field": next(iter(datatype().__metadata__[0].choices))} if "Combo" in name and value != Colour.GREEN else {}
    )
    widget = widget_class(name)()
    parameters, _ = bind(widget, datatype(), **first)
    parameters.field = value
    assert getattr(widget, attribute) == shown


@pytest.mark.parametrize(("name", "datatype", "value", "attribute", "shown"), PAIRS)
def test_a_widget_reaches_its_field(bind, name, datatype, value, attribute, shown):
    first = (
        {"field": next(iter(datatype().__metadata__[0].choices))} if "Combo" in name and value != Colour.GREEN else {}
    )
    widget = widget_class(name)()
    parameters, _ = bind(widget, datatype(), **first)
    if attribute == "currentText":
        widget.currentIndex = widget.findText(shown)
    else:
        setattr(widget, attribute, shown)
    assert parameters.field == value
    assert type(parameters.field) is type(value)


@pytest.mark.parametrize(
    ("name", "datatype"),
    [
        ("QPlainTextEdit", lambda: str),
        ("QProgressBar", lambda: int),
        ("QRadioButton", lambda: bool),
        ("QCheckBox", lambda: int),
        ("QLineEdit", lambda: int),
        ("QSpinBox", lambda: float),
        ("QToolButton", lambda: bool),
        ("QComboBox", lambda: str),  # no Choice
        ("QSlider", lambda: int),  # no limits
        ("ctkSliderWidget", lambda: float),
        ("qMRMLNodeComboBox", lambda: str),
    ],
)
def test_a_pair_that_slicer_does_not_know_is_refused(bind, name, datatype):
    with pytest.raises(RuntimeError):
        bind(widget_class(name)(), datatype())


def test_a_class_derived_in_python_is_not_known(bind):
    import qt

    class Mine(qt.QLineEdit):
        pass

    with pytest.raises(RuntimeError):
        bind(Mine(), str)


def test_a_node_selector_gets_the_fields_type_and_node(host, bind):
    volume = host.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    selector = host.qMRMLNodeComboBox()
    selector.noneEnabled = True
    selector.setMRMLScene(host.mrmlScene)
    parameters, _ = bind(selector, host.vtkMRMLScalarVolumeNode)
    assert tuple(selector.nodeTypes) == ("vtkMRMLScalarVolumeNode",)
    parameters.field = volume
    assert selector.currentNode() is volume
    selector.setCurrentNode(None)
    assert parameters.field is None


def test_the_limits_of_the_form_are_replaced(bind):
    import qt

    spin = qt.QSpinBox()
    spin.setRange(1, 5)
    bind(spin, int)
    assert (spin.minimum, spin.maximum) == (-(2**31), 2**31 - 1)
    bind(spin, limits(int, 2, 8), field=2)
    assert (spin.minimum, spin.maximum) == (2, 8)


def test_step_and_decimals_are_set(bind):
    import qt
    from slicer.parameterNodeWrapper import Decimals, SingleStep

    spin = qt.QDoubleSpinBox()
    bind(spin, Annotated[float, Decimals(3), SingleStep(0.25)])
    assert (spin.decimals, spin.singleStep) == (3, 0.25)


def test_the_items_of_the_form_are_replaced_by_the_choices(bind):
    import qt

    combo = qt.QComboBox()
    combo.addItem("from the form")
    bind(combo, choice("a", "b"), field="b")
    assert [combo.itemText(index) for index in range(combo.count)] == ["a", "b"]
    assert combo.currentText == "b"


def test_a_label_only_shows(bind):
    import qt

    label = qt.QLabel()
    parameters, _ = bind(label, str, field="hello")
    assert label.text == "hello"
    label.text = "other"
    assert parameters.field == "hello"
