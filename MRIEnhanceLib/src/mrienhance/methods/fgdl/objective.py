"""What FGDL's synthesis learns from: pairs of slices, whose label is moved onto the source while it learns.

Terms and weights of stage 1 are those of the authors' public code, with its faults mended: fakes are detached in the
discriminators' step, which keeps no graph; discriminators rest while the networks learn; any size will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.correction import LabelCorrection
from mrienhance.methods.fgdl.critics import CoarseCritic, DifferenceCritic, contest, relativistic
from mrienhance.methods.fgdl.losses import roughness
from mrienhance.methods.fgdl.pairs import roomy, slice_of, training_pairs
from mrienhance.methods.fgdl.terms import at_rest, contested, likeness, rivalry
from mrienhance.methods.objective import Batch, Loss, Objective, Sampling

_FAR = 4
"""Pixels of displacement that a preview shows white."""


class FGDLObjective(Objective):
    """Stage 1: synthesis and label correction together, against two discriminators where these are wanted.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    complete = True
    baseline = "the source as it is"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.contrasts = (config.source, config.target)

    def trained(self, network: nn.Module) -> dict[str, nn.Module]:
        """The network, its label correction, and the discriminators."""
        config, modules = self.config, {"network": network}
        if config.label_correction:
            modules["correction"] = LabelCorrection(config.correction_width, config.correction_levels)
        if config.adversarial:
            modules["critic"] = DifferenceCritic(config.critic_width)
        if config.adversarial and config.label_correction:
            modules["coarse_critic"] = CoarseCritic(config.critic_width)
        return modules

    def common(self, generator: torch.Generator) -> Batch:
        """Draw whether the discriminators learn in this step."""
        if not self.config.adversarial:
            return {}
        return {"critic_learns": torch.rand((), generator=generator) * self.config.critic_every < 1}

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Cut patches of both contrasts, see `training_pairs`."""
        return training_pairs(roomy(images, sampling.patch), self.config, sampling, generator)

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """The discriminators' losses where it is their turn, then that of the network and its label correction."""
        source, label = 2 * batch["image"] - 1, 2 * batch["target"] - 1
        synthesis = 2 * modules["network"](batch["image"]) - 1
        moved, flow = modules["correction"](label, source) if self.config.label_correction else (label, None)
        if self.config.adversarial and bool(batch["critic_learns"]):
            real, fake = moved.detach(), synthesis.detach()
            yield contested(modules["critic"], real, fake, real - fake)
            if "coarse_critic" in modules:
                found = contest(modules["coarse_critic"](label), modules["coarse_critic"](real))
                yield Loss(found, optimizer="coarse_critic", terms={"coarse critic": found})
        terms = likeness(self.config, synthesis, moved)
        if flow is not None:
            terms["smooth"] = self.config.smooth_weight * roughness(flow)
        if self.config.adversarial:
            terms |= rivalry(self.config, modules["critic"], moved, synthesis, moved - synthesis)
        if "coarse_critic" in modules:
            with at_rest(modules["coarse_critic"]) as critic:
                judged = relativistic(critic(moved), critic(label))
                terms["adversarial/label"] = self.config.adversarial_weight * judged
        # Where the truth is known, how far the label is from it, before and after: numbers to look at, no terms.
        seen = _distances(batch, moved) if "aligned" in batch else {}
        learners = ("network", "correction") if self.config.label_correction else ("network",)
        yield Loss(torch.stack(list(terms.values())).sum(), optimizer=learners, terms=terms | seen)

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """A whole slice of both contrasts, the source as the baseline.

        Raises
        ------
        UsageError
            If a contrast is missing.
        """
        source, target = (slice_of(image, name) for name in self.contrasts)
        return {"image": source, "baseline": source, "target": target}

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The synthesized whole slice."""
        synthesis: Tensor = network(batch["image"])
        return synthesis.clamp_min(0)

    def translated(self, batch: Batch) -> tuple[str, str]:
        """Which contrast becomes which."""
        source, target = self.contrasts
        return source, target

    def beside(self, modules: Mapping[str, nn.Module], batch: Batch) -> Batch:
        """How far the label is moved, where that is at hand."""
        if "correction" not in modules:
            return {}
        correction = modules["correction"]
        assert isinstance(correction, LabelCorrection)
        # Not by a call: in training that would follow the mean displacement of a validation image.
        flow = correction.flow(2 * batch["target"] - 1, 2 * batch["image"] - 1) - correction.drift[:, None, None]
        return {f"moved by (white: {_FAR} pixels)": (flow.norm(dim=1, keepdim=True) / _FAR).clamp(0, 1)}


def _distances(batch: Batch, moved: Tensor) -> dict[str, Tensor]:
    """Mean absolute distance of the label from the aligned one, as it came and as it was moved; images from 0 to 1."""
    given, corrected = ((label - batch["aligned"]).abs().mean() for label in (batch["target"], (moved + 1) / 2))
    return {"label error given": given, "label error left": corrected}
