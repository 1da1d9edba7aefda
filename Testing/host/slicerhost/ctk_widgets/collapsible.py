"""ctkCollapsibleButton and ctkCollapsibleGroupBox: a title that shows and hides what is below it."""

from typing import Any

from PySide6.QtCore import Property, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGroupBox,
    QLayout,
    QStyle,
    QStyleOption,
    QStyleOptionButton,
    QWidget,
)

from ..pythonqt.standin import painter, repaint, stored

_LEFT = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value
_UNLIMITED = 16777215


def _show_children(widget: QWidget, shown: bool) -> None:
    """Show or hide the children; one that was hidden by its own user stays hidden."""
    for child in widget.children():
        if not isinstance(child, QWidget) or child.isWindow():
            continue
        if not shown and not child.isHidden():
            child.hide()
            child.setProperty("hiddenByCollapsing", True)
        elif shown and child.property("hiddenByCollapsing"):
            child.setProperty("hiddenByCollapsing", None)
            child.show()


class ctkCollapsibleButton(QAbstractButton):
    """A wide button; checked means expanded."""

    contentsCollapsed = Signal(bool)

    collapsedHeight = stored(int, 10, repaint)
    contentsFrameShape = stored(int, QFrame.Shape.NoFrame.value, repaint)
    contentsFrameShadow = stored(int, QFrame.Shadow.Plain.value, repaint)
    contentsLineWidth = stored(int, 1, repaint)
    contentsMidLineWidth = stored(int, 0, repaint)
    buttonTextAlignment = stored(int, _LEFT, repaint)
    indicatorAlignment = stored(int, _LEFT, repaint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._maximum_height = _UNLIMITED
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(self.sizePolicy().Policy.Minimum, self.sizePolicy().Policy.Preferred)
        self.setContentsMargins(0, self._head().height(), 0, 0)
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.toggled.connect(self._on_toggled)

    def _set_collapsed(self, collapsed: bool) -> None:
        if self.isCheckable():
            self.setChecked(not collapsed)
        else:
            self._collapse(collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed, notify=contentsCollapsed)

    def _on_toggled(self, checked: bool) -> None:
        if self.isCheckable():
            self._collapse(not checked)

    def _collapse(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self._maximum_height = self.maximumHeight()
            self.setMaximumHeight(self.sizeHint().height())
        else:
            self.setMaximumHeight(self._maximum_height)
        _show_children(self, not collapsed)
        repaint(self)
        self.contentsCollapsed.emit(collapsed)

    def showEvent(self, event: Any) -> None:
        """Children that came while it was collapsed are hidden at the latest when it is shown."""
        if self._collapsed:
            _show_children(self, False)
        super().showEvent(event)

    def _head(self) -> QSize:
        option = QStyleOptionButton()
        option.initFrom(self)
        text = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic.value, self.text() or "XXXX")
        content = QSize(text.width() + 24, max(text.height(), 16))
        return self.style().sizeFromContents(QStyle.ContentsType.CT_PushButton, option, content, self)

    def sizeHint(self) -> QSize:
        """The head alone where it is collapsed, else head and contents."""
        head = self._head()
        if self._collapsed:
            return head + QSize(0, self.collapsedHeight)
        layout: QLayout | None = self.layout()
        return (layout.totalSizeHint() if layout else head).expandedTo(head + QSize(0, self.collapsedHeight))

    def minimumSizeHint(self) -> QSize:
        """As `sizeHint`, with the contents as small as they can be."""
        head = self._head()
        if self._collapsed:
            return head + QSize(0, self.collapsedHeight)
        layout: QLayout | None = self.layout()
        return layout.totalMinimumSize().expandedTo(head) if layout else head

    def hitButton(self, position: QPoint) -> bool:
        """Only the head can be clicked."""
        return QRect(0, 0, self.width(), self._head().height()).contains(position)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the head with a triangle, and a frame around the contents where there is one."""
        style, height = self.style(), self._head().height()
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = QRect(0, 0, self.width(), height)
        option.state |= QStyle.StateFlag.State_Sunken if self.isDown() else QStyle.StateFlag.State_Raised
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QRect((height - 14) // 2, (height - 14) // 2, 14, 14)
        right = QStyle.PrimitiveElement.PE_IndicatorArrowRight
        direction = right if self._collapsed else QStyle.PrimitiveElement.PE_IndicatorArrowDown
        with painter(self) as paint:
            style.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, paint, self)
            style.drawPrimitive(direction, arrow, paint, self)
            flags = self.buttonTextAlignment | Qt.TextFlag.TextShowMnemonic.value
            place = option.rect.adjusted(height, 0, -4, 0)
            style.drawItemText(paint, place, flags, option.palette, self.isEnabled(), self.text())
            if self.contentsFrameShape != QFrame.Shape.NoFrame.value and not self._collapsed:
                paint.setPen(self.palette().color(QPalette.ColorRole.Mid))
                paint.drawRect(QRect(0, height, self.width() - 1, self.height() - height - 1))


class ctkCollapsibleGroupBox(QGroupBox):
    """A group box that can be closed; checked means expanded."""

    collapsedHeight = stored(int, 14, repaint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maximum_height = _UNLIMITED
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._expand)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))

    def _expand(self, expanded: bool) -> None:
        _show_children(self, expanded)
        if expanded:
            self.setMaximumHeight(self._maximum_height)
        else:
            self._maximum_height = self.maximumHeight()
            self.setMaximumHeight(self.collapsedHeight + self.fontMetrics().height())
        repaint(self)

    def showEvent(self, event: Any) -> None:
        """As for the button."""
        if not QObject.property(self, "checked"):
            _show_children(self, False)
        super().showEvent(event)
