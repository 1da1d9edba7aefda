"""Dialogs: recorded, answered from a queue, never waited for.

In Slicer a modal dialog waits for the user. Here every one is recorded in `slicerhost.dialogs` instead:

* one with an answer in the queue (`slicerhost.dialogs.answer(True)`) returns that answer;
* a message box with no more than one button (error, warning, information) is closed, as a user would;
* any other raises AssertionError "a dialog was opened: ...", and so does every dialog without a main window: headless
  it would wait for ever. The test fails even where the code under test swallows that.
"""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import errors, state

Answer = bool | int | str | None | Callable[[Any], Any]

_STATIC = {
    "QMessageBox": ("information", "question", "warning", "critical", "about"),
    "QFileDialog": ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
    "QInputDialog": ("getText", "getInt", "getDouble", "getItem", "getMultiLineText"),
}
_YES = ("Ok", "Yes", "Retry", "Save", "Open", "Apply")
_NO = ("Cancel", "No", "Close", "Abort", "Discard", "Ignore")


@dataclasses.dataclass
class Dialog:
    """One dialog that was opened.

    Parameters
    ----------
    kind
        Its class, or its static function.
    title, text, detail
        What it says.
    buttons
        Standard buttons of a message box, as flags.
    answer
        What it returned.
    """

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

        True presses the affirmative button (OK, Yes, Retry), False the other one (Cancel, No, Close); a number is
        returned as it is; a callable gets the dialog and gives the answer; for a static function such as
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
    """Make every dialog class of `qt` and `ctk` record itself instead of waiting."""
    for namespace in (qt, ctk):
        for cls in list(vars(namespace).values()):
            if isinstance(cls, type) and issubclass(cls, qt.QDialog | qt.QMenu):
                cls.exec = cls.exec_ = _run
    for owner, names in _STATIC.items():
        for name in names:
            setattr(getattr(qt, owner), name, staticmethod(_static(f"{owner}.{name}")))


def _static(kind: str) -> Callable[..., Any]:
    def function(*arguments: Any, **keywords: Any) -> Any:
        texts = [value for value in (*arguments, *keywords.values()) if isinstance(value, str)]
        title, text = [*texts, "", ""][:2]
        shown = Dialog(kind, title, text)
        dialogs.append(shown)
        if not dialogs.pending:
            _refuse(shown)
        answer = dialogs.pending.pop(0)
        shown.answer = answer(None) if callable(answer) else answer
        return shown.answer

    return function


def _run(dialog: Any, *_: Any) -> Any:
    shown = _describe(dialog)
    dialogs.append(shown)
    if dialogs.pending:
        answer = dialogs.pending.pop(0)
        shown.answer = _pressed(shown, answer(dialog) if callable(answer) else answer)
    elif state.current.main_window and _is_message(dialog) and shown.buttons.bit_count() <= 1:
        shown.answer = shown.buttons or _button("Ok")
    else:
        _refuse(shown)
    return shown.answer


def _refuse(shown: Dialog) -> None:
    message = f"a dialog was opened: {shown.kind} {shown.title.strip()!r}: {shown.text!r}"
    errors.record(message)
    raise AssertionError(message)


def _is_message(dialog: Any) -> bool:
    import qt

    return isinstance(dialog, qt.QMessageBox)


def _describe(dialog: Any) -> Dialog:
    import qt

    kind, title = type(dialog).__name__, dialog.windowTitle
    if _is_message(dialog):
        buttons = int(dialog.standardButtons)
        return Dialog(kind, title, dialog.text, dialog.detailedText or "", buttons)
    labels = [label.text for label in dialog.findChildren(qt.QLabel)]
    return Dialog(kind, title, "\n".join(labels))


def _button(name: str) -> int:
    import qt

    return int(getattr(qt.QMessageBox, name))


def _pressed(shown: Dialog, answer: Any) -> Any:
    if not isinstance(answer, bool):
        return answer
    offered = (_button(name) for name in (_YES if answer else _NO))
    # A dialog that is no message box has no such buttons: 1 is QDialog.Accepted, 0 is QDialog.Rejected.
    return next((button for button in offered if shown.buttons & button), int(answer))
