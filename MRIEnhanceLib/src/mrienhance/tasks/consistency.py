"""Hard data consistency: what was measured is put back into a finer image, and it is measured how well it fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torch import Tensor

from mrienhance.physics import KSpaceTruncation

# Fine voxels that are worked on at a time where slices are independent: they stay in the cache, and memory does not
# grow with the volume.
_VOXELS_AT_ONCE = 2**20


class Measured:
    """A coarse image that was measured, and a finer one's way to it.

    Parameters
    ----------
    coarse
        What was measured, shape (k, j, i), float32.
    degradation
        Makes it of the finer image: of whole volumes, or of slices.
    step
        Called before each piece of work; may raise to stop.
    """

    def __init__(self, coarse: Tensor, degradation: KSpaceTruncation, step: Callable[[], None]) -> None:
        self._coarse, self._degradation, self._step = coarse, degradation, step

    def put_back(self, fine: Tensor) -> None:
        """Make `fine`, shape (k, j, i), changed in place, degrade to the measured image exactly."""
        for part, measured in self._parts(fine):
            part += self._degradation.pseudo_inverse(measured - self._degradation(part))  # `project`, in place

    def residual(self, fine: Tensor) -> float:
        """``||A x - y|| / ||y||`` of the finer image x, the measured one y and the degradation A."""
        error = sum(_square(self._degradation(part) - measured) for part, measured in self._parts(fine))
        return math.sqrt(error / sum(map(_square, self._coarse)))

    def _parts(self, fine: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(fine)
        if len(self._degradation.shape) < fine.ndim:
            count = max(1, _VOXELS_AT_ONCE // fine[0].numel())
        for pair in zip(fine.split(count), self._coarse.split(count), strict=True):
            self._step()
            yield pair


def _square(values: Tensor) -> float:
    """Sum of squares in double precision."""
    return float(values.double().square_().sum())
