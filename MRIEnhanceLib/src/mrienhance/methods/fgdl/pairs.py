"""Training pairs: patches of the source and of the target at one place, and what is done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.objective import Batch, Sampling

_TRIES = 8


def training_pairs(
    images: Sequence[Mapping[str, Tensor]], config: Config, sampling: Sampling, generator: torch.Generator
) -> Batch:
    """Cut pairs of patches where there is tissue.

    Slices are flipped from left to right at random, and the source alone gets a random gain: the target keeps its
    brightest tissue at 1, since a synthetic image has no other unit. A slice without the pair gives its place to one of
    the batch that has it; if none has, to empty background, which is a pair as well.

    Parameters
    ----------
    images
        Slices (H, W) by contrast.
    config
        Names the two contrasts.
    sampling
        Patches a slice, their side (smaller where a slice is smaller), and the range of the gain.
    generator
        The only source of randomness.

    Returns
    -------
    dict
        ``"image"`` and ``"target"``, each (slices x patches, 1, rows, columns).
    """
    pairs = [torch.stack([image[config.source], image[config.target]]) for image in _complete(images, config)]
    rows, columns = (min(sampling.patch, *(pair.shape[axis] for pair in pairs)) for axis in (-2, -1))
    patches = []
    for pair in pairs:
        flip, gain = torch.rand(2, generator=generator).tolist()
        pair = pair.flip(-1) if flip < 0.5 else pair
        factors = torch.tensor([1 + sampling.intensity_jitter * (2 * gain - 1), 1.0]).to(pair)
        pair = pair * factors[:, None, None]
        for _ in range(sampling.patches):
            top, left = _place(pair[0], rows, columns, generator)
            patches.append(pair[:, top : top + rows, left : left + columns])
    image, target = torch.stack(patches).split(1, 1)
    return {"image": image, "target": target}


def _complete(images: Sequence[Mapping[str, Tensor]], config: Config) -> list[Mapping[str, Tensor]]:
    """As many slices as were drawn, all with both contrasts."""
    found = [image for image in images if config.source in image and config.target in image]
    if not found:
        like = next(value for name, value in images[0].items() if name in (config.source, config.target))
        found = [dict.fromkeys((config.source, config.target), torch.zeros_like(like))]
    return [found[index % len(found)] for index in range(len(images))]


def _place(image: Tensor, rows: int, columns: int, generator: torch.Generator) -> tuple[int, int]:
    """A random corner of a patch whose centre holds tissue, if one is found in a few tries."""
    height, width = image.shape
    threshold = 0.05 * float(image.max())
    top = left = 0
    for _ in range(_TRIES):
        top = int(torch.randint(height - rows + 1, (), generator=generator))
        left = int(torch.randint(width - columns + 1, (), generator=generator))
        if float(image[top + rows // 2, left + columns // 2]) > threshold:
            break
    return top, left
