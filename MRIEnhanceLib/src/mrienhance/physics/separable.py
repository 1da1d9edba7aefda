"""What all degradations share: a real linear map along each axis, from a fine grid to a coarse one."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from mrienhance.physics.operator import LinearOperator, Shape, check_last_axes

Alignment = Literal["sample", "edge"]


class Degradation(LinearOperator):
    """Lose resolution along the last axes: fine grid in, coarse grid out, one real matrix for all lines of an axis.

    Parameters
    ----------
    shape
        Sizes of the last axes of the fine image, e.g. ``(rows, columns)`` for slices or ``(k, j, i)`` for volumes.
    factors
        By how much each of these axes gets coarser; an axis with factor 1 is left alone.

    Attributes
    ----------
    shape, factors : tuple of int
        As given.
    coarse_shape : tuple of int
        Sizes of the last axes of the coarse image.
    alignment : {"sample", "edge"}
        What stays where it was: the centre of sample 0, or the outer edges of the voxels.

    Raises
    ------
    ValueError
        If an axis cannot be divided by its factor, or the two sequences do not match.
    """

    alignment: ClassVar[Alignment]

    def __init__(self, shape: Sequence[int], factors: Sequence[int]) -> None:
        self.shape, self.factors = tuple(map(int, shape)), tuple(map(int, factors))
        if not self.shape or len(self.shape) != len(self.factors):
            raise ValueError(f"shape and factors need one number an axis, got {self.shape} and {self.factors}")
        for size, factor in zip(self.shape, self.factors, strict=True):
            if size < 1 or factor < 1:
                raise ValueError(f"sizes and factors are at least 1, got {self.shape} and {self.factors}")
            if size % factor:
                raise ValueError(f"size {size} is not divisible by factor {factor} (shape {self.shape})")
        self.coarse_shape = tuple(n // f for n, f in zip(self.shape, self.factors, strict=True))
        self.domain_shape: Shape = self.shape
        self.range_shape: Shape = self.coarse_shape

    def forward(self, x: Tensor) -> Tensor:
        """Coarsen ``x`` of shape (..., *shape) to (..., *coarse_shape)."""
        check_last_axes(x, self.shape, what=f"{self!r}")
        # The last axis lies contiguous in memory and leaves less for the others: this order is twice as fast.
        return self._along_axes(x, self._coarsen, last_first=True)

    def adjoint(self, y: Tensor) -> Tensor:
        """Apply the transpose to ``y`` of shape (..., *coarse_shape), giving (..., *shape)."""
        check_last_axes(y, self.coarse_shape, what=f"{self!r}.H")
        return self._along_axes(y, self._transpose)

    @abstractmethod
    def _coarsen(self, lines: Tensor, axis: int) -> Tensor:
        """Coarsen real ``lines`` (..., shape[axis]), the axis in question moved to the end."""

    @abstractmethod
    def _transpose(self, lines: Tensor, axis: int) -> Tensor:
        """Apply the transpose of `_coarsen`."""

    def _along_axes(self, x: Tensor, apply: Callable[[Tensor, int], Tensor], *, last_first: bool = False) -> Tensor:
        """Apply a real map of lines to every axis with a factor; a complex image is two real ones."""
        if x.is_complex():
            real, imag = (self._along_axes(part, apply, last_first=last_first) for part in (x.real, x.imag))
            return torch.complex(real, imag)
        # FFTs and small matrices need single precision at least, whatever autocast has made of the image.
        lines = x if x.dtype in (torch.float32, torch.float64) else x.float()
        axes = [axis for axis, factor in enumerate(self.factors) if factor > 1]
        for axis in reversed(axes) if last_first else axes:
            place = axis - len(self.factors)
            lines = apply(lines.movedim(place, -1), axis).movedim(-1, place)
        return lines.to(x.dtype)

    @property
    def voxels_merged(self) -> int:
        """Fine voxels to one coarse voxel: the product of the factors."""
        return math.prod(self.factors)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, factors={self.factors})"
