"""Super-resolve a coarse scan: the task behind `mrienhance super-resolve` and the Slicer module."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.errors import ModelError, UsageError
from mrienhance.images import Grid, IntensityScale, check_image, to_image, to_tensor
from mrienhance.inference import Cancel, Part, Predictor, Progress, choose_device, choose_precision
from mrienhance.models import Entry, Model, ModelCard, find_model, load_model
from mrienhance.physics import DEGRADATIONS, KSpaceTruncation
from mrienhance.tasks.cautions import spacing_warning
from mrienhance.tasks.consistency import Measured
from mrienhance.tasks.result import ImageRecord, ModelRecord, Report, Result
from mrienhance.tasks.stages import Deliver, Stages

TASK = "super-resolve"
DEFAULT_SCALE = 2
# Fractions of the progress at which the network has done, and the result's voxels are final.
_NETWORK_SHARE, _RECORD_SHARE = 0.95, 0.98


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
    maps: Collection[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    deliver: Deliver | None = None,
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
    maps
        Which of the method's maps to give; None for all. Those that it does not have are left out.
    progress, cancel
        Told how far the work is; asked whether to stop.
    deliver
        Given ``"image"`` and the result, and the name and image of each map, as soon as their voxels are final: in
        another thread, while the report is made. What it raises ends the work.

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
    stages = Stages(progress, cancel, deliver, maps)
    predictor = _predictor(chosen, choose_device(device), precision, stages, batch=batch, tile=tile)
    return _run(predictor, image, chosen, consistency=consistency, stages=stages, started=started)


def find_for(model: str | Path | None, scale: int | None) -> Entry:
    """The catalogue's entry that `super_resolve` would load for this `model` and `scale`.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task or scale.
    """
    wanted = DEFAULT_SCALE if model is None and scale is None else scale
    return find_model(model, task=TASK, scale=wanted)


def _predictor(
    model: Model, device: torch.device, precision: str, stages: Stages, *, batch: int | None, tile: int | None
) -> Predictor:
    return Predictor(
        model.module,
        model.method,
        model.config,
        device,
        choose_precision(precision, device),
        batch=batch,
        tile=tile,
        progress=Part(stages.progress, 0.0, _NETWORK_SHARE),
        cancel=stages.cancel,
        text=f"Running {model.method.title}",
    )


def _run(
    predictor: Predictor, image: sitk.Image, model: Model, *, consistency: bool, stages: Stages, started: float
) -> Result:
    with ThreadPoolExecutor(2) as aside:  # large images take a while to hash and to write: neither needs Python
        seen = aside.submit(ImageRecord.of, image, role="image")
        measured = to_tensor(image)
        intensity = IntensityScale.of(measured)
        stages.check()
        predicted, notes = predictor.run(intensity.apply(measured))
        stages.enter(_NETWORK_SHARE, "Putting the measured frequencies back")
        volumes = {name: intensity.undo_(volume) for name, volume in predicted.items() if stages.wants(name)}
        fine = volumes["image"]
        truncation = _truncation(fine, measured, model.card)
        known = None if truncation is None else Measured(measured, truncation, stages.check)
        if consistency and known is not None:
            known.put_back(fine)
        images = {name: to_image(part, _grid(part, image, model.card), like=image) for name, part in volumes.items()}
        result = images["image"]
        stages.enter(_RECORD_SHARE, "Recording how the result came to be")
        residual = None if known is None else known.residual(_delivered(result, fine))
        made = aside.submit(ImageRecord.of, result, role="result")
        for delivery in [aside.submit(stages.deliver, *named) for named in images.items()]:
            delivery.result()
        report = Report(
            task=TASK,
            model=ModelRecord.of(model),
            inputs=(seen.result(),),
            output=made.result(),
            scale=model.card.scale,
            consistency=consistency and known is not None,
            consistency_residual=residual,
            device=notes.device,
            precision=notes.precision,
            tile=notes.tile,
            fallbacks=notes.fallbacks,
            seconds=time.perf_counter() - started,
            seconds_network=notes.seconds_network,
            peak_memory_bytes=notes.peak_memory_bytes,
            warnings=(*spacing_warning(image.GetSpacing(), model), *notes.fallbacks),
        )
    stages.finish()
    return Result(images.pop("image"), images, report)


def _choose_model(model: str | Path | Model | None, scale: int | None) -> Model:
    """Load the model that was asked for, and see that it does what it is asked to."""
    if not isinstance(model, Model):
        model = load_model(find_for(model, scale))
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
    if max(factors) == 1:
        return None
    first = 0 if factors[0] > 1 else 1
    return KSpaceTruncation(tuple(fine.shape)[first:], factors[first:])


def _delivered(result: sitk.Image, volume: Tensor) -> Tensor:
    """The voxels of the result, made of `volume`: integers are rounded and limited, single precision is the same."""
    return volume if result.GetPixelID() == sitk.sitkFloat32 else to_tensor(result)


def _grid(volume: Tensor, image: sitk.Image, card: ModelCard) -> Grid:
    """Where a volume that came out of the network lies."""
    grid = Grid.of(image)
    k, j, i = _factors(volume, grid.shape)
    return grid.finer((i, j, k), alignment=DEGRADATIONS[card.degradation].alignment)


def _factors(fine: Tensor, coarse_shape: Sequence[int]) -> tuple[int, int, int]:
    k, j, i = (n // m for n, m in zip(fine.shape, coarse_shape, strict=True))
    return k, j, i
