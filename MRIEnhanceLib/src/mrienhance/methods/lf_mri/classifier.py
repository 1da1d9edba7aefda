"""Net_c: whether there is a lesion in a slice, and where the answer comes from.

Class activation maps after Zhou et al. (CVPR 2016): the last feature maps, weighted as the classifier weighs them. The
paper compares backbones (its Table 4) without a default that was to hand; here it is a ResNet that keeps an eighth of
the resolution, so that small lesions keep their place.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
_EPSILON = 1e-6
_SHARPNESS = 5.0
"""Of the log-sum-exp: 0 would be the mean, infinity the maximum (Pinheiro & Collobert, CVPR 2015)."""


class Attention(NamedTuple):
    """Where to look: ``map`` (B, H, W) in [0, 1]; why: ``logits`` (B, classes)."""

    map: Tensor
    logits: Tensor


class Evidence(NamedTuple):
    """For a lesion in a slice: ``logits`` (B, classes); and at each place of it: ``places`` (B, classes, h, w)."""

    logits: Tensor
    places: Tensor


def grid(height: int, width: int) -> tuple[int, int]:
    """The size (h, w) of the `Evidence.places` of slices of so many pixels: an eighth, rounded up."""
    return -(-height // 8), -(-width // 8)


class Classifier(nn.Module):
    """Image-level classifier with class activation maps.

    Parameters
    ----------
    kind
        ``"resnet18"``, ``"resnet34"`` or ``"plain"`` (five convolutions, for tests and tight budgets).
    width
        Channels of the first layer.
    classes
        Number of classes, each with a probability of its own.
    gate
        Whether the map is multiplied by the probability of a lesion.
    pooling
        How the evidence of all places makes that of the slice: ``"average"`` or ``"log-sum-exp"``.
    """

    def __init__(self, kind: str, width: int, classes: int, *, gate: bool = True, pooling: str = "average") -> None:
        super().__init__()
        self.gate, self.pooling = gate, pooling
        self.backbone: nn.Sequential = _plain(width) if kind == "plain" else _resnet(width, _BLOCKS[kind])
        self.head = nn.Linear(8 * width, classes)

    def forward(self, magnitude: Tensor) -> Attention:
        """Classify slices.

        Parameters
        ----------
        magnitude
            (B, H, W), not negative, of any scale.
        """
        logits, places = self.evidence(magnitude)
        # As in the paper by Zhou et al., the bias is no part of the map.
        cams = (places - self.head.bias[:, None, None]).relu()
        cams = functional.interpolate(cams, size=magnitude.shape[-2:], mode="bilinear", align_corners=False)
        return Attention(self._attention(cams, logits), logits)

    def evidence(self, magnitude: Tensor) -> Evidence:
        """Weigh the features of slices (B, H, W), place by place and altogether; float32."""
        features = self.features(magnitude)
        places = torch.einsum("bfhw,cf->bchw", features, self.head.weight.to(features.dtype)).float()
        places = places + self.head.bias[:, None, None]
        if self.pooling == "average":
            return Evidence(places.mean((-2, -1)), places)
        count = places.shape[-2] * places.shape[-1]
        return Evidence((torch.logsumexp(_SHARPNESS * places, (-2, -1)) - log(count)) / _SHARPNESS, places)

    def features(self, magnitude: Tensor) -> Tensor:
        """The last feature maps (B, features, h, w) of slices (B, H, W)."""
        low, high = magnitude.amin((-2, -1), keepdim=True), magnitude.amax((-2, -1), keepdim=True)
        image = (magnitude - low) / (high - low).clamp_min(_EPSILON)
        found: Tensor = self.backbone(image[:, None].contiguous(memory_format=torch.channels_last))
        return found

    def _attention(self, cams: Tensor, logits: Tensor) -> Tensor:
        """Unite the classes, each from 0 to 1, the likely ones strongest."""
        low, high = cams.amin((-2, -1), keepdim=True), cams.amax((-2, -1), keepdim=True)
        maps = (cams - low) / (high - low).clamp_min(_EPSILON)
        chance = logits.sigmoid()[:, :, None, None]
        if self.gate:
            return (maps * chance).amax(1)
        # Without the gate the likeliest class alone keeps its full strength.
        return (maps * chance / chance.amax(1, keepdim=True).clamp_min(_EPSILON)).amax(1)


class _Residual(nn.Module):
    """ResNet's basic block; group normalisation, because batches of slices are small."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            _norm(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            _norm(outputs),
        )
        same = inputs == outputs and stride == 1
        self.skip = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), _norm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = functional.relu(self.body(x) + self.skip(x))
        return result


def _resnet(width: int, blocks: tuple[int, ...]) -> nn.Sequential:
    """A ResNet without the stem's pooling and with stride 1 in its last stage: an eighth of the resolution."""
    layers: list[nn.Module] = [nn.Conv2d(1, width, 7, 2, 3, bias=False), _norm(width), nn.ReLU(inplace=True)]
    inputs = width
    for stage, (count, stride) in enumerate(zip(blocks, (1, 2, 2, 1), strict=True)):
        for block in range(count):
            outputs = width * 2**stage
            layers.append(_Residual(inputs, outputs, stride if block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers)


def _plain(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 1, 2), (1, 2, 2), (2, 4, 2), (4, 8, 1), (8, 8, 1)):
        channels = 1 if not layers else inputs * width
        layers += [nn.Conv2d(channels, outputs * width, 3, stride, 1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(4, channels)
