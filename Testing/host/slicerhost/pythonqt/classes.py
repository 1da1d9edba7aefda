"""Makes a wrapper class for each PySide class."""

import enum
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import convert, qt5, signals
from .enums import members as enum_members
from .members import NativeEnumValue, NativeMethod, NativeProperty, NativeSignal
from .standin import PREFIXES
from .wrapper import Wrapper

#: PySide's own inventions, and what PythonQt's own `connect` replaces.
_NOT_OFFERED = {"connect", "disconnect", "emit", "receivers", "staticMetaObject", "tr"}
_OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "and",
    "or",
    "xor",
    "lt",
    "le",
    "gt",
    "ge",
    "neg",
    "len",
    "getitem",
    "setitem",
    "iter",
    "next",
    "contains",
    "iadd",
    "isub",
    "imul",
    "itruediv",
]


def make_class(native: type) -> type:
    """Wrapper class for a PySide class, with the bases' wrapper classes as bases."""
    bases = tuple(convert.class_for(base) for base in native.__bases__ if issubclass(base, shiboken6.Shiboken.Object))
    bases = tuple(base for base in bases if base is not Wrapper) or (Wrapper,)
    name = getattr(native, "cpp_name", native.__name__)
    # Not the docstring: PySide would build the signatures of all classes for it, which takes a second.
    members: dict[str, Any] = {"__slots__": ()}
    members |= {key: NativeEnumValue(value) for key, value in enum_members(native).items()}
    members |= _methods(native)
    if issubclass(native, QtCore.QObject):
        members |= _properties(native)
    members |= _operators(native)
    members |= qt5.missing(name)
    return type(Wrapper)(name, bases, members, native=native)


def _own(native: type) -> dict[str, Any]:
    """What a class adds to its bases; of a stand-in what C++ would offer, also from bases that are plain Python."""
    if not native.__name__.startswith(PREFIXES):
        return dict(vars(native))
    plain = [base for base in native.__mro__[1:] if not issubclass(base, shiboken6.Shiboken.Object)]
    found: dict[str, Any] = {}
    for cls in [*reversed(plain), native]:
        for name, member in vars(cls).items():
            if type(member) is QtCore.Signal or getattr(member, "_offered", False):
                found[name] = member
    return found


def _methods(native: type) -> dict[str, Any]:
    inherited = _property_names(native)
    found: dict[str, Any] = {}
    for name, member in _own(native).items():
        if name.startswith("_") or name in _NOT_OFFERED or name in inherited:
            continue
        # Not isinstance: PySide's own answer to it for signals does not count its references and ends in a crash.
        if type(member) is QtCore.Signal:
            found[name] = NativeSignal(name)
        elif isinstance(member, enum.EnumType):
            continue
        elif isinstance(member, type):
            found[name] = convert.class_for(member)
        elif callable(member) or isinstance(member, staticmethod):
            found[name] = NativeMethod(native, name)
    if native is QtCore.QObject:
        found["metaObject"] = _meta_object
        found |= {
            "connect": signals.connect,
            "disconnect": signals.disconnect,
            "name": NativeProperty("objectName", "QString", True),
        }
    if "exec" in found:
        found["exec_"] = found["exec"]
    return found


def _meta_object(self: Any) -> Any:
    """Describe the class; from the class, as PySide lets what an object gives go with the object."""
    return convert.wrap(type(self._native_of()).staticMetaObject)


def _property_names(native: type) -> set[str]:
    meta = getattr(native, "staticMetaObject", None)
    return {meta.property(index).name() for index in range(meta.propertyCount())} if meta else set()


def _properties(native: Any) -> dict[str, NativeProperty]:
    meta = native.staticMetaObject
    found = {}
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        each = meta.property(index)
        # QTimer.singleShot is a property of each timer and a static function of the class.
        is_static = isinstance(vars(native).get(each.name()), staticmethod)
        on_class = NativeMethod(native, each.name()) if is_static else None
        in_python = type(vars(native).get(each.name())) is QtCore.Property
        found[each.name()] = NativeProperty(each.name(), each.typeName(), each.isWritable(), on_class, in_python)
    return found


def _operators(native: type) -> dict[str, Any]:
    names = [f"__{name}__" for name in _OPERATORS]
    return {name: _operator(native, name) for name in names if name in vars(native)}


def _operator(native: type, name: str) -> Any:
    def call(self: Any, *arguments: Any) -> Any:
        return convert.wrap(getattr(native, name)(self._native_of(), *(convert.unwrap(each) for each in arguments)))

    call.__name__ = name
    return call


convert.set_class_maker(make_class)
convert._classes[shiboken6.Shiboken.Object] = Wrapper
convert._classes[object] = Wrapper
