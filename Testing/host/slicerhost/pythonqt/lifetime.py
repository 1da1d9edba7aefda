"""Keeps the Python half of stand-ins alive as long as Qt keeps the other half."""

from typing import Any

import shiboken6
from PySide6 import QtCore

#: Objects written in Python that Qt owns, by address; without this PySide would forget what they are.
_kept: dict[int, Any] = {}


def keep(native: Any) -> None:
    """Hold an object until Qt deletes it."""
    if isinstance(native, QtCore.QObject) and shiboken6.isValid(native):
        address = shiboken6.getCppPointer(native)[0]
        if address not in _kept:
            _kept[address] = native
            native.destroyed.connect(lambda *_: _kept.pop(address, None))


def keep_if_owned(native: Any) -> None:
    """Hold an object whose last Python reference goes away while it has a parent; others are deleted, as in Slicer."""
    if isinstance(native, QtCore.QObject) and shiboken6.isValid(native) and native.parent() is not None:
        keep(native)
