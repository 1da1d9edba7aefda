"""Operators of MR physics: Fourier transform, degradations, interpolation, phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.physics.degradation import Degradation as Degradation
    from mrienhance.physics.degradation import KSpaceTruncation as KSpaceTruncation
    from mrienhance.physics.operator import LinearOperator as LinearOperator

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Degradation": ".degradation",
        "KSpaceTruncation": ".degradation",
        "LinearOperator": ".operator",
    },
)
