"""Whether a run may go on as it is asked to: it keeps its recipe, its data and the number of images of a step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mrienhance.errors import UsageError
from mrienhance.methods.registry import get_method
from mrienhance.training.recipe import Recipe, make_recipe
from mrienhance.training.source import Source
from mrienhance.training.state import HINT, State

FREE = (
    "training.steps",
    "training.log_every",
    "training.validate_every",
    "training.checkpoint_every",
    "training.workers",
    "training.accumulate",
    "sampling.images",
    "card",
)
"""What may change in a run that is resumed: how long it goes on, what it tells, and how a step is split."""


def run_facts(
    recipe: Recipe, used: Sequence[Source], *, processes: int, origins: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a state says of its run besides where it stands.

    Parameters
    ----------
    recipe
        The run's.
    used
        The images that it reads, in order.
    processes
        How many there are.
    origins
        The models whose weights it started with.
    """
    names = [[source.root, source.subject, source.contrast, source.path.name] for source in used]
    return {
        "images_per_step": processes * recipe.training.accumulate * recipe.sampling.images,
        "data": {"images": len(names), "sha256": hashlib.sha256(json.dumps(names).encode()).hexdigest()},
        "started_from": [dict(origin) for origin in origins],
    }


def check_same(state: State, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """See that a run goes on as it began.

    Parameters
    ----------
    state
        Where it stands.
    recipe, facts
        What it shall go on with; the facts are those of `run_facts`.

    Raises
    ------
    UsageError
        If something has changed that may not; the message names it.
    """
    earlier = _recipe(state)
    if earlier.method != recipe.method:
        raise UsageError(f"this run trains {earlier.method}, not {recipe.method}", hint=HINT)
    values = dict(_flat(earlier.to_dict()))
    for name, value in _flat(recipe.to_dict()):
        if values.get(name) != value and not name.startswith(FREE):
            raise UsageError(f"{name} was {values.get(name)} in this run, not {value}", hint=f"leave it so, or {HINT}")
    if state.facts.get("data", facts["data"]) != facts["data"]:
        before, now = state.facts["data"]["images"], facts["data"]["images"]
        how = f"{before} images, now {now}" if before != now else f"{now} images, of which some had other names"
        raise UsageError(f"the data folders hold other images than when this run began: {how}", hint=HINT)
    drawn = state.facts.get("images_per_step", facts["images_per_step"])
    if drawn != facts["images_per_step"]:
        raise UsageError(
            f"a step of this run draws {drawn} images, not {facts['images_per_step']}",
            hint="devices x training.accumulate x sampling.images must stay the same: set one of them",
        )


def _recipe(state: State) -> Recipe:
    """The recipe of a run; what did not exist when its state was written is as it was then: at its default."""
    try:
        values = dict(state.facts["recipe"])
        return make_recipe(get_method(values.pop("method")), values)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the state has no recipe: {error}", hint=HINT) from None


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name to value of nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value
