"""Layer normalisation over the channels of each pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelLayerNorm(nn.Module):
    """Normalise the channels of each pixel to zero mean and unit variance, then scale and shift them.

    Unlike batch normalisation it knows neither the other images of a batch nor the size of this one,
    so that a patch and a whole slice are treated alike.

    Parameters
    ----------
    channels
        Number of channels C.
    epsilon
        Added to the variance.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.norm import ChannelLayerNorm
    >>> y = ChannelLayerNorm(8)(torch.randn(1, 8, 5, 7))
    >>> bool(y.mean(1).abs().max() < 1e-5)
    True
    """

    def __init__(self, channels: int, *, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` of shape (B, C, H, W); the shape stays."""
        # With channels last in memory, the permutation is a view and the normalised axis is contiguous.
        pixels = x.permute(0, 2, 3, 1)
        normal = functional.layer_norm(pixels, (x.shape[1],), self.weight, self.bias, self.epsilon)
        return normal.permute(0, 3, 1, 2)
