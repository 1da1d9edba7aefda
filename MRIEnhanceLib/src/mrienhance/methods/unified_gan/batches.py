"""Training batches: who is translated into what, and where patches are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.blocks.appearance import other_scanner
from mrienhance.blocks.recognizer import TISSUE, disguise
from mrienhance.methods.objective import Batch, Sampling
from mrienhance.methods.unified_gan.config import Config


def training_batch(
    images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, *, config: Config
) -> Batch:
    """Cut N patches and draw their translations.

    Parameters
    ----------
    images
        Slices with any of the contrasts, each (H, W), brightest tissue about 1, background 0.
    sampling
        How patches are cut; `Sampling.intensity_jitter` is the width of `other_scanner`, for the *source* alone.
    generator
        CPU generator, the only source of randomness.
    config
        The model's hyper-parameters.

    Returns
    -------
    dict
        ``"image"`` and ``"truth"`` (N, 1, P, P) in [0, 1], the latter zero where ``"paired"`` (N,) is 0; ``"truths"``
        (N, contrasts, P, P), all that are there, and ``"wanted"`` (N, contrasts), 1 for those but the source;
        ``"source"`` and ``"target"`` (N,); for each of U critic updates ``"goals"`` and ``"mixes"`` (N, U);
        ``"seen"`` (M, 1, P, P) and ``"shown"`` (M,), what the recogniser learns from.
    """
    count = len(config.contrasts)
    shares = torch.tensor(config.source_shares or [1.0] * count)
    rows: list[dict[str, Tensor]] = []
    seen: list[Tensor] = []
    shown: list[int] = []
    for image in images:
        there = [index for index, name in enumerate(config.contrasts) if name in image]
        stack = torch.stack([image[config.contrasts[index]] for index in there]).clamp(0, 1)
        for _ in range(sampling.patches):
            patch = _patch(stack, sampling.patch, generator)
            chosen = int(torch.multinomial(shares[there], 1, generator=generator))
            source, target = there[chosen], _other(there[chosen], count, generator)
            paired = target in there
            wanted = [place for place in there if place != source]
            truths = torch.zeros(count, *patch.shape[1:])
            truths[there] = patch
            rows.append(
                {
                    "image": other_scanner(patch[chosen], sampling.intensity_jitter, generator),
                    "truth": patch[there.index(target)] if paired else torch.zeros_like(patch[0]),
                    "paired": torch.tensor(float(paired)),
                    "truths": truths,
                    "wanted": functional.one_hot(torch.tensor(wanted, dtype=torch.long), count).sum(0).float(),
                    "source": torch.tensor(source),
                    "target": torch.tensor(target),
                }
            )
            seen += list(patch)
            shown += there
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    batch |= {name: batch[name][:, None] for name in ("image", "truth")}
    if config.recognizer:
        batch |= {"seen": disguise(torch.stack(seen)[:, None], generator), "shown": torch.tensor(shown)}
    if config.adversarial:
        batch |= _critic_draws(batch["source"], generator, config=config)
    device = images[0][next(iter(images[0]))].device
    return {name: value.to(device) for name, value in batch.items()}


def _critic_draws(source: Tensor, generator: torch.Generator, *, config: Config) -> Batch:
    """What the critic's updates leave to chance."""
    updates, count = config.critic_updates, len(config.contrasts)
    goals = [[_other(int(label), count, generator) for _ in range(updates)] for label in source]
    return {"goals": torch.tensor(goals), "mixes": torch.rand(len(source), updates, generator=generator)}


def penalties(generator: torch.Generator, *, config: Config) -> Tensor:
    """What each of the critic's updates (U,) weighs its penalty with: 0, or `Config.penalty_every`."""
    chosen = torch.randint(config.penalty_every, (config.critic_updates,), generator=generator) == 0
    return config.penalty_every * chosen.float()


def _other(label: int, count: int, generator: torch.Generator) -> int:
    """Any label but this one."""
    return (label + 1 + int(torch.randint(count - 1, (), generator=generator))) % count


def _patch(stack: Tensor, size: int, generator: torch.Generator, tries: int = 8) -> Tensor:
    """Cut (contrasts, size, size) from (contrasts, H, W), in half of all cases left-right mirrored.

    Its centre holds tissue, if such a place is found in a few tries. Slices smaller than the patch are put somewhere
    into background.
    """
    if float(torch.rand((), generator=generator)) < 0.5:
        stack = stack.flip(-1)
    room = [max(0, size - side) for side in stack.shape[-2:]]
    before = [int(torch.randint(free + 1, (), generator=generator)) for free in room]
    stack = functional.pad(stack, (before[1], room[1] - before[1], before[0], room[0] - before[0]))
    top = left = 0
    for _ in range(tries):
        top, left = (int(torch.randint(side - size + 1, (), generator=generator)) for side in stack.shape[-2:])
        if float(stack[:, top + size // 2, left + size // 2].amax()) > TISSUE:
            break
    return stack[:, top : top + size, left : left + size]
