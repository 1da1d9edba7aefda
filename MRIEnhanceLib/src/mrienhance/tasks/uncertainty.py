"""Several looks at one image, and how far the predictions from them lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Look:
    """One way to show a volume (k, j, i) to a network of slices: mirrored left to right, moved by some voxels, or both.

    What is moved in is background, nothing is cut off, and whatever a network answers is brought back to where the
    image was.

    Examples
    --------
    >>> look = Look(mirrored=True, down=3, right=5)
    >>> volume = torch.rand(2, 6, 7)
    >>> look.show(volume).shape
    torch.Size([2, 9, 12])
    >>> torch.equal(look.back(look.show(volume)), volume)
    True
    """

    mirrored: bool = False
    down: int = 0
    right: int = 0

    def show(self, volume: Tensor) -> Tensor:
        """The volume as it is shown."""
        seen = volume.flip(-1) if self.mirrored else volume
        return functional.pad(seen, (self.right, 0, self.down, 0)) if self.down or self.right else seen

    def back(self, volume: Tensor) -> Tensor:
        """An answer, where the image is."""
        seen = volume[..., self.down :, self.right :]
        return seen.flip(-1) if self.mirrored else seen


LOOKS = (Look(), Look(mirrored=True), Look(down=3, right=5), Look(down=6, right=2))
"""As it is, mirrored, and moved in two ways: not by multiples of what networks go down by, 4 or 8."""


class Spread:
    """Mean and standard deviation of predictions, one after the other (Welford 1962).

    Parameters
    ----------
    deviation
        Whether the standard deviation is wanted too: it takes another volume.

    Attributes
    ----------
    count
        Predictions that were added.
    """

    def __init__(self, *, deviation: bool) -> None:
        self.count = 0
        self._deviation = deviation
        self._mean: Tensor | None = None
        self._squares: Tensor | None = None
        self._weight: Tensor | None = None

    def add(self, prediction: Tensor, where: Tensor | None = None) -> None:
        """Add a prediction.

        Parameters
        ----------
        prediction
            Real, any shape, the same each time.
        where
            Voxels where it counts, of that shape, bool; None for everywhere. The first one counts everywhere.
        """
        self.count += 1
        if self._mean is None:
            # A copy: `prediction` may be part of a larger tensor, or somebody else's.
            self._mean = prediction.clone(memory_format=torch.contiguous_format)
            self._squares = torch.zeros_like(self._mean) if self._deviation else None
            self._weight = torch.ones_like(self._mean)
            return
        assert self._weight is not None
        counted: Tensor | float = 1.0 if where is None else where.to(prediction.dtype)
        self._weight += counted
        change = (prediction - self._mean).mul_(counted)
        self._mean += change / self._weight
        if self._squares is not None:
            self._squares += change.mul_(prediction - self._mean)

    @property
    def mean(self) -> Tensor:
        """The mean of what counts, voxel by voxel."""
        if self._mean is None:
            raise ValueError("nothing was added")
        return self._mean

    @property
    def deviation(self) -> Tensor:
        """The standard deviation of what counts, voxel by voxel, divided by its number; 0 where that is 1."""
        if self._squares is None or self._weight is None:
            raise ValueError("no deviation was asked for, or nothing was added")
        return (self._squares / self._weight).clamp_(min=0).sqrt_()
