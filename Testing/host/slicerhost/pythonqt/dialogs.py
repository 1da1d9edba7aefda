"""Dialogs never wait here: they get an answer that a test has queued, or they are an error.

Nobody sits in front of the offscreen screen, so a dialog that waits would hang the test for ever.
"""

from collections.abc import Callable, Iterable
from typing import Any

from PySide6 import QtWidgets

from . import convert

#: Answers to come. A function is called with the dialog (None for a static function) and gives the answer.
_answers: list[Any] = []

_WAITING = {"QDialog": ("exec", "exec_"), "QMenu": ("exec", "exec_")}
_STATIC = {
    "QMessageBox": ("about", "aboutQt", "critical", "information", "question", "warning"),
    "QFileDialog": (
        "getExistingDirectory",
        "getExistingDirectoryUrl",
        "getOpenFileName",
        "getOpenFileNames",
        "getOpenFileUrl",
        "getOpenFileUrls",
        "getSaveFileName",
        "getSaveFileUrl",
    ),
    "QInputDialog": ("getDouble", "getInt", "getItem", "getMultiLineText", "getText"),
    "QColorDialog": ("getColor",),
    "QFontDialog": ("getFont",),
}


def answer_dialogs(answers: Iterable[Any]) -> None:
    """Queue the answers of the next dialogs: what `exec_` or the static function is to return, or a function of it."""
    _answers.extend(answers)


def forget() -> None:
    """Forget the answers that were not used."""
    _answers.clear()


def install(qt: Any) -> None:
    """Replace everything that waits for a user in the module `qt`."""
    for owner, names in _WAITING.items():
        for name in names:
            setattr(getattr(qt, owner), name, _waiting(owner))
    for owner, names in _STATIC.items():
        for name in names:
            setattr(getattr(qt, owner), name, staticmethod(_static(f"{owner}.{name}")))


def _next(shown: Any, description: str) -> Any:
    if not _answers:
        raise AssertionError(f"a dialog was opened: {description}")
    answer = _answers.pop(0)
    return answer(shown) if callable(answer) else answer


def _waiting(owner: str) -> Callable[..., Any]:
    def exec_(self: Any, *_: Any) -> Any:
        return _next(self, f"{type(self).__name__}: {_text(self)}")

    exec_.__doc__ = f"Give the queued answer to this {owner}."
    return exec_


def _static(name: str) -> Callable[..., Any]:
    def ask(*arguments: Any) -> Any:
        return _next(None, f"{name}: {', '.join(each for each in arguments if isinstance(each, str))}")

    ask.__doc__ = f"Give the queued answer to {name}."
    return ask


def _text(dialog: Any) -> str:
    for name in ("text", "windowTitle", "title"):
        if getattr(type(dialog), name, None) is not None and (text := getattr(dialog, name)):
            return str(text)
    return "(no text)"


def ask_path(kind: str, caption: str, path: str, name_filter: str) -> str:
    """For stand-ins: what a static function of QFileDialog gives, through whatever answers it now."""
    arguments = [None, caption, path] + ([name_filter] if name_filter else [])
    return getattr(convert.class_for(QtWidgets.QFileDialog), kind)(*arguments) or ""


def ask_text(parent: Any, title: str, label: str, text: str) -> str:
    """For stand-ins: what QInputDialog.getText gives."""
    answer = convert.class_for(QtWidgets.QInputDialog).getText(convert.wrap(parent), title, label, 0, text)
    return answer or ""
