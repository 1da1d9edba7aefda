"""What is wrong with the files and models of cases, found before any of them is run."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrienhance.batch.case import Case
from mrienhance.batch.hashes import files_of
from mrienhance.cli.batch.tasks import choice_of, chosen, tasks
from mrienhance.errors import MRIEnhanceError

Problem = tuple[str, str]
"""A message and a hint."""


@dataclass
class Checks:
    """Looks at one case after the other, and knows those before.

    Parameters
    ----------
    cases
        All of them.
    manifest
        The file that they are from, which no output may replace.
    is_ours
        Whether the outputs of a case that are there were made by a batch, so that they may be replaced.
    force
        Whether any output that is there may be replaced, except for an input.
    """

    cases: Sequence[Case]
    manifest: Path
    is_ours: Callable[[Case], bool]
    force: bool
    _names: dict[str, int] = field(default_factory=dict)
    _outputs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        paths = [self.manifest, *(path for case in self.cases for path in case.inputs)]
        paths += [file for path in paths if not path.is_dir() for file in files_of(path)]
        self._sources = {_same(path) for path in paths}
        self._folders = {_same(path) for path in paths if path.is_dir()}
        self._files = {_identity(path) for path in paths if path.exists()}

    def problems(self, case: Case) -> list[Problem]:
        """What is wrong with a case."""
        found = [(f"no such file: {path}", "check the path") for path in case.inputs if not files_of(path)]
        if case.name != case.output:
            found += _twice(self._names, case.name, case.line, f"the id {case.name} is", "give each case its own")
        for path in case.outputs:
            found += self._of_output(case, path)
            hint = "give each output its own name"
            found += _twice(self._outputs, _same(path), case.line, f"the output {path} is", hint)
        doubled = [path for number, path in enumerate(case.outputs) if path in case.outputs[:number]]
        found += [(f"{path} is asked for twice", "give each output its own name") for path in doubled]
        found += _of_model(choice_of(case.task, case.args))
        there = [path for path in case.outputs if path.exists()]
        # First it is seen that they are there, then whether a batch has made them, since one may be at work right now.
        if there and not found and not self.force and not self.is_ours(case):
            found.append((f"{there[0]} exists already", "choose another name, or replace it with --force"))
        return found

    def _of_output(self, case: Case, path: Path) -> list[Problem]:
        from mrienhance.images import IMAGE_SUFFIXES

        place = Path(_same(path))
        if str(place) in self._sources or (path.is_file() and _identity(path) in self._files):
            return [(f"the output {path} is an input", "choose another name for the output")]
        if any(str(parent) in self._folders for parent in place.parents):
            return [(f"the output {path} lies in a folder that is read", "choose another folder")]
        if path.is_dir():
            return [(f"the output {path} is a folder", "add the name of a file")]
        images = tasks()[case.task].files(case.args).images
        if path in images and not path.name.lower().endswith(IMAGE_SUFFIXES):
            return [(f"the output {path} names no format", f"end it with one of {' '.join(IMAGE_SUFFIXES)}")]
        if not _is_writable(path.parent):
            return [(f"the folder of {path} cannot be written to", "choose one that you may write to")]
        return []


def _same(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _identity(path: Path) -> tuple[int, int]:
    """Equal for two names of one file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _twice(seen: dict[str, int], what: str, line: int, text: str, hint: str) -> list[Problem]:
    first = seen.setdefault(what, line)
    return [] if first == line else [(f"{text} that of line {first}, too", hint)]


def _is_writable(folder: Path) -> bool:
    """Whether a folder can be written to, or made."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists() or parent == parent.parent)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@functools.lru_cache(maxsize=1024)
def _of_model(choice: tuple[Any, ...]) -> tuple[Problem, ...]:
    try:
        chosen(choice)
    except MRIEnhanceError as error:
        return ((error.message, error.hint),)
    return ()
