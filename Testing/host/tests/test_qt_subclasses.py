"""Python classes that a module derives from Qt classes."""

import gc

import pytest
import slicer

import slicerhost
from slicerhost import pythonqt


@pytest.fixture
def qt(host):
    import qt

    return qt


def test_they_may_have_attributes_of_their_own(qt):
    class Helper(qt.QObject):
        def __init__(self, parent=None):
            super().__init__(parent)
            self.count = 1

    helper = Helper()
    helper.count += 1
    assert helper.count == 2
    assert isinstance(helper, qt.QObject)


def test_they_still_cannot_hide_a_method(qt):
    class Panel(qt.QWidget):
        pass

    with pytest.raises(AttributeError, match="Slot 'show' can not be overwritten"):
        Panel().show = None


def test_an_event_handler_is_called_and_can_call_the_original(qt):
    class Button(qt.QPushButton):
        def __init__(self):
            super().__init__("x")
            self.pressed_at = None

        def mousePressEvent(self, event):  # noqa: N802
            self.pressed_at = event.pos().x()
            super().mousePressEvent(event)

    button, clicks = Button(), []
    button.resize(40, 20)
    button.clicked.connect(lambda: clicks.append(1))
    qt.QTest.mouseClick(button, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(7, 5))
    assert button.pressed_at == 7
    assert clicks == [1]


def test_an_event_filter_sees_wrapped_objects(qt):
    seen = []

    class Filter(qt.QObject):
        def eventFilter(self, watched, event):  # noqa: N802
            seen.append((watched, int(event.type())))

    button, watcher = qt.QPushButton(), Filter()
    button.installEventFilter(watcher)
    qt.QTest.mousePress(button, qt.Qt.LeftButton)
    assert (button, qt.QEvent.MouseButtonPress) in seen
    assert button.down is True, "no return statement means: not handled"


def test_an_event_filter_may_stop_an_event(qt):
    class Filter(qt.QObject):
        def eventFilter(self, watched, event):  # noqa: N802
            return event.type() == qt.QEvent.MouseButtonPress

    button, watcher = qt.QPushButton(), Filter()
    button.installEventFilter(watcher)
    qt.QTest.mousePress(button, qt.Qt.LeftButton)
    assert button.down is False


def test_an_exception_in_an_event_handler_is_collected(qt):
    class Broken(qt.QWidget):
        def mousePressEvent(self, event):  # noqa: N802
            raise KeyError("broken handler")

    widget = Broken()
    qt.QTest.mouseClick(widget, qt.Qt.LeftButton)
    assert any("broken handler" in text for text in slicerhost.errors.take())
    pythonqt.reset()


def test_new_signals_are_refused(qt):
    from PySide6 import QtCore

    with pytest.raises(TypeError, match="cannot define signals"):
        type("Worker", (qt.QObject,), {"finished": QtCore.Signal(int)})


def test_forgetting_the_constructor_of_qt_is_told(qt):
    class Panel(qt.QWidget):
        def __init__(self):
            self.count = 1

    panel = Panel()
    with pytest.raises(RuntimeError, match="__init__ of the Qt class was not called"):
        panel.show()


def test_what_they_are_outlives_their_python_references(qt):
    class Panel(qt.QWidget):
        def __init__(self, parent):
            super().__init__(parent)
            self.secret = 42

    parent = qt.QWidget()
    Panel(parent)
    gc.collect()
    (child,) = parent.children()
    assert type(child) is Panel
    assert child.secret == 42


def test_one_without_parent_goes_with_its_last_reference(qt):
    class Panel(qt.QWidget):
        pass

    gone = []
    panel = Panel()
    panel.destroyed.connect(lambda: gone.append(1))
    del panel
    assert gone == [1]


def test_a_stand_in_can_be_derived_from(qt):
    class Root(slicer.qMRMLWidget):
        def __init__(self, parent=None):
            super().__init__(parent)
            self.scenes = []
            self.connect("mrmlSceneChanged(vtkMRMLScene*)", self.scenes.append)

    root = Root()
    root.setMRMLScene(slicer.mrmlScene)
    assert root.scenes == [slicer.mrmlScene]
