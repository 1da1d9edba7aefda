"""Stand-ins for ctk widgets."""

import pytest
import slicer

from slicerhost import pythonqt


@pytest.fixture
def qt(host):
    import qt

    return qt


@pytest.fixture
def ctk(host):
    import ctk

    return ctk


@pytest.fixture
def section(qt, ctk):
    """A collapsible button with a label in it, on the screen."""
    section = ctk.ctkCollapsibleButton()
    section.text = "Inputs"
    qt.QVBoxLayout(section).addWidget(qt.QLabel("inside"))
    section.show()
    return section


def inside(section, qt):
    return section.findChild(qt.QLabel)


def test_a_section_hides_what_is_in_it(qt, section):
    got = []
    section.connect("contentsCollapsed(bool)", got.append)
    assert inside(section, qt).visible
    section.collapsed = True
    assert not inside(section, qt).visible
    assert section.checked is False
    section.collapsed = False
    assert inside(section, qt).visible
    assert got == [True, False]


def test_a_click_on_the_head_collapses(qt, section):
    qt.QTest.mouseClick(section, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(5, 5))
    assert section.collapsed is True


def test_a_click_below_the_head_does_not(qt, section):
    section.resize(200, 200)
    qt.QTest.mouseClick(section, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(5, 150))
    assert section.collapsed is False


def test_what_the_module_has_hidden_stays_hidden(qt, section):
    inside(section, qt).hide()
    section.collapsed = True
    section.collapsed = False
    assert not inside(section, qt).visible


def test_a_collapsed_section_is_flat(section):
    open_height = section.sizeHint.height()
    section.collapsed = True
    assert section.sizeHint.height() < open_height


def test_a_section_is_drawn_with_a_head(qt, section):
    section.resize(200, 100)
    picture = section.grab().toImage()
    head = {picture.pixel(x, 12) for x in range(200)}
    below = {picture.pixel(x, 90) for x in range(2, 198)}
    assert len(head) > 10, "text and triangle are on it"
    assert len(below) == 1, "and nothing below"


def test_sections_take_the_parent_alone(ctk):
    with pytest.raises(TypeError):
        ctk.ctkCollapsibleButton("Inputs")


def test_a_group_box_collapses(qt, ctk):
    box = ctk.ctkCollapsibleGroupBox()
    qt.QVBoxLayout(box).addWidget(qt.QLabel("inside"))
    box.show()
    box.collapsed = True
    assert box.checked is False
    assert not inside(box, qt).visible


def test_a_slider_widget_keeps_slider_and_box_together(ctk):
    slider, got = ctk.ctkSliderWidget(), []
    slider.connect("valueChanged(double)", got.append)
    slider.minimum, slider.maximum, slider.decimals, slider.singleStep = 0.5, 2.5, 3, 0.125
    assert slider.value == 0.5
    slider.value = 1.25
    assert slider.spinBox().value == 1.25
    assert slider.slider().value == 1.25
    slider.slider().value = 2.0
    assert slider.value == 2.0
    assert got == [0.5, 1.25, 2.0]


def test_a_slider_widget_stays_in_its_range(ctk):
    slider = ctk.ctkSliderWidget()
    slider.maximum = 10
    slider.value = 11
    assert slider.value == 10


def test_what_is_no_property_and_no_slot_in_cpp_is_not_offered(ctk):
    assert not hasattr(ctk.ctkSliderWidget(), "setMinimum")
    assert not hasattr(ctk.ctkPathLineEdit(), "setFilters")
    assert hasattr(ctk.ctkSliderWidget(), "setValue")


def test_a_double_slider_is_vertical_until_told(qt, ctk):
    slider = ctk.ctkDoubleSlider()
    assert slider.orientation == qt.Qt.Vertical
    slider.orientation = qt.Qt.Horizontal
    assert slider.orientation == qt.Qt.Horizontal
    slider.maximum, slider.singleStep = 1.0, 0.1
    slider.value = 0.5
    assert slider.value == 0.5


def test_a_range_widget_keeps_its_order(ctk):
    widget, got = ctk.ctkRangeWidget(), []
    widget.connect("valuesChanged(double,double)", lambda low, high: got.append((low, high)))
    widget.minimum, widget.maximum = 0, 50
    widget.setValues(10, 20)
    widget.minimumValue = 30
    assert (widget.minimumValue, widget.maximumValue) == (20, 20)
    assert got == [(0, 50), (10, 20), (20, 20)]


def test_a_path_is_shown_and_announced(ctk, tmp_path):
    edit, paths, valid = ctk.ctkPathLineEdit(), [], []
    edit.connect("currentPathChanged(QString)", paths.append)
    edit.connect("validInputChanged(bool)", valid.append)
    edit.currentPath = str(tmp_path)
    edit.currentPath = str(tmp_path / "missing")
    assert edit.currentPath == str(tmp_path / "missing")
    edit.currentPath = ""
    assert paths == [str(tmp_path), str(tmp_path / "missing")], "nothing is told of an empty line"
    assert valid == [True, False]


def test_filters_of_a_path_are_flags(ctk):
    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Executable
    assert edit.filters == 0x42
    edit.nameFilters = ["Images (*.nrrd *.nii.gz)"]
    assert edit.nameFilters == ("Images (*.nrrd *.nii.gz)",)


def test_browsing_asks_for_a_file(ctk, tmp_path):
    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Files
    pythonqt.answer_dialogs([str(tmp_path / "a.nrrd"), ""])
    edit.browse()
    assert edit.currentPath == str(tmp_path / "a.nrrd")
    edit.browse()
    assert edit.currentPath == str(tmp_path / "a.nrrd"), "cancelled"
    assert slicer.app is not None


def test_paths_are_remembered_under_their_key(ctk):
    edit = ctk.ctkPathLineEdit()
    edit.settingKey = "Test/paths"
    edit.currentPath = "/data/somewhere"
    edit.addCurrentPathToHistory()
    other = ctk.ctkPathLineEdit()
    other.settingKey = "Test/paths"
    assert other.currentPath == "/data/somewhere"


def test_a_directory_button_shows_its_folder(qt, ctk, tmp_path):
    button, changed, selected = ctk.ctkDirectoryButton(), [], []
    button.connect("directoryChanged(QString)", changed.append)
    button.connect("directorySelected(QString)", selected.append)
    button.directory = str(tmp_path)
    button.directory = str(tmp_path)
    assert button.directory == str(tmp_path)
    assert changed == [str(tmp_path)]
    assert selected == [str(tmp_path)] * 2
    assert button.findChild(qt.QPushButton).text == str(tmp_path)


def test_a_combo_box_says_what_to_choose(ctk):
    combo = ctk.ctkComboBox()
    combo.addItem("one", "1")
    combo.addItem("two", "2")
    combo.currentUserDataAsString = "2"
    assert combo.currentText == "two"
    empty = combo.grab().toImage()
    combo.defaultText, combo.currentIndex = "Select a volume", -1
    assert combo.grab().toImage() != empty
    combo.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
    assert combo.scrollWheelEffect == 0


def test_a_message_box_remembers_not_to_come_again(ctk):
    box = ctk.ctkMessageBox()
    box.dontShowAgainSettingsKey = "Test/DontShow"
    assert box.dontShowAgainVisible is True
    box.setDontShowAgain(True)
    other = ctk.ctkMessageBox()
    other.dontShowAgainSettingsKey = "Test/DontShow"
    assert other.dontShowAgain is True


def test_check_and_spin_boxes_are_qts(qt, ctk):
    assert isinstance(ctk.ctkCheckBox(), qt.QCheckBox)
    spin = ctk.ctkDoubleSpinBox()
    spin.invertedControls = True
    spin.stepBy(-1)
    assert spin.value == 1
