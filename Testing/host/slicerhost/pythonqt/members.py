"""What a wrapper class has for each property, signal, method and enumeration value of the PySide class."""

import math
import numbers
import warnings
from types import MethodType
from typing import Any

from PySide6 import QtCore

from . import convert, slots
from .enums import EnumValue
from .signals import BoundSignal


def _call(function: Any, arguments: list[Any]) -> Any:
    with warnings.catch_warnings():
        # What Qt 6 calls deprecated is the only way in Qt 5, which Slicer has.
        warnings.filterwarnings("ignore", "Function: .* is marked as deprecated", DeprecationWarning)
        return convert.wrap(function(*arguments))


class NativeMethod:
    """A method, static or not."""

    def __init__(self, native: type, name: str) -> None:
        self.native = native
        self.name = name

        def unbound(*arguments: Any) -> Any:
            return _call(getattr(native, name), self._arguments(arguments))

        def bound(wrapper: Any, *arguments: Any) -> Any:
            native_self = wrapper._native_of()
            owner = next(cls for cls in type(wrapper).__mro__ if name in cls.__dict__)
            if getattr(owner, "_derived", True):
                # The class under test overrides this one and calls the original: not the override again.
                return unbound(wrapper, *arguments)
            return _call(getattr(native_self, name), self._arguments(arguments))

        unbound.__name__ = bound.__name__ = name
        self._unbound, self._bound = unbound, bound

    def _arguments(self, arguments: tuple[Any, ...]) -> list[Any]:
        result = []
        for argument in arguments:
            if slots.is_function(argument):
                if self.name != "singleShot":
                    raise TypeError(f"{self.native.__name__}.{self.name} takes no Python function; use connect")
                argument = slots.adapter(argument, 0)
            result.append(convert.unwrap(argument))
        return result

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._unbound if instance is None else MethodType(self._bound, instance)

    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        raise AttributeError(f"Slot '{name}' can not be overwritten on {type(wrapper).__name__} object")


class NativeSignal:
    """A signal."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else BoundSignal(instance, self.name)

    def __init__(self, name: str) -> None:
        self.name = name

    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        raise AttributeError(f"Signal '{name}' can not be overwritten on {type(wrapper).__name__} object")


class NativeProperty:
    """A Q_PROPERTY: a value, never called."""

    def __init__(
        self, name: str, type_name: str, writable: bool, on_class: Any = None, in_python: bool = False
    ) -> None:
        self.name, self.type_name, self.writable = name, type_name, writable
        self.on_class, self.in_python = on_class, in_python

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self if self.on_class is None else self.on_class.__get__(None, owner)
        native = instance._native_of()
        # A stand-in's property is read in Python, so that its types and its exceptions stay what they are.
        return convert.wrap(
            getattr(native, self.name) if self.in_python else QtCore.QObject.property(native, self.name)
        )

    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        if not wrapper:
            raise AttributeError(f"Trying to set property '{name}' on a destroyed {type(wrapper).__name__} object")
        native = wrapper._native_of()
        if not self.writable:
            raise AttributeError(f"Property '{name}' of {type(wrapper).__name__} object is not writable")
        converted = _for_property(self.type_name, value)
        if converted is not None and self.in_python:
            setattr(native, self.name, converted)
        elif converted is None or not QtCore.QObject.setProperty(native, self.name, converted):
            raise AttributeError(
                f"Property '{name}' of type '{self.type_name}' does not accept an object of type "
                f"{type(value).__name__} ({value!r})"
            )


def _for_property(type_name: str, value: Any) -> Any:
    """The value as the property's type wants it; None where PythonQt converts nothing.

    Two refusals are ours alone: None as a text would be shown as "None", one text as a list of texts as its letters.
    """
    if type_name == "QString":
        return value if isinstance(value, str) else None if value is None else str(value)
    if type_name == "bool":
        return bool(value)
    if type_name in ("int", "uint", "qlonglong"):
        return math.floor(value) if isinstance(value, numbers.Real) else None
    if type_name in ("double", "float"):
        return float(value) if isinstance(value, numbers.Real) else None
    if type_name == "QStringList":
        return [str(item) for item in value] if isinstance(value, list | tuple) else None
    return convert.unwrap(value)


class NativeEnumValue:
    """A value of an enumeration, on the class and on its instances."""

    def __init__(self, value: EnumValue) -> None:
        self.value = value

    def __get__(self, instance: Any, owner: type | None = None) -> EnumValue:
        return self.value

    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        raise AttributeError(f"EnumValue '{name}' can not be overwritten on {type(wrapper).__name__} object")
