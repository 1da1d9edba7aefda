"""Hyper-parameters of FGDL's synthesis network and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Misalignment = Literal["none", "low", "mid", "high"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """What defines one FGDL synthesis model.

    Defaults are those of the authors' code; where they are not, it is said.

    Parameters
    ----------
    source, target
        BIDS names of the scanned contrast and of the one to make.
    width
        Feature channels at full resolution; even.
    blocks
        Transformer blocks a level.
    label_correction
        Whether the training label is first moved onto the source by a registration network that is trained along.
    correction_width
        Channels of that network at full resolution.
    correction_levels
        Its poolings, two or more; a small image gets fewer.
    adversarial
        Whether discriminators are trained. Without them nor features are matched: the variant for least error.
    critic_width
        Channels of the discriminators' first layers.
    critic_every
        The discriminators learn on a random one of so many steps (authors: on every sixth).
    l1_weight, ssim_weight
        Weights of the mean absolute error, images from -1 to 1, and of 1 - MS-SSIM.
    edge_weight
        Weight of absolute differences of edges at three scales, a substitute of our own for the authors' perceptual
        loss (0.8 LPIPS), whose network and weights are not part of this project.
    smooth_weight
        Weight of the squared differences of neighbouring displacements.
    adversarial_weight, feature_weight
        Weights of the relativistic adversarial terms and of feature matching (over the four layers together).
    misalignment
        Strength of random displacements of the training label, for experiments: up to 2, 4 or 8 pixels at 256.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field and the value.
    """

    source: str = "T1w"
    target: str = "T2w"
    width: int = 48
    blocks: int = 2
    label_correction: bool = True
    correction_width: int = 32
    correction_levels: int = 7
    adversarial: bool = True
    critic_width: int = 64
    critic_every: int = 6
    l1_weight: float = 1.0
    ssim_weight: float = 1.0
    edge_weight: float = 0.0
    smooth_weight: float = 1.0
    adversarial_weight: float = 0.01
    feature_weight: float = 10.0
    misalignment: Misalignment = "none"

    def __post_init__(self) -> None:
        self._check("source", bool(self.source), "a contrast")
        self._check("target", self.target not in ("", self.source), f"a contrast other than {self.source!r}")
        self._check("width", self.width >= 2 and self.width % 2 == 0, "even and at least 2")
        for name in ("blocks", "correction_width", "critic_width", "critic_every"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("correction_levels", self.correction_levels >= 2, "at least 2")
        weights = ("l1_weight", "ssim_weight", "edge_weight", "smooth_weight", "adversarial_weight", "feature_weight")
        for name in weights:
            self._check(name, getattr(self, name) >= 0, "at least 0")
        some = max(self.l1_weight, self.ssim_weight, self.edge_weight)
        self._check("l1_weight", some > 0, "above 0 if ssim_weight and edge_weight are 0")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ValueError(f"FGDL config: {name} must be {expected}, not {getattr(self, name)!r}")
