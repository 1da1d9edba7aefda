"""SR-Rec fusion: the two branches inform each other (design of our own from one sentence of the abstract)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mrienhance.methods.iconet.config import Config


class AdaptiveFusion(nn.Module):
    """Weigh SR features `a` and Rec features `r` by channel and by place, and fuse them with each other.

    A selective-kernel softmax over the pair (Li et al., SKNet, CVPR 2019) chooses per channel; a 7x7 gate says per
    pixel how far the reconstruction is to be trusted. ``a' = a + conv3x3(w_a a + w_r r g)``; if two-way,
    ``r' = r + conv1x1(cat(r, a'))``.
    """

    def __init__(self, channels: int, *, two_way: bool) -> None:
        super().__init__()
        hidden = max(channels // 4, 4)
        self.join = nn.Conv2d(2 * channels, channels, 1)
        self.select = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 2 * channels, 1)
        )
        self.gate = nn.Conv2d(2, 1, 7, padding=3)
        self.to_sr = nn.Conv2d(channels, channels, 3, padding=1)
        self.to_rec = nn.Conv2d(2 * channels, channels, 1) if two_way else None

    def forward(self, sr: Tensor, rec: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse two maps of shape (B, C, H, W); both come back in that shape."""
        joint = self.join(torch.cat((sr, rec), dim=1))
        weight_sr, weight_rec = self.select(joint).unflatten(1, (2, -1)).softmax(dim=1).unbind(1)
        extremes = torch.cat((joint.mean(1, keepdim=True), joint.amax(1, keepdim=True)), dim=1)
        trusted = rec * torch.sigmoid(self.gate(extremes))
        sr = sr + self.to_sr(weight_sr * sr + weight_rec * trusted)
        if self.to_rec is not None:
            rec = rec + self.to_rec(torch.cat((rec, sr), dim=1))
        return sr, rec


class ConcatFusion(nn.Module):
    """Ablation "no fusion module": ``a' = conv1x1(cat(a, r))``, nothing goes back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, sr: Tensor, rec: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse two maps of shape (B, C, H, W)."""
        return self.join(torch.cat((sr, rec), dim=1)), rec


def fusion(config: Config, *, last: bool) -> nn.Module:
    """The fusion that `config` asks for.

    The last one of a stage has no way back: the reconstruction is finished by then, and weights that nothing reads
    would never learn.
    """
    if config.fusion == "concat":
        return ConcatFusion(config.channels)
    return AdaptiveFusion(config.channels, two_way=config.fusion == "two-way" and not last)
