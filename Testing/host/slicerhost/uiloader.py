"""qt.QUiLoader: loads a .ui file as Slicer's loader does, but says what is wrong with it."""

import xml.etree.ElementTree as ElementTree
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import uicheck
from .pythonqt import convert, lifetime, signals, tooltips

_Tree = ElementTree.Element


class UiError(ValueError):
    """A .ui file names something that does not exist; in Slicer it would be ignored or crash."""


class QUiLoader(QtUiTools.QUiLoader):
    """Makes stand-ins for custom widgets, and the connections in Python (their types are C++'s)."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._errors: list[str] = []

    def load(self, device: QtCore.QIODevice, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        """Load a user interface from an open file.

        Raises
        ------
        UiError
            With everything that is wrong with the file.
        """
        if not isinstance(device, QtCore.QIODevice):
            raise TypeError(f"QUiLoader.load takes a file (qt.QFile), not {type(device).__name__}")
        try:
            tree = ElementTree.fromstring(bytes(device.readAll().data()))
        except ElementTree.ParseError as error:
            raise UiError(f"cannot be read as a .ui file: {error}") from None
        self._errors = uicheck.problems(tree)
        connections = _take_connections(tree)
        later = uicheck.take_enumerations(tree)
        root = self._load(tree, parent)
        for name, prop, value in later:
            self._attempt(_set_enumeration, _named(root, name), prop, value)
        for sender, signal, receiver, slot in connections:
            self._attempt(_connect, _named(root, sender), signal, _named(root, receiver), slot, f"{sender}, {receiver}")
        tooltips.enrich(root)
        if self._errors:
            raise UiError("\n".join(dict.fromkeys(self._errors)))
        return root

    def _load(self, tree: _Tree, parent: QtWidgets.QWidget | None) -> QtWidgets.QWidget:
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        root = super().load(buffer, parent)
        if root is None:
            raise UiError("\n".join([*self._errors, self.errorString()]))
        return root

    def _attempt(self, function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except (AttributeError, TypeError, ValueError) as error:
            self._errors.append(str(error))

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        """Make one widget; never raises, as an exception would crash Qt here."""
        try:
            cls = uicheck.custom_class(class_name)
            if cls is not None:
                widget = convert.unwrap(cls(convert.wrap(parent)))
                widget.setObjectName(name)
                # Qt owns it from now on; nobody else holds its Python half.
                lifetime.keep(widget)
                return widget
            return super().createWidget(class_name, parent, name)
        except Exception as error:
            self._errors.append(f"{class_name} {name}: {error}")
            return super().createWidget("QWidget", parent, name)


def _take_connections(tree: _Tree) -> list[tuple[str, ...]]:
    """Remove the connections from the tree: (sender, signal, receiver, slot) each."""
    found = []
    for group in tree.findall("connections"):
        for each in group.findall("connection"):
            found.append(tuple(each.findtext(key) or "" for key in ("sender", "signal", "receiver", "slot")))
        tree.remove(group)
    return found


def _named(root: QtWidgets.QWidget, name: str) -> Any:
    native = root if root.objectName() == name else root.findChild(QtCore.QObject, name)
    return convert.wrap(native)


def _connect(sender: Any, signal: str, receiver: Any, slot: str, names: str) -> None:
    if sender is None or receiver is None:
        raise ValueError(f"connection {signal} -> {slot}: one of {names} does not exist")
    signals.connect(sender, signal, receiver, slot)


def _set_enumeration(widget: Any, prop: str, value: int) -> None:
    if widget is not None:
        setattr(widget, prop, value)


def register(qt: ModuleType) -> None:
    """Offer the loader as ``qt.QUiLoader``."""
    qt.QUiLoader = convert.class_for(QUiLoader)  # type: ignore[attr-defined]
