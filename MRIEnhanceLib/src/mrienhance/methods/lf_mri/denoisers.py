"""D_w and G_u: one architecture, different inputs (the paper's Fig. 2).

The paper's layers were not to hand. ``"cnn"`` is the network of PASS (He et al. 2025) and ``"unet"`` the light one of
A2MC-MRI (He et al., IEEE TMI 2025), both by the same group. Two departures, in both: no normalisation after the last
convolution, which would force corrections of unit variance, and zeros as its first weights, so that an untrained
network changes nothing and the first stage is data consistency alone.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["group", "batch", "none"]


class Denoiser(nn.Module):
    """A complex image in, a better one out: ``x + f(x)``.

    Parameters
    ----------
    kind, width, norm, levels
        As in `Config`.
    attention
        How an attention map is taken: ``"none"``, ``"channel"`` (as a further input channel), or ``"guide"`` (early
        features are multiplied by a map computed from it).
    """

    def __init__(
        self,
        kind: str,
        width: int,
        *,
        norm: Norm = "group",
        levels: int = 2,
        attention: Literal["none", "channel", "guide"] = "none",
    ) -> None:
        super().__init__()
        channels = 3 if attention == "channel" else 2
        self.attention = attention
        self.head = nn.Sequential(_layer(channels, width, norm), _layer(width, width, norm))
        self.guide = _Guide(width) if attention == "guide" else None
        self.body: nn.Module = _UNet(width, norm, levels) if kind == "unet" else _Chain(width, norm)
        self.tail = nn.Conv2d(width, 2, 1)
        nn.init.zeros_(self.tail.weight)
        if self.tail.bias is not None:
            nn.init.zeros_(self.tail.bias)

    def forward(self, image: Tensor, attention: Tensor | None = None) -> Tensor:
        """Denoise a complex image.

        Parameters
        ----------
        image
            (B, H, W) complex, brightest tissue about 1.
        attention
            (B, H, W) in [0, 1], for networks that take one.
        """
        real = torch.view_as_real(image).movedim(-1, 1)
        if self.attention == "channel" and attention is not None:
            real = torch.cat([real, attention[:, None]], dim=1)
        features = self.head(real.contiguous(memory_format=torch.channels_last))
        if self.guide is not None and attention is not None:
            features = features * self.guide(attention[:, None])
        change = self.tail(self.body(features)).float().movedim(1, -1).contiguous()
        return image + torch.view_as_complex(change)


class _Chain(nn.Sequential):
    """Four layers, wider in the middle."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__(
            _layer(width, 2 * width, norm),
            _layer(2 * width, 2 * width, norm),
            _layer(2 * width, width, norm),
            _layer(width, width, norm),
        )


class _UNet(nn.Module):
    """Levels down and up, joined by concatenation at the first two; any size is padded by repetition."""

    def __init__(self, width: int, norm: Norm, levels: int = 2) -> None:
        super().__init__()
        self.multiple = 2**levels
        self.middle = nn.Sequential(_layer(width, 2 * width, norm), _layer(2 * width, 2 * width, norm))
        self.deep = nn.Sequential(
            _layer(2 * width, 4 * width, norm), _layer(4 * width, 4 * width, norm), _layer(4 * width, 2 * width, norm)
        )
        self.below = _Below(4 * width, norm, levels - 2) if levels > 2 else None
        self.up_middle = nn.Sequential(_layer(4 * width, 2 * width, norm), _layer(2 * width, width, norm))
        self.up_full = nn.Sequential(_layer(2 * width, width, norm), _layer(width, width, norm))

    def forward(self, full: Tensor) -> Tensor:
        height, width = full.shape[-2:]
        padded = functional.pad(full, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        half = self.middle(functional.avg_pool2d(padded, 2))
        quarter = self.deep[0](functional.avg_pool2d(half, 2))
        quarter = quarter if self.below is None else self.below(quarter)
        quarter = self.deep[2](self.deep[1](quarter))
        half = self.up_middle(torch.cat([half, functional.interpolate(quarter, scale_factor=2.0)], dim=1))
        result: Tensor = self.up_full(torch.cat([padded, functional.interpolate(half, scale_factor=2.0)], dim=1))
        return result[..., :height, :width]


class _Below(nn.Module):
    """Further levels, of as many channels each, whose result is added: they see far, for little work.

    Untrained, they add nothing, so that a network of fewer levels can be trained on with more.
    """

    def __init__(self, channels: int, norm: Norm, levels: int) -> None:
        super().__init__()
        self.down = nn.Sequential(_layer(channels, channels, norm), _layer(channels, channels, norm))
        self.below = _Below(channels, norm, levels - 1) if levels > 1 else None
        self.up = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        far = self.down(functional.avg_pool2d(x, 2))
        far = far if self.below is None else self.below(far)
        result: Tensor = x + self.up(functional.interpolate(far, scale_factor=2.0))
        return result


class _Guide(nn.Sequential):
    """A map in (0, 1) for each feature, from the attention (PASS)."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.Sigmoid(),
        )


def _layer(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=norm == "none")]
    if norm == "group":
        layers.append(nn.GroupNorm(8, outputs))
    elif norm == "batch":
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))
