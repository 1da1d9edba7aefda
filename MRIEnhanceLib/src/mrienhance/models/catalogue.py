"""Which models there are: those that are shipped, and those in the user's folder."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrienhance.errors import ModelError
from mrienhance.models.card import ModelCard
from mrienhance.models.header import read_header

SHIPPED = Path(__file__).parent / "weights"
SUMS = "SHA256SUMS"
SUFFIX = ".safetensors"
_HINT_LIST = "`mrienhance models` lists those there are"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model file that was found.

    Attributes
    ----------
    name
        The card's name; the file's if the card cannot be read.
    path
        Where it lies.
    source
        ``"shipped"``, ``"user"`` (the user's folder) or ``"path"`` (named by its path).
    card
        Its card; None if that cannot be read.
    error
        Why the model cannot be used; empty if it can.
    """

    name: str
    path: Path
    source: str
    card: ModelCard | None = None
    error: str = ""


def catalogue() -> list[Entry]:
    """Every model here, the shipped ones first; broken files say what is wrong with them.

    Examples
    --------
    >>> from mrienhance.models.catalogue import catalogue
    >>> names = [entry.name for entry in catalogue() if not entry.error]
    """
    entries: list[Entry] = []
    taken: set[str] = set()
    for folder, source in ((SHIPPED, "shipped"), (user_folder(), "user")):
        for path in _model_files(folder):
            entry = _entry(path, source)
            if not entry.error and entry.name in taken:
                # A file that somebody drops into the user's folder must not take the place of another model.
                error = f"another model has the name {entry.name}; use this one by its path"
                entry = Entry(name=entry.name, path=path, source=source, card=entry.card, error=error)
            entries.append(entry)
            if not entry.error:
                taken.add(entry.name)
    return entries


def find_model(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    task: str | None = None,
    scale: int | None = None,
    sources: Collection[str] = (),
    targets: Collection[str] = (),
) -> Entry:
    """Find a model by its name or path, or the first one for a task.

    Parameters
    ----------
    name_or_path
        Name from the catalogue, or path of a file (recognised by its ending or a slash); None for any model.
    task, scale
        What it must do; None for anything.
    sources, targets
        Contrasts that it must take, and give. If there are targets, the first of those models is meant that take most
        contrasts: further scans of the person can be of use to it, and what the image is may have yet to be found out.

    Raises
    ------
    ModelError
        If there is none, or it does something else.
    """
    if name_or_path is None:
        return _first(task, scale, sources, targets)
    entry = _from_path(Path(name_or_path)) if _is_path(name_or_path) else _from_name(str(name_or_path))
    if entry.error or entry.card is None:
        raise ModelError(entry.error, hint="get the file again, or choose another model")
    if task not in (None, entry.card.task):
        raise ModelError(f"{entry.name} is a model to {entry.card.task}, not to {task}", hint=_HINT_LIST)
    if scale not in (None, entry.card.scale):
        raise ModelError(f"{entry.name} is made for scale {entry.card.scale}, not {scale}", hint=_HINT_LIST)
    card = entry.card
    for verb, known, wanted in (("takes", card.contrasts_in, sources), ("makes", card.contrasts_out, targets)):
        strange = [name for name in wanted if name not in known]
        if strange:
            raise ModelError(f"{entry.name} {verb} {', '.join(known)}, not {', '.join(strange)}", hint=_HINT_LIST)
    return entry


def user_folder() -> Path:
    """The user's model folder: ``$MRIENHANCE_MODELS``, or where the system keeps a user's data. It may not exist."""
    if chosen := os.environ.get("MRIENHANCE_MODELS"):
        return Path(chosen).expanduser()
    home = Path("~").expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "mrienhance" / "models"


def shipped_hash(path: Path) -> str | None:
    """The SHA-256 that a shipped file must have; None for a file that is not in the shipped folder.

    Raises
    ------
    ModelError
        If the file lies in the shipped folder but its list does not know it.
    """
    if path.resolve().parent != SHIPPED.resolve():
        return None
    try:
        lines = (SHIPPED / SUMS).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match and match[2] == path.name:
            return match[1]
    raise ModelError(f"{path.name} is not on the list of shipped models", hint="install MRIEnhance again")


def _model_files(folder: Path) -> list[Path]:
    """Model files of a folder in the order of their names; none if it is not there. Hidden ones are half-written."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except OSError:
        return []


def _entry(path: Path, source: str) -> Entry:
    try:
        card = read_header(path).card
    except ModelError as error:
        return Entry(name=path.stem, path=path, source=source, error=error.message)
    return Entry(name=card.name, path=path, source=source, card=card)


def _is_path(name: str | os.PathLike[str]) -> bool:
    text = os.fspath(name)
    return not isinstance(name, str) or text.endswith(SUFFIX) or any(mark in text for mark in {"/", os.sep})


def _from_path(path: Path) -> Entry:
    path = path.expanduser()
    card = read_header(path).card
    return Entry(name=card.name, path=path, source="path", card=card)


def _from_name(name: str) -> Entry:
    entries = catalogue()
    named = [entry for entry in entries if entry.name == name]
    if named:
        return min(named, key=lambda entry: bool(entry.error))
    near = difflib.get_close_matches(name, [entry.name for entry in entries], n=1)
    hint = f"did you mean {near[0]}?" if near else f"models here: {_names(entries)}; or give the path of a file"
    raise ModelError(f"there is no model called {name!r}", hint=hint)


def _first(task: str | None, scale: int | None, sources: Collection[str], targets: Collection[str]) -> Entry:
    entries = [entry for entry in catalogue() if not entry.error]
    able: list[tuple[int, Entry]] = []
    for entry in entries:
        card = entry.card
        if card is None or task not in (None, card.task) or scale not in (None, card.scale):
            continue
        if set(sources) <= set(card.contrasts_in) and set(targets) <= set(card.contrasts_out):
            able.append((len(card.contrasts_in), entry))
    if able:
        return max(able, key=lambda found: found[0])[1] if targets else able[0][1]
    wanted = ["model", *([f"to {task}"] if task else []), *([f"by {scale}"] if scale else []), *targets]
    wanted += ["from", *sources] if sources else []
    raise ModelError(f"there is no {' '.join(wanted)}", hint=f"models here: {_names(entries)}")


def _names(entries: Sequence[Entry]) -> str:
    return ", ".join(entry.name for entry in entries) or "none"
