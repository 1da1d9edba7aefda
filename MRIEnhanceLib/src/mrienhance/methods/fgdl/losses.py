"""Terms of FGDL's training loss that need no network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_LEAST = 1e-6


def ms_ssim(image: Tensor, target: Tensor, *, data_range: float = 1.0) -> Tensor:
    """Multi-scale structural similarity (Wang, Simoncelli, Bovik, Asilomar 2003), differentiable.

    Contrast and structure at each scale, luminance at the coarsest, an 11x11 Gaussian window of sigma 1.5, and the
    paper's five exponents. An image with a side below 176 pixels gets fewer scales; exponents sum to the same.

    Parameters
    ----------
    image, target
        Images (B, 1, H, W), both sides at least 11.
    data_range
        Largest minus smallest possible intensity.

    Returns
    -------
    Tensor
        Scalar, at most 1: the mean over the images.

    Raises
    ------
    ValueError
        If a side is below 11 pixels.
    """
    shorter = min(image.shape[-2:])
    if shorter < _WINDOW:
        raise ValueError(f"MS-SSIM needs at least {_WINDOW} pixels a side, not {tuple(image.shape[-2:])}")
    scales = next(count for count in range(len(_SCALES), 0, -1) if shorter >> (count - 1) >= _WINDOW)
    exponents = [sum(_SCALES) * each / sum(_SCALES[:scales]) for each in _SCALES[:scales]]
    image, target = (each if each.dtype == torch.float64 else each.float() for each in (image, target))
    score = torch.ones((), dtype=image.dtype, device=image.device)
    for scale, exponent in enumerate(exponents):
        luminance, structure = _similarity(image, target, data_range)
        last = scale == scales - 1
        mean = (luminance * structure if last else structure).mean((1, 2, 3))
        # A power of a negative number is none, and its slope at 0 is endless.
        score = score * mean.clamp_min(_LEAST) ** exponent
        if not last:
            image, target = functional.avg_pool2d(image, 2), functional.avg_pool2d(target, 2)
    return score.mean()


def _similarity(x: Tensor, y: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Maps of luminance similarity, and of contrast and structure similarity."""
    moments = _smooth(torch.cat((x, y, x * x, y * y, x * y), 1))
    mean_x, mean_y, square_x, square_y, product = moments.split(1, 1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    small_mean, small_variance = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + small_mean) / (mean_x**2 + mean_y**2 + small_mean)
    structure = (2 * (product - mean_x * mean_y) + small_variance) / (variances + small_variance)
    return luminance, structure


def _smooth(x: Tensor) -> Tensor:
    """Gaussian means where the window fits, one axis after the other."""
    distance = torch.arange(_WINDOW, dtype=x.dtype, device=x.device) - _WINDOW // 2
    line = torch.exp(-(distance**2) / (2 * _SIGMA**2))
    line = (line / line.sum()).expand(x.shape[1], 1, 1, -1)
    rows = functional.conv2d(x, line.transpose(-2, -1), groups=x.shape[1])
    return functional.conv2d(rows, line, groups=x.shape[1])


def edge_difference(image: Tensor, target: Tensor, *, scales: int = 3) -> Tensor:
    """Mean absolute difference of the gradients of two images (B, 1, H, W) at some scales, each half as fine.

    Without weights of its own: what stands here for a perceptual loss, with which it shares that edges count, and
    nothing else.
    """
    total = torch.zeros((), dtype=image.dtype, device=image.device)
    difference = image - target
    for scale in range(scales):
        if scale and min(difference.shape[-2:]) >= 4:
            difference = functional.avg_pool2d(difference, 2)
        total = total + difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return total / scales


def roughness(flow: Tensor) -> Tensor:
    """Mean squared differences of neighbouring displacements (B, 2, H, W), down plus across."""
    return flow.diff(dim=-2).square().mean() + flow.diff(dim=-1).square().mean()
