"""Hyper-parameters of the ICONet-style network and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """What defines one ICONet-style model; each ablation of the specification is one field.

    Parameters
    ----------
    scale
        Super-resolution factor in plane: 2, 4 or 8.
    channels
        Feature channels C.
    groups
        Fusions per stage K.
    blocks_per_group
        Feature blocks per branch between two fusions.
    heads
        Heads of the channel attention; divides `channels`.
    block
        ``"rscfl"``, or its ablations: ``"spatial"`` half only, ``"channel"`` half only, plain ``"residual"`` block.
    spatial_kernel
        Large kernel of the spatial half: ``"strips"`` (21x1 and 1x21) or ``"square"`` (5x5, then 7x7 with dilation 3).
        With the 3x3 kernel before them both see 23 or more pixels per axis.
    rec_branch
        Whether the reconstruction branch exists (without it there is nothing to fuse either).
    prior_image
        Whether the reconstructed *image* is fed back as the prior before the last fusion.
    fusion
        ``"two-way"``, ``"one-way"`` (the SR branch alone is guided) or ``"concat"`` (no fusion module, 1x1
        convolution).
    upscaling
        ``"iterative"``: stages of x2; ``"single-shot"``: one stage with the whole factor.
    share_stages
        Whether all stages use one set of weights.
    carry_features
        Whether a stage starts from the fused features of the stage before, too.
    interpolation
        Fixed interpolation of the global skip connection, aligned on sample 0.
    stage_supervision
        Whether every stage is supervised, or the last one alone.
    rec_target
        Label of the reconstruction branch: ``"tapered"`` (k-space under a Hann window, no ringing) or ``"unmasked"``
        (the truncation itself; trivial unless the input is masked).
    rec_weight
        Weight alpha of the reconstruction loss.
    squared_fraction
        Last fraction of the training in which squared errors are minimised instead of absolute ones.
    ssim_weight, frequency_weight
        Weights of the optional 1 - SSIM and k-space L1 terms on the last stage.
    detach_fraction
        Fraction of the training in which a stage's image reaches the next stage's Rec branch without gradient.
    acceleration
        Cartesian undersampling of the input's k-space lines, as in T2Net's joint task; 1 is pure super-resolution.
    center_fraction
        Fraction of central lines that is always sampled when `acceleration` > 1.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field and the value.
    """

    scale: int = 2
    channels: int = 64
    groups: int = 4
    blocks_per_group: int = 2
    heads: int = 4
    block: Literal["rscfl", "spatial", "channel", "residual"] = "rscfl"
    spatial_kernel: Literal["strips", "square"] = "strips"
    rec_branch: bool = True
    prior_image: bool = True
    fusion: Literal["two-way", "one-way", "concat"] = "two-way"
    upscaling: Literal["iterative", "single-shot"] = "iterative"
    share_stages: bool = False
    carry_features: bool = True
    interpolation: Literal["sinc", "linear"] = "sinc"
    stage_supervision: bool = True
    rec_target: Literal["tapered", "unmasked"] = "tapered"
    rec_weight: float = 0.25
    squared_fraction: float = 0.0
    ssim_weight: float = 0.0
    frequency_weight: float = 0.0
    detach_fraction: float = 0.0
    acceleration: int = 1
    center_fraction: float = 0.08

    def __post_init__(self) -> None:
        self._check("scale", self.scale in (2, 4, 8), "2, 4 or 8")
        for name in ("channels", "groups", "blocks_per_group", "heads", "acceleration"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("heads", self.channels % self.heads == 0, f"a divisor of channels ({self.channels})")
        for name in ("rec_weight", "ssim_weight", "frequency_weight"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        for name in ("detach_fraction", "squared_fraction"):
            self._check(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        self._check("center_fraction", 0 < self.center_fraction <= 1, "above 0 and at most 1")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ValueError(f"ICONet config: {name} must be {expected}, not {getattr(self, name)!r}")

    @property
    def stage_factors(self) -> tuple[int, ...]:
        """Upscaling factor of each stage: ``(2, 2)`` for an iterative x4, ``(4,)`` for a single shot."""
        if self.upscaling == "single-shot":
            return (self.scale,)
        return (2,) * (self.scale.bit_length() - 1)
