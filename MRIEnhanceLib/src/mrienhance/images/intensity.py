"""The scale of intensities that the methods work in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from mrienhance.errors import ImageError
from mrienhance.images.percentiles import upper_percentile

_TINY = 1e-3


@dataclass(frozen=True)
class IntensityScale:
    """One factor that brings the bright voxels of an image near 1.

    It is linear: nothing is shifted or clipped, signs and zeros stay, and `undo` gives back what `apply` took, to the
    rounding of single precision. Whole numbers up to 2**21 come back exactly once they are rounded.

    Parameters
    ----------
    scale
        The value that becomes 1; finite and above 0.

    Examples
    --------
    >>> import torch
    >>> volume = torch.arange(1001.0).reshape(7, 11, 13)
    >>> scale = IntensityScale.of(volume)
    >>> scale
    IntensityScale(scale=999.0)
    >>> torch.equal(scale.undo(scale.apply(volume)).round(), volume)
    True
    """

    scale: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ImageError(
                f"an intensity scale must be finite and above 0, not {self.scale}",
                hint="check the image for NaN, infinite or absurdly large values",
            )

    @classmethod
    def of(cls, volume: Tensor, *, percentile: float = 99.9) -> IntensityScale:
        """The scale of an image.

        Parameters
        ----------
        volume
            Any shape, finite.
        percentile
            The percentile of all voxels that becomes 1. If it is below a thousandth of the largest magnitude (an
            object smaller than the rest, or no positive voxels), that of the voxels above zero is taken, and then the
            largest magnitude itself.

        Raises
        ------
        ImageError
            If the volume holds NaN or infinity.
        """
        values = volume.detach().to("cpu").float().numpy().ravel()
        largest = max(-float(values.min()), float(values.max()))
        if largest == 0:
            return cls(1.0)
        if not math.isfinite(largest):
            return cls(largest)  # refused there, before the percentile stumbles over it
        candidate = upper_percentile(values, percentile)
        if candidate <= _TINY * largest and (values > 0).any():
            candidate = upper_percentile(values[values > 0], percentile)
        return cls(largest if candidate <= _TINY * largest else candidate)

    def apply(self, volume: Tensor) -> Tensor:
        """The volume in units of the scale."""
        return volume / self.scale

    def undo(self, volume: Tensor) -> Tensor:
        """The volume in its own units again."""
        return volume * self.scale

    def undo_(self, volume: Tensor) -> Tensor:
        """As `undo`, in place, where a large volume is not needed any more."""
        return volume.mul_(self.scale)
