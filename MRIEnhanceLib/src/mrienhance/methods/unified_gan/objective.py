"""What the unified GAN learns from.

The forms and weights of the adversarial, classification and cycle terms are StarGAN's, which the specification infers
to be the paper's; whether the paper has a paired term is not known, and the one here can be switched off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.objective import COUNT, Batch, Loss, Objective, Sampling
from mrienhance.methods.unified_gan.batches import penalties, training_batch
from mrienhance.methods.unified_gan.config import Config
from mrienhance.methods.unified_gan.critic import Critic, Verdict, frozen
from mrienhance.methods.unified_gan.network import UnifiedGAN

_LARGE = 0.25
"""Where the squares of a Huber loss end: a quarter of the range."""
_PREFERRED = ("T1w", "T2w")


class UnifiedGANObjective(Objective):
    """Discriminator, recogniser and generator in turn.

    ``L_D = E D(G(x)) - E D(x) + w_gp penalty + w_dcl CE(D(x), source)``;
    ``L_G = -w_adv E D(G(x)) + w_cls CE(D(G(x)), target) + w_cyc |x - G(G(x))| + w_pair |y - G(x)| + w_id |x - G'(x)|``
    with means of absolute values (`pair_loss` may be another), y where the slice was scanned with both contrasts, and
    G' the translation to itself.
    The recogniser learns from real, disguised slices, by an optimiser of its own.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.contrasts = config.contrasts
        self.baseline = "the source as it is"

    def trained(self, network: nn.Module) -> dict[str, nn.Module]:
        """The generator, the discriminator, the recogniser."""
        assert isinstance(network, UnifiedGAN)
        modules: dict[str, nn.Module] = {"network": network}
        if self.config.adversarial:
            modules["critic"] = Critic(self.config)
        if network.recognizer is not None:
            modules["recognizer"] = network.recognizer
        return modules

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """The network's optimiser has the generator; the recogniser has one of its own."""
        learning = module.generator if isinstance(module, UnifiedGAN) else module
        return [{"params": list(learning.parameters())}]

    def common(self, generator: torch.Generator) -> Batch:
        """Draw which of the critic's updates have a penalty."""
        return {"penalties": penalties(generator, config=self.config)} if self.config.adversarial else {}

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Cut patches and draw translations, see `training_batch`."""
        return training_batch(images, sampling, generator, config=self.config)

    def counts(self, batch: Batch) -> Batch:
        """Count what is compared with a scan, and what the recogniser sees."""
        compared = batch["paired" if self.config.label_mode != "source" else "wanted"].sum()
        seen = {"seen": compared.new_tensor(len(batch["seen"]))} if self.config.recognizer else {}
        return {"paired": compared, **seen}

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """The critic's losses, the recogniser's, the generator's."""
        network, image = modules["network"], batch["image"]
        if self.config.adversarial:
            for update in range(self.config.critic_updates - 1):
                with torch.no_grad():
                    made = network(image, batch["source"], batch["goals"][:, update])
                yield self._critic(modules["critic"], batch, made, update)
        # The critic's last update takes the images that the generator learns from just after it.
        every = network(image, batch["source"], None) if self.config.label_mode == "source" else None
        made = network(image, batch["source"], batch["target"]) if every is None else _chosen(every, batch["target"])
        if self.config.adversarial:
            yield self._critic(modules["critic"], batch, made.detach(), self.config.critic_updates - 1)
        if self.config.recognizer:
            found = modules["recognizer"](batch["seen"])
            wrong = functional.cross_entropy(found, batch["shown"], reduction="sum") / batch[COUNT + "seen"]
            yield Loss(wrong, optimizer="recognizer", terms={"recognizer": wrong})
        terms = self._generator(network, batch, made, every)
        if self.config.adversarial:
            terms |= self._convincing(modules["critic"], batch, made)
        yield Loss(torch.stack(list(terms.values())).sum(), terms=terms)

    def _critic(self, critic: nn.Module, batch: Batch, made: Tensor, update: int) -> Loss:
        real, label = _shown(batch)
        true, false = critic(real), critic(made)
        terms = {
            "critic/adversarial": false.scores.mean() - true.scores.mean(),
            "critic/class": self.config.critic_class_weight * functional.cross_entropy(true.logits, label),
        }
        weight = float(batch["penalties"][update]) * self.config.penalty_weight
        if weight:
            mix = batch["mixes"][:, update].view(-1, 1, 1, 1)
            terms["critic/penalty"] = weight * critic(mix * real + (1 - mix) * made, what="penalty")
        return Loss(torch.stack(list(terms.values())).sum(), optimizer="critic", terms=terms)

    def _generator(self, network: nn.Module, batch: Batch, made: Tensor, every: Tensor | None) -> dict[str, Tensor]:
        image, source, target = batch["image"], batch["source"], batch["target"]
        terms = {}
        if self.config.pair_weight:
            # Where all contrasts are made at once, all learn from their scans.
            if every is None:
                paired, error = batch["paired"], self.distance(made, batch["truth"]).mean((1, 2, 3))
            else:
                paired, error = batch["wanted"], self.distance(every, batch["truths"]).mean((2, 3))
            terms["pair"] = self.config.pair_weight * (paired * error).sum() / batch[COUNT + "paired"]
        if self.config.cycle_weight:
            terms["cycle"] = self.config.cycle_weight * functional.l1_loss(network(made, target, source), image)
        if self.config.identity_weight:
            itself = functional.l1_loss(network(image, source, source), image)
            terms["identity"] = self.config.identity_weight * itself
        return terms

    def distance(self, made: Tensor, truth: Tensor) -> Tensor:
        """How wrong each pixel is in the paired term; `made` and `truth` of one shape, or one that expands to it."""
        if self.config.pair_loss == "l1":
            return (made - truth).abs()
        return functional.smooth_l1_loss(made.expand_as(truth), truth, beta=_LARGE, reduction="none")

    def _convincing(self, critic: nn.Module, batch: Batch, made: Tensor) -> dict[str, Tensor]:
        """What the generator is told by a critic that does not learn from it."""
        with frozen(critic):
            verdict: Verdict = critic(made)
        return {
            "adversarial": -self.config.adversarial_weight * verdict.scores.mean(),
            "class": self.config.class_weight * functional.cross_entropy(verdict.logits, batch["target"]),
        }

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """A whole slice to translate: T1w to T2w where both are there, else another pair, else to itself.

        The baseline is the source as it is.
        """
        there = [name for name in self.config.contrasts if name in image]
        names = _PREFERRED if set(_PREFERRED) <= set(there) else (there[0], there[min(1, len(there) - 1)])
        slices = [image[name].clamp(0, 1)[None, None] for name in names]
        labels = [torch.tensor([self.config.contrasts.index(name)], device=slices[0].device) for name in names]
        return {
            "image": slices[0],
            "baseline": slices[0],
            "target": slices[1],
            "from": labels[0],
            "to": labels[1],
        }

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The translated slice."""
        made: Tensor = network(batch["image"], batch["from"], batch["to"])
        return made

    def translated(self, batch: Batch) -> tuple[str, str]:
        """Which contrast becomes which."""
        source, target = (self.config.contrasts[int(batch[name][0])] for name in ("from", "to"))
        return source, target


def _shown(batch: Batch) -> tuple[Tensor, Tensor]:
    """Scans for the critic and their contrasts: of the targets where there are such, else the sources.

    Were they the sources alone, a contrast that many were scanned with would be commoner among scans than among
    synthetic images, and the critic would push all contrasts towards the look of that one.
    """
    paired = batch["paired"] > 0
    scans = torch.where(paired.view(-1, 1, 1, 1), batch["truth"], batch["image"])
    return scans, torch.where(paired, batch["target"], batch["source"])


def _chosen(every: Tensor, target: Tensor) -> Tensor:
    """The target's channel (B, 1, H, W) of all contrasts (B, C, H, W)."""
    return every[torch.arange(len(every), device=every.device), target][:, None]
