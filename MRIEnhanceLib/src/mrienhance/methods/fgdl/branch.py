"""FGDL's super-resolution branch: an image made finer along the pyramid of features that the synthesis gives.

The paper's body was not to hand; layers are those of the authors' public code, read and re-written, with widths that
follow the level, not the side of the image, and without the layers there that nothing uses. What is our own is said at
`Config`: which features alignment moves, and the interpolated image that the branch may add to.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.upsample import UpsampleByTwo
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.fusion import SLOPE, Level, ResidualDense, with_bias
from mrienhance.methods.fgdl.network import MULTIPLE, SynthesisNetwork, reflect

_WIDTHS, _HEADS = (1, 2, 4, 8), (1, 2, 4, 8)


class Refinement(NamedTuple):
    """What the network makes.

    Attributes
    ----------
    image
        The finer image (B, 1, H, W).
    synthesis
        The same contrast from the reference alone (B, 1, H, W), without gradient.
    similarities
        From coarse to fine, where the image's features are like the reference's (B, 1, H / 2^i, W / 2^i), -1 to 1.
    """

    image: Tensor
    synthesis: Tensor
    similarities: tuple[Tensor, ...]


class SuperResolutionNetwork(nn.Module):
    """Stage 2: a coarse slice and a fine one of another contrast to the fine slice of the first, of any size.

    The synthesis network inside is that of stage 1. It learns no more: no gradients, evaluation mode.
    Slices whose sides are no multiples of 32 are continued before their first row and column by reflection about it,
    where the coarse and the fine grid have a sample in common, so that both are continued alike.

    Parameters
    ----------
    config
        The model's hyper-parameters, `scale` above 1.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.scale, self.depth = config.scale, config.scale.bit_length() - 1
        widths = [factor * config.width for factor in _WIDTHS[: self.depth + 1]]
        self.synthesis = SynthesisNetwork(config).requires_grad_(False)
        self.entrance = with_bias(1, widths[-1])
        self.stem = nn.Sequential(*(ResidualDense(widths[-1], config.growth) for _ in range(2)))
        # From fine to coarse, so that a level has its name whatever the scale.
        self.levels = nn.ModuleList(
            Level(width, heads, config) for width, heads in zip(widths, _HEADS[: self.depth + 1], strict=True)
        )
        self.enlarge = nn.ModuleList(with_bias(2 * width, width) for width in widths[:-1])
        w = config.width
        self.exit = nn.Sequential(
            *(with_bias(w, w), nn.LeakyReLU(SLOPE), with_bias(w, w // 2), nn.LeakyReLU(SLOPE)),
            with_bias(w // 2, 1),
        )
        self.interpolate = nn.Sequential(*(UpsampleByTwo("sinc") for _ in range(self.depth)))
        self.interpolated = config.interpolated
        if self.interpolated:
            for parameter in self.exit[-1].parameters():
                nn.init.zeros_(parameter)
        self.train()

    def train(self, mode: bool = True) -> SuperResolutionNetwork:
        """Switch what learns; the synthesis stays in evaluation mode."""
        super().train(mode)
        self.synthesis.eval()
        return self

    def forward(self, image: Tensor, reference: Tensor) -> Refinement:
        """Super-resolve.

        Parameters
        ----------
        image
            Coarse slices (B, 1, h, w), background 0, brightest tissue about 1.
        reference
            Slices of the other contrast (B, 1, h x scale, w x scale) on the fine grid, in the same unit.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        height, width = reference.shape[-2:]
        if (height, width) != (self.scale * image.shape[-2], self.scale * image.shape[-1]):
            shapes = f"{tuple(reference.shape)} for an image {tuple(image.shape)}"
            raise ValueError(f"FGDL: a reference has {self.scale} times the image's rows and columns, not {shapes}")
        missing = (-height % MULTIPLE, -width % MULTIPLE)
        with torch.no_grad():
            synthesized, pyramid = self.synthesis.pyramid(reflect(reference, missing))
        coarse = reflect(2 * image - 1, (missing[0] // self.scale, missing[1] // self.scale))
        x = self.entrance(coarse)
        x = x + self.stem(x)
        similarities = []
        for index in range(self.depth, -1, -1):
            x, similarity = self.levels[index](x, pyramid[-1 - index])
            similarities.append(_last(similarity, height >> index, width >> index))
            if index:
                x = self.enlarge[index - 1](functional.interpolate(x, scale_factor=2, mode="nearest"))
        found = _last(self.exit(x).float(), height, width) / 2
        found = found + (self.interpolate(image.float()) if self.interpolated else 0.5)
        return Refinement(found, _last(synthesized, height, width), tuple(similarities))


def _last(x: Tensor, height: int, width: int) -> Tensor:
    """The last rows and columns: without what was put before them."""
    return x[..., x.shape[-2] - height :, x.shape[-1] - width :]
