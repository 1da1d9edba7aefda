"""The states of a run: the last two are kept, and a broken one is passed over."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mrienhance.errors import OutputError
from mrienhance.training.state import BrokenState, State, read_state, write_state

FOLDER = "states"
_KEPT = 2
_NAME = re.compile(r"step-(\d{7,})\.safetensors")
_OLD = "state.safetensors"
"""Where the only state of a run was in earlier releases."""


def saved_states(run: Path) -> list[Path]:
    """The states of a run, the latest first."""
    folder, old = run / FOLDER, run / _OLD
    numbered = {path: match for path in _files(folder) if (match := _NAME.fullmatch(path.name))}
    found = sorted(numbered, key=lambda path: int(numbered[path][1]), reverse=True)
    return [*found, *([old] if old.is_file() else [])]


def save_state(run: Path, step: int, state: State) -> None:
    """Write a state, then remove all but this one and the one before; a later one was broken and passed over.

    Raises
    ------
    OutputError
        If it cannot be written; the earlier ones stay.
    """
    folder = run / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}", hint="choose a folder that you may write to"
        ) from None
    path = folder / f"step-{step:07d}.safetensors"
    write_state(path, state)
    found = saved_states(run)
    place = found.index(path)
    for other in found[:place] + found[place + _KEPT :]:
        other.unlink(missing_ok=True)


def newest_state(run: Path, warn: Callable[[str], None]) -> State:
    """Read the latest state that is whole; each one that is not is told to `warn` in one line.

    Raises
    ------
    OutputError
        If there is no state.
    UsageError
        If none is whole.
    """
    paths = saved_states(run)
    if not paths:
        raise OutputError(f"nothing to resume in {run}", hint="leave out --resume, and start in a new folder")
    for path in paths[:-1]:
        try:
            return read_state(path)
        except BrokenState as error:
            warn(f"{error.message}; the one before it is taken")
    return read_state(paths[-1])


def state_of(run: Path, step: int) -> State:
    """Read the state of a step, or the only one of an earlier release.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    path = run / FOLDER / f"step-{step:07d}.safetensors"
    return read_state(path if path.is_file() else run / _OLD)


def sweep(run: Path) -> None:
    """Remove what a training that was killed while it wrote has left."""
    for folder in (run, run / FOLDER, run / "preview"):
        for path in _files(folder):
            if path.name.startswith(".mrienhance-"):
                path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
