"""Layers of FGDL's super-resolution branch: dense blocks, and what brings image and reference together at one level."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.deform import DeformConv2d
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.correction import instance_norm
from mrienhance.methods.fgdl.transformer import TransformerBlock

SLOPE = 0.2
_RESIDUAL = 0.2


class Level(nn.Module):
    """One resolution of the branch: alignment, fusion by transformer blocks, modulation.

    Parameters
    ----------
    channels
        Of the image's features, and of the reference's.
    heads
        Heads of the attention between channels.
    config
        The model's hyper-parameters.
    """

    def __init__(self, channels: int, heads: int, config: Config) -> None:
        super().__init__()
        self.moved = config.moved
        fixed = config.deformable == "none"
        self.align = Fixed(channels) if fixed else DeformConv2d(channels, channels, guide=2 * channels)
        self.fuse = nn.Sequential(
            *(
                TransformerBlock(2 * channels, heads, deformable=config.deformable == "all")
                for _ in range(config.fusion_blocks)
            )
        )
        self.join = with_bias(2 * channels, channels)
        self.modulate = Modulation(channels, config.modulation) if config.modulated else None

    def forward(self, x: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Refine features (B, C, H, W) by those of the reference (B, C, H, W); give their similarity (B, 1, H, W).

        Where the reference is moved, it is compared after that: place by place.
        """
        reference = reference.to(x.dtype)
        guide = torch.cat((x, reference), 1)
        if self.moved == "reference":
            reference = self.align(reference, guide)
            similarity, aligned = cosine(x, reference), x
        else:
            similarity, aligned = cosine(x, reference), self.align(x, guide)
        fused = self.fuse(torch.cat((aligned, reference), 1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        update = self.join(fused)
        if self.modulate is not None:
            update = self.modulate(update, similarity)
        return aligned + update, similarity


class Modulation(nn.Module):
    """Add to features what a map of similarities says, relative to the features' own spread.

    The authors' ``IN(t) (std(t) + gamma) + (mean(t) + beta)`` is ``t + gamma IN(t) + beta`` but for a factor
    ``sqrt(n / (n - 1))`` of their standard deviation over n pixels; the latter leaves features as they are where gamma
    and beta are 0, even of one pixel.

    Parameters
    ----------
    channels
        Of the features.
    widths
        Channels of the layers between the map and gamma and beta.
    """

    def __init__(self, channels: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((1, *widths), widths, strict=False):
            layers += [with_bias(inputs, outputs), nn.ReLU()]
        self.read = nn.Sequential(*layers)
        # gamma and beta together.
        self.tell = with_bias(widths[-1], 2 * channels)

    def forward(self, x: Tensor, similarity: Tensor) -> Tensor:
        """Modulate features (B, C, H, W) by a map (B, 1, H, W)."""
        gamma, beta = self.tell(self.read(similarity)).chunk(2, 1)
        found: Tensor = x + gamma * instance_norm(x) + beta
        return found


class ResidualDense(nn.Module):
    """Three dense blocks in a row, a fifth of whose sum is added (RRDB; Wang et al., ESRGAN, ECCV Workshops 2018)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Dense(channels, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, C, H, W) to the same shape."""
        update: Tensor = self.blocks(x)
        return x + _RESIDUAL * update


class Dense(nn.Module):
    """Five convolutions, each of which sees the results of all before; a fifth of the last one's is added."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.grow = nn.ModuleList(with_bias(channels + index * growth, growth) for index in range(4))
        self.end = with_bias(channels + 4 * growth, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, C, H, W) to the same shape."""
        seen = x
        for layer in self.grow:
            seen = torch.cat((seen, functional.leaky_relu(layer(seen), SLOPE)), 1)
        update: Tensor = self.end(seen)
        return x + _RESIDUAL * update


class Fixed(nn.Module):
    """A convolution in the place of alignment, whose taps stay where they are (an ablation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Convolve features (B, C, H, W); the guide is not looked at."""
        found: Tensor = self.layer(x)
        return found


def cosine(x: Tensor, y: Tensor) -> Tensor:
    """Cosine of the angle between the channels of two features (B, C, H, W) at each pixel (B, 1, H, W); float32."""
    x, y = (each.to(torch.promote_types(each.dtype, torch.float32)) for each in (x, y))
    return functional.cosine_similarity(x, y, dim=1, eps=1e-6)[:, None]


def with_bias(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution with a bias that keeps rows and columns."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)
