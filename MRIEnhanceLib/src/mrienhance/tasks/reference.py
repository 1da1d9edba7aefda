"""The finer scan of another contrast that super-resolution may look at, brought to the grid of the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from torch import Tensor

from mrienhance.errors import ImageError
from mrienhance.images import Grid, IntensityScale, register, to_tensor
from mrienhance.images.registration import bring
from mrienhance.images.rigid import overlap
from mrienhance.inference import Cancel, Progress
from mrienhance.models import ModelCard
from mrienhance.tasks.synthesis_record import Placed, RegistrationRecord

# Less than this uncovered is the rounding of a field of view's edge.
_NEGLIGIBLE = 0.01
# A reference's voxels may be so much larger than the result's before it is said.
_COARSER = 1.25
# Beyond its last voxels a reference that ends inside tissue fades over this distance: cut off, it would have an edge
# there, which a network would draw into the result.
_FADING_MM = 10.0
_HINT = "check that both are scans of one person, or leave the reference out"


@dataclass(frozen=True, kw_only=True)
class ReferenceRecord:
    """What a report says of the reference.

    Parameters
    ----------
    contrast
        As the user gave it; None if nobody said.
    placed
        How it came to the grid of the result: it was there already, was registered, or resampled by its header.
    registration
        How it was registered; None if it was not.
    covered
        Fraction of the image's field of view that it covers; elsewhere the network saw zeros.
    """

    contrast: str | None
    placed: Placed
    registration: RegistrationRecord | None
    covered: float


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A reference as networks take it.

    Parameters
    ----------
    volume
        On the grid of the result (k, j, i), float32: background 0, brightest tissue about 1; 0 where it shows nothing,
        but for 10 mm over which it fades.
    record
        How it came there.
    warnings
        What the user should know of it.
    """

    volume: Tensor
    record: ReferenceRecord
    warnings: tuple[str, ...]


def place_reference(
    reference: sitk.Image,
    image: sitk.Image,
    grid: Grid,
    *,
    contrast: str | None,
    registered: bool,
    progress: Progress,
    cancel: Cancel,
) -> Reference:
    """Bring a reference to the grid of the result: registered to the image, and resampled once.

    The rigid transform that registration to the coarse image finds and the way to the fine grid are one resampling by
    cubic B-splines, so that edges stay as sharp as they were scanned. A reference that lies on the grid already is
    taken as it is.

    Parameters
    ----------
    reference, image
        3-D scalar images of one person.
    grid
        Of the result.
    contrast
        What the reference is; None if nobody says.
    registered
        Whether to register, or only to resample by the headers.
    progress, cancel
        Told how far registration is; asked whether to stop.

    Raises
    ------
    ImageError
        If it cannot be registered, or shows nothing of what the image shows.
    Cancelled
        If `cancel` says so.
    """
    cancel.check()
    scale = IntensityScale.of(to_tensor(reference).clamp_(min=0))
    placed: Placed = "as it is"
    record, covered, volume = None, 1.0, None
    if Grid.of(reference).matches(grid):
        volume = to_tensor(reference)
    else:
        placed, transform = "resampled", sitk.Euler3DTransform()
        if registered:
            found = register(reference, image, what="reference", step=_telling(progress, cancel))
            placed, transform = "registered", found.transform
            record = RegistrationRecord(
                angle_deg=found.angle_deg,
                shift_mm=found.shift_mm,
                metric_before=found.metric_before,
                metric_after=found.metric_after,
            )
        covered = overlap(image, reference, transform)
        ends = covered < 1 - _NEGLIGIBLE
        volume = to_tensor(bring(fading(reference) if ends else reference, grid, transform))
        if not bool((volume > 0).any()):
            raise ImageError("nothing of the reference is where the image is", hint=_HINT)
    return Reference(
        volume=scale.apply(volume.clamp_(min=0)),
        record=ReferenceRecord(contrast=contrast, placed=placed, registration=record, covered=round(covered, 4)),
        warnings=(*_uncovered(covered), *_coarseness(reference, grid)),
    )


def fading(image: sitk.Image) -> sitk.Image:
    """An image that goes on beyond its borders with its last values, and fades to 0 there over 10 mm.

    Parameters
    ----------
    image
        3-D and scalar, nothing below 0.

    Returns
    -------
    SimpleITK.Image
        In the same place, larger by what fades, float32.
    """
    margins = [math.ceil(_FADING_MM / spacing) for spacing in image.GetSpacing()]
    values = np.pad(sitk.GetArrayViewFromImage(image).astype(np.float32), [(n, n) for n in margins[::-1]], mode="edge")
    for axis, (margin, size) in enumerate(zip(margins, image.GetSize(), strict=True)):
        beyond = np.clip(margin - np.arange(size + 2 * margin), 0, None)
        weights = 1 - np.maximum(beyond, beyond[::-1], dtype=np.float32) / (margin + 1)
        values *= weights.reshape([-1 if place == 2 - axis else 1 for place in range(3)])
    faded: sitk.Image = sitk.GetImageFromArray(values)
    faded.SetSpacing(image.GetSpacing())
    faded.SetDirection(image.GetDirection())
    faded.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([-float(margin) for margin in margins]))
    return faded


def reference_warning(contrast: str | None, card: ModelCard) -> tuple[str, ...]:
    """What to say of a reference's contrast that the model has not learned; nothing if it is not known."""
    if contrast is None or contrast in card.reference_contrasts:
        return ()
    return (f"{card.name} was made for a reference of {', '.join(card.reference_contrasts)}, not of {contrast}",)


def _uncovered(covered: float) -> tuple[str, ...]:
    if covered > 1 - _NEGLIGIBLE:
        return ()
    return (f"the reference does not cover {1 - covered:.0%} of the image: it fades out there",)


def _coarseness(reference: sitk.Image, grid: Grid) -> tuple[str, ...]:
    """What to say of a reference with larger voxels than the result along some axis."""
    own = Grid.of(reference)
    across = np.reshape(own.direction, (3, 3)).T @ np.reshape(grid.direction, (3, 3))
    # The size of the reference's voxels along each axis of the result.
    sizes = np.linalg.norm(across * np.asarray(own.spacing)[:, None], axis=0)
    if bool(np.all(sizes <= _COARSER * np.asarray(grid.spacing))):
        return ()
    there, here = (" x ".join(f"{value:.3g}" for value in values) for values in (sizes.tolist(), grid.spacing))
    return (f"the reference's voxels ({there} mm) are larger than the result's ({here} mm): it adds less detail",)


def _telling(progress: Progress, cancel: Cancel) -> Callable[[float], None]:
    """What registration calls now and then."""

    def step(fraction: float) -> None:
        cancel.check()
        progress.report(fraction, None, "Registering the reference")

    step(0.0)
    return step
