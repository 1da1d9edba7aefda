"""Which of the models that there are fits an image best; it needs neither torch nor SimpleITK, so that all can ask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mrienhance.errors import ModelError
from mrienhance.models.card import ModelCard
from mrienhance.models.catalogue import Entry

TASK = "super-resolve"
DEFAULT_SCALE = 2
THICK = 1.8
"""Slices are thick where their distance is so many times the mean spacing of the other two axes."""


def slice_axis(spacing: Sequence[float]) -> int | None:
    """The axis (0 to 2 for i, j, k) along which slices are thick; None if they are not.

    Examples
    --------
    >>> from mrienhance.tasks.super_resolution_choice import slice_axis
    >>> slice_axis((0.5, 0.5, 4.0)), slice_axis((3.0, 1.0, 1.0)), slice_axis((1.0, 1.0, 1.2))
    (2, 0, None)
    """
    axis = max(range(3), key=lambda place: (spacing[place], place))
    others = [value for place, value in enumerate(spacing) if place != axis]
    return axis if spacing[axis] >= THICK * sum(others) / 2 else None


# Slices that are thinner were hardly ever measured, so little was learned of them: by default none is made thinner than
# the first where another model does without, nor ever than the second.
_THIN_MM, _THINNEST_MM = 0.9, 0.7
_HINT_LIST = "`mrienhance models` lists those there are"
_HINT_WITH = "there is one that uses a reference: give one with --reference"
_HINT_WITHOUT = "there is one without: leave the reference out"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What there is to super-resolve with.

    Parameters
    ----------
    scale
        The factor that was asked for; None for any.
    reference
        Whether there is a reference image.
    spacing
        Of the image along (i, j, k), in mm; None if it is not known.
    contrast, reference_contrast
        What the image and the reference are, as in BIDS; None if nobody says.
    """

    scale: int | None = None
    reference: bool = False
    spacing: tuple[float, ...] | None = None
    contrast: str | None = None
    reference_contrast: str | None = None


def best(entries: Sequence[Entry], wish: Wish) -> Entry:
    """The first entry of those that fit best, by the rules that `super_resolution_model.find_for` describes.

    Raises
    ------
    ModelError
        If none fits.
    """
    able = [(entry, entry.card) for entry in entries if not entry.error and entry.card is not None]
    able = [(entry, card) for entry, card in able if card.task == TASK]
    fitting = [(entry, card) for entry, card in able if _fits(card, wish)]
    thinning = [(entry, card) for entry, card in fitting if card.axes == "through-plane" and _helps(card, wish)]
    others = [(entry, card) for entry, card in fitting if card.axes != "through-plane"]
    fitting = thinning or others or fitting
    if not fitting:
        by = f" by {wish.scale}" if wish.scale else ""
        other = any(_fits(card, replace(wish, reference=not wish.reference)) for _, card in able)
        how = " with a reference" if wish.reference else " without a reference" * other
        hint = _HINT_WITHOUT if wish.reference else _HINT_WITH
        raise ModelError(f"there is no model to {TASK}{by}{how}", hint=hint if other else _HINT_LIST)
    return min(fitting, key=lambda found: _order(found[1], wish))[0]


def _fits(card: ModelCard, wish: Wish) -> bool:
    usable = bool(card.reference_contrasts) if wish.reference else not card.reference_required
    return usable and card.scale is not None and wish.scale in (None, card.scale)


def _helps(card: ModelCard, wish: Wish) -> bool:
    """Whether slices are thick, and as thick as it takes unless the factor was asked for."""
    if wish.spacing is None or slice_axis(wish.spacing) is None:
        return False
    return wish.scale is not None or max(wish.spacing) / (card.scale or 1) >= _THINNEST_MM * (1 - 1e-3)


def _order(card: ModelCard, wish: Wish) -> tuple[bool, bool, float, int]:
    """Smaller is better; equals keep the catalogue's order."""
    strange = wish.contrast is not None and wish.contrast not in card.contrasts_in
    unlike = wish.reference_contrast is not None and wish.reference_contrast not in card.reference_contrasts
    scale = card.scale or 1
    if card.axes == "through-plane" and wish.spacing is not None:
        away = _away(sorted(wish.spacing), scale)
    else:
        away = float(abs(scale - DEFAULT_SCALE))
    return strange, unlike, away, ("in-plane", "3d", "through-plane").index(card.axes)


def _away(spacing: Sequence[float], scale: int) -> float:
    """How far the slices' distance would be from the spacing in plane, as a logarithm; too thin is far off."""
    *plane, thick = spacing
    thinner = thick / scale
    off = abs(math.log(thinner * len(plane) / sum(plane)))
    return off if thinner >= _THIN_MM * (1 - 1e-3) else 100 + scale
