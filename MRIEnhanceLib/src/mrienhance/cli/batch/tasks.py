"""The tasks of a batch: the commands of the same names, by their own options."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.batch.case import Case
from mrienhance.batch.hashes import file_hash, text_hash
from mrienhance.batch.work import Facts
from mrienhance.cli import reconstruct, super_resolve, synthesize
from mrienhance.cli.outputs import Files, Made
from mrienhance.cli.parser import Parser
from mrienhance.errors import DependencyError

if TYPE_CHECKING:
    from mrienhance.inference import Cancel
    from mrienhance.models import Entry
    from mrienhance.tasks.classical import Classical

EXIT_AGAIN = 75
"""A child's exit code that asks for a fresh process (EX_TEMPFAIL of sysexits.h)."""

_NOT_FOR_ROWS = {"help", "debug", "force", "device", "progress"}
_WRITTEN = {"output", "report", "uncertainty", "attention", "zero-filled", "full"}
_Choice = tuple[Any, ...]


@dataclass(frozen=True)
class Task:
    """A command that can be a row of a manifest.

    Parameters
    ----------
    name
        Of the task.
    parser
        Of the command.
    files, make
        The command's own: what it reads and writes; and the work.
    """

    name: str
    parser: Parser
    files: Callable[[argparse.Namespace], Files]
    make: Callable[..., Made]

    @functools.cached_property
    def options(self) -> dict[str, argparse.Action]:
        """What a row may ask for, by the names of columns."""
        named = {
            string.removeprefix("--"): action
            for action in self.parser._actions
            for string in action.option_strings
            if string.startswith("--")
        }
        return {name: action for name, action in named.items() if name not in _NOT_FOR_ROWS}

    def is_written(self, option: str) -> bool:
        """Whether an option names a file that is written."""
        return option in _WRITTEN

    def is_read(self, option: str) -> bool:
        """Whether an option names a file that is read."""
        return self.options[option].type is Path and option not in _WRITTEN


@functools.cache
def tasks() -> Mapping[str, Task]:
    """All tasks by their names."""
    commands = Parser(prog="mrienhance").add_subparsers()
    for module in (super_resolve, synthesize, reconstruct):
        module.add(commands)
    modules = {"super-resolve": super_resolve, "synthesize": synthesize, "reconstruct": reconstruct}
    return {name: Task(name, commands.choices[name], module.files, module.make) for name, module in modules.items()}


def choice_of(task: str, args: argparse.Namespace) -> _Choice:
    """What the choice of a model depends on, apart from the image: rows that agree in it need one look."""
    if task == "synthesize":
        return task, args.model, args.source, tuple(args.to), tuple(name for name, _ in args.others)
    return task, args.model, getattr(args, "scale", None)


@functools.lru_cache(maxsize=1024)
def chosen(choice: _Choice) -> Entry | Classical | None:
    """The model for a `choice_of` a task; None where that depends on the image.

    Raises
    ------
    ModelError
        If there is none.
    """
    task, model, *rest = choice
    if task == "synthesize":
        from mrienhance.tasks.synthesis_model import find_for as find_synthesizer

        source, to, others = rest
        return find_synthesizer(model, source=source, to=to, others=others)
    if task == "reconstruct":
        from mrienhance.tasks.reconstruct import find_for as find_reconstructor

        return find_reconstructor(model)
    from mrienhance.models.catalogue import find_model

    return None if model is None else find_model(model, task=task, scale=rest[0])


class TaskRunner:
    """Does cases in this process, and keeps models from one to the next.

    Parameters
    ----------
    device
        Where.

    Raises
    ------
    DependencyError
        If the device cannot be used.
    """

    def __init__(self, device: str) -> None:
        from mrienhance.cli.worker.desk import WarmModels
        from mrienhance.inference import choose_device

        choose_device(device)
        self._device, self._models = device, WarmModels()

    def model(self, case: Case) -> str:
        """What will do the work: the hash of a model's file, or of all that may be chosen from; or a classical name."""
        from mrienhance.models import Entry

        found = chosen(choice_of(case.task, case.args))
        if isinstance(found, Entry):
            return _hash_of(found.path)
        return _hash_of_all(case.task) if found is None else found.name

    def run(self, case: Case, cancel: Cancel) -> Facts:
        """Do a case."""
        args = argparse.Namespace(**vars(case.args) | {"device": self._device, "force": True})
        made = tasks()[case.task].make(args, cancel=cancel, load=lambda entry: self._models.get(entry, _nobody)[0])
        return Facts(made.report.model.name, made.report.warnings)

    def recover(self) -> None:
        """Forget the models, and see whether the device still works; if not, ask for a fresh process."""
        from mrienhance.inference import choose_device

        self._models.clear()
        try:
            choose_device(self._device)
        except DependencyError:
            # After some errors of a kernel nothing works on a GPU in this process any more, an orderly end included.
            os._exit(EXIT_AGAIN)


def _nobody(text: str) -> None:
    """Is not told that a model is loaded."""


def _hash_of(path: Path) -> str:
    status = path.stat()
    return _hash_of_state(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _hash_of_state(path: Path, size: int, changed: int) -> str:
    return file_hash(path)


@functools.cache
def _hash_of_all(task: str) -> str:
    """Hash of all models for a task, where the image decides which one it will be."""
    from mrienhance.models.catalogue import catalogue

    entries = [entry for entry in catalogue() if entry.card is not None and not entry.error and entry.card.task == task]
    return "any of " + text_hash(f"{entry.name} {_hash_of(entry.path)}" for entry in entries)
