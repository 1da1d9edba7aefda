"""The class behind every object of qt, ctk and slicer.qMRML*: a PySide object inside, PythonQt's manners outside."""

from typing import Any

import shiboken6
from PySide6 import QtCore

from . import convert, lifetime
from .shell import shell_class


class WrapperType(type):
    """Class of the wrapper classes; a class that a module derives from one gets a shell for its event handlers."""

    _native_class: type
    _derived: bool

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any], native: type | None = None) -> type:
        """Make a wrapper class for `native`; without it, a class that code under test derives."""
        if native is None and bases:
            _refuse_meta_members(name, members)
        cls = super().__new__(mcs, name, bases, members)
        cls._derived = native is None and bool(bases)
        cls._native_class = native or (shell_class(cls) if bases else object)
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any], native: type | None = None) -> None:
        super().__init__(name, bases, members)


def _refuse_meta_members(name: str, members: dict[str, Any]) -> None:
    for key, member in members.items():
        if type(member) in (QtCore.Signal, QtCore.Property, QtCore.SignalInstance):
            raise TypeError(
                f"{name}.{key}: a Python class derived from a Qt class cannot define signals or properties of its own "
                "(in Slicer the application crashes)"
            )


class Wrapper(metaclass=WrapperType):
    """A PySide object as PythonQt would show it."""

    __slots__ = ("__dict__", "__weakref__", "_native")

    def __init__(self, *arguments: Any) -> None:
        cls = type(self)
        native = cls._native_class(*(convert.unwrap(argument) for argument in arguments))
        object.__setattr__(self, "_native", native)
        if cls._derived:
            native._python_state = self.__dict__
        convert.remember(self, native)

    @classmethod
    def _around(cls, native: Any) -> "Wrapper":
        """Wrap an object that exists already."""
        self = cls.__new__(cls)
        object.__setattr__(self, "_native", native)
        if cls._derived:
            object.__setattr__(self, "__dict__", native._python_state)
        convert.remember(self, native)
        return self

    def __del__(self) -> None:
        native = getattr(self, "_native", None)
        # Classes that are written in Python: stand-ins, and what code under test derives.
        if native is not None and not type(native).__module__.startswith("PySide6"):
            lifetime.keep_if_owned(native)

    def _native_of(self) -> Any:
        try:
            native = self._native
        except AttributeError:
            raise RuntimeError(f"{type(self).__name__}: __init__ of the Qt class was not called") from None
        if not shiboken6.isValid(native):
            raise ValueError(f"Trying to use a destroyed {type(self).__name__} object")
        return native

    def __setattr__(self, name: str, value: Any) -> None:
        member = native_member(type(self), name)
        if member is not None and not hasattr(member, "assign"):
            raise AttributeError(f"Slot '{name}' can not be overwritten on {type(self).__name__} object")
        if member is not None:
            member.assign(self, name, value)
        elif type(self)._derived:
            object.__setattr__(self, name, value)
        elif not self._set_dynamic(name, value):
            raise AttributeError(
                f"'{name}' does not exist on {type(self).__name__} and "
                "creating new attributes on C++ objects is not allowed"
            )

    def _set_dynamic(self, name: str, value: Any) -> bool:
        native = self._native_of()
        if isinstance(native, QtCore.QObject) and name in _dynamic_properties(native):
            QtCore.QObject.setProperty(native, name, convert.unwrap(value))
            return True
        return False

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            native = self._native_of()
            if isinstance(native, QtCore.QObject):
                if name in _dynamic_properties(native):
                    return convert.wrap(QtCore.QObject.property(native, name))
                for child in native.children():
                    if QtCore.QObject.objectName(child) == name:
                        return convert.wrap(child)
        raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")

    def __eq__(self, other: object) -> bool:
        if other is None:
            return not self
        if not isinstance(other, Wrapper):
            return NotImplemented
        if isinstance(self._native, QtCore.QObject):
            return self._native is other._native
        return bool(self._native == other._native)

    def __hash__(self) -> int:
        return id(self._native)

    def __bool__(self) -> bool:
        return shiboken6.isValid(self._native)

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self._native!r})"

    def className(self) -> str:
        """Name of the object's class."""
        return type(self).__name__

    def delete(self) -> None:
        """Delete the C++ object at once."""
        shiboken6.delete(self._native_of())


def _dynamic_properties(native: QtCore.QObject) -> list[str]:
    return [bytes(name.data()).decode() for name in native.dynamicPropertyNames()]


def native_member(cls: type, name: str) -> Any:
    """The property, signal, method or enumeration value that the C++ class has under this name, or None."""
    for base in cls.__mro__:
        if isinstance(base, WrapperType) and not base._derived:
            member = base.__dict__.get(name)
            if hasattr(member, "assign") or (callable(member) and not name.startswith("_")):
                return member
    return None
