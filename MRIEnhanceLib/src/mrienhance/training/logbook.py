"""The numbers of a training as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from mrienhance.images.files import atomic_path, refusal


class Logbook:
    """Appends lines to ``log.csv``; a resumed training goes on after its last saved step.

    Parameters
    ----------
    path
        The CSV file.
    resumed_at
        Lines of later steps are dropped: they will be written again. None starts a new log.
    """

    COLUMNS = ("step", "phase", "name", "value")

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self.path = path
        kept = [] if resumed_at is None else [line for line in _lines(path) if line[0] <= resumed_at]
        with atomic_path(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(self.COLUMNS)
            self._append(file, kept)

    def write(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        """Append one line per value.

        Raises
        ------
        OutputError
            If the disk is full or gone.
        """
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                self._append(file, ((step, phase, name, value) for name, value in values.items()))
        except OSError as error:
            raise refusal(self.path, error) from None

    @staticmethod
    def _append(file: TextIO, lines: Iterable[tuple[int, str, str, float]]) -> None:
        csv.writer(file).writerows((*line, f"{value:.6g}") for *line, value in lines)


def read_log(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The numbers of a log: ``phase/name`` to points (step, value); lines that are not whole are passed over."""
    found: dict[str, list[tuple[int, float]]] = {}
    for step, phase, name, value in _lines(path):
        found.setdefault(f"{phase}/{name}", []).append((step, value))
    return found


def _lines(path: Path) -> Iterator[tuple[int, str, str, float]]:
    """The lines that are whole: a power cut may leave others."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.reader(line.replace("\0", "") for line in file):
            with suppress(ValueError):
                step, phase, name, value = row
                yield int(step), phase, name, float(value)
