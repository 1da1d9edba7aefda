"""Synthesize contrasts that were not scanned: the task behind `mrienhance synthesize` and the Slicer module."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import SimpleITK as sitk

from mrienhance.images import check_image
from mrienhance.inference import Cancel, Progress, choose_device, choose_precision
from mrienhance.models import Model
from mrienhance.tasks.result import Result
from mrienhance.tasks.scans import checked
from mrienhance.tasks.stages import Deliver, Stages
from mrienhance.tasks.synthesis import DeliverOf, Synthesis
from mrienhance.tasks.synthesis_model import check_wish, choose_model


def synthesize(
    image: sitk.Image,
    *,
    to: str,
    source: str | None = None,
    others: Mapping[str, sitk.Image] | None = None,
    model: str | Path | Model | None = None,
    register: bool = True,
    uncertainty: bool = False,
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    deliver: Deliver | None = None,
) -> Result:
    """Synthesize one contrast; all is as in `synthesize_all`, which makes several at the price of little more.

    Parameters
    ----------
    image, source, others, model, register, uncertainty, device, precision, batch, progress, cancel
        As in `synthesize_all`.
    to
        The wanted contrast, such as ``"T2w"``.
    deliver
        Given ``"image"`` and the result, and ``"uncertainty"`` and its map, in another thread; it may raise to stop.

    Returns
    -------
    Result
        As one of `synthesize_all`.

    Raises
    ------
    ImageError, ModelError, UsageError, Cancelled
        As in `synthesize_all`.
    """
    results = synthesize_all(
        image,
        to=(to,),
        source=source,
        others=others,
        model=model,
        register=register,
        uncertainty=uncertainty,
        device=device,
        precision=precision,
        batch=batch,
        progress=progress,
        cancel=cancel,
        deliver=None if deliver is None else lambda contrast, name, made: deliver(name, made),
    )
    return results[to]


def synthesize_all(
    image: sitk.Image,
    *,
    to: Sequence[str],
    source: str | None = None,
    others: Mapping[str, sitk.Image] | None = None,
    model: str | Path | Model | None = None,
    register: bool = True,
    uncertainty: bool = False,
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    deliver: DeliverOf | None = None,
) -> dict[str, Result]:
    """Synthesize contrasts that were not scanned, axial slice by axial slice, all of them in one go.

    Parameters
    ----------
    image, source
        3-D scalar image (2-D is taken as one slice), whose axes may run in any order: the network is shown axial
        slices. Its contrast; None to have the model look.
    to
        The wanted contrasts: ``T1w``, ``T1c``, ``T2w``, ``FLAIR``, ``PDw``, as far as the model makes them.
    others
        Further scans of the same person by contrast, on any grid: the predictions from all are averaged.
    model
        Name from the catalogue, path of a model file, or a loaded `Model`; by default the first that does it.
    register
        Whether scans that are not on the grid of `image` are registered to it, or only resampled by their headers.
    uncertainty
        Whether to give the map ``"uncertainty"`` too: the standard deviation of predictions from the image as it is,
        mirrored, and moved by some voxels, of all sources, in the result's unit; the result is their mean.
    device, precision, batch, progress, cancel
        As for `super_resolve`.
    deliver
        Given each contrast, ``"image"`` or ``"uncertainty"``, and the image, in another thread; it may raise to stop.

    Returns
    -------
    dict
        A `Result` by contrast, in the order of `to`: float32, on the grid of `image`, marked as synthetic in metadata
        and report; 1000 is the brightest tissue of that contrast.

    Raises
    ------
    ImageError, ModelError, Cancelled
        If an image cannot be used or registered; there is no such model, or one for other contrasts; `cancel` says so.
    UsageError
        If a wanted contrast was scanned or is asked for twice, the source cannot be told, there is no such device.
    """
    started, place = time.perf_counter(), choose_device(device)
    image, others = check_image(image), checked(others or {})
    targets = check_wish(to, source, others)
    chosen, able = choose_model(model, source=source, to=targets, others=others)
    return Synthesis(
        image=image,
        source=source,
        others=others,
        targets=targets,
        model=chosen,
        able=able,
        registered=register,
        uncertainty=uncertainty,
        device=place,
        precision=choose_precision(precision, place),
        batch=batch,
        stages=Stages(progress, cancel),
        deliver=deliver or (lambda contrast, name, made: None),
    ).run(started)
