"""The discriminator: real or made, and which contrast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.unified_gan.config import Config


class Verdict(NamedTuple):
    """Scores (B, 1, h, w), higher for real; logits (B, contrasts)."""

    scores: Tensor
    logits: Tensor


class Critic(nn.Module):
    """StarGAN's discriminator: strided convolutions without normalisation, patch scores, and a class of the whole.

    StarGAN's classifier is a convolution as large as what is left of the image; here it is the mean over places and a
    1x1 convolution, so that images may have any size.

    Parameters
    ----------
    config
        Its `critic_width`, `critic_layers` and `contrasts` are used.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [1, *(config.critic_width * 2**layer for layer in range(config.critic_layers))]
        self.trunk = nn.ModuleList(nn.Conv2d(fewer, more, 4, stride=2, padding=1) for fewer, more in pairwise(widths))
        for layer in self.trunk:
            # There is no normalisation: torch's own start would leave the first thousands of steps without a signal.
            assert isinstance(layer, nn.Conv2d)
            nn.init.kaiming_normal_(layer.weight, a=0.01)
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.classify = nn.Conv2d(widths[-1], len(config.contrasts), 1, bias=False)
        self.smallest = 2**config.critic_layers

    def judge(self, image: Tensor) -> Verdict:
        """Judge slices (B, 1, H, W) in [0, 1]; small ones are surrounded with background."""
        height, width = image.shape[-2:]
        padding = (0, max(0, self.smallest - width), 0, max(0, self.smallest - height))
        features = 2 * functional.pad(image, padding) - 1
        for layer in self.trunk:
            features = functional.leaky_relu(layer(features), 0.01)
        return Verdict(self.score(features), self.classify(features.mean((2, 3), keepdim=True)).flatten(1))

    def penalty(self, image: Tensor) -> Tensor:
        """Mean of ``(|gradient of the mean score| - 1)^2`` over slices (B, 1, H, W) (Gulrajani et al., NeurIPS 2017).

        Always in float32: the gradient of a gradient is small.
        """
        with torch.autocast(image.device.type, enabled=False), torch.enable_grad():
            place = image.detach().float().requires_grad_()
            scores = self.judge(place).scores.mean((1, 2, 3)).sum()
            (slope,) = torch.autograd.grad(scores, place, create_graph=True)
            # The square root has no gradient at zero.
            length = (slope.square().sum((1, 2, 3)) + 1e-12).sqrt()
            return (length - 1).square().mean()

    def forward(self, image: Tensor, *, what: Literal["judge", "penalty"] = "judge") -> Verdict | Tensor:
        """`judge` or `penalty`: a network in training is only ever called, so that precision is taken care of."""
        return self.judge(image) if what == "judge" else self.penalty(image)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Within it, what is computed with the module gives its parameters no gradient, but its inputs."""
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
