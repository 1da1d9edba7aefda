"""Dialogs are recorded, answered from a queue, and never waited for."""

import logging

import pytest

import slicerhost


def test_an_error_box_is_shown_and_the_error_goes_on(host):
    with pytest.raises(ValueError, match="reason"), host.util.tryWithErrorDisplay("It failed.", waitCursor=True):
        raise ValueError("reason")
    assert slicerhost.dialogs.texts() == ["It failed.\n\nreason"]
    assert "Traceback" in slicerhost.dialogs[0].detail
    assert not host.app.overrideCursor()


@pytest.mark.parametrize("name", ["infoDisplay", "warningDisplay", "errorDisplay"])
def test_a_message_box_is_closed(host, name):
    getattr(host.util, name)("hello")
    assert slicerhost.dialogs.texts() == ["hello"]


@pytest.mark.parametrize("name", ["infoDisplay", "warningDisplay", "errorDisplay"])
def test_a_message_box_is_only_logged_without_main_window(host, name, caplog):
    slicerhost.pretend(main_window=False)
    with caplog.at_level(logging.INFO):
        getattr(host.util, name)("hello")
    assert slicerhost.dialogs == []
    assert "hello" in caplog.messages


@pytest.mark.parametrize("name", ["confirmOkCancelDisplay", "confirmYesNoDisplay", "confirmRetryCloseDisplay"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_question_gets_the_queued_answer(host, name, answer):
    slicerhost.dialogs.answer(answer)
    assert getattr(host.util, name)("sure?") is answer


@pytest.mark.parametrize("main_window", [True, False])
def test_a_question_without_an_answer_is_an_error(host, main_window):
    slicerhost.pretend(main_window=main_window)
    with pytest.raises(AssertionError, match=r"a dialog was opened: .*sure\?"):
        host.util.confirmOkCancelDisplay("sure?")
    assert "sure?" in slicerhost.errors.take()[0]


@pytest.mark.parametrize("name", ["confirmOkCancelDisplay", "confirmYesNoDisplay"])
def test_in_testing_mode_questions_are_answered_with_no(host, name):
    slicerhost.pretend(testing=True)
    assert getattr(host.util, name)("sure?") is False
    assert slicerhost.dialogs == []


def test_a_dialog_of_ones_own(host):
    import qt

    dialog = qt.QDialog()
    dialog.windowTitle = "Mine"
    slicerhost.dialogs.answer(True, lambda shown: len(shown.windowTitle))
    assert [dialog.exec_(), dialog.exec_()] == [1, 4]
    with pytest.raises(AssertionError, match="Mine"):
        dialog.exec_()
    assert slicerhost.errors.take()


def test_a_class_derived_from_a_dialog(host):
    import qt

    class Mine(qt.QDialog):
        pass

    slicerhost.dialogs.answer(False)
    assert Mine().exec_() == 0


def test_a_file_dialog(host):
    import qt

    slicerhost.dialogs.answer("/a/b.nrrd")
    assert qt.QFileDialog.getOpenFileName(None, "Open", "/a") == "/a/b.nrrd"
    with pytest.raises(AssertionError, match="QFileDialog"):
        qt.QFileDialog.getOpenFileName(None, "Open")
    assert slicerhost.errors.take()


def test_a_question_by_a_static_function(host):
    import qt

    slicerhost.dialogs.answer(qt.QMessageBox.Yes)
    assert qt.QMessageBox.question(None, "T", "sure?") == qt.QMessageBox.Yes
    assert slicerhost.dialogs.texts() == ["sure?"]


def test_answers_do_not_outlive_a_test(host):
    slicerhost.dialogs.answer(True)
    slicerhost.reset()
    assert slicerhost.dialogs.pending == []
