"""What FGDL's super-resolution branch learns from: coarse slices with references.

Terms and weights of stage 2 are those of the authors' public code, with its faults mended: the synthesis rests, fakes
are detached in the discriminator's step, and the map of differences is limited to what a cosine can reach and averaged
over the pixels of a level. There, the label is moved onto the reference by the label correction of stage 1, which by
mistake goes on learning. Here it stays on the image, whose geometry the result has, and no label correction is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.warp import warp
from mrienhance.methods.fgdl.branch import Refinement
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.critics import DifferenceCritic
from mrienhance.methods.fgdl.pairs import roomy, slice_of
from mrienhance.methods.fgdl.references import divisible, training_references, truncation
from mrienhance.methods.fgdl.terms import contested, likeness, rivalry
from mrienhance.methods.objective import Batch, Loss, Objective, Sampling


class SuperResolutionObjective(Objective):
    """Stage 2: the branch against a discriminator where this is wanted; the synthesis is not trained.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    complete = True
    baseline = "sinc interpolation"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.contrasts = (config.source, config.target)

    def trained(self, network: nn.Module) -> dict[str, nn.Module]:
        """The network and the discriminator, which is a new one."""
        critic = {"critic": DifferenceCritic(self.config.critic_width)} if self.config.adversarial else {}
        return {"network": network, **critic}

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """What of a module learns: the optimiser never hears of the synthesis."""
        return [{"params": [parameter for parameter in module.parameters() if parameter.requires_grad]}]

    def common(self, generator: torch.Generator) -> Batch:
        """Draw whether the discriminator learns in this step."""
        if not self.config.adversarial:
            return {}
        return {"critic_learns": torch.rand((), generator=generator) * self.config.critic_every < 1}

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Make slices coarse and cut patches, see `training_references`."""
        return training_references(roomy(images, self.config.scale * sampling.patch), self.config, sampling, generator)

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """The discriminator's loss where it is its turn, then the network's."""
        found: Refinement = modules["network"](batch["image"], batch["reference"])
        image, label = 2 * found.image - 1, 2 * batch["target"] - 1
        difference = label - (2 * _still(found.synthesis, batch) - 1)
        if self.config.adversarial and bool(batch["critic_learns"]):
            yield contested(modules["critic"], label, image.detach(), difference)
        terms = likeness(self.config, image, label)
        if self.config.difference_weight:
            terms["difference"] = self.config.difference_weight * difference_error(found.similarities, difference)
        if self.config.adversarial:
            terms |= rivalry(self.config, modules["critic"], label, image, difference)
        yield Loss(torch.stack(list(terms.values())).sum(), terms=terms)

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """A whole slice made coarse, the other contrast, and the sinc interpolation as the baseline.

        Raises
        ------
        UsageError
            If a contrast is missing.
        """
        reference, fine = (divisible(slice_of(image, name), self.config.scale) for name in self.contrasts)
        truncate = truncation(fine, self.config.scale)
        coarse = truncate.forward(fine)
        return {"image": coarse, "reference": reference, "target": fine, "baseline": truncate.zero_fill(coarse)}

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The super-resolved whole slice."""
        found: Refinement = network(batch["image"], batch["reference"])
        return found.image

    def beside(self, modules: Mapping[str, nn.Module], batch: Batch) -> Batch:
        """The reference, and what is synthesized from it alone."""
        found: Refinement = modules["network"](batch["image"], batch["reference"])
        return {"reference": batch["reference"], "synthesis": found.synthesis.clamp_min(0)}


def difference_error(similarities: Sequence[Tensor], difference: Tensor) -> Tensor:
    """Difference supervision: squared distances of maps of similarity from where target and synthesis differ, summed.

    Parameters
    ----------
    similarities
        Maps (B, 1, h, w) from -1 to 1, one a level.
    difference
        Target less synthesis (B, 1, H, W) of images from -1 to 1. What is beyond -1 and 1, where no cosine can be, is
        cut; the authors leave it, and take the nearest pixel where a coarser level averages here.
    """
    reachable = difference.clamp(-1, 1)
    parts = [
        functional.mse_loss(
            similarity, functional.adaptive_avg_pool2d(reachable, (similarity.shape[-2], similarity.shape[-1]))
        )
        for similarity in similarities
    ]
    return torch.stack(parts).sum()


def _still(synthesis: Tensor, batch: Batch) -> Tensor:
    """A synthesis from a reference that was moved, moved back: what it says differs from the truth in content alone.

    The inverse of a field of a few pixels with small slopes is, to a fraction of a pixel, the field with another sign.
    """
    return warp(synthesis, -batch["flow"]) if "flow" in batch else synthesis
