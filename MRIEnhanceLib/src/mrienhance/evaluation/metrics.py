"""PSNR, SSIM and NMAE with an explicit data range, over a whole image or inside a mask.

All three compute in float64 and give a Python float. With a mask, every mean is one mean over all voxels inside it,
whichever slice they are in; outside nothing counts (except that an SSIM window at the mask's edge looks across it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from mrienhance.errors import ImageError, UsageError

Step: TypeAlias = Callable[[float], None]

SSIM_WINDOW = 11
"""Side of the Gaussian window of :func:`ssim` in pixels; smaller slices have no SSIM."""

_SSIM_SIGMA = 1.5
_SSIM_K1, _SSIM_K2 = 0.01, 0.03
_SLICES_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The three figures of merit of one result.

    Parameters
    ----------
    psnr_db
        Peak signal-to-noise ratio in dB, higher is better; infinity for identical images.
    ssim
        Structural similarity, -1 to 1, higher is better; NaN where it is not defined (see :func:`ssim`).
    nmae
        Normalised mean absolute error, 0 and up, lower is better.
    """

    psnr_db: float
    ssim: float
    nmae: float

    @classmethod
    def of(
        cls,
        image: Tensor,
        reference: Tensor,
        *,
        data_range: float,
        mask: Tensor | None = None,
        step: Step | None = None,
    ) -> Metrics:
        """Measure all three; unlike :func:`ssim`, slices that are too small for SSIM give NaN there.

        `step` is called every few slices with the fraction that is done, and may raise to stop.

        Examples
        --------
        >>> import torch
        >>> reference = torch.linspace(0, 1, 400).reshape(20, 20)
        >>> Metrics.of(reference, reference, data_range=1.0)
        Metrics(psnr_db=inf, ssim=1.0, nmae=0.0)
        """
        a, b, inside = checked(image, reference, data_range, mask)
        values = None if _ssim_obstacle(a, inside) else _ssim_values(a, b, data_range, inside, step)
        return cls(
            psnr_db=_psnr(a, b, data_range, inside),
            ssim=math.nan if values is None else float(values),
            nmae=_nmae(a, b, data_range, inside),
        )


def psnr(image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio, ``10 log10(data_range^2 / mean((image - reference)^2))``.

    Parameters
    ----------
    image, reference
        Real tensors of one shape, any number of axes.
    data_range
        The peak: the intensity span that counts as 1, in the unit of the images.
    mask
        Same shape; voxels that are not zero count. Without it all voxels do.

    Returns
    -------
    float
        Decibels; infinity when nothing differs.

    Raises
    ------
    ImageError
        If the shapes differ, a value is complex or not finite, or the mask is empty.
    UsageError
        If `data_range` is not a positive finite number.

    Examples
    --------
    >>> import torch
    >>> round(psnr(torch.full((4, 4), 0.1), torch.zeros(4, 4), data_range=1.0), 3)
    20.0
    """
    a, b, inside = checked(image, reference, data_range, mask)
    return _psnr(a, b, data_range, inside)


def nmae(image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None) -> float:
    """Normalised mean absolute error, ``mean(|image - reference|) / data_range``.

    The denominator is the data range, not the mean of the reference: so the figure does not depend on how much dark
    background a mask or a field of view holds, and it is the same "fraction of full scale" that PSNR and SSIM use.
    Parameters and refusals as in :func:`psnr`.

    Returns
    -------
    float
        A fraction (0.01 is one percent of the range).

    Examples
    --------
    >>> import torch
    >>> nmae(torch.full((4, 4), 30.0), torch.zeros(4, 4), data_range=120.0)
    0.25
    """
    a, b, inside = checked(image, reference, data_range, mask)
    return _nmae(a, b, data_range, inside)


def ssim(image: Tensor, reference: Tensor, *, data_range: float, mask: Tensor | None = None) -> float:
    """Structural similarity, slice by slice in 2-D, Gaussian window of 11x11 pixels with sigma 1.5.

    K1 = 0.01, K2 = 0.03 and population (not sample) variances, as in Z. Wang et al., IEEE Trans. Image Process. 13(4),
    2004, eq. 13. The map exists only where the whole window lies inside the slice, 5 pixels or more from its edge;
    the result is the mean of that map, or with a mask the mean of that map inside the mask. This equals
    ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``.

    Parameters
    ----------
    image, reference
        Real tensors ``(..., row, column)``, every leading index being one slice; 11x11 pixels or more.
    data_range, mask
        As in :func:`psnr`.

    Returns
    -------
    float
        -1 to 1; exactly 1 for identical images.

    Raises
    ------
    ImageError
        As in :func:`psnr`; and if slices are smaller than the window, or no mask voxel lies where the map exists.
    UsageError
        If `data_range` is not a positive finite number.
    """
    a, b, inside = checked(image, reference, data_range, mask)
    obstacle = _ssim_obstacle(a, inside)
    if obstacle:
        raise ImageError(
            f"SSIM is not defined: {obstacle}", hint="use larger slices or a larger mask, or PSNR and NMAE"
        )
    return _ssim_values(a, b, data_range, inside)


def checked(
    image: Tensor, reference: Tensor, data_range: float, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Both images in float64 and the mask of bool, all found usable; refusals as in :func:`psnr`."""
    if image.shape != reference.shape:
        raise ImageError(
            f"image and reference differ in shape: {tuple(image.shape)} and {tuple(reference.shape)}",
            hint="bring both onto one grid first",
        )
    if not (math.isfinite(data_range) and data_range > 0):
        raise UsageError(f"data_range is {data_range}", hint="give a positive number, such as the reference's maximum")
    inside = None if mask is None else _checked_mask(mask, image)
    return _checked_values(image, "image"), _checked_values(reference, "reference"), inside


def _checked_values(values: Tensor, what: str) -> Tensor:
    if values.is_complex():
        raise ImageError(f"the {what} is complex", hint="compare magnitudes: take the absolute value first")
    if values.numel() == 0:
        raise ImageError(f"the {what} is empty: shape {tuple(values.shape)}", hint="give an image with voxels")
    # Apple's GPUs have no float64.
    values = values.detach().to(device="cpu" if values.device.type == "mps" else values.device).double()
    bad = int((~values.isfinite()).sum())
    if bad:
        raise ImageError(f"the {what} has {bad} voxels that are NaN or infinite", hint="repair or mask them first")
    return values


def _checked_mask(mask: Tensor, image: Tensor) -> Tensor:
    if mask.shape != image.shape:
        raise ImageError(
            f"image and mask differ in shape: {tuple(image.shape)} and {tuple(mask.shape)}",
            hint="bring the mask onto the image's grid first",
        )
    inside = mask.detach().to(device="cpu" if image.device.type == "mps" else image.device) != 0
    if not bool(inside.any()):
        raise ImageError("the mask is empty", hint="give a mask with voxels that are not zero")
    return inside


def _psnr(a: Tensor, b: Tensor, data_range: float, inside: Tensor | None) -> float:
    error = (a - b) / data_range
    mse = float((error if inside is None else error[inside]).square().mean())
    return math.inf if mse == 0 else -10 * math.log10(mse)


def _nmae(a: Tensor, b: Tensor, data_range: float, inside: Tensor | None) -> float:
    error = (a - b).abs()
    return float((error if inside is None else error[inside]).mean()) / data_range


def _ssim_obstacle(a: Tensor, inside: Tensor | None) -> str:
    """Say why there is no SSIM, or nothing."""
    if a.ndim < 2 or min(a.shape[-2:]) < SSIM_WINDOW:
        shape = "x".join(str(n) for n in a.shape[-2:])
        return f"slices of {shape} pixels are smaller than its window of {SSIM_WINDOW}x{SSIM_WINDOW}"
    if inside is not None and not bool(_cropped(inside).any()):
        return f"no voxel of the mask lies {SSIM_WINDOW // 2} pixels or more from the slice's edge"
    return ""


def _ssim_values(a: Tensor, b: Tensor, data_range: float, inside: Tensor | None, step: Step | None = None) -> float:
    a, b = (x.reshape(-1, *x.shape[-2:]) for x in (a, b))
    inside = torch.ones_like(a, dtype=torch.bool) if inside is None else inside.reshape(a.shape)
    weight = _cropped(inside)
    slices: list[int] = weight.flatten(1).any(dim=1).nonzero().flatten().tolist()
    total = 0.0
    for start in range(0, len(slices), _SLICES_AT_ONCE):
        if step is not None:
            step(start / len(slices))
        chosen = slices[start : start + _SLICES_AT_ONCE]
        total += float(_ssim_map(a[chosen] / data_range, b[chosen] / data_range)[weight[chosen]].sum())
    return total / int(weight.sum())


def _ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """SSIM of slices ``(n, row, column)`` of range 1 at every pixel that the window fits around."""
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = _window_means(torch.stack((a, b, a * a, b * b, a * b))).unbind()
    square_a, square_b, product = mean_a.square(), mean_b.square(), mean_a * mean_b
    c1, c2 = _SSIM_K1**2, _SSIM_K2**2
    luminance = (2 * product + c1) / (square_a + square_b + c1)
    # No clamp at zero: rounding errors are far below c2, and without it identical images give 1, not nearly 1.
    variances = (mean_aa - square_a) + (mean_bb - square_b)
    structure = (2 * (mean_ab - product) + c2) / (variances + c2)
    return luminance * structure


def _window_means(x: Tensor) -> Tensor:
    """Gaussian means over the last two axes where the window fits: 10 pixels fewer on each."""
    radius = SSIM_WINDOW // 2
    weights = [math.exp(-0.5 * (offset / _SSIM_SIGMA) ** 2) for offset in range(-radius, radius + 1)]
    for axis in (-2, -1):
        size = x.shape[axis] - 2 * radius
        mean = torch.zeros_like(x.narrow(axis, 0, size))
        for start, weight in enumerate(weights):
            mean.add_(x.narrow(axis, start, size), alpha=weight / sum(weights))
        x = mean
    return x


def _cropped(x: Tensor) -> Tensor:
    radius = SSIM_WINDOW // 2
    return x[..., radius:-radius, radius:-radius]
