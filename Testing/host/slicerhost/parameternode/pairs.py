"""Which widget can stand for which type of field, and how: exactly the pairs of Slicer's guiConnectors.py.

The widget's class must match exactly (``type(widget)``); a class derived in Python does not.
"""

import enum
import logging
from typing import Any

from .annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    findFirstAnnotation,
    isNodeOrUnionOfNodes,
    splitAnnotations,
)
from .connectors import ChoiceConnector, GuiConnector, NodeConnector, PropertyConnector, TextEditConnector
from .storage import PATHS

SLIDERS = ("QSlider", "ctkSliderWidget", "qMRMLSliderWidget")
_BOOL = {
    "QCheckBox": "stateChanged",
    "ctkCheckBox": "stateChanged",
    "QPushButton": "toggled",
    "ctkCheckablePushButton": "toggled",
}
_WHOLE = ("QSlider", "QSpinBox")
_REAL = (
    "QDoubleSpinBox",
    "ctkSliderWidget",
    "qMRMLSliderWidget",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "qMRMLSpinBox",
)
_COMBO = ("QComboBox", "ctkComboBox")
_PATH = {
    "ctkPathLineEdit": ("currentPath", "currentPathChanged"),
    "ctkDirectoryButton": ("directory", "directoryChanged"),
}


_registered: list[type] = []


def parameterNodeGuiConnector(classtype: Any = None) -> Any:
    """Register a connector class of one's own, with static `canRepresent` and `create`."""
    if classtype is None:
        return parameterNodeGuiConnector
    _registered.append(classtype)
    return classtype


def createGuiConnector(widget: Any, datatype: Any) -> Any:
    """Give the connector for a widget and a type.

    Raises
    ------
    RuntimeError
        If Slicer knows no connector for the two, or an annotation that it needs is missing.
    """
    connector = _create(widget, datatype)
    if connector is None:
        for kind in _registered:
            if kind.canRepresent(widget, datatype):
                return kind.create(widget, datatype)
        raise RuntimeError(f"no GUI connector from datatype '{datatype}' to widget type '{type(widget)}'")
    return connector


def _create(widget: Any, datatype: Any) -> GuiConnector | None:
    kind = _exact_name(widget)
    plain, annotations = splitAnnotations(datatype)
    if plain is bool and kind in _BOOL:
        return _button(widget, kind)
    if (plain is int and kind in _WHOLE + _REAL) or (plain is float and kind in _REAL):
        return _number(widget, kind, plain, annotations)
    if plain is str and kind == "QLineEdit":
        return PropertyConnector(widget, "textChanged", "text")
    if plain is str and kind == "QTextEdit":
        return TextEditConnector(widget, "textChanged")
    if plain is str and kind == "QLabel":
        return PropertyConnector(widget, "", "text")
    if kind in _COMBO:
        return _combo(widget, plain, annotations)
    if plain in PATHS and kind in _PATH:
        name, signal = _PATH[kind]
        return PropertyConnector(widget, signal, name, plain, str)
    if kind == "qMRMLNodeComboBox" and isNodeOrUnionOfNodes(datatype):
        return NodeConnector(widget, datatype)
    return None


def _exact_name(widget: Any) -> str:
    """Name of the widget's class, if that is the very class that qt, ctk or slicer gives out."""
    import ctk
    import qt
    import slicer

    name = type(widget).__name__
    return name if any(getattr(owner, name, None) is type(widget) for owner in (qt, ctk, slicer)) else ""


def _button(widget: Any, kind: str) -> GuiConnector:
    if kind == "QPushButton" and not widget.checkable:
        logging.warning("the push button %r is made checkable, for a bool", widget.objectName)
        widget.checkable = True
    return PropertyConnector(widget, _BOOL[kind], "checked")


def _combo(widget: Any, plain: Any, annotations: Any) -> GuiConnector | None:
    if plain in (int, float, str, bool):
        choice = findFirstAnnotation(annotations, Choice)
        if choice is None:
            raise RuntimeError("a combo box for this type needs the Choice annotation")
        return ChoiceConnector(widget, [(str(value), value) for value in choice.choices])
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        label = getattr(plain, "label", lambda member: member.name)
        return ChoiceConnector(widget, [(label(member), member) for member in plain])
    return None


def _number(widget: Any, kind: str, plain: type, annotations: Any) -> GuiConnector:
    for annotation, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        found = findFirstAnnotation(annotations, annotation)
        if found is not None:
            setattr(widget, name, found.value)
    low, high = _bounds(annotations)
    if kind in SLIDERS and (low is None or high is None):
        raise RuntimeError(f"a {kind} needs a field with both limits: WithinRange, or Minimum and Maximum")
    widest = (-(2**31), 2**31 - 1) if kind in _WHOLE else (float("-inf"), float("inf"))
    # Whatever limits the .ui file has are replaced, as in Slicer.
    widget.minimum = widest[0] if low is None else low
    widget.maximum = widest[1] if high is None else high
    return PropertyConnector(widget, "valueChanged", "value", plain)


def _bounds(annotations: Any) -> tuple[float | None, float | None]:
    both = findFirstAnnotation(annotations, WithinRange)
    if both is not None:
        return both.minimum, both.maximum
    low, high = findFirstAnnotation(annotations, Minimum), findFirstAnnotation(annotations, Maximum)
    return (None if low is None else low.minimum), (None if high is None else high.maximum)
