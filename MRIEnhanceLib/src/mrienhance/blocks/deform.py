"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019) in plain torch."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_MANY_CHANNELS = 64


def deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve with taps that look elsewhere and count as much as a mask says.

    ``y(p) = sum_j W_j m_j(p) x(p + p_j + d_j(p))`` over the taps j of a k x k kernel, interpolated linearly between
    pixels, with zeros outside the image. Stride 1; rows and columns are kept.

    Parameters
    ----------
    x
        Features (B, C, H, W).
    offset
        Displacements d (B, 2 k k, H, W) in pixels: rows and columns of tap 0, of tap 1 and so on, taps row by row.
    mask
        Modulation m (B, k k, H, W).
    weight
        (D, C, k, k) with odd k.
    bias
        (D,), or none.

    Returns
    -------
    Tensor
        (B, D, H, W). Differentiable in all arguments.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Samples first, multiplies all taps by the weights in one product afterwards: that is cheaper than the other order
    where there are more outputs than inputs. On a processor, samples of many channels, or without gradients, are sums
    of rows of a table of pixels, which takes half of the time of planes that are interpolated one by one. torchvision's
    operator is used where it can be imported and agrees with this one, see `compiled_operator`.
    """
    batch, channels, height, width = x.shape
    _, inputs, kernel, across = weight.shape
    taps = kernel * kernel
    wanted = ((batch, 2 * taps, height, width), (batch, taps, height, width))
    if (tuple(offset.shape), tuple(mask.shape)) != wanted or inputs != channels or kernel != across or kernel % 2 == 0:
        shapes = ", ".join(str(tuple(each.shape)) for each in (x, offset, mask, weight))
        raise ValueError(f"shapes of a deformable convolution do not fit: {shapes}")
    operator = compiled_operator()
    if operator is not None:
        found: Tensor = operator(x, offset, weight, bias, padding=kernel // 2, mask=mask)
        return found
    return _deform_conv(x, offset, mask, weight, bias)


def _deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    batch, channels, height, width = x.shape
    outputs, _, kernel, _ = weight.shape
    rows, columns = _places(offset, kernel)
    # Few channels are scattered back faster plane by plane, and not every device has sums of gathered rows.
    gathers = x.device.type == "cpu" and (channels >= _MANY_CHANNELS or not torch.is_grad_enabled())
    samples = (_gathered if gathers else _sampled)(x, rows, columns, mask.to(rows.dtype))
    product = samples.to(weight.dtype) @ weight.permute(2, 3, 1, 0).reshape(-1, outputs)
    found = product.view(batch, height, width, outputs).permute(0, 3, 1, 2)
    return found if bias is None else found + bias[:, None, None]


def _places(offset: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    """Rows and columns (B, k k, H, W) at which the taps look."""
    height, width = offset.shape[-2:]
    # In bfloat16 a coordinate above 256 would be off by a pixel.
    kind = torch.promote_types(offset.dtype, torch.float32)
    moved = offset.to(kind).unflatten(1, (kernel * kernel, 2))
    tap = torch.arange(kernel, device=offset.device, dtype=kind) - kernel // 2
    rows = (
        torch.arange(height, device=offset.device, dtype=kind)[:, None] + tap.repeat_interleave(kernel)[:, None, None]
    )
    columns = torch.arange(width, device=offset.device, dtype=kind) + tap.repeat(kernel)[:, None, None]
    return rows + moved[:, :, 0], columns + moved[:, :, 1]


def _sampled(x: Tensor, rows: Tensor, columns: Tensor, mask: Tensor) -> Tensor:
    """Modulated samples (B H W, k k C) of features (B, C, H, W), interpolated plane by plane."""
    batch, channels, height, width = x.shape
    taps = rows.shape[1]
    # Edges of pixels, not their centres, are the corners of the sampling grid: that works for one pixel, too.
    grid = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), -1)
    features = torch.promote_types(x.dtype, torch.float32)
    samples = functional.grid_sample(
        x.to(features),
        grid.view(batch, taps * height, width, 2).to(features),
        padding_mode="zeros",
        align_corners=False,
    )
    samples = samples.view(batch, channels, taps, height, width) * mask[:, None]
    return samples.permute(0, 3, 4, 2, 1).reshape(batch * height * width, taps * channels)


def _gathered(x: Tensor, rows: Tensor, columns: Tensor, mask: Tensor) -> Tensor:
    """The same as sums of four rows each of the table of pixels, whose row holds a pixel's channels."""
    batch, channels, height, width = x.shape
    # Around the image lie zeros: one row and column before it, two after it.
    across, down = width + 3, height + 3
    rows, columns = rows.clamp(-1, height), columns.clamp(-1, width)
    top, left = rows.detach().floor(), columns.detach().floor()
    first = ((top + 1).long() * across + (left + 1).long()).permute(0, 2, 3, 1)
    first = first + down * across * torch.arange(batch).view(-1, 1, 1, 1)
    below, right = rows - top, columns - left
    lower = below * mask
    upper = mask - lower
    shares = torch.stack((upper - upper * right, upper * right, lower - lower * right, lower * right), -1)
    features = torch.promote_types(x.dtype, torch.float32)
    table = functional.pad(x.to(features).permute(0, 2, 3, 1), (0, 0, 1, 2, 1, 2)).reshape(-1, channels)
    samples = functional.embedding_bag(
        first.reshape(-1, 1) + torch.tensor([0, 1, across, across + 1]),
        table,
        mode="sum",
        per_sample_weights=shares.permute(0, 2, 3, 1, 4).reshape(-1, 4).to(features),
    )
    return samples.view(batch * height * width, -1)


@functools.cache
def compiled_operator() -> Callable[..., Any] | None:
    """Torchvision's deformable convolution, if it can be imported and gives the same numbers; None otherwise.

    A torchvision that was not built for the installed torch fails when it is imported, or computes nonsense.
    """
    try:
        operator: Callable[..., Any] = importlib.import_module("torchvision.ops").deform_conv2d
        generator = torch.Generator().manual_seed(0)
        x, offset, mask, weight = (
            torch.randn(shape, generator=generator)
            for shape in ((1, 3, 6, 5), (1, 18, 6, 5), (1, 9, 6, 5), (4, 3, 3, 3))
        )
        expected = _deform_conv(x, 2 * offset, mask, weight, None)
        found = operator(x, 2 * offset, weight, None, padding=1, mask=mask)
    except (ImportError, RuntimeError, AttributeError, OSError, TypeError):
        return None
    return operator if torch.allclose(found, expected, atol=1e-4) else None


class DeformConv2d(nn.Module):
    """Modulated deformable 3x3 convolution, whose offsets and mask come from guiding features.

    At first nothing moves and every tap counts once: an ordinary convolution without bias.

    Parameters
    ----------
    inputs, outputs
        Channels of the features in and out.
    guide
        Channels of the guiding features; the features themselves guide if it is left out.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.deform import DeformConv2d
    >>> layer, x = DeformConv2d(4, 8), torch.randn(1, 4, 10, 12)
    >>> ordinary = torch.nn.functional.conv2d(x, layer.weight, padding=1)
    >>> bool((layer(x) - ordinary).abs().max() < 1e-5)
    True
    """

    def __init__(self, inputs: int, outputs: int, *, guide: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.Conv2d(inputs, outputs, 3, bias=False).weight.detach().clone())
        self.offset = nn.Conv2d(guide or inputs, 18, 3, padding=1)
        self.mask = nn.Conv2d(guide or inputs, 9, 3, padding=1)
        for layer in (self.offset, self.mask):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Convolve features (B, C, H, W), guided by features (B, G, H, W) or by themselves."""
        guide = x if guide is None else guide
        # One convolution for both, which reads the guide once.
        weight, bias = (torch.cat((getattr(self.offset, of), getattr(self.mask, of))) for of in ("weight", "bias"))
        offset, mask = functional.conv2d(guide, weight, bias, padding=1).split((18, 9), 1)
        return deform_conv(x, offset, 2 * torch.sigmoid(mask), self.weight)
