"""A model card as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrienhance.models import ModelCard
    from mrienhance.tasks.classical import Classical

_WIDTH = 100
_INDENT = 13
_AXES = {"in-plane": "in plane", "3d": "in 3D", "through-plane": "through plane (thinner slices)"}


def card_text(card: ModelCard) -> str:
    """Everything that matters of a card, for people to read; ``--json`` gives all of it."""
    lines = [f"{card.name} {card.version}", *textwrap.wrap(card.summary, _WIDTH), ""]
    previous = ""
    for name, fact in _facts(card):
        lines += _paragraph("" if name == previous else name, fact)
        previous = name
    lines += _results(card)
    return "\n".join([*lines, "", card.disclaimer])


def classical_text(method: Classical) -> str:
    """A reconstruction that learned nothing, for people to read."""
    settings = ", ".join(f"{name} {value:g}" for name, value in method.parameters.items() if not isinstance(value, str))
    lines = [f"{method.title}, without a model", *textwrap.wrap(method.summary, _WIDTH), ""]
    lines += [*_paragraph("task", "reconstruct"), *(_paragraph("settings", settings) if settings else [])]
    return "\n".join([*lines, "", "For research, not for diagnosis."])


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    low, high = card.spacing_mm
    contrasts = (", ".join(card.contrasts_in), ", ".join(card.contrasts_out))
    factor = "" if card.scale is None else f" x{card.scale} {_AXES[card.axes]}"
    of = {"reconstruct": ", raw k-space", "synthesize": ", contrasts that were not scanned"}
    coarse = f"{factor}, of images made coarse by: {card.degradation}"
    yield "task", f"{card.task}{of.get(card.task, coarse)}"
    yield "use", card.intended_use
    yield "contrasts", contrasts[0] if contrasts[0] == contrasts[1] else " to ".join(contrasts)
    if card.reference_contrasts:
        need = "needed" if card.reference_required else "used where there is one"
        yield "reference", f"{', '.join(card.reference_contrasts)}; {need}"
    yield "spacing", f"{low:g} to {high:g} mm of the {'image' if card.task == 'reconstruct' else 'input'}"
    yield from _acquisition(card)
    yield "method", f"{card.method}. {card.fidelity}"
    yield "paper", f"{card.paper.citation}. doi {card.paper.doi}"
    for source in card.training.get("data", ()):
        yield "trained on", _source(source)
    for limit in card.limits:
        yield "limits", limit
    yield "licence", card.licence


def _acquisition(card: ModelCard) -> Iterator[tuple[str, str]]:
    """What raw data a model to reconstruct was made for, as far as its card says."""
    if card.acceleration is not None:
        low, high = card.acceleration
        yield "acceleration", f"{low:g} to {high:g}-fold"
    if card.sampling is not None:
        yield "sampling", ", ".join(card.sampling)
    if card.coils is not None:
        fewest, most = card.coils
        yield "coils", f"{fewest} to {most}"


def _source(source: Mapping[str, Any]) -> str:
    """One source of training data: its name, licence, citation, and how many people it holds."""
    named = [str(source[key]) for key in ("name", "licence", "citation") if source.get(key)]
    people = source.get("subjects")
    named += [f"{len(people)} people"] if isinstance(people, list) else []
    return "; ".join(named or [str(source.get("folder", "a source without a name"))])


def _results(card: ModelCard) -> list[str]:
    from mrienhance.evaluation.table import as_text

    lines: list[str] = []
    for table in (table for table in card.results if table.rows):
        people = f" ({', '.join(table.subjects)})" if table.subjects else ""
        lines += ["", *textwrap.wrap(f"measured on {table.data}{people}, not trained on:", _WIDTH)]
        rows = [asdict(row) for row in table.rows]
        # A column that no row fills says nothing.
        filled = [name for name in rows[0] if any(row[name] is not None for row in rows)]
        lines += as_text([{name: row[name] for name in filled} for row in rows]).splitlines()
    return lines


def _paragraph(name: str, text: str) -> list[str]:
    """Text beside its name, further lines below it."""
    rest = " " * _INDENT
    return textwrap.wrap(text, _WIDTH, initial_indent=name.ljust(_INDENT), subsequent_indent=rest) or [name]
