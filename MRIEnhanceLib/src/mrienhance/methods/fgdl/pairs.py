"""Training pairs: patches of the source and of the target at one place, and what is done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.blocks.appearance import other_scanner
from mrienhance.blocks.warp import warp
from mrienhance.errors import UsageError
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.objective import Batch, Sampling
from mrienhance.physics.misalignment import random_misalignment

_TRIES = 8


def training_pairs(
    images: Sequence[Mapping[str, Tensor]], config: Config, sampling: Sampling, generator: torch.Generator
) -> Batch:
    """Cut pairs of patches where there is tissue.

    Slices are flipped from left to right at random, and the source alone is shown as by `other_scanner`: the target
    keeps its brightest tissue at 1, since a synthetic image has no other unit. A slice without the pair gives its place
    to one of the batch that has it; if none has, to empty background, which is a pair as well.

    Parameters
    ----------
    images
        Slices (H, W) by contrast.
    config
        Names the two contrasts.
    sampling
        Patches a slice, their side (smaller where a slice is smaller), and the width of `other_scanner`.
    generator
        The only source of randomness.

    Returns
    -------
    dict
        ``"image"`` and ``"target"``, each (slices x patches, 1, rows, columns). If the target is misaligned on purpose,
        also ``"aligned"``, the target as it was, and ``"flow"`` (slices x patches, 2, rows, columns), the displacements
        in pixels that moved it: for scores, not to learn from.
    """
    pairs = [torch.stack([image[config.source], image[config.target]]) for image in complete(images, config)]
    rows, columns = (min(sampling.patch, *(pair.shape[axis] for pair in pairs)) for axis in (-2, -1))
    patches = []
    for pair in pairs:
        pair = pair.flip(-1) if float(torch.rand((), generator=generator)) < 0.5 else pair
        source = other_scanner(pair[0].clamp(0, 1), sampling.intensity_jitter, generator)
        pair = torch.stack([source, pair[1]])
        if config.misalignment != "none":
            pair = _misaligned(pair, config, generator)
        for _ in range(sampling.patches):
            top, left = place(pair[0], rows, columns, generator)
            patches.append(pair[:, top : top + rows, left : left + columns])
    stack = torch.stack(patches)
    batch = {"image": stack[:, 0:1], "target": stack[:, 1:2]}
    return batch | ({"aligned": stack[:, 2:3], "flow": stack[:, 3:]} if config.misalignment != "none" else {})


def slice_of(image: Mapping[str, Tensor], name: str) -> Tensor:
    """One contrast (1, 1, H, W) of a validation image.

    Raises
    ------
    UsageError
        If it is missing.
    """
    if name not in image:
        raise UsageError(f"a validation image has no {name}", hint=f"name subjects that have {name}")
    return image[name][None, None]


def _misaligned(pair: Tensor, config: Config, generator: torch.Generator) -> Tensor:
    """Source and target (2, H, W) to source, moved target, target, and the field (5, H, W)."""
    source, target = pair
    height, width = target.shape
    flow = random_misalignment((height, width), config.misalignment, generator=generator).to(pair)
    moved = warp(target[None, None], flow[None])[0, 0]
    return torch.cat([torch.stack([source, moved, target]), flow])


def complete(images: Sequence[Mapping[str, Tensor]], config: Config) -> list[Mapping[str, Tensor]]:
    """As many slices (H, W) as were drawn: those with both contrasts, over and over, or background."""
    found = [image for image in images if config.source in image and config.target in image]
    if not found:
        like = next(value for name, value in images[0].items() if name in (config.source, config.target))
        found = [dict.fromkeys((config.source, config.target), torch.zeros_like(like))]
    return [found[index % len(found)] for index in range(len(images))]


def roomy(images: Sequence[Mapping[str, Tensor]], side: int) -> list[Mapping[str, Tensor]]:
    """Slices with background around those that are smaller than a patch, so that all patches are of one size."""
    return [{name: _padded(value, side) for name, value in image.items()} for image in images]


def _padded(image: Tensor, side: int) -> Tensor:
    rows, columns = (max(side - size, 0) for size in image.shape)
    return functional.pad(image, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


def place(image: Tensor, rows: int, columns: int, generator: torch.Generator) -> tuple[int, int]:
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
