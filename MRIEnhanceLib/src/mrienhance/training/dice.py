"""Random numbers of a simulation, all from one generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from mrienhance.physics.misalignment import smooth_fields, smooth_volumes

T = TypeVar("T")
_SPLINE = 0.479
"""What a cubic B-spline along both axes leaves of the standard deviation of white noise."""


class Dice:
    """Draws from a CPU generator.

    Parameters
    ----------
    generator
        The only source of randomness.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, low: float, high: float) -> float:
        """One number between two."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def ratio(self, low: float, high: float) -> float:
        """One number between two positive ones, uniform on a logarithmic scale."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return float(torch.rand((), generator=self.generator)) < probability

    def choose(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of several, by weight."""
        return options[int(torch.multinomial(torch.tensor(weights), 1, generator=self.generator))]

    def normal(self, *shape: int) -> Tensor:
        """White noise, float32, of standard deviation 1."""
        return torch.randn(shape, generator=self.generator)

    def smooth(self, shape: tuple[int, int], *, points: int, count: int = 1) -> Tensor:
        """Smooth fields (count, H, W) about 0 of standard deviation 1: splines through so many points a side."""
        return smooth_fields(shape, points=points, count=count, generator=self.generator) / _SPLINE

    def clouds(self, shape: tuple[int, int, int], *, width: float, count: int = 1) -> Tensor:
        """Smooth fields (count, k, j, i) about 0 of standard deviation 1, through points so many samples apart."""
        k, j, i = (max(round(size / width) + 1, 2) for size in shape)
        return smooth_volumes(shape, points=(k, j, i), count=count, generator=self.generator) / (
            _SPLINE * math.sqrt(_SPLINE)
        )
