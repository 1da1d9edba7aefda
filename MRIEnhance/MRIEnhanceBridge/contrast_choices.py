"""The combo boxes of a form that say which contrasts its volumes have: guessed first, and changed at will."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from MRIEnhanceBridge.choices import Choice, Item
from MRIEnhanceBridge.contrasts import CONTRASTS, guess


class ContrastChoices:
    """A combo box of contrasts beside each of a form's volumes.

    Of a volume ``input`` the parameter node has ``inputVolume``, ``inputContrast`` and ``inputNamed``, the volume whose
    contrast was said or guessed; the form has ``inputContrastComboBox``.

    Parameters
    ----------
    ui
        The form's widgets.
    keep
        Told a parameter's name and value when the user chooses another one.
    unknown
        By the volumes' names: what to call it that the contrast is not known.
    """

    def __init__(self, ui: Any, keep: Callable[[str, str], Any], unknown: Mapping[str, str]) -> None:
        self._combos = {name: getattr(ui, f"{name}ContrastComboBox") for name in unknown}
        self._choices = {name: Choice(combo, _keeper(keep, f"{name}Contrast")) for name, combo in self._combos.items()}
        for name, choice in self._choices.items():
            choice.fill([Item("", unknown[name]), *(Item(each, each) for each in CONTRASTS)])

    def show(self, node: Any) -> set[str]:
        """Show what a parameter node says, and guess the contrasts of volumes that are new to the form.

        Returns
        -------
        set of str
            The names of those that are new.
        """
        new = {name for name in self._choices if _name(node, name)}
        for name, choice in self._choices.items():
            choice.show(getattr(node, f"{name}Contrast"))
            self._combos[name].enabled = getattr(node, f"{name}Volume") is not None
        return new


def _name(node: Any, name: str) -> bool:
    """Guess the contrast of a volume that is new to the form, which is told; what the user says of it later stays."""
    volume = getattr(node, f"{name}Volume")
    if volume is None or volume is getattr(node, f"{name}Named"):
        return False
    setattr(node, f"{name}Named", volume)  # first: each change brings us here again
    setattr(node, f"{name}Contrast", guess(volume))
    return True


def _keeper(keep: Callable[[str, str], Any], name: str) -> Callable[[str], Any]:
    return lambda value: keep(name, value)
