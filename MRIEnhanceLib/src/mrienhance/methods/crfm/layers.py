"""Residual channel attention, and the fusion with channel and spatial attention side by side."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.scaling import Factors

_REDUCTION, _LEAST = 16, 4
# What is added to something begins small: without normalisation a deep stack would double its variance each time.
_FIRST_UPDATE = 0.1
_ALIVE = 0.5


def conv(inputs: int, outputs: int, kernel: int = 3, *, gain: float = 1.0) -> nn.Conv3d:
    """A convolution that keeps the size, with PyTorch's initialisation times a gain.

    It is a third of Kaiming's, with which this network learned half as fast.
    """
    layer = Pointwise(inputs, outputs, 1) if kernel == 1 else nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2)
    with torch.no_grad():
        layer.weight.mul_(gain)
    return layer


class Pointwise(nn.Conv3d):
    """A 1x1x1 convolution; where a CPU infers, a product of matrices.

    As a convolution it may take three times the memory there: copies of its input and of its output, in the order that
    the library for convolutions likes.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, D, H, W) to (B, C', D, H, W)."""
        if torch.is_grad_enabled() or input.device.type != "cpu" or self.bias is None:
            return super().forward(input)
        weight = self.weight.flatten(1).expand(len(input), -1, -1)
        voxels = torch.baddbmm(self.bias[:, None], weight, input.flatten(2))
        return voxels.view(len(input), -1, *input.shape[2:])


class ChannelAttention(nn.Module):
    """Weigh channels by their mean and their maximum: ``x sigmoid(m(mean x) + m(max x))`` with a small network m.

    Parameters
    ----------
    channels
        Channels C; m has C / 16 hidden ones, at least 4.
    radius
        None: mean and maximum of the whole volume. A number: those of the blocks of `factors` voxels within `radius` of
        a voxel's own; then the layer is local, and tiles give what the whole volume would.
    factors
        See `radius`.
    """

    def __init__(self, channels: int, *, radius: int | None, factors: Factors = (1, 1, 1)) -> None:
        super().__init__()
        hidden = max(channels // _REDUCTION, _LEAST)
        self.weigh = nn.Sequential(conv(channels, hidden, 1), nn.ReLU(), conv(hidden, channels, 1))
        # So few units could all begin below 0, where they would never learn.
        nn.init.constant_(self.weigh[0].bias, _ALIVE)  # type: ignore[arg-type]
        self.radius, self.factors = radius, factors

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, D, H, W), multiples of the factors, to the same shape."""
        if self.radius is None:
            mean, largest = x.mean((2, 3, 4), keepdim=True), x.amax((2, 3, 4), keepdim=True)
            return x * torch.sigmoid(self.weigh(mean) + self.weigh(largest))
        mean = functional.avg_pool3d(x, self.factors)
        largest = functional.max_pool3d(x, self.factors)
        for axis in range(3):
            kernel, padding = [1, 1, 1], [0, 0, 0]
            kernel[axis], padding[axis] = 2 * self.radius + 1, self.radius
            mean = functional.avg_pool3d(mean, kernel, 1, padding, count_include_pad=False)
            largest = functional.max_pool3d(largest, kernel, 1, padding)
        weight = torch.sigmoid(self.weigh(mean) + self.weigh(largest))
        return x * weight if self.factors == (1, 1, 1) else _times_blocks(x, weight, self.factors)


def _times_blocks(x: Tensor, weight: Tensor, factors: Factors) -> Tensor:
    """Multiply each block of fine voxels by its own weight, without a fine copy of the weights."""
    batch, channels, d, h, w = weight.shape
    f, g, k = factors
    blocks = x.view(batch, channels, d, f, h, g, w, k) * weight[:, :, :, None, :, None, :, None]
    return blocks.reshape(x.shape)


class SpatialAttention(nn.Module):
    """Weigh voxels by the mean and the maximum of their channels: ``x sigmoid(conv3([mean, max]))``."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = conv(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, D, H, W) to the same shape."""
        extremes = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.weigh(extremes))


class ResidualBlock(nn.Module):
    """``x + a(conv(relu(conv(x))))``; a is channel attention (Zhang et al., RCAN, ECCV 2018) or nothing."""

    def __init__(self, channels: int, attention: ChannelAttention | None) -> None:
        super().__init__()
        last = conv(channels, channels, gain=_FIRST_UPDATE)
        self.body = nn.Sequential(conv(channels, channels), nn.ReLU(), last, attention or nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, D, H, W) to the same shape."""
        update: Tensor = self.body(x)
        return x + update


class Fusion(nn.Module):
    """Sum up what there is on the fine grid, each through a 1x1x1 convolution, and refine it by attentions.

    The sum of 1x1x1 convolutions is that of the concatenation, without its memory. ``"parallel"``: channel and spatial
    attention both see U, ``V = U + c([CA(U), SA(U)])``; ``"sequential"``: ``V = U + c(SA(CA(U)))``; ``"none"``: V = U.
    """

    def __init__(
        self,
        channels: int,
        maps: int,
        *,
        kind: Literal["parallel", "sequential", "none"],
        attention: ChannelAttention,
    ) -> None:
        super().__init__()
        self.join = nn.ModuleList(conv(channels, channels, 1, gain=maps**-0.5) for _ in range(maps))
        self.by_channel = self.by_place = self.from_channel = self.from_place = None
        if kind != "none":
            self.by_channel, self.by_place = attention, SpatialAttention()
            self.from_place = conv(channels, channels, 1, gain=_FIRST_UPDATE)
        if kind == "parallel":
            self.from_channel = conv(channels, channels, 1, gain=_FIRST_UPDATE)

    def add(self, total: Tensor | None, index: int, fine: Tensor) -> Tensor:
        """Add map number `index` (B, C, D, H, W) to the sum."""
        part: Tensor = self.join[index](fine)
        # In place, here and below: maps on the fine grid are what fills memory.
        return part if total is None else total.add_(part)

    def forward(self, total: Tensor) -> Tensor:
        """Refine the finished sum."""
        total = functional.relu(total, inplace=True)
        if self.by_channel is None or self.by_place is None or self.from_place is None:
            return total
        weighed: Tensor = self.by_channel(total)
        if self.from_channel is None:
            sequential: Tensor = total + self.from_place(self.by_place(weighed))
            return sequential
        # One after the other, so that only one of the two weighed maps is there at a time.
        fused: Tensor = self.from_channel(weighed).add_(total)
        del weighed
        return fused.add_(self.from_place(self.by_place(total)))
