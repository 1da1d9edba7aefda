"""Qt objects as PythonQt shows them: properties, methods, enumerations."""

import enum
import gc

import numpy as np
import pytest
import slicer


class Colour(enum.Enum):
    RED = "red"


@pytest.fixture
def qt(host):
    import qt

    return qt


@pytest.fixture
def button(qt):
    return qt.QPushButton("x")


def test_a_property_is_a_value(button):
    assert button.text == "x"
    assert button.enabled is True
    with pytest.raises(TypeError, match="'str' object is not callable"):
        button.text()


def test_a_property_is_set_like_an_attribute_and_by_its_slot(button):
    button.text = "y"
    assert button.text == "y"
    button.setText("z")
    assert button.text == "z"


def test_what_is_no_property_is_a_method(qt, button):
    assert button.isEnabled() is True
    assert qt.QProcess().state() == 0
    assert qt.QWidget().layout() is None
    assert isinstance(button.sizeHint.width(), int)


def test_name_is_the_object_name(button):
    button.name = "apply"
    assert button.objectName == "apply"
    assert button.name == "apply"


def test_an_unknown_attribute_cannot_be_set(button):
    expected = "'nonsense' does not exist on QPushButton and creating new attributes on C\\+\\+ objects is not allowed"
    with pytest.raises(AttributeError, match=expected):
        button.nonsense = 1


def test_an_unknown_attribute_cannot_be_read(button):
    with pytest.raises(AttributeError, match="QPushButton has no attribute named 'nonsense'"):
        button.nonsense  # noqa: B018
    assert not hasattr(button, "nonsense")


@pytest.mark.parametrize("name", ["click", "clicked", "width", "connect", "setToolTip"])
def test_methods_signals_and_read_only_properties_cannot_be_set(button, name):
    with pytest.raises(AttributeError):
        setattr(button, name, 1)


def test_stand_ins_refuse_unknown_attributes_too(host):
    import ctk

    with pytest.raises(AttributeError, match="'nodeType' does not exist on qMRMLNodeComboBox"):
        slicer.qMRMLNodeComboBox().nodeType = ["vtkMRMLVolumeNode"]
    with pytest.raises(AttributeError, match="'colapsed' does not exist on ctkCollapsibleButton"):
        ctk.ctkCollapsibleButton().colapsed = True


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", None), ("iconSize", 3), ("autoRepeatDelay", "soon"), ("autoRepeatDelay", None)],
)
def test_a_property_refuses_what_it_cannot_be(button, name, value):
    with pytest.raises(AttributeError, match=f"Property '{name}' of type .* does not accept an object of type"):
        setattr(button, name, value)


def test_numbers_become_what_the_property_is(qt, button):
    button.autoRepeatDelay = np.int64(7)
    assert button.autoRepeatDelay == 7
    button.text = 5
    assert button.text == "5"
    spin = qt.QSpinBox()
    spin.value = 2.9
    assert spin.value == 2
    button.enabled = None
    assert button.enabled is False


def test_a_single_text_is_no_list_of_texts(host):
    with pytest.raises(AttributeError, match="QStringList"):
        slicer.qMRMLNodeComboBox().nodeTypes = "vtkMRMLVolumeNode"


def test_methods_take_no_keywords(qt):
    with pytest.raises(TypeError):
        qt.QPushButton(text="x")
    with pytest.raises(TypeError):
        qt.QWidget().resize(w=1, h=2)


def test_single_shot_is_static_on_the_class_and_a_value_on_an_instance(qt):
    called = []
    qt.QTimer.singleShot(0, lambda: called.append(True))
    slicer.app.processEvents()
    assert called
    timer = qt.QTimer()
    assert timer.singleShot is False
    timer.singleShot = True
    assert timer.isSingleShot() is True


def test_a_timer_is_active(qt):
    timer = qt.QTimer()
    timer.start(1000)
    assert timer.active is True
    assert timer.isActive() is True


def test_a_timer_that_nobody_holds_never_fires(qt):
    fired = []

    def start():
        timer = qt.QTimer()
        timer.timeout.connect(lambda: fired.append(True))
        timer.start(0)

    start()
    for _ in range(3):
        slicer.app.processEvents()
    assert not fired


def test_a_tool_tip_reads_back_as_a_paragraph(qt, button):
    button.toolTip = "t"
    assert button.toolTip == "<p>t</p>"
    button.setToolTip("a < b")
    assert button.toolTip == "<p>a &lt; b</p>"
    button.toolTip = "<b>t</b>"
    assert button.toolTip == "<b>t</b>"
    button.toolTip = ""
    assert button.toolTip == ""


def test_a_combo_box_has_values_and_methods(qt):
    combo = qt.QComboBox()
    combo.addItem("one", 1)
    combo.addItem("two", {"a": 2})
    assert (combo.count, combo.currentIndex, combo.currentText, combo.currentData) == (2, 0, "one", 1)
    assert combo.itemData(1) == {"a": 2}
    combo.addItem("three", [1, (2, 3)])
    assert combo.itemData(2) == (1, (2, 3))
    combo.addItem("four", {5: None})
    assert combo.itemData(3) == {"5": None}
    combo.addItem("five", Colour.RED)
    assert combo.itemData(4) is Colour.RED
    combo.currentIndex = 1
    assert combo.currentText == "two"
    assert combo.findText("one") == 0
    assert combo.itemText(0) == "one"


def test_lists_come_back_as_tuples(qt):
    parent = qt.QWidget()
    child = qt.QLabel("x", parent)
    assert parent.children() == (child,)
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLVolumeNode"]
    assert selector.nodeTypes == ("vtkMRMLVolumeNode",)


def test_children_are_wrapped_and_the_same_object(qt):
    parent = qt.QWidget()
    button = qt.QPushButton(parent)
    button.name = "apply"
    found = parent.findChild(qt.QPushButton, "apply")
    assert found is button
    assert parent.findChildren(qt.QWidget) == (button,)
    assert parent.findChild(qt.QWidget, "no") is None
    assert button.parent() is parent
    assert parent.apply is button


def test_a_child_that_was_made_in_cpp_is_wrapped(qt):
    box = qt.QSpinBox()
    editor = box.findChild(qt.QLineEdit)
    assert type(editor) is qt.QLineEdit
    with pytest.raises(AttributeError, match="does not exist on QLineEdit"):
        editor.nonsense = 1


def test_objects_are_equal_by_identity_and_values_by_value(qt, button):
    assert button == button.window()
    assert button != qt.QPushButton("x")
    assert qt.QSize(1, 2) == qt.QSize(1, 2)
    assert qt.QSize(1, 2) + qt.QSize(1, 1) == qt.QSize(2, 3)


def test_a_destroyed_object_says_so(qt):
    button = qt.QPushButton()
    button.delete()
    assert not button
    with pytest.raises(ValueError, match="destroyed QPushButton"):
        button.text  # noqa: B018
    with pytest.raises(ValueError, match="destroyed QPushButton"):
        button.click()
    with pytest.raises(AttributeError, match="destroyed QPushButton"):
        button.text = "x"


def test_dynamic_properties_are_attributes(button):
    button.setProperty("SlicerParameterName", "scale")
    assert button.property("SlicerParameterName") == "scale"
    assert button.SlicerParameterName == "scale"
    button.SlicerParameterName = "other"
    assert button.property("SlicerParameterName") == "other"


def test_bytes_come_out_of_a_byte_array(qt):
    assert qt.QByteArray(b"abc").data() == b"abc"


def test_the_state_of_stand_ins_outlives_their_python_references(qt, host):
    import ctk

    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    parent.layout().addWidget(ctk.ctkCollapsibleButton())
    parent.layout().itemAt(0).widget().collapsed = True
    gc.collect()
    child = parent.children()[1]
    assert type(child) is ctk.ctkCollapsibleButton
    assert child.collapsed is True
