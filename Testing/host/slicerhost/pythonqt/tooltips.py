"""Tool tips: Slicer turns plain text into a paragraph, so that long ones are wrapped."""

from typing import Any

from PySide6 import QtGui, QtWidgets

from .members import NativeProperty


def rich(text: str) -> str:
    """The text as it reads back."""
    qt = QtGui.Qt
    plain = text and not qt.mightBeRichText(text)
    return qt.convertFromPlainText(text, qt.WhiteSpaceMode.WhiteSpaceNormal) if plain else text


def enrich(widget: QtWidgets.QWidget) -> None:
    """Do so for a widget and all below it, after their tool tips were set in C++."""
    for each in [widget, *widget.findChildren(QtWidgets.QWidget)]:
        each.setToolTip(rich(each.toolTip()))


class _ToolTip(NativeProperty):
    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        super().assign(wrapper, name, rich(str(value)) if value is not None else value)


def install(qt: Any) -> None:
    """Make ``toolTip`` and ``setToolTip`` of all widgets do it."""

    def set_tool_tip(self: Any, text: str) -> None:
        self.toolTip = text

    type.__setattr__(qt.QWidget, "toolTip", _ToolTip("toolTip", "QString", True))
    type.__setattr__(qt.QWidget, "setToolTip", set_tool_tip)
