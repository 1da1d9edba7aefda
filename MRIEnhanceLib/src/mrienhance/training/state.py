"""The state of a training as one safetensors file: weights, averages, optimisers, random generators, facts. No pickle.

What is read back is hashed first: a state of which a bit was lost on a disk must not be learned on from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from mrienhance.errors import UsageError
from mrienhance.images.files import atomic_path
from mrienhance.training.parallel import distributed_like, whole

OPTIMIZER = "optimizer"
HINT = "start anew in another folder, without --resume"


class BrokenState(UsageError):
    """A file that is no whole state."""


@dataclass(frozen=True)
class State:
    """Tensors by name, and JSON-able facts: step, best score, recipe, ..."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any] = field(default_factory=dict)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin so, without that."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


def collect_tensors(
    modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], average: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Copy what a training is made of to the CPU; all processes together, where weights are sharded.

    Parameters
    ----------
    modules, optimizers
        By name, as `Objective.trained` names them.
    average
        Averaged weights of the network.
    """
    tensors = {f"average/{name}": value for name, value in average.items()}
    for owner, module in modules.items():
        tensors.update({f"module/{owner}/{name}": value for name, value in module.state_dict().items()})
    for owner, optimizer in optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            tensors.update({f"{OPTIMIZER}/{owner}/{index}/{name}": value for name, value in moments.items()})
    return {name: whole(value.detach()).to("cpu", copy=True).contiguous() for name, value in tensors.items()}


def write_state(path: Path, state: State) -> None:
    """Write a state atomically.

    Raises
    ------
    OutputError
        If it cannot be written; what was there stays.
    """
    facts = json.dumps(state.facts)
    metadata = {"facts": facts, "sha256": _digest(state.tensors, facts)}
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_bytes(save(state.tensors, metadata=metadata))


def read_state(path: Path) -> State:
    """Read a state, and see that it is what was written; one of an older release without a hash is taken as it is.

    Raises
    ------
    BrokenState
        If it is not.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            facts: dict[str, Any] = json.loads(metadata["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BrokenState(f"cannot resume from {path}: {error}", hint=HINT) from None
    if "sha256" in metadata and metadata["sha256"] != _digest(tensors, metadata["facts"]):
        raise BrokenState(f"cannot resume from {path}: it is not as it was written", hint=HINT)
    return State(tensors, facts)


def _digest(tensors: Mapping[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def restore(
    state: State,
    *,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    average: Mapping[str, Tensor],
) -> None:
    """Put what `collect_tensors` gave back into modules, optimisers and averages.

    Raises
    ------
    UsageError
        If it is the state of another training.
    """
    try:
        for name, value in state.under("average/").items():
            average[name].copy_(value)
        for owner, module in modules.items():
            there = module.state_dict()
            given = state.under(f"module/{owner}/")
            given = {name: distributed_like(value, there[name]) for name, value in given.items()}
            module.load_state_dict(given)
        for owner, optimizer in optimizers.items():
            _load_optimizer(optimizer, state.under(f"{OPTIMIZER}/{owner}/"))
    except (KeyError, RuntimeError) as error:
        message = f"the state is one of another training: {str(error).splitlines()[0]}"
        raise UsageError(message, hint=HINT) from None


def _load_optimizer(optimizer: Optimizer, moments: Mapping[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        index, _, moment = name.partition("/")
        state.setdefault(int(index), {})[moment] = distributed_like(value, parameters[int(index)])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


@torch.no_grad()
def update_average(average: Mapping[str, Tensor], module: nn.Module, decay: float) -> None:
    """Move averaged weights towards those of `module`: ``average = decay average + (1 - decay) weights``."""
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(whole(value), 1 - decay)
        else:
            average[name].copy_(value)
