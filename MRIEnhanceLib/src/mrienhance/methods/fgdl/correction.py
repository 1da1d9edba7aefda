"""Label correction: a registration network that moves the training label onto the source (needed in training only).

Layers and widths are those of the authors' public code. That displacements have no mean over the training is ours.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.warp import warp

_SLOPE = 0.2
_EPSILON = 1e-5
_LEAST = 8
_MEMORY = 0.98
"""How much of the mean displacement so far is kept at each step."""


class LabelCorrection(nn.Module):
    """Find displacements of a label from the label and the source, and apply them: ``moved(p) = label(p + flow(p))``.

    A U-Net of residual blocks with instance normalisation. The authors' has seven poolings, which needs 256 pixels;
    here a smaller image gets as many as leave two pixels, with the remaining levels at rest.

    A shift that all labels have in common would cost neither this network nor the one that learns from the moved labels
    anything, and synthetic images would come out shifted. So the mean displacement, followed over the training, is
    taken away from each.

    Parameters
    ----------
    width
        Channels at full resolution (authors: 32); twice as many below.
    levels
        Poolings at most (authors: 7); 2 at least.
    """

    drift: Tensor

    def __init__(self, width: int = 32, levels: int = 7) -> None:
        super().__init__()
        self.register_buffer("drift", torch.zeros(2))
        deep = 2 * width
        widths = [width] + (levels - 1) * [deep]
        self.down = nn.ModuleList(_Down(inputs, outputs) for inputs, outputs in pairwise([2, *widths]))
        self.bottom = nn.Sequential(
            _activated(deep, 2 * deep, 1), *(ResidualBlock(2 * deep) for _ in range(3)), _activated(2 * deep, deep, 1)
        )
        # From fine to coarse, as `down`: what comes from below, and what was put aside at this level.
        self.up = nn.ModuleList(_activated(deep + skip, skip, 3) for skip in widths)
        self.refine = nn.Sequential(ResidualBlock(width), _activated(width, width, 1))
        self.exit = _kaiming(nn.Conv2d(width, 2, 3, padding=1))
        # At first next to nothing moves.
        nn.init.normal_(self.exit.weight, std=1e-5)

    def forward(self, label: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Move a label onto its source.

        Parameters
        ----------
        label, source
            Images (B, 1, H, W) from -1 to 1, both sides at least 8.

        Returns
        -------
        tuple
            The moved label (B, 1, H, W), and the displacements (B, 2, H, W) in pixels.

        Raises
        ------
        ValueError
            If a side is below 8 pixels.
        """
        found = self.flow(label, source)
        # What was followed before this step: a batch that is split over devices must not see itself in it.
        flow = found - self.drift[:, None, None]
        if self.training:
            self.drift = _MEMORY * self.drift + (1 - _MEMORY) * found.detach().mean((0, 2, 3))
        return warp(label.float(), flow), flow

    def flow(self, label: Tensor, source: Tensor) -> Tensor:
        """Displacements (B, 2, H, W) in pixels, channel 0 along rows; what they have in common is still in them."""
        x = torch.cat((label, source), 1)
        skips = []
        for down in self.down[: self.depth(*x.shape[-2:])]:
            skips.append(down(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, skip in zip(reversed(self.up[: len(skips)]), reversed(skips), strict=True):
            x = functional.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
            x = up(torch.cat((x, skip), 1))
        flow: Tensor = self.exit(self.refine(x))
        return flow.float()

    def depth(self, height: int, width: int) -> int:
        """How many poolings images of this size get: so many that two pixels are left.

        Raises
        ------
        ValueError
            If a side is below 8 pixels.
        """
        shorter = min(height, width)
        if shorter < _LEAST:
            raise ValueError(f"label correction needs at least {_LEAST} pixels a side, not {height} x {width}")
        return min(len(self.down), shorter.bit_length() - 2)


class ResidualBlock(nn.Module):
    """``x + IN(conv(relu(IN(conv(x)))))`` with reflected edges, instance normalisation without parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _kaiming(nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"))
        self.second = _kaiming(nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"))

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, C, H, W), both sides at least 2, to the same shape."""
        return x + instance_norm(self.second(functional.relu(instance_norm(self.first(x)))))


def instance_norm(x: Tensor) -> Tensor:
    """Zero mean and unit variance of each channel (B, C, H, W) of each image; one pixel alone becomes 0."""
    return functional.layer_norm(x, x.shape[-2:], eps=_EPSILON)


class _Down(nn.Sequential):
    """Convolution, leaky ReLU, residual block."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(_activated(inputs, outputs, 3), ResidualBlock(outputs))


def _activated(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    layer = _kaiming(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
    return nn.Sequential(layer, nn.LeakyReLU(_SLOPE))


def _kaiming(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
