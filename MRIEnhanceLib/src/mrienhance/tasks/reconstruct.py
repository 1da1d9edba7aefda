"""Reconstruct an image from raw k-space: the task behind `mrienhance reconstruct` and the Slicer module."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from mrienhance.errors import KSpaceError, ModelError
from mrienhance.images import to_image
from mrienhance.inference import Cancel, Notes, Part, Progress, choose_device, choose_precision
from mrienhance.inference.slices import SliceRunner
from mrienhance.kspace import KSpace
from mrienhance.models import Entry, Model, find_model, load_model
from mrienhance.tasks.acquisition import acquisition_warnings
from mrienhance.tasks.cautions import contrast_warning, spacing_warning
from mrienhance.tasks.classical import CLASSICAL, Classical
from mrienhance.tasks.coil_maps import CoilMaps, find_maps, maps_rule
from mrienhance.tasks.raw_data import RawData
from mrienhance.tasks.reconstruction import Found, Reconstruction
from mrienhance.tasks.reconstruction_record import KSpaceRecord, ReconstructionRecord
from mrienhance.tasks.result import ImageRecord, ModelRecord, Report, Result
from mrienhance.tasks.stages import Deliver, Stages

TASK = "reconstruct"
# Fractions of the progress at which the coil maps are known, the slices are done, and the voxels are final.
_MAPS_SHARE, _SLICES_SHARE, _RECORD_SHARE = 0.2, 0.95, 0.98


def reconstruct(
    kspace: KSpace,
    *,
    model: str | Path | Model | None = None,
    coil_maps: CoilMaps = "espirit",
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    maps: Collection[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    deliver: Deliver | None = None,
) -> Result:
    """Reconstruct raw k-space, slice by slice.

    Parameters
    ----------
    kspace
        Cartesian samples of one coil or several, from `read_kspace` or `simulate_kspace`.
    model
        Name from the catalogue, path of a model file, loaded `Model`, or a key of
        `mrienhance.tasks.classical.CLASSICAL`. By default the catalogue's first, else CG-SENSE.
    coil_maps
        ``"espirit"``, ``"low-resolution"``, ``"file"`` (those of the raw data), or an array (slice, coil, H, W).
    device, precision
        As `choose_device` and `choose_precision` take them; Fourier transforms and solvers are in float32 always.
    batch, maps
        Slices at a time, by default what memory allows; which of the method's maps to give, None for all.
    progress, cancel
        Told how far the work is; asked whether to stop.
    deliver
        Given ``"image"`` and the result, and each map's name and image, in another thread; it may raise to stop.

    Returns
    -------
    Result
        The magnitude image, float32, in the patient's coordinates where the raw data say how; maps; and the report.

    Raises
    ------
    KSpaceError
        If the raw data cannot be used: no calibration lines, NaN, coil maps that do not fit.
    ModelError, UsageError
        If there is no such model, or one for another task; no such device, precision or way to coil maps.
    Cancelled
        If `cancel` says so.

    Examples
    --------
    >>> import mrienhance
    >>> from mrienhance.data import sample_path
    >>> kspace = mrienhance.read_kspace(sample_path("brain_8ch"))
    >>> mrienhance.reconstruct(kspace, model="cg-sense", device="cpu").image.GetSize()
    (180, 230, 1)
    """
    started = time.perf_counter()
    _check(kspace)
    chosen, notes = _choose(model, kspace)
    place = _complex_device(device)
    job = _Job(
        kspace=kspace,
        data=RawData(kspace),
        chosen=chosen,
        method=Reconstruction(chosen, choose_precision(precision, place)),
        coil_maps=coil_maps,
        device=place,
        batch=batch,
        stages=Stages(progress, cancel, deliver, maps),
    )
    return _run(job, notes, started)


def find_for(model: str | Path | None) -> Entry | Classical:
    """What `reconstruct` would use for this `model`: an entry of the catalogue, or a classical reconstruction.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task.
    """
    if isinstance(model, str) and model in CLASSICAL:
        return CLASSICAL[model]
    if model is not None:
        try:
            return find_model(model, task=TASK)
        except ModelError as error:
            raise ModelError(error.message, hint=f"{error.hint}; without a model: {', '.join(CLASSICAL)}") from None
    try:
        return find_model(task=TASK)
    except ModelError:
        return next(iter(CLASSICAL.values()))


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is to be done, with what, for whom."""

    kspace: KSpace
    data: RawData
    chosen: Model | Classical
    method: Reconstruction
    coil_maps: CoilMaps
    device: torch.device
    batch: int | None
    stages: Stages


def _run(job: _Job, notes: tuple[str, ...], started: float) -> Result:
    stages = job.stages
    with ThreadPoolExecutor(2) as aside:  # large data take a while to hash and to write: neither needs Python
        seen = aside.submit(KSpaceRecord.of, job.kspace)
        stages.check()
        found, ran, given_up = _slices(job)
        stages.enter(_SLICES_SHARE, "Putting the image into place")
        images = {name: to_image(volume, job.data.grid) for name, volume in found.volumes.items()}
        result = images["image"]
        stages.enter(_RECORD_SHARE, "Recording how the result came to be")
        made = aside.submit(ImageRecord.of, result, role="result")
        for delivery in [aside.submit(stages.deliver, *named) for named in images.items()]:
            delivery.result()
        report = _report(
            job.chosen,
            ran,
            _record(job, found),
            residual=found.residual,
            inputs=seen.result(),
            output=made.result(),
            warnings=(*job.data.notes, *notes, *given_up, *ran.fallbacks),
            started=started,
        )
    stages.finish()
    return Result(images.pop("image"), images, report)


def _slices(job: _Job) -> tuple[Found, Notes, tuple[str, ...]]:
    """The slices, how they were made, and what was given up for the coil maps."""
    stages = job.stages
    part = Part(stages.progress, 0.0, _MAPS_SHARE)
    sensitivities, given_up = find_maps(job.data, job.kspace, job.coil_maps, job.device, part, stages.cancel)
    runner = SliceRunner(
        job.method.call,
        module=job.method.module,
        device=job.device,
        precision=job.method.precision,
        batch=job.batch,
        progress=Part(stages.progress, _MAPS_SHARE, _SLICES_SHARE),
        cancel=stages.cancel,
        text=f"Running {job.method.title}",
    )
    found = Found(job.data, sensitivities, job.kspace.window, stages.wants)
    return found, runner.run(job.data.count, found.take, found.give), given_up


def _record(job: _Job, found: Found) -> ReconstructionRecord:
    kspace = job.kspace
    return ReconstructionRecord(
        coils=kspace.coils,
        acceleration=kspace.acceleration,
        calibration_lines=kspace.calibration_lines,
        coil_maps=maps_rule(kspace, job.coil_maps),
        whitened=job.data.whitened,
        parameters=job.method.parameters,
        **found.facts(job.method.classes),
    )


def _check(kspace: KSpace) -> None:
    """Refuse what the readers would have refused, where somebody has made the raw data by hand."""
    samples, mask = kspace.samples, kspace.mask
    if samples.ndim != 4 or 0 in samples.shape or not samples.is_complex():
        kind = str(samples.dtype).removeprefix("torch.")
        raise KSpaceError(f"raw data are complex (slice, coil, ky, kx), not {kind} {tuple(samples.shape)}")
    if tuple(mask.shape) not in ((samples.shape[0], *samples.shape[2:]), tuple(samples.shape[2:])):
        raise KSpaceError(f"a mask of {tuple(mask.shape)} does not fit raw data of {tuple(samples.shape)}")


def _choose(model: str | Path | Model | None, kspace: KSpace) -> tuple[Model | Classical, tuple[str, ...]]:
    """What to reconstruct with, and what to say of the choice."""
    chosen: Model | Entry | Classical = model if isinstance(model, Model) else find_for(model)
    notes: tuple[str, ...]
    if isinstance(chosen, Classical):
        notes = (f"there is no model to reconstruct: {chosen.title} was used",) if model is None else ()
        return chosen, notes
    if isinstance(chosen, Entry):
        chosen = load_model(chosen)
    if chosen.card.task != TASK:
        raise ModelError(f"{chosen.name} is a model to {chosen.card.task}, not to {TASK}", hint="choose another model")
    notes = (*contrast_warning(kspace.facts.contrast, chosen), *acquisition_warnings(kspace, chosen))
    if kspace.geometry is not None:
        notes = (*notes, *spacing_warning(kspace.geometry.spacing, chosen))
    return chosen, notes


def _complex_device(name: str) -> torch.device:
    """The device; Apple's GPUs, which know complex numbers only in part, are taken when they are named."""
    device = choose_device(name)
    return torch.device("cpu") if name == "auto" and device.type == "mps" else device


def _report(
    chosen: Model | Classical,
    ran: Notes,
    record: ReconstructionRecord,
    *,
    residual: float | None,
    inputs: KSpaceRecord,
    output: ImageRecord,
    warnings: tuple[str, ...],
    started: float,
) -> Report:
    return Report(
        task=TASK,
        model=ModelRecord.of(chosen) if isinstance(chosen, Model) else ModelRecord.of_classical(chosen),
        inputs=(inputs,),
        output=output,
        scale=None,
        consistency=False,
        consistency_residual=residual,
        device=ran.device,
        precision=ran.precision,
        tile=None,
        fallbacks=ran.fallbacks,
        seconds=time.perf_counter() - started,
        seconds_network=ran.seconds_network,
        peak_memory_bytes=ran.peak_memory_bytes,
        warnings=warnings,
        reconstruction=record,
    )
