"""The degradations that super-resolution is trained and tested with, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mrienhance.errors import UsageError
from mrienhance.physics.resampling import BlurDownsample, ThickSlice
from mrienhance.physics.separable import Alignment, Degradation
from mrienhance.physics.truncation import KSpaceTruncation

__all__ = [
    "DEGRADATIONS",
    "Alignment",
    "BlurDownsample",
    "Degradation",
    "KSpaceTruncation",
    "ThickSlice",
    "make_degradation",
]

DEGRADATIONS: Mapping[str, type[Degradation]] = MappingProxyType(
    {"k-space": KSpaceTruncation, "blur": BlurDownsample, "thick-slice": ThickSlice}
)
"""Name, as model cards and the command line write it, to operator."""


def make_degradation(name: str, shape: Sequence[int], factors: Sequence[int]) -> Degradation:
    """Make a degradation by its name, with its default settings.

    Parameters
    ----------
    name
        A key of `DEGRADATIONS`.
    shape
        Sizes of the last axes of the fine image.
    factors
        Factor of each of these axes.

    Raises
    ------
    UsageError
        If there is no degradation of that name.
    ValueError
        If an axis cannot be divided by its factor.

    Examples
    --------
    >>> from mrienhance.physics import make_degradation
    >>> make_degradation("thick-slice", (8, 4, 4), (4, 1, 1)).coarse_shape
    (2, 4, 4)
    """
    if name not in DEGRADATIONS:
        raise UsageError(f"no degradation is called {name!r}", hint=f"choose one of {', '.join(DEGRADATIONS)}")
    return DEGRADATIONS[name](shape, factors)
