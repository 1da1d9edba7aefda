"""Layers that make feature volumes finer or coarser by whole factors, each axis by its own."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

Factors = tuple[int, int, int]
Upsampling = Literal["transposed", "shuffle"]
# Kernel, padding of a strided convolution that divides (and transposed, multiplies) a size exactly by its stride.
_STRIDED = {1: (1, 0), 2: (4, 1), 3: (5, 1), 4: (8, 2)}


def space_to_depth(x: Tensor, factors: Factors) -> Tensor:
    """Map (B, C, fD, gH, hW) to (B, C f g h, D, H, W): every block of fine voxels becomes channels."""
    batch, channels, *fine = x.shape
    coarse = [size // factor for size, factor in zip(fine, factors, strict=True)]
    (d, h, w), (f, g, k) = coarse, factors
    blocks = x.reshape(batch, channels, d, f, h, g, w, k).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return blocks.reshape(batch, channels * math.prod(factors), d, h, w)


def depth_to_space(x: Tensor, factors: Factors) -> Tensor:
    """Undo `space_to_depth`."""
    batch, channels, d, h, w = x.shape
    f, g, k = factors
    outputs, fine = channels // math.prod(factors), (d * f, h * g, w * k)
    if x.stride(1) == 1:
        # Channels lie last in memory: they stay there, by one copy.
        blocks = x.permute(0, 2, 3, 4, 1).reshape(batch, d, h, w, outputs, f, g, k).permute(0, 1, 5, 2, 6, 3, 7, 4)
        return blocks.reshape(batch, *fine, outputs).permute(0, 4, 1, 2, 3)
    blocks = x.reshape(batch, outputs, f, g, k, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return blocks.reshape(batch, outputs, *fine)


class Refine(nn.Module):
    """Make features finer: (B, in, D, H, W) to (B, out, fD, gH, hW).

    Parameters
    ----------
    inputs, outputs
        Channels.
    factors
        1 to 4 along each axis.
    upsampling
        ``"transposed"``: transposed convolution, whose kernels overlap (4, 5, 8 for 2, 3, 4); ``"shuffle"``: 1x1x1
        convolution to all the voxels of a block, which equals a transposed convolution without overlap and is several
        times faster on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, factors: Factors, *, upsampling: Upsampling) -> None:
        super().__init__()
        self.factors = factors
        self.layer: nn.Module
        if upsampling == "transposed":
            kernels, padding = _kernels(factors)
            self.layer = nn.ConvTranspose3d(inputs, outputs, kernels, stride=factors, padding=padding)
            # Each output sees prod(kernel / stride) inputs a channel, not prod(kernel).
            seen = inputs * math.prod(kernels) / math.prod(factors)
            nn.init.normal_(self.layer.weight, std=math.sqrt(1 / (3 * seen)))
        else:
            self.layer = nn.Conv3d(inputs, outputs * math.prod(factors), 1)
        self.upsampling = upsampling

    def forward(self, x: Tensor) -> Tensor:
        """Make ``x`` finer."""
        fine: Tensor = self.layer(x)
        return fine if self.upsampling == "transposed" else depth_to_space(fine, self.factors)


class Coarsen(nn.Conv3d):
    """Make features coarser, (B, in, fD, gH, hW) to (B, out, D, H, W), by the convolution that `Refine` mirrors."""

    def __init__(self, inputs: int, outputs: int, factors: Factors, *, upsampling: Upsampling) -> None:
        kernels, padding = _kernels(factors) if upsampling == "transposed" else (factors, (0, 0, 0))
        super().__init__(inputs, outputs, kernels, stride=factors, padding=padding)


def _kernels(factors: Factors) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    (a, b, c), (p, q, r) = zip(*(_STRIDED[factor] for factor in factors), strict=True)
    return (a, b, c), (p, q, r)
