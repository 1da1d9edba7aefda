"""What blocks a training in three dimensions wants, and what may be done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from torch import Tensor

from mrienhance.methods.objective import Objective, Sampling
from mrienhance.physics.degradation import DEGRADATIONS, make_degradation

Axes = tuple[int, int, int]
_ALIKE = 1.25
"""Axes whose samples lie apart so much differently, at most, are exchanged."""


@dataclass(frozen=True, kw_only=True)
class BlockPlan:
    """What blocks a training wants.

    Attributes
    ----------
    size
        Coarse samples along (k, j, i).
    factors
        Fine samples to a coarse one along them.
    degradation
        A key of `DEGRADATIONS`.
    patches
        Blocks from each volume that is drawn.
    """

    size: Axes
    factors: Axes
    degradation: str
    patches: int = 1

    @classmethod
    def of(cls, objective: Objective, sampling: Sampling) -> BlockPlan:
        """What an objective of ``ndim = 3`` and a recipe ask for."""
        size = (sampling.depth or sampling.patch, sampling.patch, sampling.patch)
        return cls(size=size, factors=objective.factors, degradation=objective.degradation, patches=sampling.patches)

    @property
    def lead(self) -> Axes:
        """Fine samples before a coarse one that take the places of those after it when an axis is flipped.

        Where sample 0 stays in its place, mirroring takes coarse sample m to -m and fine sample s m + r to -s m - r:
        the fine samples that belong to a coarse one then lie on its other side.
        """
        aligned = DEGRADATIONS[self.degradation].alignment == "sample"
        k, j, i = (factor - 1 if aligned else 0 for factor in self.factors)
        return k, j, i

    def coarsen(self, volume: Tensor) -> Tensor:
        """Make a whole volume (k, j, i) coarse; its sizes are multiples of the factors."""
        return make_degradation(self.degradation, volume.shape, self.factors)(volume)

    def turns(self, spacing: Sequence[float]) -> list[Axes]:
        """Permutations of a block's axes that leave its size, its factors and (nearly) its spacing as they are."""
        kinds = list(zip(self.size, self.factors, strict=True))
        return [
            (k, j, i)
            for k, j, i in permutations((0, 1, 2))
            if all(kinds[a] == kinds[b] and _alike(spacing[a], spacing[b]) for a, b in enumerate((k, j, i)))
        ]

    def orders(self, spacing: Sequence[float]) -> list[Axes]:
        """Permutations of a volume's axes, each of which makes another one coarse: slices are thick along any axis."""
        found: list[Axes] = [(0, 1, 2)]
        if self.factors[0] != self.factors[1] == self.factors[2]:
            found += [order for order in ((1, 0, 2), (2, 0, 1)) if _alike(spacing[0], spacing[order[0]])]
        return found


def _alike(one: float, other: float) -> bool:
    return max(one, other) <= _ALIKE * min(one, other)
