"""How far a synthetic image is from a scan of the same contrast."""

from __future__ import annotations

from dataclasses import replace

import SimpleITK as sitk

from mrienhance.evaluation import Evaluation, evaluate_synthetic, niqe_contrasts
from mrienhance.images import check_image
from mrienhance.inference import Cancel, NullProgress, Progress
from mrienhance.tasks.result import Result
from mrienhance.tasks.scans import OnGrid, put_on


def compare(
    result: Result,
    truth: sitk.Image,
    *,
    register: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Evaluation:
    """Measure a synthetic image against a scan.

    Parameters
    ----------
    result
        From `synthesize`.
    truth
        A scan of the result's contrast: brought to its grid where it is on another one, and to its unit, in which the
        99.9th percentile is 1000. Negative values, which a resampling may leave, count as background.
    register
        Whether it is registered, or only resampled by its header.
    progress, cancel
        Told how far the work is; asked whether to stop.

    Returns
    -------
    Evaluation
        Figures and difference in the unit of the result, on its grid; notes say what was done to the scan.

    Raises
    ------
    ImageError
        If the scan cannot be used or registered.
    Cancelled
        If `cancel` says so.
    """
    told, stop = progress or NullProgress(), cancel or Cancel()
    truth = check_image(truth, what="reference")
    placed = put_on(truth, result.image, registered=register, what="reference", progress=told, cancel=stop)
    made = result.report.synthesis
    contrast = made.target if made is not None and made.target in niqe_contrasts() else None

    def step(fraction: float) -> None:
        stop.check()
        told.report(fraction, None, "Comparing with the reference")

    # Where the scan has no voxels it is background, which the default mask leaves out.
    results = {result.report.model.name: result.image}
    evaluation = evaluate_synthetic(results, placed.image, contrast=contrast, step=step)
    return replace(evaluation, notes=(*evaluation.notes, *_movement(placed)))


def _movement(placed: OnGrid) -> tuple[str, ...]:
    """What to say of a reference that was on another grid."""
    found = placed.registration
    if found is not None:
        return (f"the reference was registered: turned {found.angle_deg:.2f} degrees, moved {found.shift_mm:.2f} mm",)
    return () if placed.placed == "as it is" else ("the reference was resampled to the grid of the result",)
