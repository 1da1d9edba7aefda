"""The modules qt and ctk as Slicer's Python sees them, made of PySide6."""

import enum
import os
import types
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtTest, QtUiTools, QtWidgets

from . import classes as _classes
from .convert import class_for, unwrap, wrap
from .enums import EnumValue, members
from .errors import on_system_exit, slot_errors

_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools, QtTest)
_NOT_OFFERED = {"Signal", "SignalInstance", "Slot", "Property", "ClassInfo", "QEnum", "QFlag", "Qt"}
_built: list[Any] = []


def build() -> tuple[Any, types.ModuleType, types.ModuleType]:
    """Make the application object and the modules qt and ctk (not yet in ``sys.modules``); the same ones each time."""
    if not _built:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        native = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
        native.setStyle("Fusion")
        qt, ctk = types.ModuleType("qt"), types.ModuleType("ctk")
        for module in _MODULES:
            for name in dir(module):
                member = getattr(module, name)
                if (
                    isinstance(member, type)
                    and issubclass(member, shiboken6.Shiboken.Object)
                    and name not in _NOT_OFFERED
                ):
                    setattr(qt, name, class_for(member))
        qt.Qt = type("Qt", (), members(QtCore.Qt))
        from .. import ctk_widgets, uiloader

        ctk_widgets.register(ctk)
        uiloader.register(qt)
        _built[:] = [wrap(native), qt, ctk]
    return tuple(_built)
