"""Super-resolve a coarse scan: the task behind `mrienhance super-resolve` and the Slicer module."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import SimpleITK as sitk
from torch import Tensor

from mrienhance.errors import ModelError, UsageError
from mrienhance.images import Grid, IntensityScale, check_image, to_image, to_tensor
from mrienhance.inference import Cancel, Predictor, Progress, choose_device, choose_precision
from mrienhance.models import Model, ModelCard, find_model, load_model
from mrienhance.physics import DEGRADATIONS, KSpaceTruncation
from mrienhance.tasks.result import ImageRecord, ModelRecord, Report, Result

TASK = "super-resolve"
DEFAULT_SCALE = 2
_SLICES_AT_ONCE = 16


def super_resolve(
    image: sitk.Image,
    *,
    model: str | Path | Model | None = None,
    scale: int | None = None,
    reference: sitk.Image | None = None,
    device: str = "auto",
    precision: str = "auto",
    consistency: bool = True,
    batch: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Result:
    """Super-resolve an image.

    Parameters
    ----------
    image
        3-D scalar image (2-D is taken as one slice); for an in-plane model, the axes i and j are in plane.
    model
        Name from the catalogue, path of a ``.safetensors`` file, or a loaded `Model`; by default the catalogue's for
        `scale`.
    scale
        Factor; by default the model's, or 2.
    reference
        Finer scan of another contrast, for models that use one.
    device, precision
        As `choose_device` and `choose_precision` take them: ``"cpu"``, ``"cuda:1"``; ``"float32"``, ``"bfloat16"`` ...
    consistency
        Whether to put the measured frequencies back, so that the result, made coarse again, is the input.
    batch, tile
        Slices at a time and side of a tile, by default what memory allows.
    progress, cancel
        Told how far the work is; asked whether to stop.

    Returns
    -------
    Result
        The finer image with the input's pixel type on its own grid, the maps of the method, and the report.

    Raises
    ------
    ImageError
        If the image cannot be used.
    ModelError
        If there is no such model, or it is made for another task or scale.
    UsageError
        If there is no such device or precision, or the model uses no reference.
    Cancelled
        If `cancel` says so.
    """
    started = time.perf_counter()
    image = check_image(image)
    chosen = _choose_model(model, scale)
    if reference is not None:
        raise UsageError(f"{chosen.name} uses no reference image", hint="leave it out, or choose another model")
    place = choose_device(device)
    predictor = Predictor(
        chosen.module,
        chosen.method,
        chosen.config,
        place,
        choose_precision(precision, place),
        batch=batch,
        tile=tile,
        progress=progress,
        cancel=cancel,
    )
    return _run(predictor, image, chosen, consistency=consistency, started=started)


def _run(predictor: Predictor, image: sitk.Image, model: Model, *, consistency: bool, started: float) -> Result:
    measured = to_tensor(image)
    intensity = IntensityScale.of(measured)
    predicted, notes = predictor.run(intensity.apply(measured))
    volumes = {name: intensity.undo(volume) for name, volume in predicted.items()}
    degradation = _truncation(volumes["image"], measured, model.card)
    if consistency and degradation is not None:
        _put_back(volumes["image"], measured, degradation)
    images = {name: to_image(volume, _grid(volume, image, model.card), like=image) for name, volume in volumes.items()}
    result = images.pop("image")
    report = Report(
        task=TASK,
        model=ModelRecord.of(model),
        inputs=(ImageRecord.of(image, role="image"),),
        output=ImageRecord.of(result, role="result"),
        scale=model.card.scale,
        consistency=consistency and degradation is not None,
        consistency_residual=None if degradation is None else _residual(result, measured, degradation),
        device=notes.device,
        precision=notes.precision,
        tile=notes.tile,
        fallbacks=notes.fallbacks,
        seconds=time.perf_counter() - started,
        seconds_network=notes.seconds_network,
        peak_memory_bytes=notes.peak_memory_bytes,
        warnings=(*_spacing_warning(image, model), *notes.fallbacks),
    )
    return Result(result, images, report)


def _choose_model(model: str | Path | Model | None, scale: int | None) -> Model:
    """Load the model that was asked for, and see that it does what it is asked to."""
    if not isinstance(model, Model):
        wanted = DEFAULT_SCALE if model is None and scale is None else scale
        model = load_model(find_model(model, task=TASK, scale=wanted))
    card = model.card
    if card.task != TASK or scale not in (None, card.scale):
        raise ModelError(f"{model.name} is a model to {card.task} by {card.scale}", hint="choose another model")
    if card.degradation not in DEGRADATIONS:
        hint = f"its card should name one of {', '.join(DEGRADATIONS)}"
        raise ModelError(f"{model.name} undoes an unknown degradation: {card.degradation}", hint=hint)
    return model


def _truncation(fine: Tensor, coarse: Tensor, card: ModelCard) -> KSpaceTruncation | None:
    """The degradation that the model undoes, if what was measured can be put back exactly."""
    if DEGRADATIONS[card.degradation] is not KSpaceTruncation:
        return None
    factors = _factors(fine, coarse.shape)
    first = 0 if factors[0] > 1 else 1
    return KSpaceTruncation(tuple(fine.shape)[first:], factors[first:])


def _put_back(fine: Tensor, coarse: Tensor, degradation: KSpaceTruncation) -> None:
    """Make `fine`, changed in place, truncate to `coarse` exactly."""
    for part, measured in _parts(fine, coarse, degradation):
        part.copy_(degradation.project(part, measured))


def _residual(result: sitk.Image, coarse: Tensor, degradation: KSpaceTruncation) -> float:
    """``||A x - y|| / ||y||`` of the image as it is delivered, rounded to its pixel type."""
    error = sum(
        float((degradation(part) - measured).double().square().sum())
        for part, measured in _parts(to_tensor(result), coarse, degradation)
    )
    return math.sqrt(error / float(coarse.double().square().sum()))


def _parts(fine: Tensor, coarse: Tensor, degradation: KSpaceTruncation) -> Iterator[tuple[Tensor, Tensor]]:
    """A few slices at a time where slices are independent, so that memory does not grow with the volume."""
    if len(degradation.shape) == fine.ndim:
        yield fine, coarse
    else:
        yield from zip(fine.split(_SLICES_AT_ONCE), coarse.split(_SLICES_AT_ONCE), strict=True)


def _grid(volume: Tensor, image: sitk.Image, card: ModelCard) -> Grid:
    """Where a volume that came out of the network lies."""
    grid = Grid.of(image)
    k, j, i = _factors(volume, grid.shape)
    return grid.finer((i, j, k), alignment=DEGRADATIONS[card.degradation].alignment)


def _factors(fine: Tensor, coarse_shape: Sequence[int]) -> tuple[int, int, int]:
    k, j, i = (n // m for n, m in zip(fine.shape, coarse_shape, strict=True))
    return k, j, i


def _spacing_warning(image: sitk.Image, model: Model) -> tuple[str, ...]:
    """What to say of a spacing that the model has not learned."""
    low, high = model.card.spacing_mm
    spacing = image.GetSpacing()[: 2 if model.card.axes == "in-plane" else 3]
    if all(_at_least(value, low) and _at_least(high, value) for value in spacing):
        return ()
    seen = " x ".join(f"{value:.3g}" for value in spacing)
    return (f"spacing {seen} mm is outside the {low:g} to {high:g} mm that {model.name} was made for",)


def _at_least(value: float, limit: float) -> bool:
    return value >= limit * (1 - 1e-3)  # headers round
