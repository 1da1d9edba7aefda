"""A case of a batch: what is to be made of what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrienhance._version import __version__
from mrienhance.batch.hashes import input_hash, text_hash

_FORMAT = 2
"""Part of every digest: raised when what a digest covers changes."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of a manifest, understood.

    Parameters
    ----------
    name
        What people call it; of all cases different.
    line
        Of the manifest.
    task
        What is done with it.
    inputs, outputs
        Absolute paths of what is read and of all that is written; the first output is the result.
    root
        Folder that outputs are named from, so that it can be moved with all that is known of them.
    options
        What the row asks for besides, by column; empty where that is a file.
    model
        The model that the row names; empty if it is left to the task.
    args
        What the task takes.
    """

    name: str
    line: int
    task: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    root: Path
    options: Mapping[str, str]
    model: str
    args: Any

    @property
    def output(self) -> str:
        """The result's path, as `shown`."""
        return shown(self.outputs[0], self.root)

    @property
    def key(self) -> str:
        """By which the ledger knows the case: two manifests that name one output mean the same one."""
        return text_hash([self.output])[:32]

    @property
    def group(self) -> tuple[str, str, int, str]:
        """Cases that are equal in this use one model, as far as that can be told without their images."""
        return self.task, self.model, len(self.inputs), json.dumps(dict(self.options), sort_keys=True)

    def digest(self, model: str) -> str:
        """Hash of everything that the outputs depend on.

        Parameters
        ----------
        model
            What the model is, such as the SHA-256 of its file.

        Returns
        -------
        str
            64 hexadecimal digits. Paths of inputs do not matter, their contents do.

        Raises
        ------
        ImageError, OSError
            If an input is gone or cannot be read.
        """
        about = {
            "format": _FORMAT,
            "version": __version__,
            "task": self.task,
            "model": model,
            "options": dict(self.options),
            "inputs": [input_hash(path) for path in self.inputs],
            "outputs": [shown(path, self.root) for path in self.outputs],
        }
        return text_hash([json.dumps(about, sort_keys=True)])


def shown(path: Path, root: Path) -> str:
    """A path as it is written down: from `root` if it lies below it, else as it is; with slashes on every system."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def arrange(cases: Sequence[Case], *, rank: int, world: int) -> list[Case]:
    """The order in which one of several processes looks at the cases.

    Cases of one model follow one another, so that models are loaded rarely; every process begins at another place, so
    that they meet late.

    Examples
    --------
    >>> arrange([], rank=0, world=2)
    []
    """
    ordered = sorted(cases, key=lambda case: case.group)
    start = rank * len(ordered) // max(world, 1)
    return ordered[start:] + ordered[:start]


def absolute(path: str | os.PathLike[str], folder: Path) -> Path:
    """A path, from `folder` if it is relative; nothing is looked up, and links stay links."""
    return Path(os.path.normpath(folder / Path(path).expanduser()))
