"""Two-way binding between a wrapper and widgets that name a field in their property ``SlicerParameterName``."""

from typing import Any

from .. import state
from .connectors import GuiConnector
from .pairs import createGuiConnector

SlicerParameterNamePropertyName = "SlicerParameterName"


def connect_gui(self: Any, gui: Any) -> int | None:
    """Bind every widget under `gui` (a widget, or what ``slicer.util.childWidgetVariables`` gave) that names a field.

    Returns
    -------
    int or None
        Tag for `disconnect_gui`; None in Slicer 5.10, where the tag is lost (Slicer issue 7547).
    """
    import qt

    is_widget = getattr(gui, "isWidgetType", lambda: False)()
    widgets = gui.findChildren(qt.QWidget) if is_widget else list(vars(gui).values())
    mapping = {}
    for widget in widgets:
        name = widget.property(SlicerParameterNamePropertyName)
        if name:
            mapping[name] = widget
    tag = connect_parameters(self, mapping)
    return None if state.current.version == "5.10" else tag


def connect_parameters(self: Any, mapping: dict[str, Any]) -> int:
    """Bind fields to widgets, or to connectors of one's own.

    Raises
    ------
    ValueError
        If a name is no field.
    RuntimeError
        If there is no connector for a field's type and its widget.
    """
    import vtk

    types = {name: self.dataType(name) for name in mapping}
    connectors = {
        name: target if isinstance(target, GuiConnector) else createGuiConnector(target, types[name])
        for name, target in mapping.items()
    }
    tag = self._next_tag
    self._next_tag += 1
    for name, connector in connectors.items():
        connector.write(self.getValue(name))
        connector.onChanged(_to_field(self, name, connector))
    observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: _update(self))
    self._gui[tag] = (connectors, observer)
    return tag


def disconnect_gui(self: Any, guiTag: int | None) -> None:
    """Undo one `connect_gui`; nothing happens for a tag that is not known, None for example."""
    if guiTag not in self._gui:
        return
    connectors, observer = self._gui.pop(guiTag)
    for connector in connectors.values():
        connector.onChanged(None)
    if state.current.version != "5.10":  # there the observer stays (mended by Slicer pull request 9063)
        self.RemoveObserver(observer)


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """Child of a widget that is bound to a parameter, or None."""
    import qt

    for child in widget.findChildren(qt.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None


def _to_field(self: Any, name: str, connector: Any) -> Any:
    import slicer

    def callback() -> None:
        with slicer.util.NodeModify(self):
            if not self._updating:
                self.setValue(name, connector.read())

    return callback


def _update(self: Any) -> None:
    import slicer

    if self._updating:
        return
    self._updating = True
    try:
        with slicer.util.NodeModify(self):
            for connectors, _ in list(self._gui.values()):
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
    finally:
        self._updating = False
