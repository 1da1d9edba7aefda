"""Random numbers of a simulation, all from one generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

T = TypeVar("T")


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
        """Smooth fields (count, H, W) about 0, through white noise on so many points a side."""
        coarse = self.normal(count, 1, points, points)
        return functional.interpolate(coarse, size=shape, mode="bicubic", align_corners=True)[:, 0]
