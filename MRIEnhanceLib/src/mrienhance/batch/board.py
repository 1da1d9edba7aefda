"""What became of the cases in one run, told by every process to all others.

Each process appends lines to a file of its own, so nothing is ever written by two; all read what was added to the files
of the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mrienhance.images.files import refusal

STATUSES = ("done", "skipped", "failed")
KEPT_SECONDS = 7 * 86400
_SUFFIX = ".jsonl"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a case.

    Parameters
    ----------
    key
        Of the case.
    status
        One of `STATUSES`.
    seconds
        That it took in this run.
    model
        Name of the model that did it; empty if that is not known.
    warnings
        What one should know before trusting the result.
    error
        Why it failed; else empty.
    process
        Who did it.
    """

    key: str
    status: str
    seconds: float = 0.0
    model: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""
    process: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Outcome:
        """An outcome that was written down.

        Raises
        ------
        KeyError, TypeError, ValueError
            If that cannot be understood.
        """
        if values["status"] not in STATUSES:
            raise ValueError(values["status"])
        texts = {name: str(values[name]) for name in ("key", "status", "model", "error", "process")}
        warnings = tuple(str(warning) for warning in values["warnings"])
        return cls(seconds=float(values["seconds"]), warnings=warnings, **texts)


class Board:
    """The outcomes of a run.

    Parameters
    ----------
    folder
        Of the run; made here.
    process
        Name of this process, and of its file.

    Attributes
    ----------
    outcomes
        By the keys of the cases, as far as they were known at the last `refresh`.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """

    def __init__(self, folder: Path, process: str) -> None:
        self.folder, self.outcomes = folder, dict[str, Outcome]()
        self._own = folder / f"{process}{_SUFFIX}"
        self._read: dict[str, int] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(folder, error) from error

    def tell(self, outcome: Outcome) -> None:
        """Tell all what became of a case.

        Raises
        ------
        OutputError
            If that cannot be written.
        """
        try:
            with open(self._own, "ab") as file:
                file.write(json.dumps(asdict(outcome)).encode("utf-8") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise refusal(self._own, error) from error
        self._take(outcome)

    def refresh(self) -> None:
        """See what others have told meanwhile."""
        for name in sorted(name for name in os.listdir(self.folder) if name.endswith(_SUFFIX)):
            with contextlib.suppress(OSError), open(self.folder / name, "rb") as file:
                file.seek(self._read.get(name, 0))
                # A line without its end is still being written, or its writer died; it will write no other.
                whole = file.read().rpartition(b"\n")
                self._read[name] = self._read.get(name, 0) + len(whole[0]) + len(whole[1])
                for line in whole[0].splitlines():
                    with contextlib.suppress(KeyError, TypeError, ValueError):
                        self._take(Outcome.parse(json.loads(line)))

    def count(self, status: str) -> int:
        """How many cases have this status."""
        return sum(outcome.status == status for outcome in self.outcomes.values())

    def _take(self, outcome: Outcome) -> None:
        """The first word counts, but that a case is done counts more: it may have been found so by a second process."""
        known = self.outcomes.get(outcome.key)
        if known is None or (known.status != "done" and outcome.status == "done"):
            self.outcomes[outcome.key] = outcome


def forget_old_runs(folder: Path, *, now: float | None = None) -> None:
    """Delete what was told in runs that nobody has told anything in for a week.

    Parameters
    ----------
    folder
        Holds a folder a run.
    now
        Seconds since 1970.
    """
    limit = (time.time() if now is None else now) - KEPT_SECONDS
    for run in list(folder.iterdir()):
        with contextlib.suppress(OSError):
            if max(file.stat().st_mtime for file in (run, *run.iterdir())) < limit:
                shutil.rmtree(run, ignore_errors=True)
