"""Dialogs never wait here: they are errors, unless somebody (`slicerhost.popups`) answers them.

Nobody sits in front of the offscreen screen, so a dialog that waits would hang the test for ever.
"""

from collections.abc import Callable
from typing import Any

from PySide6 import QtWidgets

from . import convert

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


def install(qt: Any) -> None:
    """Refuse everything in the module `qt` that waits for a user; it may be replaced again, by what answers."""
    for owner, names in _WAITING.items():
        base = getattr(qt, owner)
        for cls in [each for each in vars(qt).values() if isinstance(each, type) and issubclass(each, base)]:
            for name in names:
                # Some classes have an exec of their own, which would come first.
                if cls is base or name in vars(cls):
                    setattr(cls, name, _waiting(owner))
    for owner, names in _STATIC.items():
        for name in names:
            setattr(getattr(qt, owner), name, staticmethod(_static(f"{owner}.{name}")))


def _waiting(owner: str) -> Callable[..., Any]:
    def exec_(self: Any, *_: Any) -> Any:
        raise AssertionError(f"a dialog was opened: {type(self).__name__}: {_text(self)}")

    exec_.__doc__ = f"Refuse to wait for this {owner}."
    return exec_


def _static(name: str) -> Callable[..., Any]:
    def ask(*arguments: Any) -> Any:
        texts = [each for each in arguments if isinstance(each, str)]
        raise AssertionError(f"a dialog was opened: {name}: {', '.join(texts)}")

    ask.__doc__ = f"Refuse to wait for {name}."
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
