"""FGDL's two discriminators, which exist only while training; layers and widths are those of the authors' public code.

Both take images of any size. Where the authors' coarse discriminator has batch normalisation, which is useless at their
batch of one, this one normalises each image by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from mrienhance.methods.fgdl.correction import instance_norm

_SLOPE = 0.2


class Judgement(NamedTuple):
    """Scores from fine to coarse (B, 1, h, w), above 0 where an image looks real, and the features behind them."""

    scores: tuple[Tensor, ...]
    features: tuple[Tensor, ...]


class DifferenceCritic(nn.Module):
    """Judge an image at three scales, given where it should differ (difference-projection discriminator).

    A feature pyramid whose scores have two parts: how real the place looks, and how well its features fit the embedded
    difference map at that place (the projection of Miyato and Koyama, ICLR 2018).

    Parameters
    ----------
    width
        Channels of the first layer (authors: 64).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        w = width
        self.rise = nn.ModuleList(
            _Normalised(inputs, outputs, 3, stride=2)
            for inputs, outputs in ((1, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w))
        )
        self.lateral = nn.ModuleList(_Normalised(inputs, 4 * w, 1) for inputs in (2 * w, 4 * w, 8 * w, 8 * w))
        self.heads = nn.ModuleList(_Normalised(4 * w, 2 * w, 3) for _ in range(3))
        self.real = nn.Conv2d(2 * w, 1, 1)
        self.fit = nn.Conv2d(2 * w, 2 * w, 1)
        self.embed = nn.Conv2d(1, 2 * w, 1)

    def forward(self, image: Tensor, difference: Tensor) -> Judgement:
        """Judge images (B, 1, H, W) from -1 to 1, given label minus synthesis, of the same shape."""
        features = []
        for layer in self.rise:
            image = layer(image)
            features.append(image)
        features = features[1:]
        flows = [lateral(feature) for lateral, feature in zip(self.lateral, features, strict=True)]
        for finer, coarser in ((2, 3), (1, 2), (0, 1)):
            size = flows[finer].shape[-2:]
            flows[finer] = flows[finer] + functional.interpolate(flows[coarser], size, mode="bilinear")
        scores = tuple(self._score(head(flow), difference) for head, flow in zip(self.heads, flows[:3], strict=True))
        return Judgement(scores, tuple(features))

    def _score(self, features: Tensor, difference: Tensor) -> Tensor:
        # The embedding is linear: averaging the one-channel map first gives the same and costs a hundredth.
        height, width = features.shape[-2:]
        condition = self.embed(functional.adaptive_avg_pool2d(difference, (height, width)))
        score: Tensor = self.real(features) + (condition * self.fit(features)).sum(1, keepdim=True)
        return score


class CoarseCritic(nn.Module):
    """Judge an image patch by patch: tells labels as scanned from labels that were moved.

    Parameters
    ----------
    width
        Channels of the first layer (authors: 64).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in (width, 2 * width, 4 * width, 8 * width):
            layers += [
                _Plain(inputs, outputs, stride=1, norm=inputs > 1),
                _Plain(outputs, outputs, stride=2, norm=True),
            ]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """Scores (B, 1, H/16, W/16) of images (B, 1, H, W) from -1 to 1."""
        scores: Tensor = self.layers(image)
        return scores


class _Normalised(nn.Module):
    """Convolution with spectral norm, instance norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.layer = spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(instance_norm(self.layer(x)), _SLOPE)


class _Plain(nn.Module):
    """3x3 convolution, instance norm where wanted, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, norm: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        return functional.leaky_relu(instance_norm(x) if self.norm else x, _SLOPE)


def relativistic(winner: Tensor, loser: Tensor) -> Tensor:
    """Cross-entropy of "the winner is more real than the loser", place by place: ``BCE(winner - loser, 1)``.

    Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019. The authors' form compares with the losers of the
    batch on average, and their batch is one image: then it is this. Image by image it stays so for larger batches, and
    neither devices nor parts of a step change it.
    """
    return functional.softplus(loser - winner).mean()


def contest(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator minimises: to rank real above fake is to rank fake below real, image by image."""
    return relativistic(real, fake)


def matched(fake: tuple[Tensor, ...], real: tuple[Tensor, ...]) -> Tensor:
    """Mean over layers of the mean absolute difference of features; the real ones are what they are."""
    parts = [functional.l1_loss(mine, theirs.detach()) for mine, theirs in zip(fake, real, strict=True)]
    return torch.stack(parts).mean()
