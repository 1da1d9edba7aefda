"""From PySide's objects to the ones that code under test sees, and back."""

import enum
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import shiboken6

from .enums import EnumValue

if TYPE_CHECKING:
    from .wrapper import Wrapper

#: The wrapper of each PySide object that code under test still holds, by the object's id.
_wrappers: "weakref.WeakValueDictionary[int, Wrapper]" = weakref.WeakValueDictionary()
#: PySide class -> class that code under test sees.
_classes: dict[type, type] = {}
_make_class: list[Callable[[type], type]] = []


def set_class_maker(maker: Callable[[type], type]) -> None:
    """Say how a wrapper class is made for a PySide class that has none yet."""
    _make_class[:] = [maker]


def class_for(native: type) -> type:
    """Wrapper class for a PySide class (or for a stand-in that is written with PySide)."""
    known = native.__dict__.get("_wrapper_class") or _classes.get(native)
    if known is None:
        known = _classes[native] = _make_class[0](native)
    return known


def remember(wrapper: "Wrapper", native: Any) -> None:
    """Give out the same wrapper again for this object, as long as somebody holds it."""
    _wrappers[id(native)] = wrapper


def wrap(value: Any) -> Any:
    """What code under test gets for a value that came from PySide."""
    if isinstance(value, shiboken6.Shiboken.Object):
        known = _wrappers.get(id(value))
        if known is not None and known._native is value:
            return known
        return class_for(type(value))._around(value)
    # A Python enumeration may be an item's data; only Qt's are integers.
    if isinstance(value, enum.Enum) and type(value).__module__.startswith("PySide6"):
        return EnumValue(value)
    if type(value) in (list, tuple):
        # PythonQt makes a tuple of every list: it is a copy, changing it would change nothing.
        return tuple(wrap(item) for item in value)
    if type(value) is dict:
        return {key: wrap(item) for key, item in value.items()}
    return value


def unwrap(value: Any) -> Any:
    """What PySide gets for a value that came from code under test."""
    if isinstance(value, EnumValue):
        return value.native
    native = getattr(type(value), "_native_of", None)
    if native is not None:
        return native(value)
    if isinstance(value, type):
        return getattr(value, "_native_class", value)
    if type(value) in (list, tuple):
        return type(value)(unwrap(item) for item in value)
    if type(value) is dict:
        # A QVariantMap, whose keys are texts.
        return {str(key): unwrap(item) for key, item in value.items()}
    return value
