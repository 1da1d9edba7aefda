"""connect, disconnect and what becomes of exceptions in slots."""

import functools
import sys

import pytest
import slicer

import slicerhost
from slicerhost import pythonqt


@pytest.fixture
def qt(host):
    import qt

    return qt


@pytest.fixture
def button(qt):
    button = qt.QPushButton("x")
    button.checkable = True
    return button


def test_connect_by_signature(button):
    got = []
    assert button.connect("clicked(bool)", got.append) is True
    button.click()
    assert got == [True]


def test_connect_by_attribute(button):
    got = []
    assert button.clicked.connect(lambda checked: got.append(checked)) is True
    button.click()
    assert got == [True]


@pytest.mark.parametrize("signal", ["clickd(bool)", "clicked(int)", "clicked", "nonsense()"])
def test_a_signal_that_does_not_exist_is_refused(button, signal):
    with pytest.raises(ValueError, match="QPushButton has no signal"):
        button.connect(signal, print)


def test_the_refusal_names_the_right_signature(button):
    with pytest.raises(ValueError, match=r"it has clicked\(bool\), clicked\(\)"):
        button.connect("clicked(int)", print)


def test_spaces_in_a_signature_do_not_matter(button):
    assert button.connect("clicked( bool )", print)


def test_a_slot_may_take_fewer_arguments(button):
    got = []
    button.connect("clicked(bool)", lambda: got.append("none"))
    button.click()
    assert got == ["none"]


def test_a_signature_without_arguments_gives_none(button):
    got = []
    button.connect("clicked()", lambda checked="default": got.append(checked))
    button.click()
    assert got == ["default"]


def test_a_default_is_replaced_by_the_emitted_value(button):
    got = []

    class Panel:
        def on_apply(self, checked=None):
            got.append(checked)

    button.clicked.connect(Panel().on_apply)
    button.click()
    assert got == [True]


def test_a_partial_gets_everything_as_in_pythonqt(qt):
    got = []
    box = qt.QSpinBox()
    box.connect("valueChanged(int)", functools.partial(lambda *values: got.append(values), "first"))
    box.value = 3
    assert got == [("first", 3)]


def test_what_is_no_function_is_refused(button):
    with pytest.raises(TypeError, match="cannot be called"):
        button.connect("clicked(bool)", None)


@pytest.mark.parametrize("form", ["signature", "attribute"])
def test_disconnect(button, form):
    got = []

    def slot():
        got.append(1)

    button.connect("clicked(bool)", slot)
    button.clicked.connect(slot)
    undo = functools.partial(button.disconnect, "clicked(bool)") if form == "signature" else button.clicked.disconnect
    assert undo(slot) is True
    button.click()
    assert got == [1], "one connection is undone, not both"
    assert undo(slot) is True
    assert undo(slot) is False
    button.click()
    assert got == [1]


def test_bound_methods_are_disconnected(button):
    got = []

    class Panel:
        def slot(self):
            got.append(1)

    panel = Panel()
    button.clicked.connect(panel.slot)
    assert button.clicked.disconnect(panel.slot) is True
    button.click()
    assert not got


def test_disconnecting_an_unknown_signal_is_refused(button):
    with pytest.raises(ValueError, match="no signal"):
        button.disconnect("clickd(bool)", print)


def test_a_signal_connects_to_a_slot_by_signature(qt, button):
    label = qt.QLabel()
    assert button.connect("toggled(bool)", label, "setEnabled(bool)") is True
    button.checked = True
    button.checked = False
    assert label.enabled is False
    assert button.disconnect("toggled(bool)", label, "setEnabled(bool)") is True


@pytest.mark.parametrize("slot", ["setEnable(bool)", "setText(QString)", "setEnabled(int)"])
def test_a_slot_that_does_not_exist_or_fit_is_refused(qt, button, slot):
    with pytest.raises(ValueError, match="slot"):
        button.connect("toggled(bool)", qt.QLabel(), slot)


def test_a_signal_is_emitted_by_name(button):
    got = []
    button.connect("clicked(bool)", got.append)
    button.clicked.emit(True)
    button.clicked()
    assert got == [True, False]


def test_arguments_that_are_objects_are_wrapped(qt):
    got = []
    tree = qt.QTreeWidget()
    item = qt.QTreeWidgetItem(tree)
    tree.connect("itemClicked(QTreeWidgetItem*,int)", lambda clicked, column: got.append((clicked, column)))
    tree.itemClicked.emit(item, 0)
    assert got == [(item, 0)]
    assert type(got[0][0]) is qt.QTreeWidgetItem


def test_an_exception_in_a_slot_is_collected_and_the_rest_goes_on(button):
    got = []

    def bad():
        raise KeyError("broken slot")

    button.clicked.connect(bad)
    button.clicked.connect(lambda: got.append(1))
    button.click()
    button.click()
    assert got == [1, 1]
    assert [type(error) for error in pythonqt.slot_errors] == [KeyError, KeyError]
    assert any("broken slot" in text for text in slicerhost.errors.take())
    pythonqt.reset()


def test_an_exception_in_a_single_shot_is_collected(qt):
    qt.QTimer.singleShot(0, lambda: 1 / 0)
    slicer.app.processEvents()
    assert any("ZeroDivisionError" in text for text in slicerhost.errors.take())
    pythonqt.reset()


def test_leaving_the_application_in_a_slot_is_for_the_application(button):
    codes = []
    before = pythonqt.on_system_exit(lambda error: codes.append(error.code))
    try:
        button.clicked.connect(lambda: exit_with(3))
        button.click()
    finally:
        pythonqt.on_system_exit(before)
    assert codes == [3]
    assert not pythonqt.slot_errors


def exit_with(code):
    raise SystemExit(code)


def test_a_click_on_a_disabled_button_does_nothing(qt, button):
    got = []
    button.clicked.connect(lambda: got.append(1))
    button.enabled = False
    qt.QTest.mouseClick(button, qt.Qt.LeftButton)
    assert not got
    button.enabled = True
    qt.QTest.mouseClick(button, qt.Qt.LeftButton)
    assert got == [1]


def test_connections_go_with_the_sender(qt):
    from slicerhost.pythonqt import signals

    before = len(signals._connections)
    button = qt.QPushButton()
    button.clicked.connect(print)
    assert len(signals._connections) == before + 1
    button.delete()
    assert len(signals._connections) == before


def test_a_process_is_followed_by_its_signals(qt):
    ended, process = [], qt.QProcess()
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status)))
    process.start(sys.executable, ["-c", "print('hello'); raise SystemExit(3)"])
    assert slicerhost.process_events_until(lambda: ended, 30)
    assert ended == [(3, qt.QProcess.NormalExit)]
    assert process.readAllStandardOutput().data().strip() == b"hello"
