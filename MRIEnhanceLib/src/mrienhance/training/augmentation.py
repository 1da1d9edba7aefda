"""The same head in another pose and shape: what few scanned people are made many by."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.physics.misalignment import elastic_flow
from mrienhance.training.dice import Dice

_POINTS = 6
_ALL = 0.999


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random deformations of slices that are drawn to learn from; all contrasts of a slice move together.

    Simulated scans are left alone: they are made anew for each draw; and so is raw k-space.

    Attributes
    ----------
    rotation
        Largest angle about the slice's centre, in degrees.
    stretch
        Largest relative change of size, along each axis of its own.
    elastic
        Largest displacement of a smooth random deformation, in pixels.
    trim
        Largest width that is cut from the edge of what is not background, in pixels. Brain masks differ: some end in
        the cortex, some in the fluid around it, and what an edge is like must not be learned from few of them.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    rotation: float = 0.0
    stretch: float = 0.0
    elastic: float = 0.0
    trim: float = 0.0

    def __post_init__(self) -> None:
        for name, largest in (("rotation", 180.0), ("stretch", 0.5), ("elastic", 32.0), ("trim", 16.0)):
            if not 0 <= getattr(self, name) <= largest:
                raise ValueError(f"augmentation: {name} must be in [0, {largest:g}], not {getattr(self, name)}")

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return any(getattr(self, field.name) for field in fields(self))

    def apply(
        self, example: Mapping[str, Tensor], generator: torch.Generator, *, labels: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Deform the contrasts and label maps of a slice.

        Parameters
        ----------
        example
            Images and label maps (H, W) on one grid; what is exactly 0 in an image is its background.
        generator
            CPU generator, the only source of randomness.
        labels
            Names of the label maps: their values are never mixed.

        Returns
        -------
        dict
            The same names and shapes. Background stays 0 and its edge sharp: a brain without its skull ends in a step,
            in deformed slices as in scanned ones.
        """
        shape = next(iter(example.values())).shape
        dice = Dice(generator)
        grid = self._grid((shape[0], shape[1]), dice)
        images = [name for name in example if name not in labels]
        moved: dict[str, Tensor] = {}
        if images:
            stack = _resampled(torch.stack([example[name] for name in images]), grid)
            if self.trim:
                stack = stack * _deeper(stack.amax(0) > 0, dice.uniform(0, self.trim))
            moved = dict(zip(images, stack, strict=True))
        for name in example:
            if name in labels:
                label = example[name]
                moved[name] = _sample(label.float()[None], grid, "nearest")[0].to(label.dtype)
        return {name: moved[name] for name in example}

    def _grid(self, shape: tuple[int, int], dice: Dice) -> Tensor:
        """Where each sample comes from: (H, W, 2), from -1 to 1 between the centres of the outermost samples."""
        rows, columns = shape
        angle = math.radians(dice.uniform(-self.rotation, self.rotation))
        tall, wide = (dice.ratio(1 - self.stretch, 1 / (1 - self.stretch)) for _ in range(2))
        down = torch.arange(rows, dtype=torch.float32)[:, None] - (rows - 1) / 2
        right = torch.arange(columns, dtype=torch.float32) - (columns - 1) / 2
        row = tall * (math.cos(angle) * down - math.sin(angle) * right) + (rows - 1) / 2
        column = wide * (math.sin(angle) * down + math.cos(angle) * right) + (columns - 1) / 2
        if self.elastic:
            flow = elastic_flow(shape, dice.uniform(0, self.elastic), points=_POINTS, generator=dice.generator)
            row, column = row + flow[0], column + flow[1]
        return torch.stack([2 * column / max(columns - 1, 1) - 1, 2 * row / max(rows - 1, 1) - 1], -1)


def _resampled(images: Tensor, grid: Tensor) -> Tensor:
    """Images (C, H, W): cubic where all neighbours are tissue, linear among the tissue at its edge, 0 beyond."""
    tissue = (images > 0).float()
    # Cubic interpolation reaches two samples far: it must not see the background.
    deep = -functional.max_pool2d(-tissue, 3, stride=1, padding=1)
    linear, share, inside = _sample(torch.cat([images, tissue, deep]), grid, "bilinear").chunk(3)
    cubic = _sample(images, grid, "bicubic").clamp_min(0)
    return torch.where(share >= 0.5, torch.where(inside > _ALL, cubic, linear / share.clamp_min(0.5)), 0.0)


def _deeper(tissue: Tensor, depth: float) -> Tensor:
    """Of a mask (H, W), what is farther than so many pixels from its outside."""
    reach = math.floor(depth)
    offsets = torch.arange(-reach, reach + 1.0)
    near = (offsets[:, None].hypot(offsets) <= depth).float()
    return functional.conv2d((~tissue).float()[None, None], near[None, None], padding=reach)[0, 0] < 0.5


def _sample(images: Tensor, grid: Tensor, mode: str) -> Tensor:
    return functional.grid_sample(images[None], grid[None], mode=mode, padding_mode="zeros", align_corners=True)[0]
