"""What a model card says of its training: all of it known to the trainer, nothing claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from mrienhance.errors import UsageError
from mrienhance.methods.base import Method, Tiling
from mrienhance.methods.registry import get_method
from mrienhance.models import ModelCard, ResultTable
from mrienhance.training.recipe import Recipe
from mrienhance.training.trainer import Status
from mrienhance.training.volumes import SIMULATED, Source

# What a recipe's card section may say; the rest is known to the trainer.
TOLD = (
    "name",
    "version",
    "summary",
    "contrasts_in",
    "contrasts_out",
    "spacing_mm",
    "acceleration",
    "sampling",
    "coils",
    "degradation",
    "axes",
    "reference_contrasts",
    "limits",
    "intended_use",
    "licence",
)

_NOT_STATED = "not stated"
_UNKNOWN_LIMITS = "What it cannot do is not known: it was scored on the images that chose its best step alone."


def make_card(
    recipe: Recipe,
    used: Sequence[Source],
    status: Status,
    *,
    device: str,
    minutes: float,
    started_from: Sequence[Mapping[str, Any]] = (),
    results: Sequence[ResultTable] = (),
) -> ModelCard:
    """Write the card of a model that this training has just made.

    Parameters
    ----------
    recipe
        The training's recipe; its ``card`` section gives what only a person can know.
    used
        Images that were read.
    status
        Step and validation scores.
    device
        What it ran on.
    minutes
        Duration, of all the run's parts together.
    started_from
        The models whose weights the network had at first.
    results
        What was measured on the validation images.

    Raises
    ------
    UsageError
        If the recipe's card section has a field that cannot be told, or a value of the wrong kind.
    """
    told = dict(recipe.card)
    sources = _origins(told.pop("data", []))
    notes = list(told.pop("training_notes", []))
    _check(told)
    method, tiling = get_method(recipe.method), get_method(recipe.method).tiling(recipe.model)
    contrasts = sorted({source.contrast for source in used} - {"unknown", SIMULATED})
    facts: dict[str, Any] = {
        "name": f"{recipe.method}-untitled",
        "summary": f"{method.title} trained by the recipe in `training`.",
        "contrasts_in": contrasts,
        "contrasts_out": contrasts,
        "axes": _axes(tiling),
        "limits": [_UNKNOWN_LIMITS],
        **_of_the_reference(method, recipe.model, contrasts),
        **told,
    }
    known = _of_the_method(method, recipe.model) | {
        "training": {
            "data": _data(used, sources),
            "validation": list(recipe.data.validation),
            "held_out": list(recipe.data.held_out),
            "recipe": {name: value for name, value in recipe.to_dict().items() if name != "card"},
            "notes": notes,
            "step": status.step,
            "validation_score": {name: value for name, value in status.scores.items() if isfinite(value)},
            "device": device,
            "minutes": round(minutes, 1),
            "started_from": [dict(origin) for origin in started_from],
        },
        "results": tuple(results),
    }
    try:
        return ModelCard.from_dict({**facts, **known})
    except ValueError as error:
        raise UsageError(f"recipe: card: {error}", hint="compare with the recipes in methods/*/recipes") from None


def unlicensed(card: ModelCard) -> list[str]:
    """The data folders of whose licence a card says nothing."""
    return [str(entry["folder"]) for entry in card.training.get("data", ()) if entry.get("licence") == _NOT_STATED]


def _check(told: Mapping[str, Any]) -> None:
    unknown = sorted(set(told) - set(TOLD))
    if unknown:
        raise UsageError(
            f"recipe: card.{unknown[0]} cannot be set", hint=f"fields: {', '.join((*TOLD, 'data', 'training_notes'))}"
        )


def _origins(told: Any) -> dict[str, dict[str, Any]]:
    """Folder to what the recipe says of it."""
    if not isinstance(told, list) or not all(isinstance(entry, dict) and "folder" in entry for entry in told):
        hint = "such as card.data: [{folder: my_scans, licence: CC0, citation: ...}], an entry a folder"
        raise UsageError("recipe: card.data does not say which folders it tells of", hint=hint)
    return {str(entry["folder"]): entry for entry in told}


def _of_the_method(method: Method, config: Any) -> dict[str, Any]:
    """What a recipe has no say in."""
    task = method.task(config)
    return {
        "method": method.name,
        "task": task,
        "scale": max(method.tiling(config).scales) if task == "super-resolve" else None,
        "fidelity": method.paper.fidelity,
        "paper": {"citation": method.paper.citation, "doi": method.paper.doi},
    }


def _axes(tiling: Tiling) -> str:
    """What gets finer, in the card's words."""
    if tiling.ndim == 2:
        return "in-plane"
    return "through-plane" if tiling.scales[0] > tiling.scales[-1] else "3d"


def _of_the_reference(method: Method, config: Any, contrasts: Sequence[str]) -> dict[str, Any]:
    """What the configuration says of degradation and reference; a recipe may say more precisely which contrasts."""
    facts: dict[str, Any] = {}
    if method.task(config) == "super-resolve" and hasattr(config, "degradation"):
        facts["degradation"] = config.degradation
    use = method.reference(config)
    if use != "none":
        facts |= {"reference_contrasts": list(contrasts), "reference_required": use == "required"}
    return facts


def _data(used: Sequence[Source], told: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a data folder: its subjects, and what the recipe knows of its origin."""
    entries = []
    for folder in dict.fromkeys(source.root for source in used):
        members = [source for source in used if source.root == folder]
        entries.append(
            {
                **{"folder": folder, "licence": _NOT_STATED, **told.get(folder, {})},
                "subjects": sorted({source.subject for source in members}),
                "images": len(members),
            }
        )
    return entries
