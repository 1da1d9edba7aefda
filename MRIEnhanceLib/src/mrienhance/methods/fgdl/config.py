"""Hyper-parameters of FGDL's networks, synthesis and super-resolution, and of their training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Misalignment = Literal["none", "low", "mid", "high"]
Deformable = Literal["all", "alignment", "none"]
Moved = Literal["image", "reference"]
SCALES = (1, 2, 4, 8)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What defines one FGDL model: of stage 1 (synthesis), or of stage 2 (super-resolution with a reference).

    Defaults are those of the authors' code; where they are not, it is said.

    Parameters
    ----------
    source, target
        BIDS names of the scanned contrast and of the one to make; of the reference and of the one to super-resolve.
    scale
        1: synthesis; 2, 4, 8: super-resolution in plane, with the synthesis network inside, which learns no more.
    width
        Feature channels at full resolution, of both networks; even.
    blocks
        Transformer blocks a level.
    fusion_blocks
        Transformer blocks a level of the super-resolution branch.
    growth
        Channels that each convolution of its residual dense blocks adds.
    modulation
        Channels of the three layers between a map of similarities and what it adds.
    deformable
        Where taps of convolutions move: in ``"all"`` places as the authors have it, for ``"alignment"`` alone (about
        half of the time of a step), or in ``"none"``.
    moved
        Which features alignment moves: the ``"image"``'s onto the reference as the authors have it, or those of the
        ``"reference"`` onto the image: our own, for results that stay where the image is.
    modulated
        Whether the maps of similarity modulate what is added; without it an ablation.
    interpolated
        Whether the branch adds to the interpolated image. The authors' does not; our own, for short trainings.
    label_correction
        Whether the training label is first moved onto the source by a registration network that is trained along.
        Stage 1 alone: with the branch labels stay where they are, on the image.
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
    difference_weight
        Weight of squared distances of the maps of similarity from where target and synthesis differ (stage 2).
    misalignment
        Strength of random elastic displacements in training, up to 2, 4 or 8 pixels at 256: of the label in stage 1,
        for experiments; of the reference in stage 2.
    reference_shift, reference_rotation
        Largest random shift in pixels, and angle in degrees, of the training reference (stage 2; our own). A quarter of
        the references stay where they are.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field and the value.
    """

    source: str = "T1w"
    target: str = "T2w"
    scale: int = 1
    width: int = 48
    blocks: int = 2
    fusion_blocks: int = 2
    growth: int = 32
    modulation: tuple[int, int, int] = (64, 128, 128)
    deformable: Deformable = "all"
    moved: Moved = "image"
    modulated: bool = True
    interpolated: bool = False
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
    difference_weight: float = 10.0
    misalignment: Misalignment = "none"
    reference_shift: float = 0.0
    reference_rotation: float = 0.0

    def __post_init__(self) -> None:
        self._check("source", bool(self.source), "a contrast")
        self._check("target", self.target not in ("", self.source), f"a contrast other than {self.source!r}")
        self._check("width", self.width >= 2 and self.width % 2 == 0, "even and at least 2")
        self._check("scale", self.scale in SCALES, f"one of {SCALES}")
        self._check("modulation", min(self.modulation) >= 1, "at least 1 each")
        for name in ("blocks", "fusion_blocks", "growth", "correction_width", "critic_width", "critic_every"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("correction_levels", self.correction_levels >= 2, "at least 2")
        weights = ("l1", "ssim", "edge", "smooth", "adversarial", "feature", "difference")
        for name in (*(f"{weight}_weight" for weight in weights), "reference_shift", "reference_rotation"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        some = max(self.l1_weight, self.ssim_weight, self.edge_weight)
        self._check("l1_weight", some > 0, "above 0 if ssim_weight and edge_weight are 0")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ValueError(f"FGDL config: {name} must be {expected}, not {getattr(self, name)!r}")
