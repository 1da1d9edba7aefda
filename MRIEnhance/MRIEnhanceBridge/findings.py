"""What a network found in a result, in a panel: its attention over the image, and the scores of its classifier."""

from __future__ import annotations

import json
from typing import Any

import qt

from MRIEnhanceBridge import scores
from MRIEnhanceBridge.overlay import Overlay
from MRIEnhanceBridge.reconstructed import ATTENTION, image_beside


class Findings:
    """Shows what was found in the last result.

    Parameters
    ----------
    ui
        Widgets ``attentionSlider`` and ``scoresTable``.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._overlay = Overlay()
        self._result: Any = None
        self._strength = -1.0
        self._scores: list[scores.Score] = []
        ui.scoresTable.connect("cellClicked(int,int)", self._clicked)
        self._fill()

    def follow(self, result: Any, strength: float) -> None:
        """Offer what there is for `result`, or for None, and show the attention with this strength, from 0 to 1."""
        attention = image_beside(result, ATTENTION)
        self._ui.attentionSlider.enabled = attention is not None
        if attention is None:
            self._overlay.hide()
        elif self._overlay.active:
            self._overlay.set_strength(strength)
        elif result is self._result and strength != self._strength:  # of a scene that was loaded
            self._overlay.show(result, attention, strength)
        self._strength = strength
        found = [] if result is None else scores.rows(json.loads(result.GetAttribute("MRIEnhance.report") or "{}"))
        self._result = result
        if found != self._scores:
            self._scores = found
            self._fill()

    def show(self, result: Any, strength: float) -> None:
        """Put a new result's attention over it; the attention of another one is taken away."""
        attention = image_beside(result, ATTENTION)
        if attention is None:
            self._overlay.hide()
        else:
            self._overlay.show(result, attention, strength)

    def close(self) -> None:
        """The panel goes away: put back what was before."""
        self._overlay.hide()

    def _fill(self) -> None:
        table = self._ui.scoresTable
        table.setVisible(bool(self._scores))
        table.setRowCount(len(self._scores))
        for row, score in enumerate(self._scores):
            for column, text in enumerate((score.name, f"{100 * score.probability:.0f} %", str(score.slice))):
                table.setItem(row, column, qt.QTableWidgetItem(text))

    def _clicked(self, row: int, column: int) -> None:
        """Go to the slice in which the class was found."""
        if self._result is not None and row < len(self._scores):
            scores.show(self._result, self._scores[row])
