"""Restormer's blocks (Zamir et al., CVPR 2022), arranged for speed: exact, but not layer by layer.

Features are (batch, row, column, channel) in memory, so that the normalisation runs over neighbouring numbers and a
1x1 convolution is one matrix product. Attention between channels needs no normalised queries and keys, only their
lengths, which scale the small channel-by-channel matrix; and that matrix is multiplied with the last 1x1 convolution's
weights before it meets the pixels. The feed-forward part, without gradients, takes strips of rows that fit into a
processor's cache. ``Testing/benchmarks/bench_synthesize.py`` has the same network layer by layer, as oracle and rival.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-5
_EXPANSION = 2.66
_STRIP = 1 << 19
"""Numbers of the widest tensor of one strip: 2 MiB of float32, as large as a core's cache."""


def convolution(inputs: int, outputs: int, kernel: int, *, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps rows and columns."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, groups=groups)


def pointwise(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution of features (B, H, W, C)."""
    return functional.linear(x, layer.weight[:, :, 0, 0])


def spatial(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution of features (B, H, W, C)."""
    found: Tensor = layer(x.permute(0, 3, 1, 2))
    return found.permute(0, 2, 3, 1)


class ChannelAttention(nn.Module):
    """Multi-head attention between channels (MDTA), after layer normalisation; what it adds to the features.

    ``softmax(q k^T t) v`` with queries and keys of unit length along the pixels and a learned temperature t a head;
    q, k, v come from 1x1 and depth-wise 3x3 convolutions, and a 1x1 convolution ends it.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels, eps=_EPSILON)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.expand = convolution(channels, 3 * channels, 1)
        self.depthwise = convolution(3 * channels, 3 * channels, 3, groups=3 * channels)
        self.project = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to an update of the same shape."""
        batch, height, width, channels = x.shape
        mixed = spatial(self.depthwise, pointwise(self.expand, self.norm(x)))
        parts = mixed.reshape(batch, height * width, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixing = self._mixing(parts[0], parts[1]).to(mixed.dtype)
        values = mixed.reshape(batch, height * width, 3 * channels)[..., 2 * channels :]
        return torch.matmul(values, mixing).view(x.shape)

    def _mixing(self, queries: Tensor, keys: Tensor) -> Tensor:
        """From (B, heads, pixels, C / heads) the matrix (B, C, C) that takes values to the update."""
        similarity = (queries.transpose(-2, -1) @ keys).float()
        lengths = [part.float().square().sum(-2).sqrt().clamp_min(1e-12) for part in (queries, keys)]
        similarity = similarity / (lengths[0][..., :, None] * lengths[1][..., None, :])
        attention = (similarity * self.temperature).softmax(-1)
        batch, heads, each, _ = attention.shape
        project = self.project.weight[:, :, 0, 0].view(-1, heads, each)
        return torch.einsum("bhqv,ohq->bhvo", attention, project.to(attention)).reshape(batch, heads * each, -1)


class GatedFeedForward(nn.Module):
    """A gate on depth-wise convolved features (GDFN), after layer normalisation; what it adds to the features.

    ``W_out (GELU(a) b)`` with (a, b) the halves of a 1x1 and a depth-wise 3x3 convolution to 2 x 2.66 C channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = int(_EXPANSION * channels)
        self.norm = nn.LayerNorm(channels, eps=_EPSILON)
        self.expand = convolution(channels, 2 * hidden, 1)
        self.depthwise = convolution(2 * hidden, 2 * hidden, 3, groups=2 * hidden)
        self.project = convolution(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to an update of the same shape."""
        rows = self._strip(x)
        if torch.is_grad_enabled() or rows >= x.shape[1]:
            return self._update(x)
        height = x.shape[1]
        parts = []
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            # One row more on either side is all that a 3x3 kernel can see.
            first, last = max(top - 1, 0), min(bottom + 1, height)
            parts.append(self._update(x[:, first:last], slice(top - first, bottom - first)))
        return torch.cat(parts, 1)

    def _strip(self, x: Tensor) -> int:
        row = x.shape[0] * x.shape[2] * self.expand.out_channels
        return max(_STRIP // row, 4)

    def _update(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """Update of some rows of the features."""
        mixed = spatial(self.depthwise, pointwise(self.expand, self.norm(x)))[:, rows]
        opening, values = mixed.chunk(2, dim=-1)
        gated: Tensor = functional.gelu(opening) * values
        return pointwise(self.project, gated)


class TransformerBlock(nn.Module):
    """``x += MDTA(LN x); x += GDFN(LN x)`` on features (B, H, W, C)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = ChannelAttention(channels, heads)
        self.feed_forward = GatedFeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to the same shape."""
        x = x + self.attention(x)
        update: Tensor = self.feed_forward(x)
        return x + update


class Halve(nn.Module):
    """Half the rows and columns, twice the channels: convolution to C / 2, then four pixels become channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = convolution(channels, channels // 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to (B, H/2, W/2, 2C)."""
        less = spatial(self.reduce, x).permute(0, 3, 1, 2)
        return functional.pixel_unshuffle(less, 2).permute(0, 2, 3, 1).contiguous()


class Double(nn.Module):
    """Twice the rows and columns, half the channels: convolution to 2C, then four channels become pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = convolution(channels, 2 * channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to (B, 2H, 2W, C/2)."""
        more = spatial(self.expand, x).permute(0, 3, 1, 2)
        return functional.pixel_shuffle(more, 2).permute(0, 2, 3, 1).contiguous()
