"""ctkDoubleSlider and ctkSliderWidget: a slider for fractions, alone and with a spin box."""

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from ..pythonqt.standin import offered, passed_on, slot, stored


class ctkDoubleSlider(QWidget):
    """A slider whose value is a fraction: the inner slider counts single steps."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)

    handleToolTip = stored(str, "")
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tickPosition = passed_on(int, "tickPosition", "_slider")
    tracking = passed_on(bool, "tracking", "_slider")
    invertedAppearance = passed_on(bool, "invertedAppearance", "_slider")
    invertedControls = passed_on(bool, "invertedControls", "_slider")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._minimum, self._maximum, self._step, self._value = 0.0, 99.0, 1.0, 0.0
        self._slider = QSlider(Qt.Orientation.Vertical, self)
        self._slider.setRange(0, 99)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)
        self._slider.valueChanged.connect(lambda steps: self.setValue(self._minimum + steps * self._step))
        self._slider.sliderMoved.connect(lambda steps: self.sliderMoved.emit(self._minimum + steps * self._step))
        self._slider.sliderPressed.connect(self.sliderPressed)
        self._slider.sliderReleased.connect(self.sliderReleased)

    def _refresh(self) -> None:
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, round((self._maximum - self._minimum) / self._step)))
        self._slider.setValue(round((self._value - self._minimum) / self._step))
        self._slider.blockSignals(False)

    @slot("double")
    def setValue(self, value: float) -> None:
        """Move the slider, within its range."""
        value = min(max(value, self._minimum), self._maximum)
        if value != self._value:
            self._value = value
            self._refresh()
            self.valueChanged.emit(value)

    def _set_range(self, minimum: float, maximum: float) -> None:
        maximum = max(minimum, maximum)
        if (minimum, maximum) != (self._minimum, self._maximum):
            self._minimum, self._maximum = minimum, maximum
            self.rangeChanged.emit(minimum, maximum)
        self.setValue(self._value)
        self._refresh()

    def _set_maximum(self, maximum: float) -> None:
        self._set_range(min(self._minimum, maximum), maximum)

    def _set_step(self, step: float) -> None:
        if step > 0:
            self._step = step
            self._refresh()

    @slot("Qt::Orientation")
    def setOrientation(self, orientation: Qt.Orientation) -> None:
        """Lay the slider down or set it upright."""
        self._slider.setOrientation(Qt.Orientation(orientation))

    value = Property(float, lambda self: self._value, setValue, notify=valueChanged, user=True)
    sliderPosition = Property(float, lambda self: self._value, setValue)
    minimum = Property(float, lambda self: self._minimum, lambda self, low: self._set_range(low, self._maximum))
    maximum = Property(float, lambda self: self._maximum, _set_maximum)
    singleStep = Property(float, lambda self: self._step, _set_step)
    orientation = Property(int, lambda self: self._slider.orientation().value, setOrientation)


class ctkSliderWidget(QWidget):
    """A slider and a spin box with the same value."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    decimals = passed_on(int, "decimals", "_spin")
    prefix = passed_on(str, "prefix", "_spin")
    suffix = passed_on(str, "suffix", "_spin")
    pageStep = passed_on(float, "pageStep", "_slider")
    tickInterval = passed_on(float, "tickInterval", "_slider")
    tickPosition = passed_on(int, "tickPosition", "_slider")
    spinBoxAlignment = stored(int, Qt.AlignmentFlag.AlignRight.value)
    autoSpinBoxWidth = stored(bool, True)
    tracking = stored(bool, True)
    popupSlider = stored(bool, False)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._emitted = 0.0
        self._dragging = False
        self._slider = ctkDoubleSlider(self)
        self._slider.setOrientation(Qt.Orientation.Horizontal)
        self._slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._spin = QDoubleSpinBox(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)
        row.addWidget(self._spin)
        self._slider.valueChanged.connect(self._spin.setValue)
        self._spin.valueChanged.connect(self._on_value)
        self._slider.sliderPressed.connect(lambda: self._drag(True))
        self._slider.sliderReleased.connect(lambda: self._drag(False))

    def _drag(self, dragging: bool) -> None:
        self._dragging = dragging
        if not dragging:
            self._on_value(self._spin.value())

    def _on_value(self, value: float) -> None:
        self._slider.setValue(value)
        if self._dragging and not self.tracking:
            self.valueIsChanging.emit(value)
        elif value != self._emitted:
            self._emitted = value
            self.valueChanged.emit(value)

    @slot("double")
    def setValue(self, value: float) -> None:
        """Set the value, within the range and rounded to the decimals."""
        self._spin.setValue(value)

    @slot()
    def reset(self) -> None:
        """Set the value to zero."""
        self.setValue(0.0)

    @slot("bool")
    def setSpinBoxVisible(self, shown: bool) -> None:
        """Show or hide the spin box."""
        self._spin.setVisible(shown)

    @offered
    def spinBox(self) -> QDoubleSpinBox:
        """The spin box."""
        return self._spin

    @offered
    def slider(self) -> ctkDoubleSlider:
        """The slider."""
        return self._slider

    def _set_minimum(self, minimum: float) -> None:
        self._spin.setMinimum(minimum)
        self._slider.minimum = minimum

    def _set_maximum(self, maximum: float) -> None:
        self._spin.setMaximum(maximum)
        self._slider.maximum = maximum

    def _set_step(self, step: float) -> None:
        self._spin.setSingleStep(step)
        self._slider.singleStep = step

    value = Property(float, lambda self: self._spin.value(), setValue)
    minimum = Property(float, lambda self: self._spin.minimum(), _set_minimum)
    maximum = Property(float, lambda self: self._spin.maximum(), _set_maximum)
    singleStep = Property(float, lambda self: self._spin.singleStep(), _set_step)
    spinBoxVisible = Property(bool, lambda self: not self._spin.isHidden(), setSpinBoxVisible)
