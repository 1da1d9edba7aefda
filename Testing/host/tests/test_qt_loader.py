"""qt.QUiLoader: what it loads and what it refuses."""

import gc

import pytest
import slicer

import slicerhost

SELECTOR = """<widget class="qMRMLNodeComboBox" name="selector">
  <property name="toolTip"><string>The scan</string></property>
  <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
  <property name="noneEnabled"><bool>true</bool></property>
  <property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property>
</widget>"""
SCENE = ("Panel", "mrmlSceneChanged(vtkMRMLScene*)", "selector", "setMRMLScene(vtkMRMLScene*)")


@pytest.fixture
def load(host, tmp_path):
    """Load a panel with these widgets, one below the other, and these connections."""
    import qt

    def function(*widgets, connections=(), more=""):
        keys = ("sender", "signal", "receiver", "slot")
        wires = "".join(
            "<connection>" + "".join(f"<{k}>{v}</{k}>" for k, v in zip(keys, wire, strict=True)) + "</connection>"
            for wire in connections
        )
        items = "".join(f"<item>{widget}</item>" for widget in widgets)
        path = tmp_path / "Panel.ui"
        path.write_text(
            f"""<?xml version="1.0" encoding="UTF-8"?><ui version="4.0"><class>Panel</class>
            <widget class="qMRMLWidget" name="Panel"><layout class="QVBoxLayout" name="rows">{items}</layout></widget>
            {more}<connections>{wires}</connections></ui>""",
            encoding="utf-8",
        )
        device = qt.QFile(str(path))
        device.open(qt.QFile.ReadOnly)
        return qt.QUiLoader().load(device)

    return function


def simple(widget_class, name, properties=""):
    return f'<widget class="{widget_class}" name="{name}">{properties}</widget>'


def test_widgets_are_wrapped_stand_ins(load):
    import ctk
    import qt

    panel = load(SELECTOR, simple("QPushButton", "apply"), simple("ctkCollapsibleButton", "section"))
    gc.collect()
    assert type(panel) is slicer.qMRMLWidget
    assert type(panel.findChild(qt.QWidget, "selector")) is slicer.qMRMLNodeComboBox
    assert type(panel.apply) is qt.QPushButton
    assert type(panel.section) is ctk.ctkCollapsibleButton


def test_all_children_are_found_by_walking(load):
    panel = load(SELECTOR, simple("QPushButton", "apply"))
    names = {child.name for child in panel.children()}
    assert {"selector", "apply", "rows"} <= names


def test_properties_are_set(load):
    panel = load(SELECTOR)
    assert panel.selector.noneEnabled is True
    assert panel.selector.nodeTypes == ("vtkMRMLScalarVolumeNode",)


def test_a_dynamic_property_is_readable(load):
    assert load(SELECTOR).selector.property("SlicerParameterName") == "inputVolume"


def test_texts_are_those_of_the_file(load):
    panel = load(simple("QLabel", "label", '<property name="text"><string>Größe ×2</string></property>'))
    assert panel.label.text == "Größe ×2"


def test_tool_tips_are_paragraphs(load):
    assert load(SELECTOR).selector.toolTip == "<p>The scan</p>"


def test_the_scene_reaches_the_selectors(load):
    panel = load(SELECTOR, connections=[SCENE])
    panel.setMRMLScene(slicer.mrmlScene)
    assert panel.selector.mrmlScene() is slicer.mrmlScene


def test_without_a_connection_the_scene_does_not(load):
    panel = load(SELECTOR)
    panel.setMRMLScene(slicer.mrmlScene)
    assert panel.selector.mrmlScene() is None
    assert not panel.selector.enabled


def test_qt_widgets_are_connected_too(load):
    boxes = simple("QCheckBox", "on"), simple("QPushButton", "apply")
    panel = load(*boxes, connections=[("on", "toggled(bool)", "apply", "setDisabled(bool)")])
    panel.on.checked = True
    assert panel.apply.enabled is False


def test_enumerations_of_stand_ins_are_set(load):
    import ctk

    path = simple(
        "ctkPathLineEdit",
        "path",
        '<property name="filters"><set>ctkPathLineEdit::Files|ctkPathLineEdit::Readable</set></property>',
    )
    section = simple(
        "ctkCollapsibleButton",
        "section",
        '<property name="contentsFrameShape"><enum>QFrame::StyledPanel</enum></property>',
    )
    panel = load(path, section)
    assert panel.path.filters == ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
    assert panel.section.contentsFrameShape == 6


def test_lines_spacers_and_buddies_are_loaded(load):
    spacer = '<spacer name="gap"><property name="orientation"><enum>Qt::Vertical</enum></property></spacer>'
    line = simple("Line", "line", '<property name="orientation"><enum>Qt::Horizontal</enum></property>')
    label = simple("QLabel", "label", '<property name="buddy"><cstring>selector</cstring></property>')
    panel = load(spacer, line, label, SELECTOR)
    assert panel.line is not None
    assert panel.label.buddy() is panel.selector


@pytest.mark.parametrize(
    ("widget", "said"),
    [
        (simple("qMRMLNodeCombBox", "selector"), "qMRMLNodeCombBox selector: the stand-in knows no widget"),
        (simple("QPushButon", "apply"), "QPushButon apply: the stand-in knows no widget"),
        (
            simple("QPushButton", "apply", '<property name="txt"><string>x</string></property>'),
            "QPushButton apply: there is no property txt",
        ),
        (
            simple("qMRMLNodeComboBox", "s", '<property name="nodeType"><string>x</string></property>'),
            "qMRMLNodeComboBox s: there is no property nodeType",
        ),
        (
            simple("QLabel", "label", '<property name="buddy"><cstring>nobody</cstring></property>'),
            "label: its buddy nobody does not exist",
        ),
        (
            simple("QSlider", "s", '<property name="orientation"><enum>Qt::Orientation::Horizontal</enum></property>'),
            "Qt 5 knows it by the class alone",
        ),
        (
            simple("QSlider", "s", '<property name="orientation"><enum>Qt::Horizontl</enum></property>'),
            "QSlider s: orientation: there is no value Qt::Horizontl",
        ),
    ],
)
def test_what_does_not_exist_is_refused(load, widget, said):
    with pytest.raises(ValueError, match=said):
        load(widget)


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (("Panel", SCENE[1], "nobody", SCENE[3]), "Panel, nobody does not exist"),
        (("Panel", "mrmlSceneChange(vtkMRMLScene*)", "selector", SCENE[3]), "has no signal"),
        (("Panel", SCENE[1], "selector", "setMRMLScen(vtkMRMLScene*)"), "has no slot"),
        (("Panel", SCENE[1], "selector", "setMRMLScene(vtkMRMLNode*)"), "does not take what the signal"),
        (("Panel", SCENE[1], "selector", "setCurrentNode(vtkMRMLNode*)"), "does not take what the signal"),
    ],
)
def test_a_wrong_connection_is_refused(load, wire, said):
    with pytest.raises(ValueError, match=said):
        load(SELECTOR, connections=[wire])


def test_everything_wrong_is_said_at_once(load):
    with pytest.raises(ValueError, match="no property txt") as caught:
        load(simple("QPushButton", "a", '<property name="txt"><string>x</string></property>'), simple("qFoo", "b"))
    assert "qFoo b" in str(caught.value)


def test_a_name_given_twice_is_refused(load):
    with pytest.raises(ValueError, match="the name a is given 2 times"):
        load(simple("QLabel", "a"), simple("QLabel", "a"))


def test_a_tab_stop_that_does_not_exist_is_refused(load):
    with pytest.raises(ValueError, match="tab stop nobody does not exist"):
        load(SELECTOR, more="<tabstops><tabstop>nobody</tabstop></tabstops>")


def test_a_base_name_before_the_types_is_an_error(load):
    properties = '<property name="baseName"><string>Result</string></property>'
    load(simple("qMRMLNodeComboBox", "selector", properties))
    assert any("baseName is ignored" in text for text in slicerhost.errors.take())


def test_what_is_no_ui_file_is_refused(host):
    import qt

    buffer = qt.QBuffer()
    buffer.setData(b"no xml")
    buffer.open(qt.QIODevice.ReadOnly)
    with pytest.raises(ValueError, match=r"cannot be read as a \.ui file"):
        qt.QUiLoader().load(buffer)


def test_a_path_is_no_file(host):
    import qt

    with pytest.raises(TypeError, match="QFile"):
        qt.QUiLoader().load("Panel.ui")


def test_classes_that_the_host_derives_are_found(load, monkeypatch):
    class qSlicerWidget(slicer.qMRMLWidget):  # noqa: N801
        pass

    monkeypatch.setattr(slicer, "qSlicerWidget", qSlicerWidget, raising=False)
    assert type(load(simple("qSlicerWidget", "inner")).inner) is qSlicerWidget


def test_a_panel_can_be_drawn(load):
    panel = load(SELECTOR, simple("ctkSliderWidget", "scale"), simple("QPushButton", "apply"))
    panel.resize(300, 120)
    picture = panel.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(0, 300, 3) for y in range(0, 120, 3)}
    assert (picture.width(), picture.height()) == (300, 120)
    assert len(colours) > 5
