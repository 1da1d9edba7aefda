"""What both generators are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.unified_gan.config import Config

_EPSILON = 1e-5


class Modulation(nn.Module):
    """Normalise each channel of each image (or not), then scale and shift it, by the labels if so asked.

    Statistics are always the image's own, in training and in inference alike: running ones would mix the contrasts.

    Parameters
    ----------
    config
        Its `norm` and `conditioning` are used.
    channels
        Number of channels C.
    """

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        self.normalize = config.norm == "instance"
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.labels: nn.Linear | None = None
        if config.conditioning == "affine":
            self.labels = nn.Linear(config.planes, 2 * channels, bias=False)
            nn.init.zeros_(self.labels.weight)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Modulate ``x`` (B, C, H, W) by the labels ``code`` (B, planes)."""
        batch, channels = x.shape[:2]
        weight, bias = self.weight.expand(batch, -1), self.bias.expand(batch, -1)
        if self.labels is not None:
            change_weight, change_bias = self.labels(code).chunk(2, dim=1)
            weight, bias = weight + change_weight, bias + change_bias
        if self.normalize:
            # One group a channel of each image: on a CPU a much faster instance normalisation than torch's own.
            groups = batch * channels
            flat = x.reshape(1, groups, *x.shape[-2:])
            dtype = weight.dtype
            normal = functional.group_norm(flat, groups, weight.reshape(-1).to(dtype), bias.reshape(-1), _EPSILON)
            return normal.reshape(x.shape)
        return torch.addcmul(bias[..., None, None].to(x.dtype), x, weight[..., None, None].to(x.dtype))


class Unit(nn.Module):
    """A convolution without bias, `Modulation`, and ReLU unless it is left out.

    Parameters
    ----------
    config
        Its `norm` and `conditioning` are used.
    convolution
        Any that maps (B, C, H, W) to another number of channels or another size.
    relu
        Whether the ReLU is there.
    """

    def __init__(self, config: Config, convolution: nn.Conv2d | nn.ConvTranspose2d, *, relu: bool = True) -> None:
        super().__init__()
        self.convolution = convolution
        self.modulation = Modulation(config, convolution.out_channels)
        self.relu = relu
        if config.norm == "none":
            _keep_variance(convolution)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map ``x`` (B, C, H, W) under the labels ``code`` (B, planes)."""
        changed: Tensor = self.modulation(self.convolution(x), code)
        return functional.relu(changed) if self.relu else changed


def convolution(fewer: int, more: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution with zeros around the image and without bias.

    The zeros matter: a constant label plane is a constant shift wherever the kernel sees no border, and instance
    normalisation removes constant shifts. With mirrored borders the network would not see its label (StarGAN).
    """
    return nn.Conv2d(fewer, more, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False)


def upscaling(more: int, fewer: int, kernel: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles both sides, without bias."""
    return nn.ConvTranspose2d(more, fewer, kernel, stride=2, padding=(kernel - 2) // 2, bias=False)


def _keep_variance(convolution: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Start with weights that keep the variance behind a ReLU (He et al., ICCV 2015): no normalisation will."""
    seen = convolution.in_channels * convolution.kernel_size[0] * convolution.kernel_size[1]
    if isinstance(convolution, nn.ConvTranspose2d):
        # Each output sample is reached by so many samples of the kernel only.
        seen //= convolution.stride[0] * convolution.stride[1]
    nn.init.normal_(convolution.weight, std=(2 / seen) ** 0.5)
