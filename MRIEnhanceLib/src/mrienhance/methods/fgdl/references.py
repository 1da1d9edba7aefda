"""Training examples of stage 2: coarse slices with a fine reference that may lie elsewhere, and the fine truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mrienhance.blocks.warp import warp
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.pairs import complete, place
from mrienhance.methods.objective import Batch, Sampling
from mrienhance.physics.degradation import KSpaceTruncation
from mrienhance.physics.misalignment import random_misalignment, rigid_flow

_STILL = 0.25


def training_references(
    images: Sequence[Mapping[str, Tensor]], config: Config, sampling: Sampling, generator: torch.Generator
) -> Batch:
    """Degrade whole slices, then cut patches where there is tissue.

    Slices are flipped from left to right at random and rolled by less than a coarse pixel, *before* they are made
    coarse: the coarse and the fine one then keep sample 0 in common, and one unit of brightness. Image and reference
    get random gains, one each. The truth stays with the image; what is moved is the reference.

    Parameters
    ----------
    images
        Slices (H, W) by contrast.
    config
        Names the two contrasts and the scale, and says how far references move.
    sampling
        Patches a slice, their side in coarse pixels (smaller where a slice is smaller), and the range of the gains.
    generator
        The only source of randomness.

    Returns
    -------
    dict
        ``"image"`` (slices x patches, 1, rows, columns); ``"reference"`` and ``"target"`` (slices x patches, 1, rows x
        scale, columns x scale); if references move, ``"flow"`` (slices x patches, 2, rows x scale, columns x scale),
        the displacements in fine pixels that moved them.
    """
    scale = config.scale
    slices = [_augmented(image, config, sampling, generator) for image in complete(images, config)]
    coarse = [truncation(fine, scale).forward(fine) for fine, *_ in slices]
    rows, columns = (min(sampling.patch, *(each.shape[axis] for each in coarse)) for axis in (-2, -1))
    parts: dict[str, list[Tensor]] = {"image": [], "target": [], "reference": [], "flow": []}
    for image, (fine, reference, flow) in zip(coarse, slices, strict=True):
        for _ in range(sampling.patches):
            top, left = place(image, rows, columns, generator)
            parts["image"].append(image[None, top : top + rows, left : left + columns])
            across = slice(scale * left, scale * (left + columns))
            for name, value in (("target", fine[None]), ("reference", reference[None]), ("flow", flow)):
                parts[name].append(value[:, scale * top : scale * (top + rows), across])
    return {name: torch.stack(values) for name, values in parts.items() if name != "flow" or moves(config)}


def moves(config: Config) -> bool:
    """Whether training references are moved at all."""
    return config.misalignment != "none" or max(config.reference_shift, config.reference_rotation) > 0


def truncation(fine: Tensor, scale: int) -> KSpaceTruncation:
    """What makes slices (..., H, W) coarse: sides divisible by the scale."""
    height, width = fine.shape[-2:]
    return KSpaceTruncation((height, width), (scale, scale))


def divisible(image: Tensor, scale: int) -> Tensor:
    """Without the last rows and columns (..., H, W), until both sides are multiples."""
    height, width = (size - size % scale for size in image.shape[-2:])
    return image[..., :height, :width]


def _augmented(
    image: Mapping[str, Tensor], config: Config, sampling: Sampling, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The truth (H, W), the reference (H, W) that was moved, and the field (2, H, W) that moved it."""
    pair = torch.stack([image[config.target], image[config.source]])
    flip, *gains = torch.rand(3, generator=generator).tolist()
    pair = divisible(pair.flip(-1) if flip < 0.5 else pair, config.scale)
    shift = torch.randint(config.scale, (2,), generator=generator).tolist()
    factors = torch.tensor([1 + sampling.intensity_jitter * (2 * gain - 1) for gain in gains]).to(pair)
    fine, reference = pair.roll(shift, (-2, -1)) * factors[:, None, None]
    flow = _flow((fine.shape[-2], fine.shape[-1]), config, generator).to(pair)
    if bool(flow.any()):
        # Cubic: a linearly interpolated reference would be recognised by its blur.
        reference = warp(reference[None, None], flow[None], mode="bicubic")[0, 0].clamp_min(0)
    return fine, reference, flow


def _flow(shape: tuple[int, int], config: Config, generator: torch.Generator) -> Tensor:
    """A random field (2, H, W): a rotation about the centre and a shift, and an elastic part; or none at all."""
    still, share, heading, turn = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
    if still < _STILL or not moves(config):
        return torch.zeros(2, *shape)
    length, heading = share * config.reference_shift, 2 * math.pi * heading
    angle = math.radians(config.reference_rotation) * (2 * turn - 1)
    flow = rigid_flow(shape, angle=angle, shift=(length * math.sin(heading), length * math.cos(heading)))
    if config.misalignment != "none":
        flow = flow + random_misalignment(shape, config.misalignment, generator=generator)
    return flow
