"""Terms of the loss that both stages of FGDL have: likeness to the label, and what the discriminator tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.critics import Judgement, contest, matched, relativistic
from mrienhance.methods.fgdl.losses import edge_difference, ms_ssim
from mrienhance.methods.objective import Loss


def likeness(config: Config, image: Tensor, label: Tensor) -> dict[str, Tensor]:
    """Weighted distances of images (B, 1, H, W) from -1 to 1."""
    terms = {"l1": config.l1_weight * (image - label).abs().mean()}
    if config.ssim_weight:
        terms["ssim"] = config.ssim_weight * (1 - ms_ssim((image + 1) / 2, (label + 1) / 2))
    if config.edge_weight:
        terms["edges"] = config.edge_weight * edge_difference(image, label)
    return terms


def rivalry(config: Config, critic: nn.Module, real: Tensor, fake: Tensor, difference: Tensor) -> dict[str, Tensor]:
    """What the discriminator tells the network about images (B, 1, H, W); nothing of it reaches its own weights."""
    with at_rest(critic):
        mine: Judgement = critic(fake, difference)
        theirs: Judgement = critic(real, difference)
        wins = [relativistic(*scores) for scores in zip(mine.scores, theirs.scores, strict=True)]
        return {
            "adversarial": config.adversarial_weight * torch.stack(wins).sum(),
            "features": config.feature_weight * matched(mine.features, theirs.features),
        }


def contested(critic: nn.Module, real: Tensor, fake: Tensor, difference: Tensor) -> Loss:
    """The discriminator's own loss, on images without gradient."""
    judged: tuple[Judgement, Judgement] = critic(real, difference), critic(fake, difference)
    pairs = zip(judged[0].scores, judged[1].scores, strict=True)
    found = torch.stack([contest(*scores) for scores in pairs]).sum()
    return Loss(found, optimizer="critic", terms={"critic": found})


@contextmanager
def at_rest(critic: nn.Module) -> Iterator[nn.Module]:
    """A discriminator that passes gradients on, and takes none."""
    critic.requires_grad_(False)
    try:
        yield critic
    finally:
        critic.requires_grad_(True)
