"""Optimisation steps: what the losses of a step do to the weights, on one device or many, in one part or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.optim import Adam, Optimizer

from mrienhance.errors import UsageError
from mrienhance.methods.objective import Batch, Loss, Objective, divisors
from mrienhance.training.parallel import Team
from mrienhance.training.running import RunningValues
from mrienhance.training.settings import TrainingSettings


class Learner:
    """Lets an objective's modules learn.

    Parameters
    ----------
    fabric
        Launched Fabric.
    team
        The processes.
    objective
        On its device.
    network
        The network with its first weights.
    settings
        The recipe's.

    Raises
    ------
    UsageError
        If it shall be sharded, and cannot be.
    """

    def __init__(
        self, fabric: Fabric, team: Team, *, objective: Objective, network: nn.Module, settings: TrainingSettings
    ) -> None:
        self.fabric, self.team, self.objective, self.settings = fabric, team, objective, settings
        trained = objective.trained(network)
        if team.sharded:
            _shard(trained, team)
        self.modules: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        for name, module in trained.items():
            groups = objective.groups(module)
            optimizer = Adam(groups, lr=settings.learning_rate, betas=settings.betas)
            self.modules[name], self.optimizers[name] = fabric.setup(module, optimizer, move_to_device=not team.sharded)
        self._running = RunningValues(self.raw.values())

    @property
    def raw(self) -> dict[str, nn.Module]:
        """The modules without Fabric's wrapping."""
        return {name: getattr(module, "module", module) for name, module in self.modules.items()}

    def learn(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """Take one step.

        The losses of all parts are taken in turn: each part's first, then a step of the optimiser that it is for, then
        each part's second. So a discriminator has learned before the network asks it, as in a step of one part. A part
        with one loss has freed its memory when the next one begins; one with several keeps what its later losses need.

        Parameters
        ----------
        batches
            The parts of the step.
        step
            Its number from 0.

        Returns
        -------
        dict
            Means of the losses and their terms over the parts of this process.
        """
        self._count(batches)
        progress = step / self.settings.steps
        parts = [self.objective.losses(self.modules, batch, progress=progress) for batch in batches]
        terms: dict[str, Tensor] = {}
        while losses := self._backward(parts):
            self._descend(_names(losses[0]), step)
            terms |= _mean_terms(losses)
        return terms

    def _count(self, batches: Sequence[Batch]) -> None:
        """Make what losses divide by that of the whole step."""
        parts = len(batches) * self.team.size
        if parts == 1:
            return
        counts = [self.objective.counts(batch) for batch in batches]
        whole = {name: self.team.total(torch.stack([each[name] for each in counts]).sum(0)) for name in counts[0]}
        for batch in batches:
            batch.update(divisors(whole, parts=parts))

    def _backward(self, parts: Sequence[Iterator[Loss]]) -> list[Loss]:
        """Let the next loss of each part go backward; nothing where there is none left."""
        losses: list[Loss] = []
        for number, part in enumerate(parts):
            self._running.begin(number, last=len(parts) - 1)
            loss = next(part, None)
            if loss is None:
                continue
            if not losses:
                for name in _names(loss):
                    self.optimizers[name].zero_grad()
            self._send_back(loss, len(parts))
            self._running.end()
            losses.append(Loss(loss.value.detach(), loss.optimizer, _detached(loss)))
        self._running.settle(self.team)
        return losses

    def _send_back(self, loss: Loss, parts: int) -> None:
        value = loss.value / parts if parts > 1 else loss.value
        if self.team.sharded:
            # Gradients of shards arise from whole weights, which are no inputs that could be named.
            self.fabric.backward(value)
            return
        # Only those who step on this loss get its gradient, whatever else it was computed with.
        self.fabric.backward(value, inputs=[each for name in _names(loss) for each in self._learning(name)])

    def _learning(self, name: str) -> list[nn.Parameter]:
        groups = self.optimizers[name].param_groups
        return [each for group in groups for each in group["params"] if each.requires_grad]

    def _descend(self, names: tuple[str, ...], step: int) -> None:
        self.team.average_gradients([each for name in names for each in self._learning(name)])
        scaler: torch.amp.GradScaler | None = getattr(self.fabric.strategy.precision, "scaler", None)
        for name in names:
            optimizer = self.optimizers[name]
            for group in optimizer.param_groups:
                factor = self.objective.rate(group.get("name", ""), progress=step / self.settings.steps)
                group["lr"] = factor * self.settings.learning_rate_at(step)
            if self.settings.gradient_clip:
                self.fabric.clip_gradients(
                    self.modules[name], optimizer, max_norm=self.settings.gradient_clip, error_if_nonfinite=False
                )
            if scaler is None:
                optimizer.step()
            else:
                # Fabric would change the scale after each optimiser, while the next one's gradients have the old scale.
                scaler.step(getattr(optimizer, "optimizer", optimizer))
        if scaler is not None:
            scaler.update()


def check_shares(modules: Iterable[str]) -> None:
    """See that what learns can be sharded: one network, which nobody judges.

    Raises
    ------
    UsageError
        If it cannot.
    """
    others = " and ".join(sorted(set(modules) - {"network"}))
    if others:
        what = f"a network that learns together with {others} cannot be sharded"
        raise UsageError(what, hint="use --strategy ddp: it can be copied")


def _shard(modules: Mapping[str, nn.Module], team: Team) -> None:
    """Keep a share of the weights, gradients and optimiser states in each process; a forward pass gathers the weights.

    The network is one unit: methods may use parts of it in any order, as long as it is called as a whole.
    """
    check_shares(modules)
    network = modules["network"].to(team.device)
    fully_shard(network, mesh=init_device_mesh(team.device.type, (team.size,)))


def _names(loss: Loss) -> tuple[str, ...]:
    return (loss.optimizer,) if isinstance(loss.optimizer, str) else loss.optimizer


def _detached(loss: Loss) -> dict[str, Tensor]:
    return {name: term.detach() for name, term in loss.terms.items()}


def _mean_terms(losses: Sequence[Loss]) -> dict[str, Tensor]:
    parts = [{"loss": loss.value, **loss.terms} for loss in losses]
    if len(parts) == 1:
        return parts[0]
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
