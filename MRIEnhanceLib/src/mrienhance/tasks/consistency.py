"""Hard data consistency: what was measured is put back into a finer image, and it is measured how well it fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torch import Tensor

from mrienhance.physics import KSpaceBlock, KSpaceTruncation

# Fine voxels that are worked on at a time where slices are independent: they stay in the cache, and memory does not
# grow with the volume.
_VOXELS_AT_ONCE = 2**20


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
