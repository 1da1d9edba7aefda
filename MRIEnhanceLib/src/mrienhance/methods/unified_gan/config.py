"""Hyper-parameters of the unified GAN and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KNOWN = ("T1w", "T1c", "T2w", "FLAIR", "PDw")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What defines one model. Defaults are StarGAN's, except `pair_weight`.

    Parameters
    ----------
    contrasts
        What is translated, from any to any.
    generator
        ``"stargan"``: down twice, residual blocks, up twice; ``"resunet"``: a U-Net of residual blocks, which keeps
        detail beside its coarse levels; ``"unet"``: a plain U-Net, the baseline.
    width
        Channels at full resolution; they double with every halving (in ``"resunet"`` up to eight times as many).
    residual_blocks
        Blocks of the StarGAN generator.
    levels
        Resolutions of the U-Nets.
    norm
        ``"instance"``: instance normalisation as in StarGAN; ``"none"``: a scale and a shift a channel in its place.
    conditioning
        How the labels act: ``"planes"``, as constant channels beside the image (StarGAN); ``"affine"``, in scale and
        shift of every layer as well (conditional instance normalisation: Dumoulin et al., ICLR 2017).
    label_mode
        Labels that the generator sees: the ``"target"``, or ``"source+target"``; or only the ``"source"``, which it
        turns into all contrasts at once, one a channel, of which the target's is taken. The abstract has "multimodal
        output in one forward pass" and a generator that is given an image "and its modality label": either reading.
    critic_width, critic_layers
        Channels of the discriminator's first layer, and number of its strided layers.
    adversarial
        Whether there is a discriminator; without it the paired and the cycle term remain.
    adversarial_weight, class_weight, cycle_weight, pair_weight, identity_weight
        Weights of the generator's losses.
    pair_loss
        Of the paired term: ``"l1"``, the mean absolute error, or ``"huber"``, squared up to an error of a quarter of
        the range: where the source leaves two answers, the first aims at the median, the second at the mean.
    source_shares
        How often each contrast is the source, among those that a slice has; empty: all alike.
    critic_class_weight
        Weight of the discriminator's own classification (StarGAN has one weight for both).
    penalty_weight
        Weight of the gradient penalty.
    penalty_every
        The penalty is taken in a random one of so many critic updates, with so many times the weight.
    critic_updates
        Updates of the discriminator per update of the generator.
    recognizer
        Whether the model holds a `Recognizer`, which tells a slice's contrast.
    recognizer_width
        Channels of its first layer.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field and the value.
    """

    contrasts: tuple[str, ...] = ("T1w", "T1c", "T2w", "FLAIR")
    generator: Literal["stargan", "resunet", "unet"] = "stargan"
    width: int = 64
    residual_blocks: int = 6
    levels: int = 4
    norm: Literal["instance", "none"] = "instance"
    conditioning: Literal["planes", "affine"] = "planes"
    label_mode: Literal["target", "source+target", "source"] = "target"
    critic_width: int = 64
    critic_layers: int = 6
    adversarial: bool = True
    adversarial_weight: float = 1.0
    class_weight: float = 1.0
    critic_class_weight: float = 1.0
    cycle_weight: float = 10.0
    pair_weight: float = 10.0
    identity_weight: float = 0.0
    pair_loss: Literal["l1", "huber"] = "l1"
    source_shares: tuple[float, ...] = ()
    penalty_weight: float = 10.0
    penalty_every: int = 1
    critic_updates: int = 5
    recognizer: bool = True
    recognizer_width: int = 16

    def __post_init__(self) -> None:
        distinct = len(set(self.contrasts)) == len(self.contrasts) and set(self.contrasts) <= set(KNOWN)
        self._check("contrasts", distinct and len(self.contrasts) >= 2, f"two or more of {', '.join(KNOWN)}")
        for name in ("width", "levels", "critic_width", "critic_layers", "penalty_every", "critic_updates"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("recognizer_width", self.recognizer_width >= 1, "at least 1")
        self._check("residual_blocks", self.residual_blocks >= 0, "at least 0")
        for name in ("adversarial_weight", "class_weight", "cycle_weight", "pair_weight", "identity_weight"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        for name in ("penalty_weight", "critic_class_weight"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        shares = self.source_shares
        known = not shares or (len(shares) == len(self.contrasts) and min(shares) > 0)
        self._check("source_shares", known, "one number above 0 a contrast, or none at all")
        learns = self.pair_weight > 0 or self.cycle_weight > 0
        self._check("pair_weight", learns or self.adversarial, "above 0 where nothing else says what is right")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ValueError(f"unified GAN config: {name} must be {expected}, not {getattr(self, name)!r}")

    @property
    def planes(self) -> int:
        """Number of label planes."""
        return len(self.contrasts) * (2 if self.label_mode == "source+target" else 1)

    @property
    def outputs(self) -> int:
        """Number of images that the generator makes at once."""
        return len(self.contrasts) if self.label_mode == "source" else 1

    @property
    def multiple(self) -> int:
        """Sides of images are padded to a multiple of this."""
        return 4 if self.generator == "stargan" else 1 << (self.levels - 1)
