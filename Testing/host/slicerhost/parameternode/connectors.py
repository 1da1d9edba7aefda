"""Connectors: one widget and one field each, as in Slicer's guiConnectors.py."""

from collections.abc import Callable
from typing import Any

from .annotations import getNodeTypes


class GuiConnector:
    """One widget and one field.

    Parameters
    ----------
    widget
        The widget.
    signal
        Name of the signal that says that it was changed; empty where it cannot be.
    """

    def __init__(self, widget: Any = None, signal: str = "") -> None:
        self._widget, self._signal = widget, signal
        self._callback: Callable[[], None] | None = None

    def widget(self) -> Any:
        """The widget."""
        return self._widget

    def read(self) -> Any:
        """Value that the widget shows."""
        raise NotImplementedError

    def write(self, value: Any) -> None:
        """Let the widget show a value."""
        raise NotImplementedError

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        """Call back whenever the widget is changed; None: no longer."""
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self, *_: Any) -> None:
        """Slot."""
        if self._callback is not None:
            self._callback()

    def _connect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).connect(self.changed)

    def _disconnect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).disconnect(self.changed)


class PropertyConnector(GuiConnector):
    """A widget whose value is one property."""

    def __init__(self, widget: Any, signal: str, name: str, to_field: Any = None, to_widget: Any = None) -> None:
        super().__init__(widget, signal)
        self._name = name
        self._to_field, self._to_widget = to_field or _same, to_widget or _same

    def read(self) -> Any:
        """Property, converted to the field's type."""
        return self._to_field(getattr(self._widget, self._name))

    def write(self, value: Any) -> None:
        """Set the property."""
        setattr(self._widget, self._name, self._to_widget(value))


class TextEditConnector(GuiConnector):
    """QTextEdit: its plain text."""

    def read(self) -> str:
        """Plain text."""
        return str(self._widget.toPlainText())

    def write(self, value: str) -> None:
        """Set the text; the cursor goes to the start."""
        self._widget.setPlainText(value)


class ChoiceConnector(GuiConnector):
    """A combo box; it is emptied and filled with the choices."""

    def __init__(self, widget: Any, choices: list[tuple[str, Any]]) -> None:
        super().__init__(widget, "currentIndexChanged")
        self._choices = choices
        widget.clear()
        for label, _ in choices:
            widget.addItem(label)

    def read(self) -> Any:
        """Value of the current item."""
        return self._choices[self._widget.currentIndex][1]

    def write(self, value: Any) -> None:
        """Select the value's item; ValueError where there is none."""
        for index, (_, choice) in enumerate(self._choices):
            if choice == value:
                self._widget.currentIndex = index
                return
        raise ValueError(f"{value!r} is none of the choices {[choice for _, choice in self._choices]}")


class NodeConnector(GuiConnector):
    """qMRMLNodeComboBox; its nodeTypes become the field's."""

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, "currentNodeChanged")
        widget.nodeTypes = getNodeTypes(datatype)

    def read(self) -> Any:
        """Current node."""
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        """Select a node."""
        self._widget.setCurrentNode(value)


def _same(value: Any) -> Any:
    return value
