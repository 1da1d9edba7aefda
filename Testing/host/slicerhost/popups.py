"""Dialogs: recorded, answered from a queue, never waited for.

In Slicer a message box waits for the user. Here every modal dialog is recorded in `slicerhost.dialogs` instead:

* one with an answer in the queue (`slicerhost.dialogs.answer(True)`) returns that answer;
* a message box with no more than one button (error, warning, information) is closed, as a user would;
* any other raises AssertionError "a dialog was opened: ...", and so does every dialog without a main window:
  headless it would wait for ever.
"""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import errors, state

Answer = bool | int | str | None | Callable[[Any], Any]


@dataclasses.dataclass
class Dialog:
    """One dialog that was opened."""

    kind: str
    title: str
    text: str
    detail: str = ""
    buttons: int = 0
    answer: object = None


class Dialogs(list[Dialog]):
    """The dialogs so far, and the answers to come."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[Answer] = []

    def answer(self, *answers: Answer) -> None:
        """Queue answers for the next dialogs.

        True presses the affirmative button (OK, Yes, Retry), False the other one (Cancel, No, Close); an integer is
        returned as it is; a callable gets the dialog and gives what it returns; for a static function such as
        ``QFileDialog.getOpenFileName`` the answer is its result.
        """
        self.pending.extend(answers)

    def reset(self) -> None:
        """Forget dialogs and answers."""
        self.clear()
        self.pending.clear()

    def texts(self) -> list[str]:
        """Texts of the dialogs so far."""
        return [dialog.text for dialog in self]


dialogs = Dialogs()


def install(qt: ModuleType, ctk: ModuleType) -> None:
    """Make every dialog class of `qt` and `ctk` record itself."""
    from PySide6 import QtWidgets

    for namespace in (qt, ctk):
        for cls in list(vars(namespace).values()):
            if isinstance(cls, type) and issubclass(cls, QtWidgets.QDialog):
                cls.exec = cls.exec_ = _run
    for owner, names in _STATIC.items():
        for name in names:
            setattr(getattr(qt, owner), name, staticmethod(_static(f"{owner}.{name}")))


_STATIC = {
    "QMessageBox": ("information", "question", "warning", "critical", "about"),
    "QFileDialog": ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
    "QInputDialog": ("getText", "getInt", "getDouble", "getItem", "getMultiLineText"),
}


def _static(kind: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        texts = [value for value in (*args, *kwargs.values()) if isinstance(value, str)]
        shown = Dialog(kind, texts[0] if texts else "", texts[1] if len(texts) > 1 else "")
        dialogs.append(shown)
        if not dialogs.pending:
            _refuse(shown)
        answer = dialogs.pending.pop(0)
        shown.answer = answer(None) if callable(answer) else answer
        return shown.answer

    return function


def _run(dialog: Any) -> int:
    shown = _describe(dialog)
    dialogs.append(shown)
    if dialogs.pending:
        answer = dialogs.pending.pop(0)
        shown.answer = _translate(dialog, answer(dialog) if callable(answer) else answer)
    elif state.current.main_window and _is_message(dialog) and bin(shown.buttons).count("1") <= 1:
        shown.answer = shown.buttons or _button(dialog, "Ok")
    else:
        _refuse(shown)
    return shown.answer  # type: ignore[return-value]


def _refuse(shown: Dialog) -> None:
    message = f"a dialog was opened: {shown.kind} {shown.title.strip()!r}: {shown.text!r}"
    errors.record(message)
    raise AssertionError(message)


def _is_message(dialog: Any) -> bool:
    from PySide6 import QtWidgets

    return isinstance(dialog, QtWidgets.QMessageBox)


def _describe(dialog: Any) -> Dialog:
    from PySide6 import QtCore, QtWidgets

    def value(name: str) -> Any:
        return QtCore.QObject.property(dialog, name)

    if not _is_message(dialog):
        labels = [QtCore.QObject.property(label, "text") for label in dialog.findChildren(QtWidgets.QLabel)]
        return Dialog(type(dialog).__name__, value("windowTitle"), "\n".join(labels))
    buttons = QtWidgets.QMessageBox.standardButtons(dialog)
    return Dialog(
        type(dialog).__name__,
        value("windowTitle"),
        value("text"),
        value("detailedText") or "",
        int(getattr(buttons, "value", buttons)),
    )


def _button(dialog: Any, name: str) -> int:
    from PySide6 import QtWidgets

    return int(getattr(QtWidgets.QMessageBox.StandardButton, name).value)


_YES, _NO = ("Ok", "Yes", "Retry", "Save", "Open", "Apply"), ("Cancel", "No", "Close", "Abort", "Discard", "Ignore")


def _translate(dialog: Any, answer: Any) -> Any:
    if not isinstance(answer, bool):
        return answer
    if not _is_message(dialog):
        return int(answer)  # QDialog.Accepted is 1, QDialog.Rejected 0
    offered = _describe(dialog).buttons
    for name in _YES if answer else _NO:
        if offered & _button(dialog, name):
            return _button(dialog, name)
    return _button(dialog, "Ok" if answer else "Cancel")
