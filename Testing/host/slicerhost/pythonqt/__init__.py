"""The modules qt and ctk as Slicer's Python sees them, made of PySide6.

PythonQt, which Slicer uses, shows Qt's objects through wrappers; so does this package. A wrapper
(`wrapper.Wrapper`) holds a PySide object; its class was made from PySide's class (`classes`) with PythonQt's manners:
properties are values, enumerations are integers, signals are connected by their signature (`signals`), unknown
attributes are refused. Classes that code under test derives get a PySide class behind them whose event handlers call
back (`shell`). Stand-ins for C++ widgets are PySide classes (`standin`), shown in the same way.
"""

import os
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from PySide6 import QtWidgets

from . import appearance, classes, dialogs, module, references, tooltips
from .convert import class_for, unwrap, wrap
from .errors import on_system_exit, slot_errors

__all__ = ["answer_dialogs", "build", "class_for", "on_system_exit", "reset", "slot_errors", "unwrap", "wrap"]

_built: list[Any] = []


def build() -> tuple[Any, ModuleType, ModuleType]:
    """Make the application object and the modules qt and ctk (not yet in ``sys.modules``); the same ones each time."""
    if not _built:
        from .. import ctk_widgets, uiloader

        references.protect()
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
        appearance.apply(application)
        qt, ctk = module.make()
        tooltips.install(qt)
        dialogs.install(qt)
        ctk_widgets.register(ctk)
        uiloader.register(qt)
        _built[:] = [application, qt, ctk]
    application, qt, ctk = _built
    return wrap(application), qt, ctk


def answer_dialogs(answers: Iterable[Any]) -> None:
    """Queue the answers of the next dialogs, as ``slicerhost.dialogs.answer`` does; one without answer is an error."""
    from ..popups import dialogs as queue

    queue.answer(*answers)


def reset() -> None:
    """Forget what slots have raised."""
    slot_errors.clear()
