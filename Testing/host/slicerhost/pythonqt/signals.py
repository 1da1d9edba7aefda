"""connect and disconnect as PythonQt offers them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shiboken6
from PySide6 import QtCore

from . import convert, slots


@dataclass
class _Connection:
    signature: str
    #: The function, or the receiver and its slot's signature.
    target: Any
    handle: Any


_DEFAULTS = {"bool": False, "int": 0}

#: Connections made from Python, by the address of the sender.
_connections: dict[int, list[_Connection]] = {}


def _address(native: QtCore.QObject) -> int:
    return shiboken6.getCppPointer(native)[0]


def _of(native: QtCore.QObject) -> list[_Connection]:
    address = _address(native)
    if address not in _connections:
        _connections[address] = []
        native.destroyed.connect(lambda *_: _connections.pop(address, None))
    return _connections[address]


@functools.cache
def signatures(native: Any) -> dict[str, str]:
    """Signals of a PySide class: the signature that Slicer knows -> PySide's, which has no types for MRML nodes."""
    # Not metaObject() of an object: PySide lets that one go with the object, and the class's with it.
    meta = native.staticMetaObject
    ours = {each: true for true, each in getattr(native, "cpp_signatures", {}).items()}
    found = {}
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal:
            text = bytes(method.methodSignature().data()).decode()
            found[ours.get(text, text)] = text
    return found


def normalized(signature: str) -> str:
    """A signature as Qt writes it: no spaces, no const references."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()


def find(native: QtCore.QObject, signal: str) -> tuple[str, str]:
    """The signal's signature for Slicer and for PySide.

    Raises
    ------
    ValueError
        If the object has no such signal; Slicer prints a line and returns False there.
    """
    wanted = normalized(signal)
    known = signatures(type(native))
    if wanted not in known:
        like = [text for text in known if text.split("(")[0] == wanted.split("(")[0]]
        hint = f"; it has {', '.join(like)}" if like else ""
        raise ValueError(f"{convert.class_for(type(native)).__name__} has no signal {signal}{hint}")
    return wanted, known[wanted]


def _parameters(signature: str) -> int:
    inside = signature[signature.index("(") + 1 : -1]
    return inside.count(",") + 1 if inside else 0


def connect(wrapper: Any, signal: str, receiver: Any, slot: str | None = None) -> bool:
    """Connect a signal to a function, or to a slot of another object by its signature."""
    native = wrapper._native_of()
    wanted, ours = find(native, signal)
    if slot is not None and not matches(wanted, slot):
        raise ValueError(f"the slot {slot} does not take what the signal {wanted} gives")
    function = receiver if slot is None else named_slot(receiver, slot)
    if not callable(function):
        raise TypeError(f"connect: {function!r} cannot be called")
    count = _parameters(normalized(slot or signal))
    handle = QtCore.QObject.connect(native, "2" + ours, slots.adapter(function, count))
    _of(native).append(_Connection(wanted, _target(receiver, slot), handle))
    return True


def disconnect(wrapper: Any, signal: str, receiver: Any = None, slot: str | None = None) -> bool:
    """Undo one connection with this function (or, without one, all of this signal); False where there is none."""
    native = wrapper._native_of()
    wanted, _ = find(native, signal)
    connections, target = _of(native), _target(receiver, slot)
    matching = [
        each for each in connections if each.signature == wanted and (receiver is None or each.target == target)
    ]
    for each in matching[: 1 if receiver is not None else None]:
        QtCore.QObject.disconnect(each.handle)
        connections.remove(each)
    return bool(matching)


def _target(receiver: Any, slot: str | None) -> Any:
    return receiver if slot is None else (receiver, normalized(slot))


def named_slot(receiver: Any, slot: str) -> Callable[..., Any]:
    """The method of an object that a slot's signature names.

    Raises
    ------
    ValueError
        If the object has no slot with this signature.
    """
    native = receiver._native_of()
    wanted = normalized(slot)
    name, types = wanted[:-1].split("(")
    marked = getattr(getattr(type(native), name, None), "_slot_types", None)
    if marked != types if marked is not None else type(native).staticMetaObject.indexOfMethod(wanted) < 0:
        raise ValueError(f"{type(receiver).__name__} has no slot {slot}")
    return lambda *arguments: convert.wrap(getattr(native, name)(*(convert.unwrap(each) for each in arguments)))


def matches(signal: str, slot: str) -> bool:
    """Whether a slot's parameters are the first ones of the signal's, as Qt wants it."""
    first, second = normalized(signal), normalized(slot)
    given, taken = (each[each.index("(") + 1 : -1].split(",") for each in (first, second))
    return taken == [""] or given[: len(taken)] == taken


class BoundSignal:
    """A signal of one object: ``w.clicked``."""

    def __init__(self, wrapper: Any, name: str) -> None:
        self.__self__ = wrapper
        self._name = name

    def _signature(self) -> str:
        # The first one is the one with all arguments; PythonQt takes the first too.
        return next(text for text in signatures(type(self.__self__._native_of())) if text.split("(")[0] == self._name)

    def connect(self, function: Any) -> bool:
        """Call `function` whenever the signal is emitted."""
        return connect(self.__self__, self._signature(), function)

    def disconnect(self, function: Any = None) -> bool:
        """Call `function` no longer; without one, nothing any more."""
        return disconnect(self.__self__, self._signature(), function)

    def emit(self, *arguments: Any) -> None:
        """Emit the signal."""
        native = self.__self__._native_of()
        _, ours = find(native, self._signature())
        types = ours[ours.index("(") + 1 : -1]
        values = [convert.unwrap(each) for each in arguments]
        # PySide wants the arguments that have a default in C++ too: clicked() means clicked(false).
        values += [_DEFAULTS.get(each) for each in types.split(",")[len(values) :] if types]
        getattr(native, self._name)[types].emit(*values)

    __call__ = emit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundSignal) and (other.__self__, other._name) == (self.__self__, self._name)

    def __hash__(self) -> int:
        return hash((self.__self__, self._name))
