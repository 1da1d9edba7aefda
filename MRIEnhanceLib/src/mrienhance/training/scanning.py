"""How a simulated scan falls short of its scene: position, shading, resolution, noise, removal of the skull."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.physics.misalignment import elastic_flow
from mrienhance.training.anatomy import SKULL, SOFT, SULCI, Anatomy, code, is_brain, is_one_of
from mrienhance.training.dice import Dice

_PITCH, _ROLL, _TURN = 0.2, 0.08, 0.12
"""Angles of the head in radians, at most."""
_DEFORMED = 6.0
"""Largest displacement of a random deformation of the head, in samples."""
_THIN = 1.5
"""Up to this thickness, in samples, one depth stands for all."""
SWOLLEN = 0.6
"""How often sulci are made narrower."""
AMID = 21
"""Fluid in the middle of a window of so many samples belongs to the brain if about half of the window is brain."""
_EDGE = 0.5
"""Standard deviation of a blur that takes the steps out of the edges of label maps, in samples."""
_PIXEL = (0.75, 1.15)
_MARGIN = 12


def draw_slab(anatomy: Anatomy, index: int, dice: Dice) -> Tensor:
    """Cut a slice of some thickness and tilt through a head: uint8 codes (S, H, W) at S depths."""
    _, rows, columns = anatomy.codes.shape
    thickness = dice.ratio(1.0, 5.0)
    samples = 3 if thickness > _THIN else 1
    depths = torch.linspace(-0.5, 0.5, samples) * (thickness - thickness / samples)
    pitch, roll = dice.uniform(-_PITCH, _PITCH), dice.uniform(-_ROLL, _ROLL)
    down = torch.arange(rows, dtype=torch.float32)[:, None] - rows / 2
    right = torch.arange(columns, dtype=torch.float32) - columns / 2
    plane = index + math.tan(pitch) * down + math.tan(roll) * right
    places = (plane + depths[:, None, None]).round().long().clamp(0, len(anatomy.codes) - 1)
    codes = anatomy.codes[places, torch.arange(rows)[:, None], torch.arange(columns)]
    return swollen(codes) if dice.chance(SWOLLEN) else codes


def around_brain(codes: Tensor) -> Tensor:
    """Cut a slab (S, H, W) to its brain and a margin: what remains of the field of view once the skull is gone."""
    brain = is_brain()[codes.int()].amax(0)
    for axis in (0, 1):
        filled = torch.nonzero(brain.amax(1 - axis))
        if len(filled):
            low, high = max(int(filled.min()) - _MARGIN, 0), int(filled.max()) + _MARGIN + 1
            codes = codes.narrow(1 + axis, low, min(high, codes.shape[1 + axis]) - low)
    return codes.contiguous()


def swollen(codes: Tensor, axes: Sequence[int] = (-2, -1)) -> Tensor:
    """The codes with sulci a sample narrower on each side along some axes, and the cortex as thick as it was.

    Label maps give sulci what lies within them as well: their fluid is wider than it looks in scans.
    """
    for inner, outer in (("cortex", SULCI), ("white matter", "cortex")):
        grown, beside = codes == code(inner), torch.zeros_like(codes, dtype=torch.bool)
        for axis in axes:
            for step in (-1, 1):
                beside |= grown.roll(step, axis)
        codes = torch.where(beside & (codes == code(outer)), code(inner), codes)
    return codes


def brain_mask(codes: Tensor, dice: Dice) -> Tensor:
    """What a tool that removes the skull leaves of a slice (H, W): brain, and a rim of what touches it."""
    brain = is_brain()[codes.int()].float()
    # A rim of some samples, and all of what lies amid the brain.
    kept = (box(box(brain, 5), 5) > dice.uniform(0.05, 0.35)) | (box(brain, AMID) > dice.uniform(0.4, 0.55))
    return (kept & ~is_one_of("air", *SKULL, "skin", SOFT, "eye")[codes.int()]).float()


def place(images: Tensor, dice: Dice) -> Tensor:
    """Turn, deform, resample: images (C, H, W) of 1 mm on a grid of another pixel size and another margin."""
    blurred = blur(images, torch.full((len(images), 2), _EDGE))
    rows, columns = images.shape[-2:]
    pixel = dice.ratio(*_PIXEL)
    height, width = (math.ceil((size + dice.uniform(0, 2 * _MARGIN)) / pixel) for size in (rows, columns))
    angle, mirrored = dice.uniform(-_TURN, _TURN), dice.chance(0.5)
    down = (torch.arange(height, dtype=torch.float32)[:, None] - (height - 1) / 2) * pixel
    right = (torch.arange(width, dtype=torch.float32) - (width - 1) / 2) * pixel * (-1 if mirrored else 1)
    row = math.cos(angle) * down - math.sin(angle) * right + (rows - 1) / 2
    column = math.sin(angle) * down + math.cos(angle) * right + (columns - 1) / 2
    flow = elastic_flow((height, width), dice.uniform(0, _DEFORMED), points=5, generator=dice.generator)
    grid = torch.stack([2 * (column + flow[1]) / (columns - 1) - 1, 2 * (row + flow[0]) / (rows - 1) - 1], -1)
    return functional.grid_sample(blurred[None], grid[None], align_corners=True)[0]


def scan(images: Tensor, dice: Dice) -> Tensor:
    """Shade, blur and add noise to images (C, H, W), each in its own way."""
    shape = (images.shape[-2], images.shape[-1])
    common, own = dice.uniform(0, 0.12), dice.uniform(0, 0.05)
    shading = common * dice.smooth(shape, points=4) + own * dice.smooth(shape, points=4, count=len(images))
    images = images * torch.exp(shading)
    images = blur(images, 0.3 + 0.6 * torch.rand((len(images), 2), generator=dice.generator))
    noise = torch.tensor([dice.ratio(0.002, 0.03) for _ in images])[:, None, None]
    real, imaginary = dice.normal(2, *images.shape) * noise
    return torch.hypot(images + real, imaginary)


def box(image: Tensor, size: int) -> Tensor:
    """The mean of an image (H, W) over windows of an odd size, 0 outside."""
    rows = functional.avg_pool2d(image[None], (size, 1), 1, (size // 2, 0))
    return functional.avg_pool2d(rows, (1, size), 1, (0, size // 2))[0]


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Convolve each image (C, H, W) with a Gaussian of its standard deviations (C, 2) along rows and columns."""
    for axis in (1, 2):
        reach = math.ceil(2.5 * float(sigmas[:, axis - 1].max()))
        weights = torch.exp(-(torch.arange(-reach, reach + 1) / sigmas[:, axis - 1 : axis]).square() / 2)
        weights = (weights / weights.sum(1, keepdim=True)).T[..., None, None]
        padded = functional.pad(images, (0, 0, reach, reach) if axis == 1 else (reach, reach))
        size = images.shape[axis]
        images = padded.narrow(axis, reach, size) * weights[reach]
        for step in range(reach):
            pair = padded.narrow(axis, step, size) + padded.narrow(axis, 2 * reach - step, size)
            images.addcmul_(pair, weights[step])
    return images
