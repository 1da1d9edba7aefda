"""NIQE: how far the statistics of an image are from those of real scans of its contrast, without any reference.

Each contrast has two fits to real slices, stored beside this file: of patches of tissue, for what lies inside a mask,
and of all patches with anything in them, for whole frames. `Testing/benchmarks/fit_niqe.py` made them, of at most
300 axial slices a contrast:

* T1w: nine people of OpenNeuro ds002748 (CC0), and the three below: 1449 patches of tissue.
* T1c: one person with multiple sclerosis: 285. T2w and FLAIR: that person and two more, who were scanned with the
  skull: 1073 and 1151. Lesjak et al. 2017, doi 10.1007/s12021-017-9348-7 (CC-BY).

So few people say what slices of a contrast look like, not how much they differ: compare figures of one contrast, one
voxel size and one kind of mask with each other only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mrienhance.errors import UsageError
from mrienhance.evaluation.metrics import Step
from mrienhance.evaluation.scene_statistics import FEATURES, PATCH, centred, patch_features

Region: TypeAlias = Literal["tissue", "frame"]

_FITS = Path(__file__).with_name("niqe_fits.npz")
_FULL_SCALE = 255.0
# A patch is tissue if this much of it lies in the mask.
_TISSUE = 0.75
_SLICES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class SceneFit:
    """A Gaussian of many variables, fitted to the features of patches.

    Parameters
    ----------
    mean, covariance
        float64, (36,) and (36, 36).
    """

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> SceneFit:
        """Fit to features (patches, 36); a single patch has no covariance but 0."""
        covariance = torch.cov(features.T) if len(features) > 1 else torch.zeros(FEATURES, FEATURES).double()
        return cls(features.mean(0), covariance)

    def distance(self, other: SceneFit) -> float:
        """Mittal et al. 2013, eq. 10: the distance of the means in units of the mean covariance."""
        apart = self.mean - other.mean
        inverse = torch.linalg.pinv((self.covariance + other.covariance) / 2, hermitian=True)
        return math.sqrt(max(float(apart @ inverse @ apart), 0.0))


@dataclass(frozen=True, kw_only=True)
class Naturalness:
    """NIQE of one image.

    Parameters
    ----------
    volume
        Of the patches of all slices together; 0 and up, lower is more like real scans. NaN if there are none.
    slices
        Of the patches of each slice.
    """

    volume: float
    slices: tuple[float, ...]


def niqe(
    image: Tensor, *, contrast: str, data_range: float, mask: Tensor | None = None, step: Step | None = None
) -> Naturalness:
    """Naturalness of an image.

    Parameters
    ----------
    image
        Real tensor ``(slices, row, column)``; axial slices, as the fits had them.
    contrast
        One of `niqe_contrasts`.
    data_range
        The intensity that becomes 255: the brightest tissue.
    mask
        Same shape; patches that lie in it by three quarters count, and are compared with tissue. Without it all patches
        that are not constant count, and are compared with whole frames.
    step
        Called every few slices with the fraction that is done; may raise to stop.

    Raises
    ------
    UsageError
        If there is no fit for the contrast.
    """
    fit = load_fit(contrast, "frame" if mask is None else "tissue")
    parts = features_of(image, data_range=data_range, mask=mask, step=step)
    every = torch.cat(parts) if parts else torch.zeros(0, FEATURES)
    return Naturalness(volume=_distance(fit, every), slices=tuple(_distance(fit, features) for features in parts))


def niqe_contrasts() -> tuple[str, ...]:
    """The contrasts that there are fits for."""
    return tuple(sorted({name.split(".")[0] for name in _stored()}))


def load_fit(contrast: str, region: Region) -> SceneFit:
    """A stored fit.

    Raises
    ------
    UsageError
        If there is none for the contrast.
    """
    stored = _stored()
    if f"{contrast}.{region}.mean" not in stored:
        hint = f"choose one of {', '.join(niqe_contrasts())}"
        raise UsageError(f"there is no NIQE for the contrast {contrast!r}", hint=hint)
    mean, covariance = (torch.from_numpy(stored[f"{contrast}.{region}.{part}"]) for part in ("mean", "covariance"))
    return SceneFit(mean, covariance)


def features_of(
    image: Tensor, *, data_range: float, mask: Tensor | None = None, sharpest: float = 0.0, step: Step | None = None
) -> list[Tensor]:
    """Features of the patches that count, slice by slice; parameters as in `niqe`.

    Parameters
    ----------
    image, data_range, mask, step
        As in `niqe`.
    sharpest
        Patches less sharp than this fraction of the sharpest of their slice are left out, as for a fit.

    Returns
    -------
    list of Tensor
        float64 (patches, 36) each.
    """
    if min(image.shape[-2:]) < PATCH:
        return [torch.zeros(0, FEATURES, dtype=torch.float64)] * len(image)
    found = []
    for start in range(0, len(image), _SLICES_AT_ONCE):
        if step is not None:
            step(start / len(image))
        part = slice(start, start + _SLICES_AT_ONCE)
        features, sharpness = patch_features(image[part] * (_FULL_SCALE / data_range))
        counts = features.isfinite().all(-1)
        if mask is not None:
            inside = centred((mask[part] != 0).double())
            counts &= F.avg_pool2d(inside[:, None], PATCH)[:, 0] >= _TISSUE
        limit = sharpest * torch.where(counts, sharpness, 0.0).amax(dim=(1, 2), keepdim=True)
        counts &= sharpness >= limit
        found += [one[where] for one, where in zip(features, counts, strict=True)]
    return found


def _distance(fit: SceneFit, features: Tensor) -> float:
    return fit.distance(SceneFit.of(features)) if len(features) else math.nan


@cache
def _stored() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    with np.load(_FITS, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
