"""Axial slices out of a volume whose axes run in any order: a matter of swapping and flipping axes, so exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from torch import Tensor

from mrienhance.images import Grid

# Directions (LPS) in which the axes of an axial volume run, as in files that say LAS: to the left, the front, the top.
_WANTED = np.diag((1.0, -1.0, 1.0))
# More than this, and a slice holds other anatomy than the axial ones that the networks learned from.
_OBLIQUE_DEG = 25.0
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Axial:
    """How a volume's axes are swapped and flipped so that its slices are axial, front up, the left at high i.

    Parameters
    ----------
    order
        For the axes i, j and k of the axial volume: which axis of the image each of them is, 0 to 2.
    flipped
        For each of them: whether it runs the other way.
    angle_deg
        Between the axial volume's k axis and the body's long axis.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.images import Grid
    >>> axial = Axial.of(Grid(size=(4, 3, 2)))
    >>> axial.flipped
    (False, True, False)
    >>> volume = torch.rand(2, 3, 4)
    >>> torch.equal(axial.undo(axial.apply(volume)), volume)
    True
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    angle_deg: float

    @classmethod
    def of(cls, grid: Grid) -> Axial:
        """Find the axes that are nearest; where several are, the image's own order is kept."""
        # Row: where to; column: which axis of the image. Rounded, since a tie must not depend on the last bit.
        along = (_WANTED @ np.reshape(grid.direction, (3, 3))).round(6)
        order = max(permutations(range(3)), key=lambda axes: sum(abs(along[to, axis]) for to, axis in enumerate(axes)))
        chosen = [float(along[to, axis]) for to, axis in enumerate(order)]
        i, j, k = order
        left, front, top = (value < 0 for value in chosen)
        return cls((i, j, k), (left, front, top), math.degrees(math.acos(min(1.0, abs(chosen[2])))))

    @property
    def plane(self) -> str:
        """Which plane the image's own slices lie in: ``"axial"``, ``"coronal"`` or ``"sagittal"``."""
        return _PLANES[self.order.index(2)]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to say of slices that are not axial."""
        if self.order[2] != 2:
            return (f"the slices of this image are {self.plane}: the model worked on axial slices across them",)
        if self.angle_deg > _OBLIQUE_DEG:
            return (f"the slices are tilted by {self.angle_deg:.0f} degrees: the model was made for axial ones",)
        return ()

    def spacing(self, grid: Grid) -> tuple[float, float, float]:
        """The spacing along the axes of the axial volume, in mm."""
        i, j, k = (grid.spacing[axis] for axis in self.order)
        return i, j, k

    def apply(self, volume: Tensor) -> Tensor:
        """The axial volume (k, j, i) of the image's voxels (k, j, i)."""
        return volume.permute(self._permutation).flip(self._flips).contiguous()

    def undo(self, volume: Tensor) -> Tensor:
        """The image's voxels of its axial volume."""
        inverse = [self._permutation.index(axis) for axis in range(3)]
        return volume.flip(self._flips).permute(inverse).contiguous()

    @property
    def _permutation(self) -> list[int]:
        """Tensors have the axes in reverse."""
        return [2 - axis for axis in reversed(self.order)]

    @property
    def _flips(self) -> list[int]:
        return [2 - axis for axis, flipped in enumerate(self.flipped) if flipped]
