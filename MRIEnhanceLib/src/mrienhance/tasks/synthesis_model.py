"""Which model synthesizes what is wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from mrienhance.errors import ModelError, UsageError
from mrienhance.models import Entry, Model, find_model, load_model

TASK = "synthesize"


def check_wish(to: Sequence[str], source: str | None, others: Collection[str]) -> tuple[str, ...]:
    """Refuse what contradicts itself, whatever the model; give the targets.

    Raises
    ------
    UsageError
        If no contrast or one twice is wanted, or one that was scanned; if `source` is among the others.
    """
    targets = (to,) if isinstance(to, str) else tuple(to)
    if not targets:
        raise UsageError("no contrast to synthesize was named", hint="name one or more, such as T2w")
    doubled = [target for target in targets if targets.count(target) > 1]
    if doubled:
        raise UsageError(f"{doubled[0]} is asked for twice", hint="name each contrast once")
    if source is not None and source in others:
        raise UsageError(f"there are two images of {source}", hint="give each contrast once")
    check_new(targets, [*others, *([] if source is None else [source])])
    return targets


def check_new(targets: Sequence[str], scanned: Collection[str]) -> None:
    """Refuse to make a contrast that was scanned.

    Raises
    ------
    UsageError
        If a target is among the scanned contrasts.
    """
    for target in targets:
        if target in scanned:
            raise UsageError(f"{target} was scanned: there is no need to make it", hint="name another contrast")


def find_for(model: str | Path | None, *, source: str | None, to: Sequence[str], others: Collection[str] = ()) -> Entry:
    """The catalogue's entry that `synthesize` would load.

    Parameters
    ----------
    model
        Name or path; None for the one of the catalogue that does it and takes most contrasts.
    source, to, others
        The contrast of the image or None, the wanted contrasts, and those of further images.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task or other contrasts.
    """
    sources = [*([] if source is None else [source]), *others]
    return find_model(model, task=TASK, sources=sources, targets=tuple(to))


def choose_model(
    model: str | Path | Model | None, *, source: str | None, to: Sequence[str], others: Collection[str]
) -> tuple[Model, tuple[str, ...]]:
    """Load the model that was asked for, and see that it does what it is asked to.

    Returns
    -------
    Model
        The model.
    tuple
        The contrasts that it takes, in the order of its network.

    Raises
    ------
    ModelError
        If there is none, or it is made for another task or other contrasts.
    """
    if not isinstance(model, Model):
        model = load_model(find_for(model, source=source, to=to, others=others))
    if model.card.task != TASK:
        raise ModelError(f"{model.name} is a model to {model.card.task}, not to {TASK}", hint="choose another model")
    contrasts = model.method.contrasts(model.config)
    if contrasts is None:
        raise ModelError(f"{model.name} does not synthesize", hint="its card and its network contradict each other")
    wanted = ([] if source is None else [source], others)
    for name in (name for names in wanted for name in names):
        if name not in contrasts.sources:
            raise ModelError(f"{model.name} takes {', '.join(contrasts.sources)}, not {name}", hint=_HINT)
    for name in to:
        if name not in contrasts.targets:
            raise ModelError(f"{model.name} makes {', '.join(contrasts.targets)}, not {name}", hint=_HINT)
    return model, contrasts.sources


_HINT = "choose one of these, or another model: `mrienhance models` lists them"
