"""qMRMLSliderWidget and qMRMLSpinBox: numbers with a unit."""

import enum
from typing import Any

from PySide6.QtCore import Property
from PySide6.QtWidgets import QWidget

from ..ctk_widgets.boxes import ctkDoubleSpinBox
from ..ctk_widgets.sliders import ctkSliderWidget
from ..pythonqt.standin import offered, slot


class _WithUnit:
    """The quantity and the scene; units of the scene's selection node are not applied here."""

    def _start(self, aware: int) -> None:
        self._scene: Any = None
        self._quantity = ""
        self._aware = aware

    @offered
    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    @slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        """Take a scene."""
        self._scene = scene

    @slot("QString")
    def setQuantity(self, quantity: str) -> None:
        """Say what is measured, for instance a length."""
        self._quantity = quantity

    @slot("UnitAwareProperties")
    def setUnitAwareProperties(self, properties: int) -> None:
        """Say what follows the unit."""
        self._aware = int(properties)


class _Aware(enum.IntFlag):
    None_ = 0x00
    Prefix = 0x01
    Suffix = 0x02
    Precision = 0x04
    MinimumValue = 0x08
    MaximumValue = 0x10
    Scaling = 0x20


class qMRMLSliderWidget(_WithUnit, ctkSliderWidget):
    """A slider with a unit."""

    UnitAwareProperty = _Aware

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._start(_Aware.Prefix | _Aware.Suffix | _Aware.Precision | _Aware.Scaling)

    quantity = Property(str, lambda self: self._quantity, lambda self, value: self.setQuantity(value))
    unitAwareProperties = Property(int, lambda self: int(self._aware), lambda self, v: self.setUnitAwareProperties(v))


class qMRMLSpinBox(_WithUnit, ctkDoubleSpinBox):
    """A spin box with a unit."""

    UnitAwareProperty = _Aware

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._start(0x3F)

    quantity = Property(str, lambda self: self._quantity, lambda self, value: self.setQuantity(value))
    unitAwareProperties = Property(int, lambda self: int(self._aware), lambda self, v: self.setUnitAwareProperties(v))
