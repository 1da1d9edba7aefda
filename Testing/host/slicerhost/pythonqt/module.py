"""Which names the module qt has, and where widgets are found by name."""

import sys
import types

import shiboken6
from PySide6 import QtCore, QtGui, QtTest, QtUiTools, QtWidgets

from . import convert, qt5
from .enums import members

_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools, QtTest)
#: PySide's own inventions; Slicer's qt has none of them, or using them there crashes.
_NOT_OFFERED = {"ClassInfo", "Property", "QEnum", "QFlag", "Qt", "Signal", "SignalInstance", "Slot"} | qt5.CLASSES
_known: list[types.ModuleType] = []


def make() -> tuple[types.ModuleType, types.ModuleType]:
    """The modules qt (complete) and ctk (empty)."""
    qt, ctk = types.ModuleType("qt"), types.ModuleType("ctk")
    for source in _MODULES:
        for name in dir(source):
            member = getattr(source, name)
            if isinstance(member, type) and issubclass(member, shiboken6.Shiboken.Object) and name not in _NOT_OFFERED:
                setattr(qt, name, convert.class_for(member))
    qt.Qt = type("Qt", (), dict(members(QtCore.Qt)))  # type: ignore[attr-defined]
    _known[:] = [qt, ctk]
    return qt, ctk


def namespaces() -> list[types.ModuleType]:
    """Modules in which a .ui file's classes are looked up: qt, ctk and, once it is there, slicer."""
    return [*_known, *filter(None, [sys.modules.get("slicer")])]
