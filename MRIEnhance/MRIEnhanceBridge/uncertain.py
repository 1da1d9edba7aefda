"""A synthetic image in the views: in place of its input, with its uncertainty over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from MRIEnhanceBridge import views
from MRIEnhanceBridge.overlay import Overlay
from MRIEnhanceBridge.synthesized import UNCERTAIN, uncertainty_of


class Uncertain:
    """Shows the result that the user has chosen, and how sure the network is of it.

    Parameters
    ----------
    ui
        Widget ``uncertaintySlider``.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._overlay = Overlay()
        self._result: Any = None
        self._strength = -1.0

    def follow(self, result: Any, strength: float) -> None:
        """Show `result`, or None, if it is another one than before, its map with this strength from 0 to 1."""
        spread, before = uncertainty_of(result), self._result
        self._ui.uncertaintySlider.enabled = spread is not None
        if result is None:
            self._overlay.hide()
        elif before is not None and result is not before:
            self.show(result, strength, instead_of=[before])
        elif self._overlay.active:
            self._overlay.set_strength(strength)
        elif spread is not None and before is result and strength != self._strength:  # of a scene that was loaded
            self._overlay.show(result, spread, strength, strongest=UNCERTAIN)
        self._result, self._strength = result, strength

    def show(self, result: Any, strength: float, *, instead_of: Iterable[Any]) -> None:
        """Show a result in the views that show one of those volumes; the map of another result is taken away."""
        self._overlay.hide()
        for volume in instead_of:
            views.show(result, source=volume)
        spread = uncertainty_of(result)
        if spread is not None:
            self._overlay.show(result, spread, strength, strongest=UNCERTAIN)
        self._result, self._strength = result, strength

    def close(self) -> None:
        """The panel goes away: put back what was before."""
        self._overlay.hide()
