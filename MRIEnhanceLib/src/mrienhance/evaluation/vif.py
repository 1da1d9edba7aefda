"""Visual information fidelity, in the pixel domain: how much of what a reference tells, a result still tells.

H. R. Sheikh and A. C. Bovik, IEEE Trans. Image Process. 15(2), 2006, in the form of the authors' `vifp_mscale`:
Gaussian windows at four scales instead of wavelets.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mrienhance.errors import ImageError
from mrienhance.evaluation.metrics import Step, checked

VIF_SMALLEST = 41
"""Side of the smallest slice in pixels: the windows of all four scales must fit inside."""

_SCALES = 4
_NOISE = 2.0  # variance of the visual noise, for intensities from 0 to 255
_FULL_SCALE = 255.0
_TINY = 1e-10


def vif(image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None) -> float:
    """Visual information fidelity of a whole volume.

    The information of all slices, windows and scales together, of the result over that of the reference: so a slice
    counts by what there is to see in it, and an empty one not at all.

    Parameters
    ----------
    image, reference
        Real tensors ``(..., row, column)``, every leading index being one slice.
    data_range
        The intensity span that counts as 1; becomes 255, for which the visual noise of variance 2 is meant.
    mask
        Same shape; windows around voxels that are not zero count. Without it all do.

    Returns
    -------
    float
        0 and up; 1 for identical images, above 1 for one with more contrast than the reference. NaN if slices are
        smaller than 41x41, or the reference is constant where it counts.

    Raises
    ------
    ImageError
        If the shapes differ, a value is complex or not finite, or the mask is empty.
    UsageError
        If `data_range` is not a positive finite number.
    """
    kept, all_of_it = information(image, reference, data_range=data_range, mask=mask).sum(dim=0).tolist()
    return kept / all_of_it if all_of_it > 0 else math.nan


def vif_slices(image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None) -> list[float]:
    """Visual information fidelity of each slice; as `vif`, NaN where a slice has none."""
    parts = information(image, reference, data_range=data_range, mask=mask).tolist()
    return [kept / all_of_it if all_of_it > 0 else math.nan for kept, all_of_it in parts]


def information(
    image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None, step: Step | None = None
) -> Tensor:
    """The numerator and the denominator of the fidelity.

    Parameters
    ----------
    image, reference, data_range, mask
        As in `vif`.
    step
        Called for every slice with the fraction that is done; may raise to stop.

    Returns
    -------
    Tensor
        float64 (slices, 2): what the image tells of the reference, and what the reference tells; 0 in small slices.
    """
    a, b, inside = checked(image, reference, data_range, mask)
    if a.ndim < 2:
        raise ImageError(f"VIF is of slices, not of shape {tuple(a.shape)}", hint="give rows and columns")
    a, b = (x.reshape(-1, *x.shape[-2:]) for x in (a, b))
    inside = torch.ones_like(a, dtype=torch.bool) if inside is None else inside.reshape(a.shape)
    found = torch.zeros(len(a), 2, dtype=torch.float64)
    if min(a.shape[-2:]) < VIF_SMALLEST:
        return found
    unit = _FULL_SCALE / data_range
    for number in range(len(a)):
        if step is not None:
            step(number / len(a))
        # Where the reference is constant it tells nothing, and the image neither.
        if bool(inside[number].any()) and float(b[number].max()) > float(b[number].min()):
            found[number] = _of_slice(unit * a[number], unit * b[number], inside[number])
    return found


def _of_slice(a: Tensor, b: Tensor, inside: Tensor) -> Tensor:
    """What a slice tells: sums over the scales and over the windows that count."""
    total = torch.zeros(2, dtype=torch.float64)
    for scale in range(_SCALES):
        size = 2 ** (_SCALES - scale) + 1
        if scale > 0:
            a, b = _windowed(torch.stack((a, b)), size)[:, ::2, ::2].unbind()
            inside = _cropped(inside, size)[::2, ::2]
        kept, all_of_it = _of_scale(a, b, size)
        counts = _cropped(inside, size)
        total += torch.stack((kept[counts].sum(), all_of_it[counts].sum())).cpu()
    return total


def _of_scale(a: Tensor, b: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Information in every window: the image is taken for the reference, times a gain, with noise added."""
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = _windowed(torch.stack((a, b, a * a, b * b, a * b)), size).unbind()
    var_a = (mean_aa - mean_a * mean_a).clamp_(min=0)
    var_b = (mean_bb - mean_b * mean_b).clamp_(min=0)
    shared = mean_ab - mean_a * mean_b
    # Without variance in either there is no gain; one below zero tells nothing of the reference: it is all noise.
    usable = (var_a >= _TINY) & (var_b >= _TINY) & (shared > 0)
    gain = torch.where(usable, shared / (var_b + _TINY), 0.0)
    noise = (var_a - gain * shared).clamp_(min=_TINY)
    var_b = torch.where(var_b < _TINY, 0.0, var_b)
    return torch.log10(1 + gain.square() * var_b / (noise + _NOISE)), torch.log10(1 + var_b / _NOISE)


def _windowed(x: Tensor, size: int) -> Tensor:
    """Gaussian means over the last two axes, sigma a fifth of the window, where the window fits."""
    offsets = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    weights = torch.exp(-0.5 * (offsets / (size / 5)) ** 2)
    weights /= weights.sum()
    planes = x[:, None]
    planes = torch.nn.functional.conv2d(planes, weights[None, None, :, None])
    return torch.nn.functional.conv2d(planes, weights[None, None, None, :])[:, 0]


def _cropped(x: Tensor, size: int) -> Tensor:
    """The places where a window fits."""
    rim = size // 2
    return x[..., rim:-rim, rim:-rim]
