"""Super-resolve a coarse scan: the task behind `mrienhance super-resolve` and the Slicer module."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.images import Grid, IntensityScale, check_image, to_image, to_tensor
from mrienhance.inference import Cancel, Notes, Part, Predictor, Progress, choose_device, choose_precision
from mrienhance.models import Model, ModelCard
from mrienhance.physics import DEGRADATIONS
from mrienhance.tasks.cautions import contrast_warning, spacing_warning
from mrienhance.tasks.consistency import Known, known_of
from mrienhance.tasks.reference import Reference, place_reference, reference_warning
from mrienhance.tasks.result import ImageRecord, ModelRecord, Report, Result
from mrienhance.tasks.stages import Deliver, Stages
from mrienhance.tasks.super_resolution_model import TASK, Wish, choose_model
from mrienhance.tasks.super_resolution_model import find_for as find_for
from mrienhance.tasks.thick_slices import Turn
from mrienhance.tasks.upright import Upright

# Fractions of the progress at which a reference is in its place, the network has done, and the voxels are final.
_PLACED_SHARE, _NETWORK_SHARE, _RECORD_SHARE = 0.15, 0.95, 0.98


def super_resolve(
    image: sitk.Image,
    *,
    model: str | Path | Model | None = None,
    scale: int | None = None,
    reference: sitk.Image | None = None,
    register: bool = True,
    contrast: str | None = None,
    reference_contrast: str | None = None,
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
    """Super-resolve an image; which model is chosen is said by `find_for`, what is done by `SuperResolution`.

    Parameters
    ----------
    image, reference
        3-D scalar images of one person (2-D is taken as one slice); the reference, finer and of another contrast, may
        lie on any grid.
    model, scale
        Name from the catalogue, path of a ``.safetensors`` file, or a loaded `Model`; None to choose; its factor.
    register
        Whether a reference that is not on the result's grid is registered to the image, or placed by its header.
    contrast, reference_contrast
        What they are, as in BIDS, to be warned where the model was made for others; None if nobody says.
    device, precision
        As `choose_device` and `choose_precision` take them: ``"cpu"``, ``"cuda:1"``; ``"float32"``, ``"bfloat16"`` ...
    consistency
        Whether to put what was measured back, so that the result, made coarse again, is the input.
    batch, tile
        Slices at a time and side of a tile, by default what memory allows.
    maps
        Which of the method's maps to give; None for all. Those that it does not have are left out.
    progress, cancel
        Told how far the work is; asked whether to stop.
    deliver
        Given ``"image"`` or a map's name, and the image, in another thread; it may raise to stop.

    Raises
    ------
    ImageError, ModelError, Cancelled
        If an image cannot be used or registered; there is no such model, or one for another task; `cancel` says so.
    UsageError
        If there is no such device or precision, the model uses no reference, or needs one that is not given.
    """
    started = time.perf_counter()
    image = check_image(image)
    reference = None if reference is None else check_image(reference, what="reference")
    wish = Wish(scale=scale, reference=reference is not None, contrast=contrast, reference_contrast=reference_contrast)
    place = choose_device(device)
    work = SuperResolution(
        image=image,
        reference=reference,
        wish=wish,
        model=choose_model(model, image, wish),
        register=register,
        device=place,
        precision=choose_precision(precision, place),
        consistency=consistency,
        batch=batch,
        tile=tile,
        stages=Stages(progress, cancel, deliver, maps),
    )
    return work.run(started)


@dataclass(frozen=True, kw_only=True)
class SuperResolution:
    """One image on its way to a finer grid.

    Models of slices make the axes i and j finer; those that look at a reference see them `Upright`. Models that make
    slices thinner work on the axis of thick slices, whichever it is: the axes are swapped for the network and back. The
    result has the input's pixel type, lies on its own grid as the model's degradation has it, and holds what was
    measured where that can be put back exactly.

    Parameters
    ----------
    image, reference, register, consistency, batch, tile
        As `super_resolve` takes them, checked.
    wish, model
        What was asked for, and what does it.
    device, precision, stages
        Where, how, and who is told.
    """

    image: sitk.Image
    reference: sitk.Image | None
    wish: Wish
    model: Model
    register: bool
    device: torch.device
    precision: torch.dtype
    consistency: bool
    batch: int | None
    tile: int | None
    stages: Stages

    def run(self, started: float) -> Result:
        """Do it; `started` is when the work began, by `time.perf_counter`."""
        card, stages = self.model.card, self.stages
        turn = Turn.of(self.image.GetSpacing()) if card.axes == "through-plane" else Turn()
        image = turn.apply(self.image)
        with ThreadPoolExecutor(2) as aside:  # large images take a while to hash and to write: neither needs Python
            reference, measured = self._placed(image, turn), to_tensor(image)
            # Not before: while one thread looks at the voxels of an image, another must not make ITK copy them.
            seen = [aside.submit(ImageRecord.of, self.image, role="image")]
            if self.reference is not None:
                seen.append(aside.submit(ImageRecord.of, self.reference, role="reference"))
            volumes, notes = self._predicted(measured, reference)
            stages.enter(_NETWORK_SHARE, "Putting the measured frequencies back")
            fine = volumes["image"]
            known = known_of(fine, measured, card, stages.check)
            if self.consistency and known is not None:
                known.put_back(fine)
            images = {name: to_image(part, _grid(part, image, card), like=image) for name, part in volumes.items()}
            stages.enter(_RECORD_SHARE, "Recording how the result came to be")
            residual = None if known is None else known.residual(_delivered(images["image"], fine))
            images = {name: turn.undo(part) for name, part in images.items()}
            made = aside.submit(ImageRecord.of, images["image"], role="result")
            for delivery in [aside.submit(stages.deliver, *named) for named in images.items()]:
                delivery.result()
            report = self._report(seen, made, known, residual, notes, reference, started)
        stages.finish()
        return Result(images.pop("image"), images, report)

    def _placed(self, image: sitk.Image, turn: Turn) -> Reference | None:
        """The reference on the grid of the result."""
        if self.reference is None:
            return None
        card = self.model.card
        return place_reference(
            turn.apply(self.reference),  # one that lies on the grid of the result does so turned as well
            image,
            Grid.of(image).finer(card.factors, alignment=DEGRADATIONS[card.degradation].alignment),
            contrast=self.wish.reference_contrast,
            registered=self.register,
            progress=Part(self.stages.progress, 0.0, _PLACED_SHARE),
            cancel=self.stages.cancel,
        )

    def _predicted(self, measured: Tensor, reference: Reference | None) -> tuple[dict[str, Tensor], Notes]:
        """What the network makes, in the image's unit, as far as it is wanted; and how it was made."""
        begin = 0.0 if reference is None else _PLACED_SHARE
        predictor = Predictor(
            self.model.module,
            self.model.method,
            self.model.config,
            self.device,
            self.precision,
            batch=self.batch,
            tile=self.tile,
            progress=Part(self.stages.progress, begin, _NETWORK_SHARE),
            cancel=self.stages.cancel,
            text=f"Running {self.model.method.title}",
        )
        intensity, upright = IntensityScale.of(measured), Upright.of(Grid.of(self.image), self.model.card)
        self.stages.check()
        inputs = {"image": upright.apply(intensity.apply(measured))}
        if reference is not None:
            inputs["reference"] = upright.apply(reference.volume)
        predicted, notes = predictor.run(inputs)
        wanted = {name: upright.undo(volume) for name, volume in predicted.items() if self.stages.wants(name)}
        return {name: intensity.undo_(volume) for name, volume in wanted.items()}, notes

    def _report(
        self,
        seen: list[Future[ImageRecord]],
        made: Future[ImageRecord],
        known: Known | None,
        residual: float | None,
        notes: Notes,
        reference: Reference | None,
        started: float,
    ) -> Report:
        cautions = [*spacing_warning(self.image.GetSpacing(), self.model)]
        cautions += Upright.of(Grid.of(self.image), self.model.card).warnings
        cautions += contrast_warning(self.wish.contrast, self.model)
        cautions += reference_warning(self.wish.reference_contrast, self.model.card)
        cautions += () if reference is None else reference.warnings
        return Report(
            task=TASK,
            model=ModelRecord.of(self.model),
            inputs=tuple(record.result() for record in seen),
            output=made.result(),
            scale=self.model.card.scale,
            consistency=self.consistency and known is not None,
            consistency_residual=residual,
            device=notes.device,
            precision=notes.precision,
            tile=notes.tile,
            fallbacks=notes.fallbacks,
            seconds=time.perf_counter() - started,
            seconds_network=notes.seconds_network,
            peak_memory_bytes=notes.peak_memory_bytes,
            warnings=(*cautions, *notes.fallbacks),
            reference=None if reference is None else reference.record,
        )


def _delivered(result: sitk.Image, volume: Tensor) -> Tensor:
    """The voxels of the result, made of `volume`: integers are rounded and limited, single precision is the same."""
    return volume if result.GetPixelID() == sitk.sitkFloat32 else to_tensor(result)


def _grid(volume: Tensor, image: sitk.Image, card: ModelCard) -> Grid:
    """Where a volume that came out of the network lies."""
    grid = Grid.of(image)
    k, j, i = (n // m for n, m in zip(volume.shape, grid.shape, strict=True))
    return grid.finer((i, j, k), alignment=DEGRADATIONS[card.degradation].alignment)
