"""The form of the module Reconstruct: what it shows of its parameter node, and the request that it describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.fileline import FileLine
from MRIEnhanceBridge.reconstructed import ATTENTION, LESION, ZERO_FILLED
from MRIEnhanceBridge.reconstruction import Request

FILE, VOLUME = "file", "volume"
"""What the raw data are: of a file, or of a simulated scan of a volume."""


class ReconstructForm:
    """The widgets that Slicer cannot bind to parameters by itself, and what goes with what.

    Parameters
    ----------
    ui
        The form's widgets.
    keep
        Told a parameter's name and value when the user chooses another one.
    """

    def __init__(self, ui: Any, keep: Callable[[str, str], Any]) -> None:
        self._ui = ui
        self._files = {
            "kspaceFile": FileLine(ui.kspacePathLineEdit, lambda path: keep("kspaceFile", path)),
            "maskFile": FileLine(ui.maskPathLineEdit, lambda path: keep("maskFile", path)),
        }
        self._choices = {
            "sampling": Choice(ui.samplingComboBox, lambda value: keep("sampling", value)),
            "linesAlong": Choice(ui.linesAlongComboBox, lambda value: keep("linesAlong", value)),
            "coilMaps": Choice(ui.coilMapsComboBox, lambda value: keep("coilMaps", value)),
        }
        for name, items in _items().items():
            self._choices[name].fill(items)
        ui.fileRadioButton.connect("clicked(bool)", lambda checked=True: keep("source", FILE))
        ui.volumeRadioButton.connect("clicked(bool)", lambda checked=True: keep("source", VOLUME))

    def show(self, node: Any, *, learned: bool) -> None:
        """Show what a parameter node says.

        Parameters
        ----------
        node
            The parameter node.
        learned
            Whether the method is a trained model: others know of no lesions.
        """
        ui, simulated = self._ui, node.source == VOLUME
        for name, line in self._files.items():
            line.show(getattr(node, name))
        for name, choice in self._choices.items():
            choice.show(getattr(node, name))
        (ui.volumeRadioButton if simulated else ui.fileRadioButton).checked = True
        for widget in (ui.kspacePathLineEdit, ui.maskPathLineEdit, ui.axesLineEdit):
            widget.enabled = not simulated
        for widget in (ui.inputSelector, ui.coilsSpinBox, ui.snrSpinBox):
            widget.enabled = simulated
        fewer = simulated or node.leaveOut
        ui.leaveOutCheckBox.setVisible(not simulated)
        ui.accelerationSpinBox.enabled = ui.samplingComboBox.enabled = fewer
        ui.linesAlongComboBox.enabled = fewer and node.sampling != "poisson-disc"
        for box, tip in ((ui.attentionCheckBox, _attention_tip()), (ui.lesionCheckBox, _lesion_tip())):
            box.enabled = learned
            box.toolTip = tip if learned else _("Only a trained model knows of lesions; this method needs none.")

    def reason_not_ready(self, node: Any) -> str:
        """Why the form describes no request, in words; empty if it does."""
        if node.source == VOLUME and node.inputVolume is None:
            return _("Select a loaded volume.")
        if node.source == FILE and not node.kspaceFile:
            return _("Choose a file with raw k-space.")
        try:
            self.request(node)
        except BridgeError as error:
            return f"{error.message}\n{error.hint}".strip()
        return ""

    def request(self, node: Any) -> Request:
        """What the form describes.

        Raises
        ------
        BridgeError
            If something in it cannot be used.
        """
        simulated = node.source == VOLUME
        maps = {
            ATTENTION: node.attention and self._ui.attentionCheckBox.enabled,
            LESION: node.withoutLesionTerm and self._ui.lesionCheckBox.enabled,
            ZERO_FILLED: node.zeroFilled,
        }
        return Request.of(
            node.inputVolume if simulated else node.kspaceFile,
            model=node.model,
            coil_maps=node.coilMaps,
            acceleration=node.acceleration if simulated or node.leaveOut else None,
            sampling=node.sampling,
            lines_along=node.linesAlong,
            seed=node.seed,
            coils=node.coils,
            snr=node.snr,
            slices=node.slices,
            maps=[name for name, wanted in maps.items() if wanted],
            mask=node.maskFile,
            axes=node.axes.strip(),
            output=node.outputVolume,
            device=node.device,
            precision=node.precision,
        )


def _items() -> dict[str, list[Item]]:
    """What can be chosen, by the name of the parameter."""
    return {
        "sampling": [
            Item("random-lines", _("random lines")),
            Item("equispaced-lines", _("equispaced lines")),
            Item("poisson-disc", _("Poisson disc")),
        ],
        "linesAlong": [Item("i", _("i (from column to column)")), Item("j", _("j (from row to row)"))],
        "coilMaps": [
            Item("espirit", _("ESPIRiT")),
            Item("low-resolution", _("low resolution")),
            Item("file", _("of the file")),
        ],
    }


def _attention_tip() -> str:
    return _("Where the network saw lesions, shown in colours over the image.")


def _lesion_tip() -> str:
    return _("The image as the same network makes it without its lesion term.")
