"""Enumerations as PythonQt shows them, and names that Slicer's qt does not have."""

import sys

import pytest


@pytest.fixture
def qt(host):
    import qt

    return qt


def test_enumerations_are_integers_on_class_and_instance(qt):
    assert qt.QProcess.Running == 2
    assert qt.QProcess().Running == 2
    assert qt.Qt.LeftButton == 1
    assert qt.Qt.AlignRight | qt.Qt.AlignTop == 0x22
    assert isinstance(qt.Qt.LeftButton, int)


def test_combined_flags_are_taken_and_given(qt):
    label = qt.QLabel()
    label.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignTop)
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignTop
    label.alignment = qt.Qt.AlignLeft
    assert label.alignment & qt.Qt.AlignLeft
    box = qt.QMessageBox()
    box.standardButtons = qt.QMessageBox.Ok | qt.QMessageBox.Cancel
    assert box.standardButtons == qt.QMessageBox.Ok | qt.QMessageBox.Cancel


@pytest.mark.parametrize(
    ("owner", "name"), [("Qt", "MouseButton"), ("QMessageBox", "StandardButton"), ("QSizePolicy", "Policy")]
)
def test_scoped_enumerations_are_not_offered(qt, owner, name):
    assert not hasattr(getattr(qt, owner), name)


@pytest.mark.parametrize("name", ["Signal", "SignalInstance", "Slot", "Property", "QEnum", "ClassInfo", "SIGNAL"])
def test_names_of_pyside_alone_are_not_offered(qt, name):
    assert not hasattr(qt, name)


@pytest.mark.parametrize(
    ("owner", "name"),
    [("QCheckBox", "checkStateChanged"), ("QFormLayout", "setRowVisible"), ("QMouseEvent", "position")],
)
def test_what_qt_5_does_not_have_is_not_offered(qt, owner, name):
    assert not hasattr(getattr(qt, owner), name)
    assert not hasattr(qt, "QStringDecoder")


def test_what_qt_5_does_not_call_deprecated_is_no_warning(qt):
    point = qt.QPointF(1, 2)
    event = qt.QMouseEvent(qt.QEvent.MouseMove, point, point, qt.Qt.NoButton, qt.Qt.NoButton, qt.Qt.NoModifier)
    assert event.pos() == qt.QPoint(1, 2)


def test_none_does_not_run_out_of_references(qt):
    button = qt.QPushButton()
    for _ in range(1000):
        button.setText("x")
    assert sys.getrefcount(None) > 1 << 30
