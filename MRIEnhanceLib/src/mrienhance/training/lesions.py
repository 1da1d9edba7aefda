"""Lesions of white matter, drawn into a slice or a block of tissues."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mrienhance.training.anatomy import code, is_one_of
from mrienhance.training.dice import Dice

_WHITE = ("white matter", "cerebellar white matter", "brainstem")
_ILL = 0.5
"""How many slices have lesions drawn into them."""
_MOST, _RADIUS, _MASS = 9, (1.2, 6.0), (8.0, 22.0)


def draw_lesions(codes: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """Draw lesions into white matter.

    Parameters
    ----------
    codes
        int32 (H, W), samples of about 1 mm.
    dice
        Randomness.

    Returns
    -------
    share
        float32 (H, W): how much of a sample is diseased, including what the codes call a lesion; soft at the rims.
    disease
        float32 (4,): density, T1 and T2 in ms, and uptake of contrast agent in mmol/l; one in five leaks.
    """
    share = (codes == code("lesion")).float() * dice.uniform(0.6, 1.0)
    places = torch.nonzero(is_one_of(*_WHITE)[codes])
    if len(places) and dice.chance(_ILL):
        mass = dice.chance(0.15)
        for _ in range(1 if mass else 1 + int(_MOST * dice.uniform(0, 1) ** 2)):
            row, column = places[int(dice.uniform(0, len(places) - 1e-3))].tolist()
            _add(share, (row, column), dice.ratio(*(_MASS if mass else _RADIUS)), dice)
        share *= is_one_of(*_WHITE, "lesion", "cortex")[codes].float().lerp(torch.tensor(1.0), 0.9 if mass else 0.0)
    return share, _disease(dice)


def _disease(dice: Dice) -> Tensor:
    uptake = dice.uniform(0.05, 0.4) if dice.chance(0.2) else 0.02
    return torch.tensor([dice.uniform(0.78, 0.92), dice.ratio(1000, 2300), dice.ratio(105, 260), uptake])


def draw_blobs(codes: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """Draw lesions into the white matter of a block: ellipsoids with wavy outlines and soft rims.

    Parameters
    ----------
    codes
        uint8 (k, j, i), samples of about 1 mm.
    dice
        Randomness.

    Returns
    -------
    tuple
        As `draw_lesions`: the share (k, j, i) of what is diseased, and its properties.
    """
    share = (codes == code("lesion")).float() * dice.uniform(0.6, 1.0)
    places = torch.nonzero(is_one_of(*_WHITE)[codes.int()])
    if len(places) and dice.chance(_ILL):
        for _ in range(1 + int(_MOST * dice.uniform(0, 1) ** 2)):
            _add_blob(share, places[int(dice.uniform(0, len(places) - 1e-3))].tolist(), dice)
        share *= is_one_of(*_WHITE, "lesion", "cortex")[codes.int()].float()
    return share, _disease(dice)


def _add_blob(share: Tensor, place: Sequence[int], dice: Dice) -> None:
    """Add one ellipsoid, in place."""
    radius = dice.ratio(*_RADIUS)
    reach = math.ceil(2 * radius) + 2
    bounds = [(max(at - reach, 0), min(at + reach + 1, size)) for at, size in zip(place, share.shape, strict=True)]
    offsets = [
        (torch.arange(low, high, dtype=torch.float32) - at) * dice.ratio(0.7, 1.4)
        for (low, high), at in zip(bounds, place, strict=True)
    ]
    squared = offsets[0].square()[:, None, None] + offsets[1].square()[:, None] + offsets[2].square()
    k, j, i = squared.shape
    distance = squared.sqrt() + 0.2 * radius * dice.clouds((k, j, i), width=radius + 1)[0]
    blob = dice.uniform(0.5, 1.0) * torch.sigmoid((radius - distance) / max(0.4, 0.12 * radius))
    window = share[tuple(slice(low, high) for low, high in bounds)]
    torch.maximum(window, blob, out=window)


def _add(share: Tensor, place: tuple[int, int], radius: float, dice: Dice) -> None:
    """Add one blob, longer than wide, with a wavy outline and a soft rim, in place."""
    reach = math.ceil(2.2 * radius) + 2
    (top, bottom), (left, right) = (
        (max(at - reach, 0), min(at + reach + 1, size)) for at, size in zip(place, share.shape, strict=True)
    )
    rows = torch.arange(top, bottom, dtype=torch.float32)[:, None] - place[0]
    columns = torch.arange(left, right, dtype=torch.float32) - place[1]
    turn, stretch, full = dice.uniform(0, math.pi), dice.ratio(1.0, 2.0), dice.uniform(0.5, 1.0)
    along = rows * math.cos(turn) + columns * math.sin(turn)
    across = columns * math.cos(turn) - rows * math.sin(turn)
    distance = torch.hypot(along / math.sqrt(stretch), across * math.sqrt(stretch))
    distance = distance + 0.2 * radius * dice.smooth((bottom - top, right - left), points=6)[0]
    blob = full * torch.sigmoid((radius - distance) / max(0.4, 0.12 * radius))
    window = share[top:bottom, left:right]
    torch.maximum(window, blob, out=window)
