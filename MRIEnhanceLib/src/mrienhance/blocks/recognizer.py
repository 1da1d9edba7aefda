"""A small classifier that tells which contrast a slice shows."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

TISSUE = 0.05
"""Intensity above which a pixel counts as tissue; the brightest tissue is about 1."""


class Recognizer(nn.Module):
    """Tell the contrast of a slice: four strided convolutions, the mean over tissue, a linear layer.

    A design of our own, not any paper's. There is no normalisation, because mean intensities are what tells contrasts
    apart, and the mean is taken over tissue, because the size of the empty frame tells nothing. About 0.1 million
    weights at width 16.

    Parameters
    ----------
    contrasts
        Number of contrasts N.
    width
        Channels of the first layer; they double with every layer.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.blocks.recognizer import Recognizer
    >>> Recognizer(4)(torch.rand(2, 1, 37, 50)).softmax(1).sum(1).round().tolist()
    [1.0, 1.0]
    """

    def __init__(self, contrasts: int, *, width: int = 16) -> None:
        super().__init__()
        widths = (1, width, 2 * width, 4 * width, 8 * width)
        self.layers = nn.ModuleList(nn.Conv2d(fewer, more, 3, stride=2, padding=1) for fewer, more in pairwise(widths))
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            nn.init.kaiming_normal_(layer.weight, a=0.1)
        self.classify = nn.Linear(widths[-1], contrasts)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, N) of slices (B, 1, H, W) of any size, brightest tissue about 1, background 0."""
        features = image
        for layer in self.layers:
            features = functional.leaky_relu(layer(features), 0.1)
        tissue = (
            functional.adaptive_avg_pool2d((image > TISSUE).float(), (features.shape[-2], features.shape[-1])) + 1e-6
        )
        weights = tissue / tissue.sum((2, 3), keepdim=True)
        logits: Tensor = self.classify((features * weights).sum((2, 3)))
        return logits.float()


def disguise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change what does not make a contrast, so that a `Recognizer` does not learn it.

    Per slice: gamma and gain, a smooth bias field, a loss of resolution in half of them, and noise.

    Parameters
    ----------
    images
        Slices (B, 1, H, W), brightest tissue about 1, background 0.
    generator
        CPU generator, the only source of randomness.

    Returns
    -------
    Tensor
        Slices of the same shape in [0, 1.5], on the same device.
    """
    return torch.cat([_disguise(image[None], generator) for image in images])


def _disguise(image: Tensor, generator: torch.Generator) -> Tensor:
    gamma, gain, blur, noise = torch.rand(4, generator=generator).tolist()
    size = (image.shape[-2], image.shape[-1])
    knots = 0.3 * torch.randn(1, 1, 3, 3, generator=generator)
    field = functional.interpolate(knots, size, mode="bicubic", align_corners=True).exp().to(image.device)
    changed = image.clamp(0, 1) ** (2 ** (2 * gamma - 1)) * (0.7 + 0.6 * gain) * field
    if blur > 0.5:
        coarse = [max(1, round(side / (1 + 4 * (blur - 0.5)))) for side in size]
        coarser = functional.interpolate(changed, coarse, mode="bilinear", antialias=True, align_corners=False)
        changed = functional.interpolate(coarser, size, mode="bilinear", align_corners=False)
    grain = torch.randn(1, 1, *size, generator=generator).to(image.device)
    # Skull-stripped images have no noise around the head; noise there would be a sign of nothing.
    noisy: Tensor = changed + 0.06 * noise * grain * (image > 0)
    return noisy.clamp(0, 1.5)
