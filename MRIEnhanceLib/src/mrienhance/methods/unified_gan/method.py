"""The unified GAN as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.methods.base import Contrasts, Method, Paper, Tiling
from mrienhance.methods.unified_gan.config import Config as UnifiedGANConfig
from mrienhance.methods.unified_gan.network import UnifiedGAN
from mrienhance.methods.unified_gan.objective import UnifiedGANObjective


class UnifiedGANMethod(Method):
    """Synthesis of missing contrasts by one generator and one discriminator, slice by slice."""

    name = "unified_gan"
    title = "Unified GAN"
    paper = Paper(
        citation=(
            "Dai, Lei, Fu, Curran, Liu, Mao, Yang: Multimodal MRI synthesis using unified generative adversarial "
            "networks. Medical Physics 47(12), 6343-6354, 2020"
        ),
        doi="10.1002/mp.14539",
        fidelity=(
            "unified-GAN-style: the abstract was to hand (one generator under a label, one discriminator that also "
            "classifies); layers and losses are StarGAN's, the paired loss is a choice of this implementation"
        ),
    )
    tasks = ("synthesize",)
    Config = UnifiedGANConfig

    def build(self, config: UnifiedGANConfig) -> UnifiedGAN:
        """Make the generator and the recogniser with fresh weights."""
        return UnifiedGAN(config)

    def tiling(self, config: UnifiedGANConfig) -> Tiling:
        """Whole slices, since instance normalisation looks at all pixels; without it a pixel sees its surroundings."""
        if config.norm == "instance":
            return Tiling(ndim=2)
        return Tiling(ndim=2, multiple_of=config.multiple, halo=_halo(config))

    def contrasts(self, config: UnifiedGANConfig) -> Contrasts:
        """From any to any."""
        return Contrasts(config.contrasts, config.contrasts)

    def synthesize(self, module: nn.Module, image: Tensor, *, source: str, targets: Sequence[str]) -> dict[str, Tensor]:
        """Make all targets in one pass: the slices are repeated along the batch, once a target, where there is need.

        Raises
        ------
        ValueError
            If a contrast is not one of the model's.
        """
        assert isinstance(module, UnifiedGAN)
        places = {name: place for place, name in enumerate(module.config.contrasts)}
        unknown = [name for name in (source, *targets) if name not in places]
        if unknown:
            raise ValueError(f"unified GAN: {unknown[0]!r} is not among {', '.join(places)}")
        if not targets:
            return {}
        batch = len(image)
        if module.config.label_mode == "source":
            own = torch.full((batch,), places[source], device=image.device)
            every = module(image.clamp(0, 1), own, None)
            return {name: every[:, places[name]][:, None] for name in targets}
        goal = torch.tensor([places[name] for name in targets], device=image.device).repeat_interleave(batch)
        made = module(image.clamp(0, 1).repeat(len(targets), 1, 1, 1), torch.full_like(goal, places[source]), goal)
        return dict(zip(targets, made.split(batch), strict=True))

    def recognize(self, module: nn.Module, image: Tensor) -> Tensor | None:
        """Probabilities (B, contrasts) of slices (B, 1, H, W); None without a recogniser."""
        assert isinstance(module, UnifiedGAN)
        if module.recognizer is None:
            return None
        probabilities: Tensor = module.recognizer(image).softmax(1)
        return probabilities

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate ``inputs["image"]`` (B, 1, H, W) from the first contrast to all; ``"image"`` is the second one."""
        assert isinstance(module, UnifiedGAN)
        names = module.config.contrasts
        made = self.synthesize(module, inputs["image"], source=names[0], targets=names)
        return {"image": made[names[1]], **made}

    def objective(self, config: UnifiedGANConfig) -> UnifiedGANObjective:
        """StarGAN's losses, and a paired one."""
        return UnifiedGANObjective(config)

    def variants(self) -> dict[str, UnifiedGANConfig]:
        """The plain network and each option."""
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "affine": {"conditioning": "affine"},
            "no-norm": {"norm": "none"},
            "no-norm-affine": {"norm": "none", "conditioning": "affine"},
            "source-and-target": {"label_mode": "source+target"},
            "unet": {"generator": "unet", "levels": 3},
            "unet-no-norm": {"generator": "unet", "levels": 3, "norm": "none", "conditioning": "affine"},
            "resunet": {"generator": "resunet", "levels": 3, "norm": "none", "conditioning": "affine"},
            "all-at-once": {"label_mode": "source", "norm": "none", "pair_loss": "huber"},
            "not-adversarial": {"adversarial": False},
            "unpaired": {"pair_weight": 0.0},
            "lazy-penalty": {"penalty_every": 4, "critic_updates": 3},
            "identity": {"identity_weight": 5.0},
            "no-recognizer": {"recognizer": False},
            "five-contrasts": {"contrasts": ("T1w", "T1c", "T2w", "FLAIR", "PDw")},
            "two-contrasts": {"contrasts": ("T2w", "FLAIR"), "residual_blocks": 0},
        }
        small: dict[str, Any] = {
            "width": 8,
            "residual_blocks": 1,
            "critic_width": 4,
            "critic_layers": 2,
            "critic_updates": 1,
            "recognizer_width": 4,
        }
        return {name: UnifiedGANConfig(**{**small, **change}) for name, change in changes.items()}

    def example(self, config: UnifiedGANConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Uniform noise of `size` (H, W)."""
        return {"image": torch.rand(batch, 1, *size)}


def _halo(config: UnifiedGANConfig) -> int:
    """Receptive radius in pixels of a generator without normalisation, rounded up to its coarsest pixels."""
    if config.generator == "stargan":
        # 7x7 at both ends; 4x4 twice down and twice up, at 1 and 2 pixels; blocks of two 3x3 at 4 pixels.
        return 3 + 3 + 2 * (2 + 4) + 8 * config.residual_blocks + 4
    # Two convolutions of 3x3 on the way down and two on the way up, at each level's pixels.
    return 5 * (1 << config.levels) - 4


METHOD = UnifiedGANMethod()
