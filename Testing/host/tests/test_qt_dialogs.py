"""Dialogs never wait."""

import pytest

import slicerhost
from slicerhost import pythonqt


@pytest.fixture
def qt(host):
    import qt

    return qt


def forget_the_refusal():
    """The refusal is also among the errors that fail a test, in case the code under test swallows it."""
    assert any("a dialog was opened" in text for text in slicerhost.errors.take())


@pytest.mark.parametrize("method", ["exec", "exec_"])
@pytest.mark.parametrize("kind", ["QDialog", "QFileDialog", "QInputDialog", "QProgressDialog", "QMenu"])
def test_a_dialog_that_nobody_answers_is_an_error(qt, kind, method):
    with pytest.raises(AssertionError, match=f"a dialog was opened: {kind}"):
        getattr(getattr(qt, kind)(), method)()
    forget_the_refusal()


def test_a_question_that_nobody_answers_is_an_error(qt):
    box = qt.QMessageBox()
    box.text, box.standardButtons = "Sure?", qt.QMessageBox.Yes | qt.QMessageBox.No
    with pytest.raises(AssertionError, match=r"a dialog was opened: QMessageBox.*Sure"):
        box.exec_()
    forget_the_refusal()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("QMessageBox", "question"),
        ("QMessageBox", "warning"),
        ("QFileDialog", "getOpenFileName"),
        ("QFileDialog", "getExistingDirectory"),
        ("QInputDialog", "getText"),
    ],
)
def test_a_static_dialog_that_nobody_answers_is_an_error(qt, owner, name):
    with pytest.raises(AssertionError, match=rf"a dialog was opened: {owner}\.{name}.*Sure"):
        getattr(getattr(qt, owner), name)(None, "Title", "Sure?")
    forget_the_refusal()


@pytest.mark.parametrize(("owner", "name"), [("QColorDialog", "getColor"), ("QFontDialog", "getFont")])
def test_rarer_dialogs_are_refused_too(qt, owner, name):
    with pytest.raises(AssertionError, match="a dialog was opened"):
        getattr(getattr(qt, owner), name)()


def test_answers_are_given_in_order(qt):
    pythonqt.answer_dialogs([qt.QMessageBox.Yes, "/data/a.nrrd"])
    assert qt.QMessageBox.question(None, "t", "Sure?") == qt.QMessageBox.Yes
    assert qt.QFileDialog.getOpenFileName(None, "t", "/data") == "/data/a.nrrd"


def test_a_dialog_of_ctk_is_answered(host):
    import ctk

    pythonqt.answer_dialogs([ctk.ctkMessageBox.Ok])
    box = ctk.ctkMessageBox()
    box.text = "Really?"
    assert box.exec_() == ctk.ctkMessageBox.Ok


def test_an_answer_may_look_at_the_dialog(qt):
    texts = []

    def read(dialog):
        texts.append(dialog.text)
        return qt.QMessageBox.No

    pythonqt.answer_dialogs([read])
    box = qt.QMessageBox()
    box.text = "Really?"
    assert box.exec_() == qt.QMessageBox.No
    assert texts == ["Really?"]


def test_a_dialog_that_does_not_wait_is_allowed(qt):
    dialog = qt.QDialog()
    dialog.show()
    assert dialog.visible
    dialog.close()
