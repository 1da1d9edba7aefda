"""The numbers of a training as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from mrienhance.images.files import atomic_path, refusal


class Logbook:
    """Appends lines to ``log.csv``; a resumed training goes on after its last saved step.

    Parameters
    ----------
    path
        The CSV file.
    resumed_at
        Lines of this step or later are dropped: they will be written again. None starts a new log.
    """

    COLUMNS = ("step", "phase", "name", "value")

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self.path = path
        kept: list[list[str]] = []
        if resumed_at is not None and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in list(csv.reader(file))[1:] if len(row) == 4 and int(row[0]) <= resumed_at]
        with atomic_path(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.COLUMNS, *kept])

    def write(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        """Append one line per value.

        Raises
        ------
        OutputError
            If the disk is full or gone.
        """
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([step, phase, name, f"{value:.6g}"] for name, value in values.items())
        except OSError as error:
            raise refusal(self.path, error) from None


def read_log(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The numbers of a log: ``phase/name`` to points (step, value); lines that are not whole are passed over."""
    found: dict[str, list[tuple[int, float]]] = {}
    if not path.is_file():
        return found
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in list(csv.reader(file))[1:]:
            try:
                step, phase, name, value = row
                found.setdefault(f"{phase}/{name}", []).append((int(step), float(value)))
            except ValueError:
                continue
    return found
