"""The generators: StarGAN's, one that keeps detail beside its coarse levels, and a plain U-Net to compare with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.unified_gan.config import Config
from mrienhance.methods.unified_gan.layers import Unit, convolution, upscaling

_QUIET = 0.2
_SLOPE = 0.1
_WIDEST = 8


class Residual(nn.Module):
    """``x + unit(unit(x))``, the second unit without ReLU."""

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        self.first = Unit(config, convolution(channels, channels, 3))
        self.second = Unit(config, convolution(channels, channels, 3), relu=False)
        if config.norm == "none":
            # Without normalisation each block would double the variance.
            nn.init.constant_(self.second.modulation.weight, _QUIET)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, C, H, W) to the same shape."""
        update: Tensor = self.second(self.first(x, code), code)
        return x + update


class StarGAN(nn.Module):
    """StarGAN's generator (Choi et al., CVPR 2018) with one image channel: down twice, residual blocks, up twice.

    The specification infers that the paper's generator has this form; its layers were not to hand.

    Parameters
    ----------
    config
        Its `width`, `residual_blocks`, `norm`, `conditioning` and labels are used.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.units = nn.ModuleList(
            [
                Unit(config, convolution(1 + config.planes, width, 7)),
                Unit(config, convolution(width, 2 * width, 4, stride=2)),
                Unit(config, convolution(2 * width, 4 * width, 4, stride=2)),
                *(Residual(config, 4 * width) for _ in range(config.residual_blocks)),
                Unit(config, upscaling(4 * width, 2 * width, 4)),
                Unit(config, upscaling(2 * width, width, 4)),
            ]
        )
        self.head = convolution(width, config.outputs, 7)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, 1 + planes, H, W), both sides multiples of 4, to logits (B, outputs, H, W)."""
        # Normalisation takes away most of what a label plane gives: half precision would round what is left of it.
        with torch.autocast(x.device.type, enabled=False):
            x = self.units[0](x.float(), code.float())
        for unit in self.units[1:]:
            x = unit(x, code)
        logits: Tensor = self.head(x)
        return logits


class Block(nn.Module):
    """``relu(skip(x) + unit(unit(x)))``, a residual block (He et al., CVPR 2016) between two numbers of channels."""

    def __init__(self, config: Config, fewer: int, more: int) -> None:
        super().__init__()
        self.skip = Unit(config, convolution(fewer, more, 1), relu=False)
        self.first = Unit(config, convolution(fewer, more, 3))
        self.second = Unit(config, convolution(more, more, 3), relu=False)
        if config.norm == "none":
            nn.init.constant_(self.second.modulation.weight, _QUIET)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, fewer, H, W) to (B, more, H, W)."""
        return functional.leaky_relu(self.skip(x, code) + self.second(self.first(x, code), code), _SLOPE)


class ResUNet(nn.Module):
    """A U-Net of residual blocks, labelled like the StarGAN generator.

    A design of our own in StarGAN's place: what a slice shows in detail goes past the coarse levels, as pixelwise
    fidelity asks for.

    Parameters
    ----------
    config
        Its `width`, `levels`, `norm`, `conditioning` and labels are used.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.width * min(2**level, _WIDEST) for level in range(config.levels)]
        inputs = [1 + config.planes, *widths]
        self.down = nn.ModuleList(Block(config, inputs[level], width) for level, width in enumerate(widths))
        coarser = list(reversed(range(1, config.levels)))
        self.up = nn.ModuleList(
            Block(config, widths[level] + widths[level - 1], widths[level - 1]) for level in coarser
        )
        self.head = nn.Conv2d(config.width, config.outputs, 1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, 1 + planes, H, W), both sides multiples of `Config.multiple`, to logits (B, outputs, H, W)."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if level else x, code)
            kept.append(x)
        kept.pop()
        for block in self.up:
            x = block(torch.cat((functional.interpolate(x, scale_factor=2.0), kept.pop()), dim=1), code)
        logits: Tensor = self.head(x)
        return logits


class Pair(nn.Module):
    """Two units of 3x3 convolutions."""

    def __init__(self, config: Config, fewer: int, more: int) -> None:
        super().__init__()
        self.first = Unit(config, convolution(fewer, more, 3))
        self.second = Unit(config, convolution(more, more, 3))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, fewer, H, W) to (B, more, H, W)."""
        mapped: Tensor = self.second(self.first(x, code), code)
        return mapped


class UNet(nn.Module):
    """A plain U-Net (Ronneberger et al., MICCAI 2015) with padding, labelled like the StarGAN generator.

    Parameters
    ----------
    config
        Its `width`, `levels`, `norm`, `conditioning` and labels are used.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(config.levels)]
        inputs = [1 + config.planes, *widths]
        self.down = nn.ModuleList(Pair(config, inputs[level], width) for level, width in enumerate(widths))
        coarser = list(reversed(range(1, config.levels)))
        self.upscale = nn.ModuleList(upscaling(widths[level], widths[level - 1], 2) for level in coarser)
        self.up = nn.ModuleList(Pair(config, widths[level], widths[level - 1]) for level in coarser)
        self.head = nn.Conv2d(config.width, config.outputs, 1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, 1 + planes, H, W), both sides multiples of `Config.multiple`, to logits (B, outputs, H, W)."""
        kept: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x, code)
            kept.append(x)
        kept.pop()
        for upscale, pair in zip(self.upscale, self.up, strict=True):
            x = pair(torch.cat((upscale(x), kept.pop()), dim=1), code)
        logits: Tensor = self.head(x)
        return logits
