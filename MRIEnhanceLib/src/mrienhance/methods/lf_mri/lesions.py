"""Spots put into slices while training, so that a classifier with few patients learns what to look for.

They stand for focal lesions as in multiple sclerosis: a few of them, a few millimetres wide, all brighter or all darker
than the tissue around. Only the bit "there is one" is learned from, as with a reader's label.
"""

from __future__ import annotations

from math import exp, log

import torch
from torch import Tensor
from torch.nn import functional

_MOST = 8
_RADII = (1.5, 9.0)
"""Half axes in voxels, drawn on a logarithmic scale: small ones are the rule."""
_CONTRAST = (0.25, 0.8)
_TISSUE = 0.15
_RAGGED = 0.6
_GRAIN = 4
"""Voxels between the knots of the noise that makes outlines ragged."""


def with_lesions(image: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put one to eight spots into the tissue of a slice.

    Parameters
    ----------
    image
        (H, W), brightest tissue about 1; tissue is above 0.15.
    generator
        CPU generator.

    Returns
    -------
    tuple
        The changed slice, and the spots, 1 inside and 0 outside, both (H, W). A slice without tissue stays as it is.
    """
    tissue = torch.nonzero(image > _TISSUE)
    spots = torch.zeros_like(image)
    if not len(tissue):
        return image, spots
    count = 1 + int(_MOST * float(torch.rand((), generator=generator)) ** 2)
    for row, column in tissue[torch.randint(len(tissue), (count,), generator=generator)].tolist():
        spots = torch.maximum(spots, _spot(image, row, column, generator))
    spots = spots * (image > _TISSUE)
    sign = 1.0 if torch.rand((), generator=generator) < 0.5 else -1.0
    strength = sign * _uniform(_CONTRAST, generator)
    # Half a voxel of blur: a lesion's edge shares voxels with its surroundings.
    soft = functional.avg_pool2d(spots[None], 3, 1, 1)[0]
    return (image * (1 + strength * soft)).clamp_min(0), (spots > 0.5).to(image)


def _spot(image: Tensor, row: int, column: int, generator: torch.Generator) -> Tensor:
    """One ellipse with a ragged outline, (H, W), 1 inside."""
    low, high = (log(radius) for radius in _RADII)
    along, across = (exp(_uniform((low, high), generator)) for _ in range(2))
    angle = torch.tensor(_uniform((0, torch.pi), generator))
    rows, columns = (torch.arange(side, device=image.device) for side in image.shape)
    down, right = (rows - row)[:, None].float(), (columns - column)[None].float()
    first = (down * angle.cos() + right * angle.sin()) / along
    second = (right * angle.cos() - down * angle.sin()) / across
    knots = torch.rand((1, 1, *(side // _GRAIN + 2 for side in image.shape)), generator=generator).to(image.device)
    noise = functional.interpolate(knots, size=image.shape, mode="bilinear", align_corners=False)[0, 0]
    return (first.square() + second.square() + _RAGGED * (noise - 0.5) < 1).to(image)


def _uniform(limits: tuple[float, float], generator: torch.Generator) -> float:
    return limits[0] + (limits[1] - limits[0]) * float(torch.rand((), generator=generator))
