"""Training samples of CRFM: who is the target, who its reference, and how far the two fail to lie on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods.crfm.config import Config
from mrienhance.methods.objective import COARSE, Batch, Sampling


def training_samples(
    images: Sequence[Mapping[str, Tensor]], config: Config, sampling: Sampling, generator: torch.Generator
) -> Batch:
    """Choose a target and a reference in each block, misplace the reference, brighten both, and stack.

    Any contrast of a block may be the target, any other its reference. The reference is withheld where there is no
    other, and at random (`Config.reference_dropout`): the network is then shown a volume without gradients.

    Parameters
    ----------
    images
        Blocks as `Objective.prepare` gets them.
    config, sampling
        What is done at random, and how strongly.
    generator
        The only source of randomness.

    Returns
    -------
    dict
        ``"image"`` (B, 1, D, H, W) and ``"target"`` (B, 1, fD, gH, hW); with a reference also ``"reference"`` of the
        target's size.
    """
    samples = [_sample(image, config, sampling, generator) for image in images]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def _sample(
    image: Mapping[str, Tensor], config: Config, sampling: Sampling, generator: torch.Generator
) -> dict[str, Tensor]:
    names = [name for name in config.contrasts if name in image]
    order = [names[index] for index in torch.randperm(len(names), generator=generator).tolist()]
    gains = 1 + sampling.intensity_jitter * (2 * torch.rand(2, generator=generator) - 1)
    withheld = float(torch.rand((), generator=generator)) < config.reference_dropout
    motion = 2 * torch.rand(6, generator=generator) - 1
    fine, coarse = (gains[0].to(image[order[0]]) * image[order[0] + end] for end in ("", COARSE))
    sample = {"image": coarse[None], "target": fine[None]}
    if config.reference != "none":
        reference = torch.zeros_like(fine)
        if len(order) > 1 and not withheld:
            other = gains[1].to(fine) * image[order[1]]
            reference = moved(
                other,
                shift=[config.misregistration * value for value in motion[:3].tolist()],
                rotation=[math.radians(config.misrotation) * value for value in motion[3:].tolist()],
            )
        sample["reference"] = reference[None]
    return sample


def moved(volume: Tensor, *, shift: Sequence[float], rotation: Sequence[float]) -> Tensor:
    """Move a volume rigidly, by linear interpolation: ``out[p] = volume[c + R (p - c) + shift]``.

    Parameters
    ----------
    volume
        (D, H, W), isotropic voxels.
    shift
        Voxels along (k, j, i).
    rotation
        Rotation vector in radians, likewise: its length is the angle, its direction the axis.

    Returns
    -------
    Tensor
        (D, H, W), going on with its last values beyond its borders; the volume itself where nothing moves.
    """
    if not any(shift) and not any(rotation):
        return volume
    k, j, i = rotation
    skew = torch.tensor([[0.0, -i, j], [i, 0.0, -k], [-j, k, 0.0]], dtype=torch.float64)
    turn = torch.linalg.matrix_exp(skew).to(volume)
    axes = [torch.arange(size).to(volume) - (size - 1) / 2 for size in volume.shape]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) @ turn.T + torch.tensor(shift).to(volume)
    # grid_sample wants (i, j, k), and the centres of the outermost voxels at -1 and 1.
    half = torch.tensor([max(size - 1, 1) / 2 for size in volume.shape]).to(volume)
    grid = (places / half).flip(-1)[None]
    found = functional.grid_sample(volume[None, None], grid, padding_mode="border", align_corners=True)
    return found[0, 0]
