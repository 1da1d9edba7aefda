"""Structural similarity as a differentiable term of a loss (scores of reports come from `mrienhance.evaluation`)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def ssim(image: Tensor, target: Tensor, *, data_range: float = 1.0) -> Tensor:
    """Mean structural similarity with an 11x11 Gaussian window, sigma 1.5 (Wang et al., IEEE TIP 2004).

    Parameters
    ----------
    image, target
        Images (B, 1, H, W), both sides at least 11.
    data_range
        Largest minus smallest possible intensity.

    Returns
    -------
    Tensor
        Scalar, at most 1, over the positions at which the window fits.
    """
    distance = torch.arange(-5, 6, dtype=image.dtype, device=image.device)
    line = torch.exp(-(distance**2) / (2 * 1.5**2))
    line = line / line.sum()
    window = torch.outer(line, line)[None, None]
    mean_x, mean_y = functional.conv2d(image, window), functional.conv2d(target, window)
    variance_x = functional.conv2d(image**2, window) - mean_x**2
    variance_y = functional.conv2d(target**2, window) - mean_y**2
    covariance = functional.conv2d(image * target, window) - mean_x * mean_y
    stabilise_mean, stabilise_contrast = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + stabilise_mean) / (mean_x**2 + mean_y**2 + stabilise_mean)
    structure = (2 * covariance + stabilise_contrast) / (variance_x + variance_y + stabilise_contrast)
    return (luminance * structure).mean()
