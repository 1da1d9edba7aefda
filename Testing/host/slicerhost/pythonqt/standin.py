"""Tools to write stand-ins for C++ widgets that PySide does not have.

A stand-in is a PySide class. Code under test sees of it what PythonQt would show of the C++ class: its properties, its
signals, and the methods that are marked with `offered` (in C++: public slots and Q_INVOKABLE methods, nothing else).
"""

import types
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6 import QtCore, QtGui

from . import convert

Function = TypeVar("Function", bound=Callable[..., Any])

#: What a stand-in's name begins with; also the sign of a class that is not PySide's own.
PREFIXES = ("ctk", "qMRML", "qSlicer")


def offered(function: Function) -> Function:
    """Mark a stand-in's method that Python can call in Slicer."""
    function._offered = True  # type: ignore[attr-defined]
    return function


def slot(*types: str) -> Callable[[Function], Function]:
    """Mark a stand-in's method that is a slot in C++, with its types there: it can be connected by its signature."""

    def mark(function: Function) -> Function:
        function._slot_types = ",".join(types)  # type: ignore[attr-defined]
        return offered(function)

    return mark


def stored(kind: Any, default: Any, changed: Callable[[Any], None] | None = None) -> Any:
    """A property that keeps a value; `changed` is called with the widget after a new one was set."""
    key = object()

    def read(self: Any) -> Any:
        return self.__dict__.get("_stored", {}).get(key, default)

    def write(self: Any, value: Any) -> None:
        # PySide makes strings of QStringList's items, but a list of the list.
        value = list(value) if kind == "QStringList" else value
        if value != read(self):
            self.__dict__.setdefault("_stored", {})[key] = value
            if changed is not None:
                changed(self)

    return QtCore.Property(kind, read, write)


def passed_on(kind: Any, name: str, child: str) -> Any:
    """A property that is one of an inner widget's, which the attribute `child` holds."""

    def read(self: Any) -> Any:
        return QtCore.QObject.property(getattr(self, child), name)

    def write(self: Any, value: Any) -> None:
        QtCore.QObject.setProperty(getattr(self, child), name, value)

    return QtCore.Property(kind, read, write)


def register(namespace: types.ModuleType, classes: list[type]) -> None:
    """Offer stand-ins, by their names, in a module."""
    for native in classes:
        setattr(namespace, native.__name__, convert.class_for(native))


def repaint(widget: Any) -> None:
    """Ask for a new size and a new picture after a property has changed."""
    widget.updateGeometry()
    widget.update()


class painter:
    """``with painter(widget) as p``: a painter that is ended whatever happens (an open one crashes Qt later)."""

    def __init__(self, widget: Any) -> None:
        self._painter = QtGui.QPainter(widget)

    def __enter__(self) -> QtGui.QPainter:
        return self._painter

    def __exit__(self, *_: object) -> None:
        self._painter.end()
