"""Hard data consistency: what was measured is put back into a finer image, and it is measured how well it fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

from torch import Tensor

from mrienhance.models import ModelCard
from mrienhance.physics import DEGRADATIONS, KSpaceBlock, KSpaceTruncation, ThickSlice

# Fine voxels that are worked on at a time where slices are independent: they stay in the cache, and memory does not
# grow with the volume.
_VOXELS_AT_ONCE = 2**20


class Known(Protocol):
    """What is known of a finer image."""

    def put_back(self, fine: Tensor) -> None:
        """Make it, changed in place, what was measured when it is made coarse again."""

    def residual(self, fine: Tensor) -> float:
        """How far it is from that: ``||A x - y|| / ||y||``."""


def known_of(fine: Tensor, coarse: Tensor, card: ModelCard, step: Callable[[], None]) -> Known | None:
    """What a model's degradation lets be put back exactly; None if that is nothing.

    Parameters
    ----------
    fine, coarse
        The model's image and what was measured, (k, j, i).
    card
        Of the model.
    step
        Called before each piece of work; may raise to stop.
    """
    factors = tuple(n // m for n, m in zip(fine.shape, coarse.shape, strict=True))
    if max(factors) == 1:
        return None
    kind = DEGRADATIONS[card.degradation]
    if kind is KSpaceTruncation:
        first = 0 if factors[0] > 1 else 1
        return Measured(coarse, KSpaceTruncation(tuple(fine.shape)[first:], factors[first:]), step)
    if kind is ThickSlice:
        return Means(coarse, ThickSlice(tuple(fine.shape), factors), step)
    return None


class Means:
    """Thick slices that were measured, each the mean of thin ones.

    Parameters
    ----------
    coarse
        What was measured, shape (k, j, i), float32.
    slices
        Makes it of the finer image.
    step
        Called before each piece of work; may raise to stop.
    """

    def __init__(self, coarse: Tensor, slices: ThickSlice, step: Callable[[], None]) -> None:
        self._coarse, self._slices, self._step = coarse, slices, step

    def put_back(self, fine: Tensor) -> None:
        """Make `fine`, shape (k, j, i), changed in place, the measured slices when it is made coarse again."""
        self._step()
        fine += self._slices.voxels_merged * self._slices.adjoint(self._coarse - self._slices(fine))

    def residual(self, fine: Tensor) -> float:
        """``||A x - y|| / ||y||`` of the finer image x, the measured one y and the mean A."""
        self._step()
        error = (self._slices(fine) - self._coarse).double().norm()
        return float(error / self._coarse.double().norm())


class Measured:
    """A coarse image that was measured, and what a finer one should keep of it.

    Parameters
    ----------
    coarse
        What was measured, shape (k, j, i), float32.
    truncation
        Makes it of the finer image: of whole volumes, or of slices.
    step
        Called before each piece of work; may raise to stop.
    """

    def __init__(self, coarse: Tensor, truncation: KSpaceTruncation, step: Callable[[], None]) -> None:
        self._coarse, self._step = coarse, step
        self._by_slices = len(truncation.shape) < coarse.ndim
        self._block = KSpaceBlock(truncation.shape, truncation.factors)

    def put_back(self, fine: Tensor) -> None:
        """Make `fine`, shape (k, j, i), changed in place, truncate to the measured image exactly."""
        for part, measured in self._parts(fine):
            part += self._block.to_fine(self._block.of_coarse(measured) - self._block.of_fine(part))

    def residual(self, fine: Tensor) -> float:
        """``||A x - y|| / ||y||`` of the finer image x, the measured one y and the truncation A."""
        error = total = 0.0
        for part, measured in self._parts(fine):
            expected = self._block.of_coarse(measured)
            error += self._block.energy(self._block.of_fine(part) - expected)
            total += self._block.energy(expected)
        return math.sqrt(error / total)

    def _parts(self, fine: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        count = max(1, _VOXELS_AT_ONCE // fine[0].numel()) if self._by_slices else len(fine)
        for pair in zip(fine.split(count), self._coarse.split(count), strict=True):
            self._step()
            yield pair
