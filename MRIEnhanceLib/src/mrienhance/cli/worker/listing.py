"""The requests that ask what there is: models and devices."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mrienhance.cli.cards import card_text, classical_text
from mrienhance.cli.worker.desk import Desk
from mrienhance.cli.worker.fields import Fields, flag, one_of, positive, text, tuple_of, whole
from mrienhance.errors import ModelError
from mrienhance.tasks.classical import CLASSICAL, Classical
from mrienhance.tasks.super_resolution_choice import Wish, best

if TYPE_CHECKING:
    from mrienhance.models import Entry

TASKS = ("super-resolve", "synthesize", "reconstruct")
# What the first request for work would load: by then it is there.
_WORK = (
    "mrienhance.tasks.super_resolve",
    "mrienhance.tasks.synthesize",
    "mrienhance.tasks.reconstruct",
    "mrienhance.models.checkpoint",
    "mrienhance.images.raw",
)


def models(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Every model here; a broken file says what is wrong with it, whatever the task."""
    from mrienhance.models import user_folder
    from mrienhance.models.catalogue import catalogue

    task = fields.optional("task", one_of(*TASKS))
    wish = None if (purpose := fields.optional_part("for")) is None else _wish(purpose)
    fields.finish()
    entries = [entry for entry in catalogue() if task is None or entry.card is None or entry.card.task == task]
    listed: dict[str, Any] = {"models": [_model(entry) for entry in entries], "folder": str(user_folder())}
    if task in (None, "reconstruct"):
        listed["classical"] = [_classical(method) for method in CLASSICAL.values()]
    if wish is not None:
        listed["default"] = _default(entries, wish)
    return listed


def devices(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Where and in which arithmetic a network can run here."""
    fields.finish()
    desk.load_libraries()
    for name in _WORK:
        desk.cancel.check()
        importlib.import_module(name)
    from mrienhance.inference.devices import PRECISIONS, available_devices, device_title

    found = available_devices()
    listed = [{"name": "auto", "title": f"Automatic ({device_title(found[0])})"}]
    for device in found:
        number = f" ({device})" if device.type == "cuda" else ""
        listed.append({"name": str(device), "title": f"{device_title(device)}{number}"})
    return {"devices": listed, "precisions": ["auto", *PRECISIONS]}


def _wish(purpose: Fields) -> Wish:
    """What is to be super-resolved, as far as somebody says."""
    wish = Wish(
        scale=purpose.optional("scale", whole(1)),
        reference=purpose.optional("reference", flag, False),
        spacing=purpose.optional("spacing", tuple_of(positive, 3)),
        contrast=purpose.optional("contrast", text),
        reference_contrast=purpose.optional("reference_contrast", text),
    )
    purpose.finish()
    return wish


def _default(entries: Sequence[Entry], wish: Wish) -> str | None:
    """The model that ``super-resolve`` would take; None if none fits."""
    try:
        return best(entries, wish).name
    except ModelError:
        return None


def _classical(method: Classical) -> dict[str, Any]:
    """A reconstruction that needs no model file."""
    return {
        "name": method.name,
        "title": method.title,
        "parameters": dict(method.parameters),
        "text": classical_text(method),
    }


def _model(entry: Entry) -> dict[str, Any]:
    card = entry.card
    scale = "" if card is None or card.scale is None else f" (x{card.scale} {card.axes})"
    return {
        "name": entry.name,
        "title": f"{entry.name}{scale}",
        "path": str(entry.path),
        "source": entry.source,
        "error": entry.error,
        "card": None if card is None else card.to_dict(),
        "text": entry.error if card is None else card_text(card),
    }
