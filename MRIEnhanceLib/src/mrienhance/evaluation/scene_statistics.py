"""Statistics of natural scenes: the 36 features of a patch that NIQE is made of.

A. Mittal, R. Soundararajan and A. C. Bovik, IEEE Signal Process. Lett. 20(3), 2013. Patches are 32 pixels wide instead
of 96, since a head in a slice is not much wider than two of those.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PATCH = 32
"""Side of a patch in pixels; half of that at the second scale."""

FEATURES = 36

_WINDOW, _SIGMA = 7, 7 / 6
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_TINY = 1e-12


def patch_features(slices: Tensor) -> tuple[Tensor, Tensor]:
    """Features of all patches of slices.

    At full and at half size: the luminance is normalised by its local mean and deviation; of the result, shape and
    width of a generalised Gaussian, and of its products with four neighbours, shape, mean, left and right width of an
    asymmetric one.

    Parameters
    ----------
    slices
        (n, row, column), real, from 0 to about 255; sides of 32 pixels or more. What is left over beside whole patches
        is cut off evenly on both sides.

    Returns
    -------
    tuple
        Features (n, rows of patches, columns of patches, 36), NaN for patches without any contrast; and the mean local
        deviation of each patch, which says how sharp it is.
    """
    images = centred(slices.double())
    rows, columns = images.shape[-2] // PATCH, images.shape[-1] // PATCH
    parts, sharpness = [], images
    for scale in (1, 2):
        normalised, deviation = normalise(images)
        side = PATCH // scale
        maps = [normalised, *(normalised * normalised.roll(shift, (-2, -1)) for shift in _NEIGHBOURS)]
        patches = [_patches(one, side) for one in maps]
        parts.append(_symmetric(patches[0]))
        parts += [_asymmetric(one) for one in patches[1:]]
        if scale == 1:
            sharpness = _patches(deviation, side).mean(-1)
            images = F.interpolate(images[:, None], scale_factor=0.5, mode="bicubic", antialias=True)[:, 0]
    features = torch.cat(parts, dim=-1)
    return features.reshape(-1, rows, columns, FEATURES), sharpness.reshape(-1, rows, columns)


def centred(slices: Tensor) -> Tensor:
    """The whole patches in the middle of slices."""
    rows, columns = (size // PATCH * PATCH for size in slices.shape[-2:])
    top, left = (slices.shape[-2] - rows) // 2, (slices.shape[-1] - columns) // 2
    return slices[..., top : top + rows, left : left + columns]


def normalise(images: Tensor) -> tuple[Tensor, Tensor]:
    """Images less their local mean, over their local deviation plus 1; and that deviation.

    Local is a Gaussian window of 7x7 pixels, sigma 7/6; edges are continued by their outermost pixels.
    """
    offsets = torch.arange(_WINDOW, dtype=images.dtype) - _WINDOW // 2
    weights = torch.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights /= weights.sum()

    def mean(x: Tensor) -> Tensor:
        padded = F.pad(x[:, None], [_WINDOW // 2] * 4, mode="replicate")
        return F.conv2d(F.conv2d(padded, weights[None, None, :, None]), weights[None, None, None, :])[:, 0]

    middle = mean(images)
    deviation = (mean(images * images) - middle * middle).abs().sqrt()
    return (images - middle) / (deviation + 1), deviation


def _patches(images: Tensor, side: int) -> Tensor:
    """All patches: (n, number, pixels)."""
    return F.unfold(images[:, None], side, stride=side).transpose(1, 2)


def _symmetric(patches: Tensor) -> Tensor:
    """Shape, and width at this shape, of a generalised Gaussian."""
    shape, left, right = _fitted(patches)
    width = torch.exp(0.5 * (torch.lgamma(1 / shape) - torch.lgamma(3 / shape)))
    return torch.stack((shape, width * (left + right) / 2), dim=-1)


def _asymmetric(patches: Tensor) -> Tensor:
    """Shape, mean, and the widths on both sides, of an asymmetric generalised Gaussian."""
    shape, left, right = _fitted(patches)
    width = torch.exp(0.5 * (torch.lgamma(1 / shape) - torch.lgamma(3 / shape)))
    between = torch.exp(torch.lgamma(2 / shape) - torch.lgamma(1 / shape))
    return torch.stack((shape, width * (right - left) * between, width * left, width * right), dim=-1)


def _fitted(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shape by the moments, and root mean squares on the left and on the right (Lasmar et al., ICIP 2009).

    NaN where one side is empty: there is nothing to fit.
    """
    left, right = (_root_mean_square(x, side) for side in (x < 0, x > 0))
    ratio = left / right
    generalised = x.abs().mean(-1).square() / x.square().mean(-1)
    wanted = generalised * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes = torch.arange(0.2, 10.001, 0.001, dtype=torch.float64)
    moments = torch.exp(2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes))
    # The moments rise with the shape: the nearest one lies beside where it would be put in.
    place = torch.searchsorted(moments, wanted.nan_to_num(0.5).contiguous()).clamp_(1, len(shapes) - 1)
    lower = (wanted - moments[place - 1]).abs() <= (moments[place] - wanted).abs()
    shape = torch.where(lower, shapes[place - 1], shapes[place])
    return torch.where(wanted.isnan(), math.nan, shape), left, right


def _root_mean_square(x: Tensor, side: Tensor) -> Tensor:
    count = side.sum(-1)
    return torch.where(count > 0, ((x * side).square().sum(-1) / count.clamp(min=1)).sqrt(), math.nan)
