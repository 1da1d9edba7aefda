"""Restormer's blocks (Zamir et al., CVPR 2022), arranged for speed: exact, but not layer by layer.

Features are (batch, row, column, channel) in memory, so that the normalisation runs over neighbouring numbers and a
1x1 convolution is one matrix product. Attention between channels needs no normalised queries and keys, only their
lengths, which scale the small channel-by-channel matrix; and that matrix is multiplied with the last 1x1 convolution's
weights before it meets the pixels. Hidden channels are filled up with zeros to whole vectors of the processor, where
there are many pixels. Without gradients, strips of rows that fit into a processor's cache go through all layers of a
part, one strip after the other. ``Testing/benchmarks/bench_synthesize.py`` has the same network layer by layer, as
oracle and rival.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.deform import DeformConv2d

_EPSILON = 1e-5
_EXPANSION = 2.66
_STRIP = 1 << 19
"""Numbers of the widest tensor of one strip: 2 MiB of float32, as large as a core's cache."""
_THINNEST = 12
_VECTOR, _MANY_PIXELS = 16, 2048


def convolution(inputs: int, outputs: int, kernel: int, *, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps rows and columns."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, groups=groups)


def pointwise(layer: nn.Module, x: Tensor) -> Tensor:
    """A 1x1 convolution of features (B, H, W, C)."""
    assert isinstance(layer, nn.Conv2d)
    return functional.linear(x, layer.weight[:, :, 0, 0])


def strips(x: Tensor, channels: int) -> list[tuple[slice, slice, slice]]:
    """Cut features (B, H, W, C) into strips of rows for layers of at most so many channels, if there are no gradients.

    Each strip has three parts: its rows; those and one more on either side, which is all that a 3x3 kernel sees; and
    the place of the former in the latter.
    """
    height, row = x.shape[1], x.shape[0] * x.shape[2] * channels
    # Threads share a strip, each with a cache of its own; a graphics processor is better fed at once. A small tensor
    # stays in the cache anyhow, and a thin strip would be mostly neighbours.
    strip = _STRIP * torch.get_num_threads()
    whole = torch.is_grad_enabled() or x.device.type != "cpu" or height * row <= 4 * strip
    rows = height if whole else max(strip // row, _THINNEST)
    found = []
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(top - 1, 0), min(bottom + 1, height)
        found.append((slice(top, bottom), slice(first, last), slice(top - first, bottom - first)))
    return found


def spatial(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution of features (B, H, W, C)."""
    found: Tensor = layer(x.permute(0, 3, 1, 2))
    return found.permute(0, 2, 3, 1)


class ChannelAttention(nn.Module):
    """Multi-head attention between channels (MDTA), after layer normalisation; what it adds to the features.

    ``softmax(q k^T t) v`` with queries and keys of unit length along the pixels and a learned temperature t a head;
    q, k, v come from 1x1 and depth-wise 3x3 convolutions, and a 1x1 convolution ends it. The deformable variant of
    FGDL's second stage has a deformable 3x3 convolution in place of the first 1x1, guided by the features themselves.
    """

    def __init__(self, channels: int, heads: int, *, deformable: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels, eps=_EPSILON)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        wide = 3 * channels
        self.expand: nn.Module = DeformConv2d(channels, wide) if deformable else convolution(channels, wide, 1)
        self.depthwise = convolution(3 * channels, 3 * channels, 3, groups=3 * channels)
        self.project = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to an update of the same shape."""
        channels = x.shape[-1]
        products, values = [], []
        # Taps that move may look anywhere: a strip and its neighbouring rows would not do.
        whole = self._deformed(x) if isinstance(self.expand, DeformConv2d) else None
        for _, seen, inner in strips(x, 3 * channels):
            wide = whole[:, seen] if whole is not None else pointwise(self.expand, self.norm(x[:, seen]))
            mixed = spatial(self.depthwise, wide)[:, inner]
            products.append(self._products(mixed[..., : 2 * channels]))
            values.append(mixed[..., 2 * channels :])
        # Sums over the pixels are all that leads from queries and keys to the matrix.
        similarity, queries, keys = (torch.stack(parts).sum(0) for parts in zip(*products, strict=True))
        mixing = self._mixing(similarity, queries, keys).to(values[0].dtype)
        updates = [torch.matmul(value.flatten(1, 2), mixing) for value in values]
        return torch.cat(updates, 1).view(x.shape) if len(updates) > 1 else updates[0].view(x.shape)

    def _deformed(self, x: Tensor) -> Tensor:
        found: Tensor = self.expand(self.norm(x).permute(0, 3, 1, 2))
        return found.permute(0, 2, 3, 1)

    def _products(self, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of queries and keys (B, H, W, 2C): their products (B, heads, C/heads, C/heads), their squared lengths."""
        batch, height, width, _ = mixed.shape
        parts = mixed.reshape(batch, height * width, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys = parts[0], parts[1]
        # Sums over thousands of pixels: bfloat16 would not do.
        kind = torch.promote_types(mixed.dtype, torch.float32)
        squares = [part.to(kind).square().sum(-2) for part in (queries, keys)]
        return (queries.transpose(-2, -1) @ keys).to(kind), squares[0], squares[1]

    def _mixing(self, similarity: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """The matrix (B, C, C) that takes values to the update."""
        # Clamped before the root, whose slope at 0 is endless.
        lengths = [squared.clamp_min(1e-24).sqrt() for squared in (queries, keys)]
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
        expand, depthwise, project = self._weights(x.shape[1] * x.shape[2])
        parts = []
        for _, seen, inner in strips(x, len(expand)):
            wide = functional.linear(self.norm(x[:, seen]), expand).permute(0, 3, 1, 2)
            wide = functional.conv2d(wide, depthwise, padding=1, groups=len(depthwise))
            opening, values = wide.permute(0, 2, 3, 1)[:, inner].chunk(2, dim=-1)
            parts.append(functional.linear(functional.gelu(opening) * values, project))
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def _weights(self, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights of the three layers, with zeros for channels up to a whole number of vectors."""
        expand, depthwise, project = (
            self.expand.weight[:, :, 0, 0],
            self.depthwise.weight,
            self.project.weight[:, :, 0, 0],
        )
        hidden = project.shape[1]
        missing = -hidden % _VECTOR
        if missing == 0 or pixels < _MANY_PIXELS:
            return expand, depthwise, project
        expand = functional.pad(expand.view(2, hidden, -1), (0, 0, 0, missing)).flatten(0, 1)
        depthwise = functional.pad(depthwise.view(2, hidden, 9), (0, 0, 0, missing)).view(-1, 1, 3, 3)
        return expand, depthwise, functional.pad(project, (0, missing))


class TransformerBlock(nn.Module):
    """``x += MDTA(LN x); x += GDFN(LN x)`` on features (B, H, W, C)."""

    def __init__(self, channels: int, heads: int, *, deformable: bool = False) -> None:
        super().__init__()
        self.attention = ChannelAttention(channels, heads, deformable=deformable)
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
