"""The scans that something is synthesized from, brought to one grid and to the intensities that networks learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import SimpleITK as sitk
from torch import Tensor

from mrienhance.errors import ImageError
from mrienhance.images import Grid, IntensityScale, check_image, register, resample_to, to_tensor
from mrienhance.inference import Cancel, Part, Progress
from mrienhance.tasks.orientation import Axial
from mrienhance.tasks.synthesis_record import Placed, RegistrationRecord

_HINT = "check that both are scans of one person, or leave the second one out"


@dataclass(frozen=True, kw_only=True)
class OnGrid:
    """An image brought to the grid of another one.

    Parameters
    ----------
    image
        On that grid.
    inside
        Where it was scanned, 0 or 1, on that grid; None for everywhere.
    placed, registration
        How it came there.
    """

    image: sitk.Image
    inside: sitk.Image | None
    placed: Placed
    registration: RegistrationRecord | None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A scan as networks take it.

    Parameters
    ----------
    contrast
        What it is; None for the first one if nobody said.
    volume
        Axial slices (k, j, i), float32: background 0, brightest tissue about 1.
    where
        Where it was scanned, bool, of that shape; None for everywhere.
    placed, registration
        How it came to the first one's grid.
    """

    contrast: str | None
    volume: Tensor
    where: Tensor | None
    placed: Placed
    registration: RegistrationRecord | None


def gather(
    image: sitk.Image,
    contrast: str | None,
    others: Mapping[str, sitk.Image],
    axial: Axial,
    *,
    registered: bool,
    progress: Progress,
    cancel: Cancel,
) -> list[Scan]:
    """Bring all scans to the first one's grid.

    Parameters
    ----------
    image, contrast
        The first one.
    others
        The further ones by contrast.
    axial
        Of the first one's grid.
    registered
        Whether those on other grids are registered, or only resampled by their headers.
    progress, cancel
        Told how far registration is; asked whether to stop.

    Raises
    ------
    ImageError
        If a scan cannot be registered, or does not overlap with the first one.
    Cancelled
        If `cancel` says so.
    """
    first = OnGrid(image=image, inside=None, placed="as it is", registration=None)
    scans = [_scan(contrast, first, image, axial)]
    for number, (name, other) in enumerate(others.items()):
        part = Part(progress, number / len(others), (number + 1) / len(others))
        placed = put_on(other, image, registered=registered, what=name, progress=part, cancel=cancel)
        scans.append(_scan(name, placed, other, axial))
    return scans


def put_on(
    moving: sitk.Image, fixed: sitk.Image, *, registered: bool, what: str, progress: Progress, cancel: Cancel
) -> OnGrid:
    """Bring an image to the grid of another one, unless it is there.

    Parameters
    ----------
    moving, fixed
        3-D scalar images of one person.
    registered
        Whether to register, or only to resample by the headers.
    what
        What to call the image in messages: its contrast.
    progress, cancel
        Told how far registration is; asked whether to stop.

    Raises
    ------
    ImageError
        If it cannot be registered, or nothing of it is on the grid.
    Cancelled
        If `cancel` says so.
    """
    cancel.check()
    grid = Grid.of(fixed)
    if Grid.of(moving).matches(grid):
        return OnGrid(image=moving, inside=None, placed="as it is", registration=None)
    if registered:
        found = register(moving, fixed, what=f"{what} image", step=_telling(progress, cancel, f"Registering {what}"))
        image, transform = found.image, found.transform
        record = RegistrationRecord(
            angle_deg=found.angle_deg,
            shift_mm=found.shift_mm,
            metric_before=found.metric_before,
            metric_after=found.metric_after,
        )
    else:
        image, transform, record = resample_to(moving, grid), None, None
    inside = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    Grid.of(moving).place(inside)
    inside = resample_to(inside, grid, interpolation="nearest", transform=transform)
    if not sitk.GetArrayViewFromImage(image).any():
        raise ImageError(f"nothing of the {what} image is where the first image is", hint=_HINT)
    return OnGrid(image=image, inside=inside, placed="registered" if record else "resampled", registration=record)


def checked(others: Mapping[str, sitk.Image]) -> dict[str, sitk.Image]:
    """The further scans as volumes.

    Raises
    ------
    ImageError
        If one of them cannot be used.
    """
    return {name: check_image(other, what=f"{name} image") for name, other in others.items()}


def _telling(progress: Progress, cancel: Cancel, text: str) -> Callable[[float], None]:
    """What registration calls now and then."""

    def step(fraction: float) -> None:
        cancel.check()
        progress.report(fraction, None, text)

    step(0.0)
    return step


def _scan(contrast: str | None, placed: OnGrid, original: sitk.Image, axial: Axial) -> Scan:
    """Of the original, not of what of it is on the grid, the brightest tissue is 1: a part may not hold it."""
    scale = IntensityScale.of(to_tensor(original).clamp_(min=0))
    volume = scale.apply(to_tensor(placed.image).clamp_(min=0))
    where = None if placed.inside is None else axial.apply(to_tensor(placed.inside)) > 0
    return Scan(
        contrast=contrast,
        volume=axial.apply(volume),
        where=where,
        placed=placed.placed,
        registration=placed.registration,
    )
