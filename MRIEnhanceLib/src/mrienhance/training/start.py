"""Training that starts from what earlier models learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.methods.registry import get_method
from mrienhance.models import Model, load_model
from mrienhance.training.recipe import Recipe


@dataclass(frozen=True)
class Earlier:
    """What a network starts with: weights by name, and name and hash of the models that they come from."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    origins: list[dict[str, Any]] = field(default_factory=list)


def read_earlier(recipe: Recipe, paths: Sequence[Path]) -> Earlier:
    """Collect those weights of earlier models that fit the recipe's network; the last model's count.

    Raises
    ------
    UsageError
        If a model is of another method, or has no weight that fits.
    MRIEnhanceError
        If a file cannot be read as a model.
    """
    earlier = Earlier()
    if not paths:
        return earlier
    method = get_method(recipe.method)
    wanted = {name: value.shape for name, value in method.build(recipe.model).state_dict().items()}
    for path in paths:
        model = load_model(path)
        given = method.inherit(recipe.model, dict(model.module.state_dict())) if _same(model, recipe) else {}
        fitting = {name: value for name, value in given.items() if wanted.get(name) == value.shape}
        if not fitting:
            raise UsageError(
                f"{path.name} has no weights for this network",
                hint=f"start from a {recipe.method} model of the recipe's sizes (it is {model.method.name})",
            )
        earlier.weights.update(fitting)
        earlier.origins.append({"name": model.name, "version": model.card.version, "sha256": model.sha256})
    return earlier


def check_rest(recipe: Recipe, earlier: Earlier) -> None:
    """See that every weight that rests while the recipe's network learns comes from an earlier model.

    Such a weight would stay as it was drawn at random, and the rest would learn to work around it.

    Raises
    ------
    UsageError
        If one does not.
    """
    with torch.device("meta"):
        network = get_method(recipe.method).build(recipe.model)
    resting = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    missing = sorted({name.partition(".")[0] for name in resting - set(earlier.weights)})
    if missing:
        raise UsageError(
            f"the part {missing[0]!r} of this network does not learn: it needs all its weights from an earlier model",
            hint=f"give a {recipe.method} model of the recipe's sizes that has them, with --start-from",
        )


def _same(model: Model, recipe: Recipe) -> bool:
    return model.method.name == recipe.method
