"""The form of the module Synthesize: what it shows of its parameter node, and the request that it describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from MRIEnhanceBridge.contrast_choices import ContrastChoices
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.synthesis import Request

_USUAL = ("T2w", "FLAIR", "T1w")
"""What is ticked for a start: not the enhancement by an agent, which no other scan tells of."""
_SOURCES = ("input", "second", "third")
"""Names of the volumes' parameters begin so, and those of their contrasts."""


class SynthesizeForm:
    """The widgets that Slicer cannot bind to parameters by itself, and what goes with what.

    Parameters
    ----------
    ui
        The form's widgets.
    keep
        Told a parameter's name and value when the user chooses another one.
    """

    def __init__(self, ui: Any, keep: Callable[[str, str], Any]) -> None:
        self._ui, self._keep = ui, keep
        self._node: Any = None
        self._boxes: dict[str, Any] = {}
        choose = _("choose")
        unknown = {"input": _("guess from the image"), **dict.fromkeys(_SOURCES[1:], choose)}
        self._contrasts = ContrastChoices(ui, keep, unknown)

    def show(self, node: Any, card: Mapping[str, Any]) -> None:
        """Show what a parameter node says, and of the targets those that a model makes.

        Parameters
        ----------
        node
            The parameter node.
        card
            Of the chosen model; empty for none.
        """
        self._node = node
        new = self._contrasts.show(node)
        self._show_targets(node, list(card.get("contrasts_out", ())))
        if "input" in new:
            self.tick_first(node)
        ui, one = self._ui, len(self.targets(node)) == 1
        ui.groundTruthSelector.enabled = one
        ui.groundTruthSelector.toolTip = (
            _("Optional: a scan of the wanted contrast. Gives a table of metrics and a difference volume.")
            if one
            else _("A ground truth has one contrast: tick one only.")
        )

    def targets(self, node: Any) -> list[str]:
        """The wanted contrasts: those that are ticked and that the model makes; none that was scanned."""
        wanted = node.targets.split()
        return [name for name, box in self._boxes.items() if name in wanted and box.enabled]

    def tick_first(self, node: Any) -> None:
        """If nothing is wanted of a scan whose contrast is known, want one contrast that it does not have."""
        offered = [name for name, box in self._boxes.items() if box.enabled]
        first = next((name for name in (*_USUAL, *offered) if name in offered), "")
        if node.inputContrast and not self.targets(node):
            node.targets = first

    def reason_not_ready(self, node: Any, card: Mapping[str, Any]) -> str:
        """Why the form describes no request that the model can do, in words; empty if it does."""
        if node.inputVolume is None:
            return _("Select an input volume.")
        if not self.targets(node):
            return _("Tick a contrast to make.")
        try:
            request = self.request(node)
        except BridgeError as error:
            return f"{error.message}\n{error.hint}".strip()
        takes = list(card.get("contrasts_in", ()))
        for name in (request.contrast, *request.others):
            if name and takes and name not in takes:
                return _("This model makes nothing of {contrast}; it takes {names}.").format(
                    contrast=name, names=", ".join(takes)
                )
        return ""

    def request(self, node: Any) -> Request:
        """What the form describes.

        Raises
        ------
        BridgeError
            If something in it cannot be used.
        """
        others = {}
        for source in _SOURCES[1:]:
            volume, contrast = getattr(node, f"{source}Volume"), getattr(node, f"{source}Contrast")
            if volume is not None:
                if not contrast:
                    name = volume.GetName()
                    raise BridgeError(_('Say which contrast "{name}" has.').format(name=name))
                if contrast in others:
                    raise BridgeError(
                        _("Two sources have the contrast {contrast}").format(contrast=contrast),
                        _("choose one scan of each"),
                    )
                others[contrast] = volume
        return Request.of(
            node.inputVolume,
            to=self.targets(node),
            contrast=node.inputContrast,
            others=others,
            truth=node.groundTruthVolume if self._ui.groundTruthSelector.enabled else None,
            uncertainty=node.uncertainty,
            model=node.model,
            register=node.registration,
            device=node.device,
            precision=node.precision,
        )

    def _show_targets(self, node: Any, offered: Sequence[str]) -> None:
        if list(self._boxes) != list(offered):
            self._make_boxes(offered)
        scanned = {node.inputContrast} | {
            getattr(node, f"{source}Contrast") for source in _SOURCES[1:] if getattr(node, f"{source}Volume")
        }
        wanted = node.targets.split()
        for name, box in self._boxes.items():
            box.enabled = name not in scanned
            box.checked = box.enabled and name in wanted
            box.toolTip = "" if box.enabled else _("This contrast was scanned.")

    def _make_boxes(self, offered: Sequence[str]) -> None:
        row = self._ui.targetsWidget.layout()
        for box in self._boxes.values():
            row.removeWidget(box)
            box.deleteLater()
        self._boxes = {}
        for place, name in enumerate(offered):
            box = qt.QCheckBox(name)
            box.objectName = f"{name}CheckBox"
            box.connect("clicked(bool)", lambda checked=False: self._ticked())
            row.insertWidget(place, box)
            self._boxes[name] = box

    def _ticked(self) -> None:
        """Keep what is ticked, and what is not offered just now: another model may make it."""
        kept = [name for name in self._node.targets.split() if name not in self._boxes or not self._boxes[name].enabled]
        self._keep("targets", " ".join([*kept, *(name for name, box in self._boxes.items() if box.checked)]))
