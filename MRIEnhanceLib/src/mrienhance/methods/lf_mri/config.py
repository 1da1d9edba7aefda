"""Hyper-parameters of LF-MRI: its parts, its variants, its losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of LF-MRI; the defaults are the specification's choices where the paper was not to hand.

    Attributes
    ----------
    stages
        Unrolled stages K.
    share
        Whether all stages have the same weights; Net_c is one in any case.
    denoiser
        Architecture of D_w and G_u: ``"cnn"``, seven convolutions (that of PASS, a relative of the paper), or
        ``"unet"``, a light U-Net (that of A2MC-MRI, another one).
    width
        Channels of the first layer; deeper ones have two or four times as many.
    levels
        How often the U-Net halves the resolution. A2MC-MRI's does twice; more see aliasing from farther away.
    norm
        Normalisation in D_w and G_u.
    remove_phase
        Whether the phase of the lowest frequencies is taken off before the networks and put back behind them. Without
        it they know only such phases as were simulated, and a scanner's can be any.
    lesion_term
        Whether there is a lesion term at all; without it the method is MoDL with a warm start.
    lesion_stages
        How many stages have it, the last ones: what the first ones show is still aliased. 0: all, as in the paper.
    lf_mode
        How the attention C enters: ``"concat"``, as a third input channel of G_u; ``"masked"``, G_u sees C X and
        the penalty is ``|C X - R|^2``; ``"weighted"``, the residual is weighted by 1 + C; ``"guided"``, the features
        of G_u are multiplied by a map computed from C.
    attention
        Where C comes from: ``"classifier"``; for ablations ``"ones"``, ``"random"``, or ``"oracle"`` (given).
    cam_gate
        Whether C is multiplied by the predicted probability of a lesion, so that a healthy slice has none.
    cam_detach
        Whether the reconstruction's loss is kept from changing the classifier through C.
    classifier, classifier_width
        Backbone of Net_c: ``"resnet18"``, ``"resnet34"`` or ``"plain"``; channels of its first layer (64 in the
        original).
    pooling
        How the classifier sums up a slice: ``"average"``, as class activation maps were defined, or
        ``"log-sum-exp"``, which does not average a small lesion away.
    classes
        What the classifier knows, one probability each.
    dc
        Data consistency: ``"cg"``, conjugate gradients on the normal equations; ``"gd"``, one gradient step;
        ``"vs"``, variable splitting by coil.
    solver
        ``"direct"``: both regularisers in one system; ``"admm"``: the lesion term by inner ADMM steps.
    iterations, admm_iterations
        Steps of CG, and of ADMM.
    mid_dc
        Whether data consistency also stands between D_w and the lesion term.
    denoising_weight, lesion_weight
        lambda_1 and lambda_2 before training.
    learn_sampling
        Whether the pattern of phase-encode lines is learned with the network (LOUPE's way).
    lines
        How many lines there are then.
    acceleration, center_fraction, sharpness
        Of the learned pattern; how near its relaxed masks come to binary ones.
    global_loss, image_loss, lesion_loss, class_loss
        gamma_1 to gamma_4.
    relative_loss
        Whether the first three losses are fractions of the zero-filled image's error, so that a scan of 3 times fewer
        samples teaches as much as one of 8 times fewer.
    deep_supervision
        Whether every stage's images count, stage k of K by ``0.8 ** (K - k)``.
    ssim_loss, perceptual_loss
        Weights of two further terms, as in the paper's additional experiment; 0 for none. The perceptual one compares
        features of Net_c (the usual VGG weights could not be shipped).
    simulated_lesions
        Part of the training slices into which lesions are put, see `lesions.with_lesions`. If above 0, slices for which
        nobody looked for lesions count as healthy ones while they have none; else the classifier does not learn from
        them.
    place_loss
        Weight of a further term of phase A: at each place of slices into which lesions were put, whether there is one;
        and nowhere in healthy slices. Real lesions stay known by their one bit. 0, as in the paper: no such term.
    classifier_fraction, frozen_fraction
        Part of the training for the classifier alone (phase A), and part after it in which the classifier rests.

    Raises
    ------
    ValueError
        If a value is out of range, or two do not go together.
    """

    stages: int = 3
    share: bool = True
    denoiser: Literal["cnn", "unet"] = "cnn"
    width: int = 64
    levels: int = 2
    norm: Literal["group", "batch", "none"] = "group"
    remove_phase: bool = True
    lesion_term: bool = True
    lesion_stages: int = 0
    lf_mode: Literal["concat", "masked", "weighted", "guided"] = "concat"
    attention: Literal["classifier", "ones", "random", "oracle"] = "classifier"
    cam_gate: bool = True
    cam_detach: bool = True
    classifier: Literal["resnet18", "resnet34", "plain"] = "resnet18"
    classifier_width: int = 64
    pooling: Literal["average", "log-sum-exp"] = "average"
    classes: tuple[str, ...] = ("lesion",)
    dc: Literal["cg", "gd", "vs"] = "cg"
    solver: Literal["direct", "admm"] = "direct"
    iterations: int = 10
    admm_iterations: int = 5
    mid_dc: bool = True
    denoising_weight: float = 0.1
    lesion_weight: float = 0.05
    learn_sampling: bool = False
    lines: int = 256
    acceleration: float = 4.0
    center_fraction: float = 0.08
    sharpness: float = 200.0
    global_loss: float = 1.0
    image_loss: float = 2.0
    lesion_loss: float = 1.0
    class_loss: float = 0.1
    relative_loss: bool = False
    deep_supervision: bool = False
    ssim_loss: float = 0.0
    perceptual_loss: float = 0.0
    simulated_lesions: float = 0.0
    place_loss: float = 0.0
    classifier_fraction: float = 0.25
    frozen_fraction: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be from {low} to {high}, not {getattr(self, name)}")
        if self.norm == "group" and self.width % 8:
            raise ValueError(f"width must be a multiple of 8 for group normalisation, not {self.width}")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be distinct names, not {self.classes}")
        if self.lesion_stages > self.stages:
            raise ValueError(f"there are no {self.lesion_stages} stages to have a lesion term, but {self.stages}")
        if self.solver == "admm" and self.dc != "cg":
            raise ValueError(f"ADMM solves by conjugate gradients: dc must be 'cg', not {self.dc!r}")
        if self.solver == "admm" and self.lf_mode == "masked":
            raise ValueError("ADMM is for penalties on the image itself, not for lf_mode 'masked'")
        if self.perceptual_loss and not (self.lesion_term and self.attention == "classifier"):
            raise ValueError("the perceptual loss compares the classifier's features, and there is no classifier")
        if self.place_loss and not self.simulated_lesions:
            raise ValueError("the place loss is about simulated lesions, and there are none")
        if self.classifier_fraction + self.frozen_fraction > 1:
            raise ValueError("classifier_fraction and frozen_fraction are parts of one training: at most 1 together")


_RANGES: dict[str, tuple[float, float]] = {
    "stages": (1, 16),
    "lesion_stages": (0, 16),
    "width": (4, 512),
    "levels": (2, 6),
    "classifier_width": (4, 256),
    "iterations": (1, 100),
    "admm_iterations": (1, 50),
    "denoising_weight": (1e-4, 10),
    "lesion_weight": (1e-4, 10),
    "lines": (8, 4096),
    "acceleration": (1, 64),
    "center_fraction": (0, 1),
    "sharpness": (1, 1000),
    "global_loss": (0, 100),
    "image_loss": (0, 100),
    "lesion_loss": (0, 100),
    "class_loss": (0, 100),
    "ssim_loss": (0, 100),
    "perceptual_loss": (0, 100),
    "simulated_lesions": (0, 1),
    "place_loss": (0, 100),
    "classifier_fraction": (0, 1),
    "frozen_fraction": (0, 1),
}
