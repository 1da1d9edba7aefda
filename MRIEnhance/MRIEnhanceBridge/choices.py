"""Combo boxes whose entries are known only at run time, bound to a text that is kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _


@dataclass(frozen=True)
class Item:
    """An entry: the value that is kept, what people read, and what they read when they point at it."""

    value: str
    label: str
    tip: str = ""


class Choice:
    """A combo box that shows a value, also one that it does not know (from a scene of another computer).

    Parameters
    ----------
    combo
        The ``QComboBox``.
    on_chosen
        Told the value when the user chooses another.
    """

    def __init__(self, combo: Any, on_chosen: Callable[[str], Any]) -> None:
        self._combo = combo
        self._on_chosen = on_chosen
        self._items: list[Item] = []
        self._value = ""
        combo.connect("activated(int)", self._activated)

    @property
    def known(self) -> bool:
        """Whether the value is one of the entries."""
        return any(item.value == self._value for item in self._items)

    def fill(self, items: Sequence[Item]) -> None:
        """Offer these entries; the value stays."""
        self._items = list(items)
        self._refresh()

    def show(self, value: str) -> None:
        """Show this value, without telling anybody."""
        self._value = value
        self._refresh()

    def _refresh(self) -> None:
        shown = list(self._items)
        if not self.known and self._value:
            shown.append(Item(self._value, _("{value} (not available)").format(value=self._value)))
        self._combo.clear()
        for index, item in enumerate(shown):
            self._combo.addItem(item.label, item.value)
            self._combo.setItemData(index, item.tip, qt.Qt.ToolTipRole)
        self._combo.setCurrentIndex(next((i for i, item in enumerate(shown) if item.value == self._value), -1))

    def _activated(self, index: int) -> None:
        value = self._combo.itemData(index)
        if value != self._value:
            self._value = value
            self._on_chosen(value)
