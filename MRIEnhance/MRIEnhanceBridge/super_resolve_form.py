"""The form of the module SuperResolve: what it shows of its parameter node, and the request that it describes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.contrast_choices import ContrastChoices
from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.super_resolution import Request


class SuperResolveForm:
    """The widgets that Slicer cannot bind to parameters by itself, and what goes with what.

    Parameters
    ----------
    ui
        The form's widgets.
    keep
        Told a parameter's name and value when the user chooses another one.
    on_scale
        Told the factor that the user chooses.
    """

    def __init__(self, ui: Any, keep: Callable[[str, str], Any], on_scale: Callable[[str], Any]) -> None:
        self._ui = ui
        self._scale = Choice(ui.scaleComboBox, on_scale)
        unknown = _("not known")
        self._contrasts = ContrastChoices(ui, keep, {"input": unknown, "reference": unknown})

    def offer_scales(self, models: Iterable[Mapping[str, Any]]) -> None:
        """Offer the factors that there are models for."""
        scales = sorted({scale_of(model) for model in models} - {0})
        self._scale.fill([Item(str(scale), f"×{scale}") for scale in scales])

    def show(self, node: Any, model: Mapping[str, Any]) -> None:
        """Show what a parameter node says, and what of it counts for the chosen model (empty for none)."""
        self._contrasts.show(node)
        self._scale.show(str(scale_of(model) or ""))
        ui, contrasts = self._ui, reference_contrasts(model)
        ui.referenceSelector.enabled = bool(contrasts)
        ui.referenceSelector.toolTip = (
            _("A finer scan of another contrast of the same person; this model was made for {names}.").format(
                names=", ".join(contrasts)
            )
            if contrasts
            else _("The selected model works from the input alone; it takes no reference.")
        )
        used = bool(contrasts) and node.referenceVolume is not None
        ui.referenceContrastComboBox.enabled = ui.registrationCheckBox.enabled = used

    def wish(self, node: Any, model: Mapping[str, Any]) -> dict[str, Any]:
        """What the worker's listing is to name the default model for."""
        image = node.inputVolume
        reference = bool(reference_contrasts(model)) and node.referenceVolume is not None
        spacing = None if image is None or image.GetImageData() is None else [float(mm) for mm in image.GetSpacing()]
        return {
            "spacing": spacing,
            "contrast": node.inputContrast or None,
            "reference": reference,
            "reference_contrast": (node.referenceContrast or None) if reference else None,
        }

    def reason_not_ready(self, node: Any, model: Mapping[str, Any]) -> str:
        """Why the form describes no request that the model can do, in words; empty if it does."""
        if node.inputVolume is None:
            return _("Select an input volume.")
        if (model.get("card") or {}).get("reference_required") and node.referenceVolume is None:
            needs = _("The model {name} needs a reference.").format(name=model["name"])
            hint = _("Select a finer scan of the same person ({names}) as reference, or another model.")
            return f"{needs}\n{hint.format(names=', '.join(reference_contrasts(model)))}"
        try:
            self.request(node, model)
        except BridgeError as error:
            return f"{error.message}\n{error.hint}".strip()
        return ""

    def request(self, node: Any, model: Mapping[str, Any]) -> Request:
        """What the form describes.

        Raises
        ------
        BridgeError
            If something in it cannot be used.
        """
        return Request.of(
            node.inputVolume,
            contrast=node.inputContrast,
            reference=node.referenceVolume if reference_contrasts(model) else None,
            reference_contrast=node.referenceContrast,
            output=node.outputVolume,
            ground_truth=node.groundTruthVolume,
            model=node.model,
            scale=None,
            register=node.registration,
            device=node.device,
            precision=node.precision,
            consistency=node.consistency,
            tile=node.tileSize or None,
        )


def scale_of(model: Mapping[str, Any]) -> int:
    """A model's factor; 0 if it has none."""
    return int((model.get("card") or {}).get("scale") or 0)


def reference_contrasts(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Which contrasts a reference for this model may have; none if it uses no reference."""
    return tuple((model.get("card") or {}).get("reference_contrasts", ()))


def for_scale(models: Iterable[Mapping[str, Any]], scale: int, like: Mapping[str, Any]) -> str:
    """The name of a model for a factor: as much as may be like another one, whose method, axes, reference count."""

    def difference(model: Mapping[str, Any]) -> tuple[bool, ...]:
        card, other = model["card"], like.get("card") or {}
        same = [card.get(fact) == other.get(fact) for fact in ("reference_required", "axes", "method")]
        return tuple(not each for each in same)

    return str(min((model for model in models if scale_of(model) == scale), key=difference)["name"])
