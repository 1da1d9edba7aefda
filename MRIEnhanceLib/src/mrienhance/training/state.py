"""The state of a training as one safetensors file: weights, averages, optimisers, step. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from mrienhance.errors import UsageError
from mrienhance.images.files import atomic_path

OPTIMIZER = "optimizer"


def save_state(
    path: Path,
    *,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    average: Mapping[str, Tensor],
    facts: Mapping[str, Any],
) -> None:
    """Write the state atomically.

    Parameters
    ----------
    path
        File to write or replace.
    modules, optimizers
        By name, as `Objective.trained` names them.
    average
        Averaged weights of the network.
    facts
        JSON-able: the step, the best score, the recipe.
    """
    tensors = {f"average/{name}": value for name, value in average.items()}
    for owner, module in modules.items():
        tensors.update({f"module/{owner}/{name}": value for name, value in module.state_dict().items()})
    for owner, optimizer in optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            tensors.update({f"{OPTIMIZER}/{owner}/{index}/{name}": value for name, value in moments.items()})
    plain = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_bytes(save(plain, metadata={"facts": json.dumps(facts)}))


def load_state(
    path: Path,
    *,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    average: dict[str, Tensor],
) -> dict[str, Any]:
    """Restore what `save_state` wrote into modules, optimisers and averages, and return its facts.

    Raises
    ------
    UsageError
        If the file is missing, broken, or of another training.
    """
    hint = "start anew in another folder, without --resume"
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"cannot resume from {path}: {error}", hint=hint) from None
    try:
        for name, value in _under(tensors, "average/").items():
            average[name].copy_(value)
        for owner, module in modules.items():
            module.load_state_dict(_under(tensors, f"module/{owner}/"))
        for owner, optimizer in optimizers.items():
            _load_optimizer(optimizer, _under(tensors, f"{OPTIMIZER}/{owner}/"))
    except (KeyError, RuntimeError) as error:
        raise UsageError(f"{path} is the state of another training: {str(error).splitlines()[0]}", hint=hint) from None
    return facts


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _load_optimizer(optimizer: Optimizer, moments: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        index, _, moment = name.partition("/")
        state.setdefault(int(index), {})[moment] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


@torch.no_grad()
def update_average(average: Mapping[str, Tensor], module: nn.Module, decay: float) -> None:
    """Move averaged weights towards those of `module`: ``average = decay average + (1 - decay) weights``."""
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)
