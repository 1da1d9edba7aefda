"""A row of a manifest: its cells become what one would type behind the command of its task."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mrienhance.batch.case import absolute
from mrienhance.cli.batch.tasks import Task
from mrienhance.errors import UsageError

_YES, _NO = ("yes", "true", "1", "x"), ("no", "false", "0")
_NAMED = re.compile(r"([A-Za-z0-9]+)=(.+)")


@dataclass(frozen=True)
class Arguments:
    """Turns the cells of a row into what one would type."""

    task: Task
    base: Path
    root: Path

    def of(self, cells: Mapping[str, str]) -> list[str]:
        """The arguments of the command."""
        cells = dict(cells)
        inputs = self._inputs(cells)
        words: list[str] = []
        for option, text in cells.items():
            action = self.task.options[option]
            if action.nargs == 0:
                words += self._flag(option, text)
            elif option == "with":
                inputs += self._scans(_list(text))
            elif action.nargs == "+":
                words += [f"--{option}", *_list(text.replace(" ", ";"))]
            elif self.task.is_written(option):
                words.append(f"--{option}={absolute(text, self.root)}")
            elif self.task.is_read(option) or (option == "model" and _is_path(text)):
                words.append(f"--{option}={absolute(text, self.base)}")
            else:
                words.append(f"--{option}={text}")
        others = [f"{contrast}={path}" for contrast, path in inputs[1:]]
        return [str(inputs[0][1]), *words, *(["--with", *others] if others else [])]

    def _inputs(self, cells: dict[str, str]) -> list[tuple[str, Path]]:
        """The scans with their contrasts, as far as they are named; that of the first one becomes an option."""
        parts = _list(cells.pop("input"))
        if self.task.name != "synthesize":
            if len(parts) != 1:
                raise UsageError(
                    f"{self.task.name} takes one input, not {len(parts)}", hint="give each a row of its own"
                )
            return [("", absolute(parts[0], self.base))]
        named = [_NAMED.fullmatch(part) for part in parts]
        contrasts = _list(cells.pop("from", "")) or [found[1] if found else "" for found in named]
        contrasts += [found[1] if found else "" for found in named[len(contrasts) :]]
        if len(contrasts) > len(parts):
            raise UsageError(f"{len(contrasts)} contrasts of {len(parts)} inputs", hint="name one for each input")
        paths = [absolute(found[2] if found else part, self.base) for found, part in zip(named, parts, strict=True)]
        if "" in contrasts[1:]:
            raise UsageError(
                "the contrast of a further input is missing", hint="name it: T1w=t1.nii.gz;FLAIR=flair.nii.gz"
            )
        if contrasts[0]:
            cells["from"] = contrasts[0]
        return list(zip(contrasts, paths, strict=True))

    def _scans(self, texts: Iterable[str]) -> list[tuple[str, Path]]:
        scans: list[tuple[str, Path]] = []
        for text in texts:
            found = _NAMED.fullmatch(text)
            if found is None:
                raise UsageError(f"{text!r} is no further scan", hint="such as FLAIR=flair.nii.gz")
            scans.append((found[1], absolute(found[2], self.base)))
        return scans

    def _flag(self, option: str, text: str) -> list[str]:
        if text.lower() not in _YES + _NO:
            raise UsageError(f"{option} is yes or no, not {text!r}", hint="an empty cell is no, too")
        return [f"--{option}"] if text.lower() in _YES else []


def _list(text: str) -> list[str]:
    return [part for part in (piece.strip() for piece in text.split(";")) if part]


def _is_path(model: str) -> bool:
    """Whether a model is named by its file, as the catalogue understands it."""
    return model.endswith(".safetensors") or "/" in model or os.sep in model


def plain_options(task: Task, args: argparse.Namespace, cells: Mapping[str, str]) -> dict[str, str]:
    """What a row asks for besides the model, files without their paths: with their contents it says what comes out."""
    plain = {
        option: "" if task.is_written(option) or task.is_read(option) else text
        for option, text in cells.items()
        if option not in ("input", "model", "with", "from")
    }
    if task.name == "synthesize":
        plain["from"] = ";".join([args.source or "", *(contrast for contrast, _ in args.others)])
    return plain
