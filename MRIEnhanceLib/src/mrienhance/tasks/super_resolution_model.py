"""Which model super-resolves an image: by factor, reference, and how thick the slices are."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from mrienhance.errors import ModelError, UsageError
from mrienhance.models import Entry, Model, find_model, load_model
from mrienhance.models.catalogue import catalogue
from mrienhance.physics import DEGRADATIONS
from mrienhance.tasks.super_resolution_choice import TASK, Wish, best, slice_axis

_HINT_REFERENCE = "give a finer scan of another contrast (--reference), or choose another model"


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

    With no model named: for thick slices (see `slice_axis`; two or more) a model that makes slices thinner, of the
    factor that brings their distance nearest to the spacing in plane, not below 0.9 mm if another does without, nor
    below 0.7 mm unless `scale` says so; else the first for `scale` (or 2), models of slices before those of volumes.
    With a reference only models that use one, without only those that need none; of several, the first of those made
    for the contrasts.

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
    wish = Wish(
        scale=scale,
        reference=reference,
        spacing=None if image is None else _spacing(image),
        contrast=contrast,
        reference_contrast=reference_contrast,
    )
    return best(catalogue(), wish)


def _spacing(image: sitk.Image) -> tuple[float, ...] | None:
    """The spacing (i, j, k) of a volume; None for one slice: there is nothing between slices to be found."""
    if image.GetDimension() != 3:
        return None
    spacing: tuple[float, ...] = image.GetSpacing()
    axis = slice_axis(spacing)
    return None if axis is not None and image.GetSize()[axis] == 1 else spacing


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
