"""Residual spatial-channel feature learning (RSCFL), the basic block of both branches.

The paper's abstract says what it does: relate features along space and along channels at linear cost. Its inside is
not public; this is a design of our own from that sentence: a large-kernel gate along space (after VAN, Guo et al. 2023)
and transposed attention along channels (after Restormer, Zamir et al. 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.norm import ChannelLayerNorm
from mrienhance.blocks.residual import ResidualBlock
from mrienhance.methods.iconet.config import Config


class ColumnStrip(nn.Conv2d):
    """Depth-wise 21x1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, (21, 1), padding=(10, 0), groups=channels)


class RowStrip(ColumnStrip):
    """Depth-wise 1x21 convolution, run as 21x1 on the transposed image.

    On the CPU a depth-wise kernel along rows learns many times faster than one along columns, which pays for the two
    transpositions; and oneDNN never comes back from a bfloat16 kernel of 1x21 on an image narrower than its padding.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        turned: Tensor = super().forward(x.transpose(2, 3))
        return turned.transpose(2, 3)


def large_kernel(channels: int, kernel: str) -> nn.Module:
    """Depth-wise large kernel and channel mixing: (B, C, H, W) to the same shape.

    ``"strips"`` factorises the kernel along rows and columns, as k-space truncation and its ringing do.
    """
    mix = nn.Conv2d(channels, channels, 1)
    if kernel == "strips":
        return nn.Sequential(ColumnStrip(channels), RowStrip(channels), mix)
    near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
    far = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
    return nn.Sequential(near, far, mix)


class SpatialHalf(nn.Module):
    """Gate each pixel by its large neighbourhood: ``x + out(g * large(gelu(dw3x3(p))))``."""

    def __init__(self, channels: int, kernel: str) -> None:
        super().__init__()
        self.norm = ChannelLayerNorm(channels)
        self.split = nn.Conv2d(channels, 2 * channels, 1)
        self.near = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.large = large_kernel(channels, kernel)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        pixels, gate = self.split(self.norm(x)).chunk(2, dim=1)
        neighbourhood = self.large(functional.gelu(self.near(pixels)))
        return _add(x, self.out(gate * neighbourhood))


class ChannelHalf(nn.Module):
    """Attention between channels: ``softmax(t q k^T) v`` over (C/heads)^2, linear in the number of pixels.

    All heads are computed as one C x C product whose foreign blocks are masked away: C is small, and this way no
    feature map is ever transposed in memory, which would cost more than the product.
    """

    foreign: Tensor

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = ChannelLayerNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.near = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels)
        self.temperature = nn.Parameter(torch.ones(heads))
        self.out = nn.Conv2d(channels, channels, 1)
        head = torch.arange(channels) // (channels // heads)
        self.register_buffer("foreign", head[:, None] != head[None, :], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        height, width = x.shape[2:]
        pixels = self.near(self.qkv(self.norm(x))).permute(0, 2, 3, 1).flatten(1, 2)
        query, key, value = pixels.chunk(3, dim=2)  # each (B, pixels, C)
        attention = self._attention(query, key).to(value.dtype)
        mixed = (value @ attention.transpose(1, 2)).unflatten(1, (height, width))
        return _add(x, self.out(mixed.permute(0, 3, 1, 2)))

    def _attention(self, query: Tensor, key: Tensor) -> Tensor:
        # Cosine similarity from one product and the two norms; normalising the pixels first would copy both maps.
        lengths = query.float().square().sum(1)[:, :, None] * key.float().square().sum(1)[:, None, :]
        cosine = (query.transpose(1, 2) @ key).float() * lengths.clamp_min(1e-12).rsqrt()
        temperature = self.temperature.repeat_interleave(len(self.foreign) // len(self.temperature))
        return (temperature[:, None] * cosine).masked_fill(self.foreign, float("-inf")).softmax(dim=-1)


class RSCFL(nn.Module):
    """``x + conv3x3(channel(spatial(x)))``; `spatial` or `channel` may be left out (ablation)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        halves: list[nn.Module] = []
        if config.block in ("rscfl", "spatial"):
            halves.append(SpatialHalf(config.channels, config.spatial_kernel))
        if config.block in ("rscfl", "channel"):
            halves.append(ChannelHalf(config.channels, config.heads))
        self.halves = nn.Sequential(*halves)
        self.out = nn.Conv2d(config.channels, config.channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        return _add(x, self.out(self.halves(x)))


def feature_blocks(config: Config) -> nn.Sequential:
    """The blocks of one branch between two fusions."""

    def block() -> nn.Module:
        return ResidualBlock(config.channels) if config.block == "residual" else RSCFL(config)

    return nn.Sequential(*(block() for _ in range(config.blocks_per_group)))


def _add(x: Tensor, update: Tensor) -> Tensor:
    """``x + update`` in the memory of `update`, which a convolution has just made and nothing else reads."""
    return update.add_(x)
