"""What can be wrong in a .ui file, found in its text."""

import collections
import functools
import operator
import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtWidgets

from .pythonqt import module
from .pythonqt.standin import PREFIXES
from .pythonqt.wrapper import WrapperType

_Tree = ElementTree.Element
#: Properties that the loader itself knows.
_LAYOUT = {"leftMargin", "topMargin", "rightMargin", "bottomMargin", "margin", "spacing"}
_LAYOUT |= {"horizontalSpacing", "verticalSpacing"}
_SPECIAL = {"QLabel": {"buddy"}, "Line": {"orientation"}}


def custom_class(class_name: str) -> Any:
    """Wrapper class of a custom widget (None for Qt's own).

    Raises
    ------
    ValueError
        If there is no such widget.
    """
    for namespace in module.namespaces():
        cls = getattr(namespace, class_name, None)
        if isinstance(cls, WrapperType) and (class_name.startswith(PREFIXES) or cls._derived):
            return cls
    if class_name.startswith(PREFIXES):
        raise ValueError("the stand-in knows no widget of this class")
    return None


def problems(tree: _Tree) -> list[str]:
    """All faults: unknown classes and properties, names given twice, buddies and tab stops that do not exist."""
    found: list[str] = []
    names = collections.Counter(each.get("name", "") for each in [*tree.iter("widget"), *tree.iter("action")])
    found += [f"the name {name} is given {count} times" for name, count in names.items() if count > 1]
    for each in tree.iter("widget"):
        found += _widget_problems(each)
        found += [
            f"{each.get('name')}: its buddy {buddy} does not exist"
            for buddy in _texts(each, "property[@name='buddy']/cstring")
            if buddy not in names
        ]
    for each in tree.iter("layout"):
        cls = getattr(QtWidgets, each.get("class", ""), None)
        found += _property_problems(each, cls, _LAYOUT) if cls else [f"layout {each.get('class')} does not exist"]
    found += [f"tab stop {name} does not exist" for name in _texts(tree, "tabstops/tabstop") if name not in names]
    return found


def _texts(tree: _Tree, path: str) -> list[str]:
    return [each.text or "" for each in tree.findall(path)]


def _widget_problems(widget: _Tree) -> list[str]:
    class_name, name = widget.get("class", ""), widget.get("name", "")
    try:
        cls = custom_class(class_name)
    except ValueError as error:
        return [f"{class_name} {name}: {error}"]
    native = cls._native_class if cls is not None else getattr(QtWidgets, class_name, None)
    if class_name == "Line":
        native = QtWidgets.QFrame
    if native is None:
        return [f"{class_name} {name}: the stand-in knows no widget of this class"]
    return _property_problems(widget, native, _SPECIAL.get(class_name, set()))


def _property_problems(element: _Tree, native: Any, allowed: set[str]) -> list[str]:
    meta, owner = native.staticMetaObject, f"{element.get('class')} {element.get('name')}"
    found = []
    for each in element.findall("property"):
        name = each.get("name", "")
        # stdset="0" marks a property of one widget alone, such as SlicerParameterName.
        if each.get("stdset") != "0" and name not in allowed and meta.indexOfProperty(name) < 0:
            found.append(f"{owner}: there is no property {name}")
        for value in _texts(each, "enum") + _texts(each, "set"):
            found += [f"{owner}: {name}: {fault}" for part in value.split("|") for fault in _enumeration_fault(part)]
    return found


def _enumeration_fault(part: str) -> list[str]:
    if part.count("::") > 1:
        return [f"{part}: Qt 5 knows it by the class alone, without the enumeration"]
    return [] if not part or _value_of(part) is not None else [f"there is no value {part}"]


def _value_of(part: str) -> int | None:
    """The value of ``Class::Name``, None where there is none."""
    owner, _, name = part.strip().partition("::")
    for namespace in module.namespaces():
        value = getattr(getattr(namespace, owner, None), name, None)
        if isinstance(value, int):
            return int(value)
    return None


def take_enumerations(tree: _Tree) -> list[tuple[str, str, int]]:
    """Remove from the tree the enumerations of stand-ins' own properties: (widget, property, value) each.

    PySide cannot tell Qt's loader about an enumeration that is written in Python.
    """
    found = []
    for widget in tree.iter("widget"):
        if not widget.get("class", "").startswith(PREFIXES):
            continue
        native = next((cls._native_class for cls in _known(widget.get("class", ""))), None)
        for each in widget.findall("property"):
            text = (_texts(each, "enum") + _texts(each, "set") + [""])[0]
            if text and native is not None and each.get("name") in _python_properties(native):
                value = functools.reduce(operator.or_, (_value_of(part) or 0 for part in text.split("|")))
                found.append((widget.get("name", ""), each.get("name", ""), value))
                widget.remove(each)
    return found


def _known(class_name: str) -> list[Any]:
    try:
        cls = custom_class(class_name)
    except ValueError:
        return []
    return [cls] if cls is not None else []


def _python_properties(native: type) -> set[str]:
    stand_ins = [cls for cls in native.__mro__ if cls.__name__.startswith(PREFIXES)]
    return {name for cls in stand_ins for name in vars(cls)}
