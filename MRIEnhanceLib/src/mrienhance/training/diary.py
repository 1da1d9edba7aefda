"""The diary of a run, ``run.json``: whose images it reads, and when it began, went on and ended."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from mrienhance._version import __version__
from mrienhance.images.files import atomic_path
from mrienhance.training.recipe import Recipe
from mrienhance.training.source import Source

FILE = "run.json"
FORMAT = "mrienhance-run"
Ending: TypeAlias = Literal["", "done", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One part of a run, from a start to a stop.

    Attributes
    ----------
    began, last
        When it began, and when it last wrote; ISO 8601, UTC.
    first_step, step
        The step that it began with, and how far it has come.
    ending
        ``""`` while it runs, or when it was killed.
    device, software
        What it ran on, and with which versions.
    """

    began: str
    last: str
    first_step: int
    step: int
    ending: Ending = ""
    device: str = ""
    software: str = ""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A data folder: the people of each part, and what the recipe says of its origin."""

    folder: str
    images: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]
    name: str = ""
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, kw_only=True)
class Diary:
    """What `FILE` holds."""

    data: tuple[Folder, ...] = ()
    sessions: tuple[Session, ...] = ()

    def begun(self, step: int, *, device: str) -> Diary:
        """The diary when a session begins."""
        now = _now()
        software = f"mrienhance {__version__}, torch {torch.__version__}, Python {platform.python_version()}"
        session = Session(began=now, last=now, first_step=step, step=step, device=device, software=software)
        return replace(self, sessions=(*self.sessions, session))

    def at(self, step: int, ending: Ending = "") -> Diary:
        """The diary when the session that runs has come so far."""
        session = replace(self.sessions[-1], step=step, last=_now(), ending=ending)
        return replace(self, sessions=(*self.sessions[:-1], session))

    def write(self, run: Path) -> None:
        """Write it into a run folder.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with atomic_path(run / FILE, overwrite=True) as temporary:
            temporary.write_text(json.dumps({"format": FORMAT, "version": 1, **asdict(self)}, indent=1) + "\n", "utf-8")


def read_diary(run: Path) -> Diary:
    """The diary of a run; an empty one where there is none, or none that can be read."""
    try:
        values = json.loads((run / FILE).read_text("utf-8"))
        folders = tuple(Folder(**_typed(Folder, entry)) for entry in values["data"])
        return Diary(data=folders, sessions=tuple(Session(**_typed(Session, entry)) for entry in values["sessions"]))
    except (OSError, KeyError, TypeError, ValueError):
        return Diary()


def data_of(recipe: Recipe, found: Sequence[Source]) -> tuple[Folder, ...]:
    """The people of each part in each data folder.

    Parameters
    ----------
    recipe
        Says who is judged by, who is held out, and what is known of the folders' origin.
    found
        All images that there are, read or not.
    """
    told = {entry.get("folder"): entry for entry in recipe.card.get("data", ())}
    folders = []
    for root in dict.fromkeys(source.root for source in found):
        members = [source for source in found if source.root == root]
        parts = _parts(recipe, sorted({source.subject for source in members}))
        said = {name: str(told.get(root, {}).get(name, "")) for name in ("name", "licence", "citation")}
        entry: dict[str, Any] = {"folder": root, "images": len(members), **parts, **said}
        folders.append(Folder(**entry))
    return tuple(folders)


def _parts(recipe: Recipe, subjects: Sequence[str]) -> dict[str, tuple[str, ...]]:
    parts: dict[str, list[str]] = {"train": [], "validation": [], "held_out": []}
    for subject in subjects:
        held = subject in recipe.data.held_out
        parts["held_out" if held else "validation" if subject in recipe.data.validation else "train"].append(subject)
    return {name: tuple(members) for name, members in parts.items()}


def _typed(kind: type, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they must be: texts, whole numbers, tuples of texts."""
    kinds = {item.name: str(item.type) for item in fields(kind)}
    made: dict[str, Any] = {}
    for name, value in dict(entry).items():
        known = kinds.get(name, "")
        made[name] = int(value) if known == "int" else tuple(map(str, value)) if "tuple" in known else str(value)
    return made


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
