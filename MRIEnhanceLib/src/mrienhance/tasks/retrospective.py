"""Leave samples of a full scan out, reconstruct the rest, and see how far the image is from that of all samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.errors import KSpaceError, UsageError
from mrienhance.evaluation.evaluate import Evaluation, evaluate_all
from mrienhance.inference import Part
from mrienhance.kspace import KSpace
from mrienhance.physics import fixed_generator, make_mask, to_centred
from mrienhance.tasks.reconstruct import reconstruct
from mrienhance.tasks.result import Result

# A scan with more positions than this for a sample has been accelerated already; corners and edges may be missing.
_FULL = 1.5
_FULL_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Retrospective:
    """A reconstruction of some of the samples of a full scan, and the truth.

    Attributes
    ----------
    result
        What `reconstruct` made of some of the samples.
    full
        The image of all of them: coil images, combined by coil maps from all samples.
    kspace
        The samples that were kept.
    evaluation
        How far the result is from the truth, and the zero-filled image, where there is one.
    """

    result: Result
    full: sitk.Image
    kspace: KSpace
    evaluation: Evaluation


def undersample(
    kspace: KSpace,
    *,
    acceleration: float = 4.0,
    sampling: str = "random-lines",
    lines_along: Literal["i", "j"] = "i",
    seed: int = 0,
) -> KSpace:
    """Leave samples of a full scan out, the same in all slices.

    Parameters
    ----------
    kspace
        Of a full scan.
    acceleration
        All positions over those that are kept; of random lines, on average.
    sampling
        ``"random-lines"``, ``"equispaced-lines"`` or ``"poisson-disc"``.
    lines_along
        The axis along which lines are left out.
    seed
        Of the mask.

    Returns
    -------
    KSpace
        Zero where samples were left out.

    Raises
    ------
    KSpaceError
        If the scan was accelerated already.
    UsageError
        If there is no such sampling or acceleration.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> import mrienhance
    >>> from mrienhance.tasks.retrospective import undersample
    >>> image = sitk.GaussianSource(size=[64, 64, 1], mean=[32, 32, 0], sigma=[9, 12, 2])
    >>> full = mrienhance.simulate_kspace(image, acceleration=1, center_fraction=1.0)
    >>> undersample(full, acceleration=4, sampling="poisson-disc", seed=1)
    KSpace(1 slice(s), 8 coil(s), 64 x 64, 4x, simulated)
    """
    if kspace.acceleration > _FULL:
        raise KSpaceError(
            f"the scan is {kspace.acceleration:.3g}-fold accelerated already", hint="give a fully sampled one"
        )
    mask = _drawn(kspace, acceleration, sampling, lines_along, seed) & kspace.mask
    keep = mask if mask.ndim == 2 else mask[:, None]
    note = f"{sampling}, {acceleration:g}-fold, of a full scan; seed {seed}"
    return replace(
        kspace,
        samples=torch.where(keep, kspace.samples, 0),
        mask=mask,
        calibration=None,
        maps=None,
        notes=(*kspace.notes, note),
    )


def _drawn(kspace: KSpace, acceleration: float, sampling: str, lines_along: str, seed: int) -> Tensor:
    """Draw the mask, bool (ky, kx), centred."""
    if lines_along not in ("i", "j"):
        raise UsageError(f"lines are left out along i or j, not {lines_along!r}", hint='give "i" or "j"')
    rows, columns = kspace.samples.shape[-2:]
    axis, generator = -1 if lines_along == "i" else -2, fixed_generator("retrospective", seed)
    try:
        drawn = make_mask(sampling, (rows, columns), acceleration=acceleration, generator=generator, axis=axis)
    except ValueError as error:
        raise UsageError(f"no such sampling: {error}", hint="choose another acceleration") from error
    return to_centred(drawn.expand(rows, columns)).bool()


def retrospective(
    kspace: KSpace,
    *,
    acceleration: float = 4.0,
    sampling: str = "random-lines",
    lines_along: Literal["i", "j"] = "i",
    seed: int = 0,
    **options: Any,
) -> Retrospective:
    """Reconstruct some of the samples of a full scan and compare with the image of all.

    Parameters
    ----------
    kspace, acceleration, sampling, lines_along, seed
        As for `undersample`.
    options
        Of `reconstruct`.

    Raises
    ------
    KSpaceError, ModelError, UsageError, Cancelled
        As `undersample` and `reconstruct`.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> import mrienhance
    >>> from mrienhance.tasks.retrospective import retrospective
    >>> image = sitk.GaussianSource(size=[64, 64, 1], mean=[32, 32, 0], sigma=[9, 12, 2])
    >>> full = mrienhance.simulate_kspace(image, acceleration=1, center_fraction=1.0)
    >>> tried = retrospective(full, acceleration=2, model="cg-sense", coil_maps="low-resolution", device="cpu")
    >>> [row["method"] for row in tried.evaluation.rows]
    ['zero-filled', 'cg-sense']
    """
    fewer = undersample(kspace, acceleration=acceleration, sampling=sampling, lines_along=lines_along, seed=seed)
    how = options.get("coil_maps", "espirit")
    progress, cancel = options.pop("progress", None), options.get("cancel")
    whole = reconstruct(
        kspace,
        model="zero-filled",
        coil_maps=how,
        device=options.get("device", "auto"),
        maps=(),
        progress=Part(progress, 0.0, _FULL_SHARE),
        cancel=cancel,
    )
    # Maps that the file brings are of all samples: they may serve for both.
    given = replace(fewer, maps=kspace.maps) if how == "file" else fewer
    result = reconstruct(given, progress=Part(progress, _FULL_SHARE, 1.0), **options)
    return Retrospective(result=result, full=whole.image, kspace=fewer, evaluation=compare(result, whole.image))


def compare(result: Result, truth: sitk.Image) -> Evaluation:
    """Measure a reconstruction, and its zero-filled image if it brings one, against the truth.

    Parameters
    ----------
    result
        From `reconstruct`.
    truth
        On its grid, in its unit.
    """
    name = result.report.model.name
    baseline = {key: image for key, image in result.maps.items() if key == "zero-filled" != name}
    return evaluate_all({**baseline, name: result.image}, truth)
