"""Operators of MR physics: Fourier transform, degradations, interpolation, phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.physics.degradation import DEGRADATIONS as DEGRADATIONS
    from mrienhance.physics.degradation import BlurDownsample as BlurDownsample
    from mrienhance.physics.degradation import Degradation as Degradation
    from mrienhance.physics.degradation import KSpaceTruncation as KSpaceTruncation
    from mrienhance.physics.degradation import ThickSlice as ThickSlice
    from mrienhance.physics.degradation import make_degradation as make_degradation
    from mrienhance.physics.fourier import Fourier as Fourier
    from mrienhance.physics.fourier import from_centred as from_centred
    from mrienhance.physics.fourier import from_centred_kspace as from_centred_kspace
    from mrienhance.physics.fourier import to_centred as to_centred
    from mrienhance.physics.fourier import to_centred_kspace as to_centred_kspace
    from mrienhance.physics.interpolation import cubic_upsample as cubic_upsample
    from mrienhance.physics.kspace_block import KSpaceBlock as KSpaceBlock
    from mrienhance.physics.operator import LinearOperator as LinearOperator
    from mrienhance.physics.phantom import Ellipse as Ellipse
    from mrienhance.physics.phantom import Phantom as Phantom
    from mrienhance.physics.phantom import shepp_logan as shepp_logan

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "DEGRADATIONS": ".degradation",
        "BlurDownsample": ".degradation",
        "Degradation": ".degradation",
        "Ellipse": ".phantom",
        "Fourier": ".fourier",
        "KSpaceBlock": ".kspace_block",
        "KSpaceTruncation": ".degradation",
        "LinearOperator": ".operator",
        "Phantom": ".phantom",
        "ThickSlice": ".degradation",
        "cubic_upsample": ".interpolation",
        "from_centred": ".fourier",
        "from_centred_kspace": ".fourier",
        "make_degradation": ".degradation",
        "shepp_logan": ".phantom",
        "to_centred": ".fourier",
        "to_centred_kspace": ".fourier",
    },
)
