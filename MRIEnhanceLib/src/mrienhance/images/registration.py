"""Rigid registration: two scans of one person on one grid, whatever their contrasts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import SimpleITK as sitk

from mrienhance.errors import ImageError
from mrienhance.images.check import check_image, size_text
from mrienhance.images.geometry import Grid
from mrienhance.images.resample import resample_to
from mrienhance.images.rigid import SMALLEST_SIZE, NothingShared, Search, Step, angle_of, centre, overlap
from mrienhance.images.tensor import to_image, to_tensor

Start: TypeAlias = Literal["headers", "centres"]

LARGEST_ANGLE_DEG = 30.0
LARGEST_SHIFT_MM = 50.0
"""No head moves farther between two scans of one session: what is beyond is taken for a failure."""

_SMALLEST_OVERLAP = 0.1
# In nats. Noise and a head have less than 0.01, two contrasts of a head 0.3 and more, 0.1 if they hardly overlap.
_LEAST_INFORMATION = 0.05
# Standard deviations of a Gaussian in its full width at half maximum.
_WIDTHS_IN_SIGMAS = 2 * math.sqrt(2 * math.log(2))
# Along an axis where the voxels of the result are larger by this factor, the image is smoothed before.
_LARGER = 1.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """What `register` found.

    Parameters
    ----------
    image
        The moving image on the grid of the fixed one.
    transform
        Takes places in the fixed image to those in the moving image, in mm, LPS, and turns around the centre of the
        fixed volume.
    angle_deg
        How far it turns, around whichever axis; 0 to 180.
    shift_mm
        How far it moves the centre of the fixed volume.
    metric_before, metric_after
        Mattes mutual information in nats, negated as ITK has it (lower is better), of the same samples at the first
        place and the last. They are equal if nothing better was found than where the search began.
    start
        ``"headers"`` if the search began where the headers have the images; ``"centres"`` if they had next to no place
        in common there, and their centres were put together first.
    overlap
        Fraction of the fixed volume in which the moving image has voxels; elsewhere the result is 0.
    """

    image: sitk.Image
    transform: sitk.Euler3DTransform
    angle_deg: float
    shift_mm: float
    metric_before: float
    metric_after: float
    start: Start
    overlap: float


def register(
    moving: sitk.Image, fixed: sitk.Image, *, what: str = "moving image", step: Step | None = None
) -> Registration:
    """Bring an image onto the grid of another one of the same person.

    The search begins where the headers have the images, runs from 8 mm to 1 mm, and gives the same on every run. The
    result is sampled by cubic B-splines, which keep edges as sharp as they are (a network would take the blur of linear
    interpolation for the scan's own), and limited to the values that were there; where the fixed voxels are larger than
    the moving ones, those are smoothed to their size first, against aliasing. Outside the moving image it is 0.

    Parameters
    ----------
    moving, fixed
        3-D scalar images of 4 slices or more; fields of view, spacings and orientations may differ.
    what
        What to call the moving image in a message.
    step
        Called often with the fraction of the work that is done, 0 to 1; may raise to stop, and that is passed on.

    Returns
    -------
    Registration
        The image, float32 or with the integer type of `moving`, and how it was moved.

    Raises
    ------
    ImageError
        If an image cannot be used or is too thin, the images share too little, or what was found cannot be true: a turn
        of more than 30 degrees, or a shift of more than 50 mm from where the search began.
    """
    moving, fixed = check_image(moving, what=what), check_image(fixed, what="fixed image")
    for image, name in ((moving, what), (fixed, "fixed image")):
        _check_size(image, name)
    first, start = _first_place(moving, fixed)
    try:
        place, before, after = Search(moving, fixed, step or (lambda fraction: None)).run(first)
    except NothingShared as error:
        raise _refusal(what, "the two share too little") from error
    _check_found(place, first, after, what)
    covered = overlap(fixed, moving, place)
    if covered < _least_overlap(moving, fixed):
        raise _refusal(what, "it would have to leave the fixed image")
    result = Registration(
        image=bring(moving, Grid.of(fixed), place),
        transform=place,
        angle_deg=angle_of(place),
        shift_mm=float(np.linalg.norm(place.GetTranslation())),
        metric_before=before,
        metric_after=after,
        start=start,
        overlap=covered,
    )
    if step is not None:
        step(1.0)
    return result


def _first_place(moving: sitk.Image, fixed: sitk.Image) -> tuple[sitk.Euler3DTransform, Start]:
    """Where the search begins."""
    place = sitk.Euler3DTransform()
    place.SetCenter(centre(fixed).tolist())
    if overlap(fixed, moving, place) >= _least_overlap(moving, fixed):
        return place, "headers"
    place.SetTranslation((centre(moving) - centre(fixed)).tolist())
    return place, "centres"


def _least_overlap(moving: sitk.Image, fixed: sitk.Image) -> float:
    """The fraction of the fixed volume that the moving image must cover: a tenth of it or, if smaller, of its own."""
    own, there = (math.prod(x.GetSpacing()) * math.prod(x.GetSize()) for x in (moving, fixed))
    return _SMALLEST_OVERLAP * min(1.0, float(own / there))


def bring(moving: sitk.Image, grid: Grid, place: sitk.Euler3DTransform) -> sitk.Image:
    """A registered image on any grid, sampled once, as `register` describes it.

    Parameters
    ----------
    moving
        The image that was registered.
    grid
        Where to sample; it may be finer than the image that the registration was made with.
    place
        `Registration.transform`.

    Returns
    -------
    SimpleITK.Image
        With the pixel type of `moving` as `register` gives it, 0 where `moving` has no voxels.
    """
    values = sitk.GetArrayViewFromImage(moving)
    result = resample_to(_smoothed_for(grid, moving, place), grid, interpolation="cubic", transform=place)
    # B-splines swing over at edges; 0 is what lies outside.
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    return to_image(to_tensor(result).clamp_(low, high), grid, like=moving)


def _smoothed_for(grid: Grid, moving: sitk.Image, place: sitk.Euler3DTransform) -> sitk.Image:
    """The moving image in float32, no sharper than the voxels of the grid; only smoothed where those are larger."""
    turned = np.reshape(place.GetMatrix(), (3, 3)) @ grid.axes
    # The size of a voxel of the grid along each axis of the moving image.
    wanted = np.linalg.norm(np.reshape(moving.GetDirection(), (3, 3)).T @ turned, axis=1)
    smoothed: sitk.Image = sitk.Cast(moving, sitk.sitkFloat32)
    for axis, (size, own) in enumerate(zip(wanted.tolist(), moving.GetSpacing(), strict=True)):
        if size > _LARGER * own:
            sigma = math.sqrt(size**2 - own**2) / _WIDTHS_IN_SIGMAS
            smoothed = sitk.RecursiveGaussian(smoothed, sigma=sigma, direction=axis)
    return smoothed


def _check_size(image: sitk.Image, what: str) -> None:
    if min(image.GetSize()) < SMALLEST_SIZE:
        raise ImageError(
            f"the {what} is too thin to register: its size is {size_text(image)}",
            hint=f"give {SMALLEST_SIZE} slices or more, or go by the headers alone, without registration",
        )


def _check_found(place: sitk.Euler3DTransform, first: sitk.Euler3DTransform, after: float, what: str) -> None:
    """Refuse what cannot be the truth."""
    if -after < _LEAST_INFORMATION:
        raise _refusal(what, f"the mutual information of the two is only {max(-after, 0.0):.3f}")
    shift = math.dist(place.GetTranslation(), first.GetTranslation())
    if angle_of(place) > LARGEST_ANGLE_DEG or shift > LARGEST_SHIFT_MM:
        raise _refusal(what, f"it would have to turn by {angle_of(place):.0f} degrees and move by {shift:.0f} mm")


def _refusal(what: str, why: str) -> ImageError:
    return ImageError(
        f"the {what} cannot be registered: {why}",
        hint="check that both show the same head; if the headers are right, go without registration",
    )
