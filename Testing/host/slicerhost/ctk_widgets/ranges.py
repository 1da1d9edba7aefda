"""ctkRangeWidget: two values, one not above the other."""

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from ..pythonqt.standin import passed_on, slot, stored


class ctkRangeWidget(QWidget):
    """Two spin boxes; the real one has a slider with two handles between them."""

    minimumValueChanged = Signal(float)
    minimumValueIsChanging = Signal(float)
    maximumValueChanged = Signal(float)
    maximumValueIsChanging = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)

    prefix = passed_on(str, "prefix", "_low")
    suffix = passed_on(str, "suffix", "_low")
    tickInterval = stored(float, 0.0)
    autoSpinBoxWidth = stored(bool, True)
    spinBoxTextAlignment = stored(int, Qt.AlignmentFlag.AlignLeft.value)
    spinBoxAlignment = stored(int, Qt.AlignmentFlag.AlignVCenter.value)
    tracking = stored(bool, True)
    symmetricMoves = stored(bool, False)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = QDoubleSpinBox(self), QDoubleSpinBox(self)
        self._values = (0.0, 99.0)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for spin in (self._low, self._high):
            spin.setRange(0.0, 99.0)
            row.addWidget(spin)
        self._high.setValue(99.0)
        self._low.valueChanged.connect(self.setMinimumValue)
        self._high.valueChanged.connect(self.setMaximumValue)

    @slot("double", "double")
    def setValues(self, low: float, high: float) -> None:
        """Set both, within the range and in order."""
        bottom, top = self._low.minimum(), self._high.maximum()
        low, high = sorted((min(max(low, bottom), top), min(max(high, bottom), top)))
        old, self._values = self._values, (low, high)
        for spin, value in ((self._low, low), (self._high, high)):
            spin.blockSignals(True)
            spin.setValue(value)
            spin.blockSignals(False)
        if low != old[0]:
            self.minimumValueChanged.emit(low)
        if high != old[1]:
            self.maximumValueChanged.emit(high)
        if (low, high) != old:
            self.valuesChanged.emit(low, high)

    @slot("double")
    def setMinimumValue(self, value: float) -> None:
        """Set the lower value; the other is never passed."""
        self.setValues(min(value, self._values[1]), self._values[1])

    @slot("double")
    def setMaximumValue(self, value: float) -> None:
        """Set the upper value; the other is never passed."""
        self.setValues(self._values[0], max(value, self._values[0]))

    @slot()
    def reset(self) -> None:
        """Set both to the ends of the range."""
        self.setValues(self._low.minimum(), self._high.maximum())

    def _set_range(self, bottom: float, top: float) -> None:
        for spin in (self._low, self._high):
            spin.blockSignals(True)
            spin.setRange(bottom, max(bottom, top))
            spin.blockSignals(False)
        self.rangeChanged.emit(bottom, max(bottom, top))
        self.setValues(*self._values)

    def _set_both(self, name: str, value: float) -> None:
        for spin in (self._low, self._high):
            spin.setProperty(name, value)

    minimum = Property(
        float, lambda self: self._low.minimum(), lambda self, v: self._set_range(v, self._high.maximum())
    )
    maximum = Property(
        float, lambda self: self._high.maximum(), lambda self, v: self._set_range(self._low.minimum(), v)
    )
    minimumValue = Property(float, lambda self: self._values[0], setMinimumValue)
    maximumValue = Property(float, lambda self: self._values[1], setMaximumValue)
    decimals = Property(int, lambda self: self._low.decimals(), lambda self, v: self._set_both("decimals", v))
    singleStep = Property(float, lambda self: self._low.singleStep(), lambda self, v: self._set_both("singleStep", v))
