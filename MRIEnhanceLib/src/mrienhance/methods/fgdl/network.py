"""FGDL's synthesis network: Restormer's blocks in a U of six levels (Feng et al., IEEE TMI 2024).

The paper's body was not to hand; levels, widths and blocks are those of the authors' public code, read and re-written.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.transformer import Double, Halve, TransformerBlock, convolution, pointwise, spatial

MULTIPLE = 32
"""Sides of slices are brought to multiples of this."""
_HEADS = (1, 2, 4, 4, 4, 4)


class Pyramid(NamedTuple):
    """The synthesized image (B, 1, H, W), and features (B, C, H, W) of the padded image from coarse to fine.

    The finest features are those before the last block.
    """

    image: Tensor
    features: tuple[Tensor, ...]


class Level(nn.Module):
    """Transformer blocks of one level of the decoder, after the skip connection has joined."""

    def __init__(self, channels: int, skip: int, heads: int, blocks: int, *, reduce: int | None) -> None:
        super().__init__()
        width = reduce or channels // 2 + skip
        self.enlarge = Double(channels)
        self.join = convolution(channels // 2 + skip, reduce, 1) if reduce else None
        self.blocks = _blocks(width, heads, blocks)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map features (B, H/2, W/2, C) and those of the encoder (B, H, W, S) to (B, H, W, width)."""
        x = torch.cat((self.enlarge(x), skip.to(x.dtype)), dim=-1)
        x = pointwise(self.join, x) if self.join is not None else x
        found: Tensor = self.blocks(x)
        return found


class Encoder(nn.Module):
    """Transformer blocks of one level of the encoder, after the rows and columns are halved."""

    def __init__(self, channels: int, heads: int, blocks: int, *, reduce: int | None) -> None:
        super().__init__()
        self.halve = Halve(channels)
        self.blocks = _blocks(2 * channels, heads, blocks)
        self.reduce = convolution(2 * channels, reduce, 1) if reduce else None

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, H, W, C) to (B, H/2, W/2, 2C or `reduce`)."""
        x = self.blocks(self.halve(x))
        return pointwise(self.reduce, x) if self.reduce is not None else x


class SynthesisNetwork(nn.Module):
    """One contrast from another, slice by slice, of any size.

    Images from 0 to about 1 are taken to [-1, 1] at the entrance and back at the exit. A slice whose sides are no
    multiples of 32 is continued by its own reflection and cropped again.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        w, n = config.width, config.blocks
        self.source, self.target = config.source, config.target
        self.entrance = convolution(1, w, 3)
        self.first = _blocks(w, _HEADS[0], n)
        self.encoders = nn.ModuleList(
            Encoder(channels, heads, n, reduce=reduce)
            for channels, heads, reduce in zip(
                (w, 2 * w, 4 * w, 4 * w, 4 * w), _HEADS[1:], (None, None, 4 * w, 4 * w, None), strict=True
            )
        )
        self.decoders = nn.ModuleList(
            Level(channels, skip, heads, n, reduce=reduce)
            for channels, skip, heads, reduce in zip(
                (8 * w, 8 * w, 8 * w, 4 * w, 2 * w),
                (4 * w, 4 * w, 4 * w, 2 * w, w),
                _HEADS[-2::-1],
                (None, None, 4 * w, 2 * w, w),
                strict=True,
            )
        )
        self.refine = TransformerBlock(w, _HEADS[0])
        self.exit = convolution(w, 1, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Synthesize from images (B, 1, H, W), background 0, brightest tissue about 1."""
        return self.pyramid(image).image

    def pyramid(self, image: Tensor) -> Pyramid:
        """Synthesize, and give the decoder's features along."""
        height, width = image.shape[-2:]
        padded = reflect_to_multiple(2 * image - 1, MULTIPLE)
        x = self.first(spatial(self.entrance, padded.permute(0, 2, 3, 1)).contiguous())
        skips = [x]
        for encoder in self.encoders:
            skips.append(encoder(skips[-1]))
        features = [skips.pop()]
        for decoder in self.decoders:
            features.append(decoder(features[-1], skips.pop()))
        found = spatial(self.exit, self.refine(features[-1])).permute(0, 3, 1, 2)
        synthesized = (_cropped(found, like=padded, height=height, width=width).float() + 1) / 2
        return Pyramid(synthesized, tuple(each.permute(0, 3, 1, 2) for each in features))


def reflect_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Continue images (B, C, H, W) by reflection, equally at both ends, until both sides are multiples."""
    missing = [-size % multiple for size in image.shape[-2:]]
    before = (missing[0] // 2, missing[1] // 2)
    return reflect(image, before, (missing[0] - before[0], missing[1] - before[1]))


def reflect(image: Tensor, before: tuple[int, int], after: tuple[int, int] = (0, 0)) -> Tensor:
    """Continue images (B, C, H, W) by so many rows and columns, by reflection about the first and last ones.

    A short side is reflected over and over, so that even one pixel is enough.
    """
    for axis, first, last in zip((-2, -1), before, after, strict=True):
        size = image.shape[axis]
        if first or last:
            place = torch.arange(-first, size + last, device=image.device)
            period = max(2 * (size - 1), 1)
            place = place.remainder(period)
            image = image.index_select(axis, torch.minimum(place, period - place) if size > 1 else 0 * place)
    return image


def _cropped(image: Tensor, *, like: Tensor, height: int, width: int) -> Tensor:
    top, left = (like.shape[-2] - height) // 2, (like.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]


def _blocks(channels: int, heads: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(TransformerBlock(channels, heads) for _ in range(count)))
