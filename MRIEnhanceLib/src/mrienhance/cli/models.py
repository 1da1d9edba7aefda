"""``mrienhance models``: which models there are, and what one of them is good for."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mrienhance.cli.cards import card_text, classical_text
from mrienhance.cli.console import complain, say
from mrienhance.cli.parser import add_command
from mrienhance.errors import ModelError
from mrienhance.tasks.classical import CLASSICAL, Classical

if TYPE_CHECKING:
    from mrienhance.evaluation.table import Value
    from mrienhance.models import Entry


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "models",
        summary="list the models, or show one model's card",
        example="mrienhance models iconet-x2",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a model's name, or a .safetensors file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.name is not None:
        _show(args.name, as_json=args.json)
    else:
        _list(as_json=args.json)


def _show(name: str, *, as_json: bool) -> None:
    if name in CLASSICAL:
        say(json.dumps(_plain_classical(CLASSICAL[name]), indent=2) if as_json else classical_text(CLASSICAL[name]))
        return
    from mrienhance.models import find_model

    card = find_model(name).card
    if card is None:  # find_model refuses what has no card
        raise ModelError(f"{name} has no card", hint="get the file again")
    say(card.to_json().rstrip() if as_json else card_text(card))


def _list(*, as_json: bool) -> None:
    from mrienhance.evaluation.table import as_text
    from mrienhance.models import user_folder
    from mrienhance.models.catalogue import catalogue

    entries = catalogue()
    if as_json:
        listed = [_plain(entry) for entry in entries] + [_plain_classical(method) for method in CLASSICAL.values()]
        say(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    rows = [_row(entry) for entry in entries if not entry.error]
    say(as_text([*rows, *(_row_classical(method) for method in CLASSICAL.values())]))
    say()
    say(f"Models of your own belong into {user_folder()}")
    for entry in entries:
        if entry.error:
            complain("warning", f"{entry.path}: {entry.error}")


def _row(entry: Entry) -> dict[str, Value]:
    card = entry.card
    if card is None:
        return {"name": entry.name}
    scale = "-" if card.scale is None else f"x{card.scale} {card.axes}"
    contrasts = " to ".join(dict.fromkeys([", ".join(card.contrasts_in), ", ".join(card.contrasts_out)]))
    return {"name": entry.name, "task": card.task, "scale": scale, "contrasts": contrasts, "source": entry.source}


def _row_classical(method: Classical) -> dict[str, Value]:
    """A reconstruction that needs no model file."""
    return {"name": method.name, "task": "reconstruct", "scale": "-", "contrasts": "any", "source": "no model"}


def _plain_classical(method: Classical) -> dict[str, Any]:
    return {"name": method.name, "path": None, "source": "no model", "error": "", "card": None}


def _plain(entry: Entry) -> dict[str, Any]:
    card = None if entry.card is None else entry.card.to_dict()
    return {"name": entry.name, "path": str(entry.path), "source": entry.source, "error": entry.error, "card": card}
