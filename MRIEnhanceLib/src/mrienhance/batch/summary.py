"""The summary of a batch: a table of what became of every case."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from mrienhance.batch.board import Outcome
from mrienhance.batch.case import Case
from mrienhance.errors import OutputError
from mrienhance.images.files import atomic_path, check_output

COLUMNS = ("id", "status", "output", "seconds", "model", "warnings", "error")
WAITING, CANCELLED = "waiting", "cancelled"


def check_summary(path: Path, *, force: bool) -> None:
    """Refuse a summary that could not be written, or that would take the place of another file.

    Raises
    ------
    OutputError
        If so. An earlier summary may be replaced.
    """
    ours = False
    if path.is_file():
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            ours = file.readline(200).strip() == ",".join(COLUMNS)
        if not (ours or force):
            message = f"cannot write {path}: it is there, and no summary of a batch"
            raise OutputError(message, hint="name another file with --summary, or replace it with --force")
    check_output(path, overwrite=True)


def write_summary(path: Path, cases: Sequence[Case], outcomes: Mapping[str, Outcome], *, over: bool) -> None:
    """Write the summary as it is now, a line a case in the order of the manifest.

    Parameters
    ----------
    path
        A CSV file, which is replaced as a whole.
    cases, outcomes
        All cases, and what became of those that are settled, by their keys.
    over
        Whether the run is over: then the rest was cancelled, else it waits.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with (
        atomic_path(path, overwrite=True) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for case in cases:
            outcome = outcomes.get(case.key)
            if outcome is None:
                table.writerow((case.name, CANCELLED if over else WAITING, case.output, "", "", "", ""))
            else:
                seconds, warnings = f"{outcome.seconds:.3f}", "; ".join(outcome.warnings)
                about = (case.name, outcome.status, case.output, seconds, outcome.model, warnings, outcome.error)
                table.writerow(about)
