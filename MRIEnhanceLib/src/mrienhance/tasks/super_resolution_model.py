"""Which model super-resolves an image: by factor, reference, and how thick the slices are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from mrienhance.errors import ModelError, UsageError
from mrienhance.models import Entry, Model, ModelCard, find_model, load_model
from mrienhance.models.catalogue import catalogue
from mrienhance.physics import DEGRADATIONS
from mrienhance.tasks.thick_slices import slice_axis

TASK = "super-resolve"
DEFAULT_SCALE = 2

# A slice is not made thinner than this by default: what is thinner was hardly ever measured, so nothing was learned.
_THINNEST_MM = 0.9
_HINT_REFERENCE = "give one with --reference, or choose another model"
_HINT_LIST = "`mrienhance models` lists those there are"


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
    spacing: tuple[float, float, float] | None = None
    contrast: str | None = None
    reference_contrast: str | None = None


def find_for(
    model: str | Path | None,
    scale: int | None,
    *,
    reference: bool = False,
    image: sitk.Image | None = None,
    contrast: str | None = None,
    reference_contrast: str | None = None,
) -> Entry:
    """The catalogue's entry that `super_resolve` would load.

    With no model named: for thick slices (see `slice_axis`) a model that makes slices thinner, of the factor that
    brings their distance nearest to the spacing in plane, though not below 0.9 mm; else the first for `scale` (or 2),
    models of slices before those of volumes. With a reference only models that use one, without only those that need
    none; of several, the first of those made for the contrasts.

    Parameters
    ----------
    model
        Name or path; None to choose.
    scale
        Factor; None for the model's, or the default.
    reference
        Whether there is a reference image.
    image
        The image, whose spacing matters; None if it is not known.
    contrast, reference_contrast
        What the image and the reference are; None if nobody says.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task or scale.
    """
    if model is not None:
        return find_model(model, task=TASK, scale=scale)
    spacing = None if image is None or image.GetDimension() != 3 else image.GetSpacing()
    wish = Wish(
        scale=scale,
        reference=reference,
        spacing=spacing,
        contrast=contrast,
        reference_contrast=reference_contrast,
    )
    return _best(wish)


def choose_model(model: str | Path | Model | None, image: sitk.Image, wish: Wish) -> Model:
    """Load the model that was asked for, and see that it does what it is asked to.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task or scale.
    UsageError
        If it uses no reference and is given one, or cannot do without and is given none.
    """
    if not isinstance(model, Model):
        entry = find_for(
            model,
            wish.scale,
            reference=wish.reference,
            image=image,
            contrast=wish.contrast,
            reference_contrast=wish.reference_contrast,
        )
        model = load_model(entry)
    card = model.card
    if card.task != TASK or wish.scale not in (None, card.scale):
        raise ModelError(f"{model.name} is a model to {card.task} by {card.scale}", hint="choose another model")
    if card.degradation not in DEGRADATIONS:
        hint = f"its card should name one of {', '.join(DEGRADATIONS)}"
        raise ModelError(f"{model.name} undoes an unknown degradation: {card.degradation}", hint=hint)
    if wish.reference and not card.reference_contrasts:
        raise UsageError(f"{model.name} uses no reference image", hint="leave it out, or choose another model")
    if card.reference_required and not wish.reference:
        raise UsageError(f"{model.name} needs a reference image", hint=_HINT_REFERENCE)
    return model


def _best(wish: Wish) -> Entry:
    """The first entry of those that fit best."""
    able = [(entry, entry.card) for entry in catalogue() if not entry.error and entry.card is not None]
    fitting = [(entry, card) for entry, card in able if card.task == TASK and _fits(card, wish)]
    thick = wish.spacing is not None and slice_axis(wish.spacing) is not None
    if thick and any(card.axes == "through-plane" for _, card in fitting):
        fitting = [(entry, card) for entry, card in fitting if card.axes == "through-plane"]
    elif any(card.axes != "through-plane" for _, card in fitting):
        fitting = [(entry, card) for entry, card in fitting if card.axes != "through-plane"]
    if not fitting:
        by = f" by {wish.scale}" if wish.scale else ""
        raise ModelError(f"there is no model to {TASK}{by}{' with a reference' * wish.reference}", hint=_HINT_LIST)
    return min(fitting, key=lambda found: _order(found[1], wish))[0]


def _fits(card: ModelCard, wish: Wish) -> bool:
    usable = bool(card.reference_contrasts) if wish.reference else not card.reference_required
    return usable and card.scale is not None and wish.scale in (None, card.scale)


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
    return off if thinner >= _THINNEST_MM * (1 - 1e-3) else 100 + scale
