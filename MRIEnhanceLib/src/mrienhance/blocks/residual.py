"""The plain residual block of EDSR, kept as the comparator of every richer block."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """``x + scale * conv(relu(conv(x)))`` without normalisation (Lim et al., EDSR, CVPR Workshops 2017).

    Parameters
    ----------
    channels
        Number of channels C, in and out.
    scale
        Residual scaling; 0.1 keeps deep stacks stable.
    """

    def __init__(self, channels: int, *, scale: float = 0.1) -> None:
        super().__init__()
        self.scale = scale
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` of shape (B, C, H, W) to the same shape."""
        update: Tensor = self.second(functional.relu(self.first(x)))
        return x + self.scale * update
