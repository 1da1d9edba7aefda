"""MR physics: Fourier transform, degradations, sampling, coils, simulation, phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.physics.calibration import calibration_size as calibration_size
    from mrienhance.physics.calibration import measured as measured
    from mrienhance.physics.classical import cg_sense as cg_sense
    from mrienhance.physics.classical import zero_filled as zero_filled
    from mrienhance.physics.coil_array import CoilArray as CoilArray
    from mrienhance.physics.coils import low_resolution_maps as low_resolution_maps
    from mrienhance.physics.coils import rss as rss
    from mrienhance.physics.coils import sense_combine as sense_combine
    from mrienhance.physics.compress import compress_coils as compress_coils
    from mrienhance.physics.contrast import GradientEcho as GradientEcho
    from mrienhance.physics.contrast import InversionRecovery as InversionRecovery
    from mrienhance.physics.contrast import SpinEcho as SpinEcho
    from mrienhance.physics.contrast import with_agent as with_agent
    from mrienhance.physics.degradation import DEGRADATIONS as DEGRADATIONS
    from mrienhance.physics.degradation import BlurDownsample as BlurDownsample
    from mrienhance.physics.degradation import Degradation as Degradation
    from mrienhance.physics.degradation import KSpaceTruncation as KSpaceTruncation
    from mrienhance.physics.degradation import ThickSlice as ThickSlice
    from mrienhance.physics.degradation import make_degradation as make_degradation
    from mrienhance.physics.differences import Differences as Differences
    from mrienhance.physics.espirit_maps import espirit as espirit
    from mrienhance.physics.fourier import Fourier as Fourier
    from mrienhance.physics.fourier import from_centred as from_centred
    from mrienhance.physics.fourier import from_centred_kspace as from_centred_kspace
    from mrienhance.physics.fourier import to_centred as to_centred
    from mrienhance.physics.fourier import to_centred_kspace as to_centred_kspace
    from mrienhance.physics.interpolation import cubic_upsample as cubic_upsample
    from mrienhance.physics.kspace_block import KSpaceBlock as KSpaceBlock
    from mrienhance.physics.learnable import LearnableLines as LearnableLines
    from mrienhance.physics.lines import equispaced_lines as equispaced_lines
    from mrienhance.physics.lines import random_lines as random_lines
    from mrienhance.physics.misalignment import elastic_flow as elastic_flow
    from mrienhance.physics.misalignment import random_misalignment as random_misalignment
    from mrienhance.physics.misalignment import rigid_flow as rigid_flow
    from mrienhance.physics.operator import LinearOperator as LinearOperator
    from mrienhance.physics.phantom import Ellipse as Ellipse
    from mrienhance.physics.phantom import Phantom as Phantom
    from mrienhance.physics.phantom import shepp_logan as shepp_logan
    from mrienhance.physics.phase import SmoothPhase as SmoothPhase
    from mrienhance.physics.phase import TissuePhase as TissuePhase
    from mrienhance.physics.poisson import poisson_disc as poisson_disc
    from mrienhance.physics.sampling import SAMPLING as SAMPLING
    from mrienhance.physics.sampling import fixed_generator as fixed_generator
    from mrienhance.physics.sampling import make_mask as make_mask
    from mrienhance.physics.sense import Sense as Sense
    from mrienhance.physics.simulate import coil_maps as coil_maps
    from mrienhance.physics.simulate import simulate_kspace as simulate_kspace
    from mrienhance.physics.simulate import smooth_phase as smooth_phase
    from mrienhance.physics.solvers import conjugate_gradient as conjugate_gradient
    from mrienhance.physics.solvers import solve as solve
    from mrienhance.physics.sparse import l1_wavelet as l1_wavelet
    from mrienhance.physics.sparse import total_variation as total_variation
    from mrienhance.physics.tissue import TISSUES as TISSUES
    from mrienhance.physics.tissue import Tissue as Tissue
    from mrienhance.physics.wavelets import Wavelet as Wavelet
    from mrienhance.physics.whiten import noise_covariance as noise_covariance
    from mrienhance.physics.whiten import prewhiten as prewhiten

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "BlurDownsample": ".degradation",
        "CoilArray": ".coil_array",
        "DEGRADATIONS": ".degradation",
        "Degradation": ".degradation",
        "Differences": ".differences",
        "Ellipse": ".phantom",
        "Fourier": ".fourier",
        "GradientEcho": ".contrast",
        "InversionRecovery": ".contrast",
        "KSpaceBlock": ".kspace_block",
        "KSpaceTruncation": ".degradation",
        "LearnableLines": ".learnable",
        "LinearOperator": ".operator",
        "Phantom": ".phantom",
        "SAMPLING": ".sampling",
        "Sense": ".sense",
        "SmoothPhase": ".phase",
        "SpinEcho": ".contrast",
        "TISSUES": ".tissue",
        "Tissue": ".tissue",
        "TissuePhase": ".phase",
        "ThickSlice": ".degradation",
        "Wavelet": ".wavelets",
        "calibration_size": ".calibration",
        "cg_sense": ".classical",
        "coil_maps": ".simulate",
        "compress_coils": ".compress",
        "conjugate_gradient": ".solvers",
        "cubic_upsample": ".interpolation",
        "elastic_flow": ".misalignment",
        "equispaced_lines": ".lines",
        "espirit": ".espirit_maps",
        "fixed_generator": ".sampling",
        "from_centred": ".fourier",
        "from_centred_kspace": ".fourier",
        "l1_wavelet": ".sparse",
        "low_resolution_maps": ".coils",
        "make_degradation": ".degradation",
        "make_mask": ".sampling",
        "measured": ".calibration",
        "noise_covariance": ".whiten",
        "poisson_disc": ".poisson",
        "prewhiten": ".whiten",
        "random_lines": ".lines",
        "random_misalignment": ".misalignment",
        "rigid_flow": ".misalignment",
        "rss": ".coils",
        "sense_combine": ".coils",
        "shepp_logan": ".phantom",
        "simulate_kspace": ".simulate",
        "smooth_phase": ".simulate",
        "solve": ".solvers",
        "to_centred": ".fourier",
        "to_centred_kspace": ".fourier",
        "total_variation": ".sparse",
        "with_agent": ".contrast",
        "zero_filled": ".classical",
    },
)
