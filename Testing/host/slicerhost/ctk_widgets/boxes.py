"""Small widgets that add little to Qt's: check box, combo box, spin box, message box."""

import enum

from PySide6.QtCore import Property, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QMessageBox,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from ..pythonqt.standin import offered, painter, repaint, slot, stored


class ctkCheckBox(QCheckBox):
    """A check box that may have an icon instead of the tick."""

    indicatorIcon = stored(QIcon, QIcon(), repaint)
    indicatorIconSize = stored(QSize, QSize(), repaint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)


class ctkComboBox(QComboBox):
    """A combo box that says what to choose while nothing is chosen."""

    class ScrollEffect(enum.IntEnum):
        """What the mouse wheel does."""

        NeverScroll = 0
        AlwaysScroll = 1
        ScrollWithFocus = 2
        ScrollWithNoVScrollBar = 3

    defaultTextChanged = Signal(str)
    defaultIconChanged = Signal(QIcon)
    forceDefaultChanged = Signal(bool)
    currentUserDataAsStringChanged = Signal(str)

    defaultText = stored(str, "", lambda self: (repaint(self), self.defaultTextChanged.emit(self.defaultText)))
    defaultIcon = stored(QIcon, QIcon(), repaint)
    forceDefault = stored(bool, False, lambda self: (repaint(self), self.forceDefaultChanged.emit(self.forceDefault)))
    elideMode = stored(int, Qt.TextElideMode.ElideNone.value, repaint)
    scrollWheelEffect = stored(int, ScrollEffect.AlwaysScroll.value)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.currentIndexChanged.connect(lambda _: self.currentUserDataAsStringChanged.emit(self._user_data()))

    def _user_data(self) -> str:
        data = self.currentData()
        return "" if data is None else str(data)

    @slot("QString")
    def setCurrentUserDataAsString(self, data: str) -> None:
        """Choose the item that has this user data."""
        self.setCurrentIndex(self.findData(data))

    currentUserDataAsString = Property(
        str, _user_data, setCurrentUserDataAsString, notify=currentUserDataAsStringChanged
    )

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, or leave the event to the panel below."""
        allowed = self.scrollWheelEffect == self.ScrollEffect.AlwaysScroll or (
            self.scrollWheelEffect == self.ScrollEffect.ScrollWithFocus and self.hasFocus()
        )
        if allowed:
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the default text where nothing is chosen."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0 or self.forceDefault:
            option.currentText, option.currentIcon = self.defaultText, self.defaultIcon
        width = (
            self.style()
            .subControlRect(QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self)
            .width()
        )
        option.currentText = option.fontMetrics.elidedText(option.currentText, Qt.TextElideMode(self.elideMode), width)
        with painter(self) as paint:
            self.style().drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option, paint, self)
            self.style().drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option, paint, self)


class ctkDoubleSpinBox(QDoubleSpinBox):
    """A spin box for fractions."""

    invertedControls = stored(bool, False)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    def stepBy(self, steps: int) -> None:
        """Step the other way where the controls are inverted."""
        super().stepBy(-steps if self.invertedControls else steps)


class ctkMessageBox(QMessageBox):
    """A message box that can be told not to come again."""

    dontShowAgainVisible = stored(bool, False)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dont_show = False
        self._key = ""

    @slot("bool")
    def setDontShowAgain(self, dont_show: bool) -> None:
        """Set the choice, in the settings too where there is a key."""
        self._dont_show = dont_show
        if self._key:
            QSettings().setValue(self._key, dont_show)

    dontShowAgain = Property(bool, lambda self: self._dont_show, setDontShowAgain)

    def _set_key(self, key: str) -> None:
        self._key = key
        self.dontShowAgainVisible = bool(key)
        if key:
            self._dont_show = QSettings().value(key, False, type=bool)

    dontShowAgainSettingsKey = Property(str, lambda self: self._key, _set_key)

    @offered
    @staticmethod
    def confirmExit(key: str = "", parent: QWidget | None = None) -> bool:
        """Ask whether to leave; never answered by a stand-in."""
        raise AssertionError(f"a dialog was opened: confirm exit of {QApplication.applicationName()}")
