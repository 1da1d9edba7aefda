"""What one process of a batch does: take cases that nobody has, until all are settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mrienhance.batch.board import Board, Outcome
from mrienhance.batch.case import Case, shown
from mrienhance.batch.claim import Claim
from mrienhance.batch.hashes import file_hash
from mrienhance.batch.ledger import Ledger, Record
from mrienhance.errors import Cancelled, MRIEnhanceError
from mrienhance.inference.progress import Cancel

MOST_DEATHS = 2
"""A case that so many processes died with is not tried again in this run."""

_LONGEST_PAUSE = 2.0
_CHANGED = "the output had been changed since it was made; it was made again"


@dataclass(frozen=True)
class Facts:
    """What is worth knowing of a case that was done: the model's name, and warnings."""

    model: str
    warnings: tuple[str, ...] = ()


class Runner(Protocol):
    """Knows the tasks."""

    def model(self, case: Case) -> str:
        """What will do the work, such as the SHA-256 of the model's file; it changes when the model does."""

    def run(self, case: Case, cancel: Cancel) -> Facts:
        """Do the work and write the outputs, whole or not at all, over earlier ones."""

    def recover(self) -> None:
        """See to it, after a case failed in a way that nobody foresaw, that the next one can be tried."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One process at its work.

    Parameters
    ----------
    ledger, board
        Where claims are made, and outcomes told.
    runner
        Does the work.
    force
        Whether cases that are done are done again.
    pause
        Waits for some seconds.
    """

    ledger: Ledger
    board: Board
    runner: Runner
    force: bool = False
    pause: Callable[[float], None] = time.sleep

    def work(self, cases: Sequence[Case]) -> None:
        """Do what others do not, until every case is settled, by whomever; so a process that dies has an heir."""
        rest, wait = list(cases), 0.1
        while rest:
            self.board.refresh()
            rest = [case for case in rest if case.key not in self.board.outcomes]
            if sum(self._try(case) for case in rest):  # all of them are tried
                wait = 0.1
            elif rest:
                self.pause(wait)
                wait = min(2 * wait, _LONGEST_PAUSE)

    def _try(self, case: Case) -> bool:
        """Settle a case, unless somebody else has it; gives whether it was settled."""
        if case.key in self.board.outcomes:
            return False
        claim = self.ledger.claim(case.key)
        if claim is None:
            return False
        with claim:
            self.board.refresh()
            if case.key in self.board.outcomes:  # told just before its claim was given back
                return False
            outcome, foreseen = self._settle(case, claim)
            if outcome is not None:
                self.board.tell(outcome)
        if not foreseen:
            self.runner.recover()
        return outcome is not None

    def _settle(self, case: Case, claim: Claim) -> tuple[Outcome | None, bool]:
        """What becomes of a case, nothing if the claim was lost meanwhile; and whether that was to be expected."""
        started, who = time.monotonic(), self.ledger.process.name
        if claim.deaths >= MOST_DEATHS:
            error = f"the process died {claim.deaths} times while it worked on this; perhaps for want of memory"
            return Outcome(key=case.key, status="failed", error=error, process=who), True
        try:
            record, again = self._done(case, claim)
        except Cancelled:
            if not claim.cancel.cancelled:
                raise
            return None, True  # the claim was lost: whoever has it now will tell
        except Exception as error:
            seconds = round(time.monotonic() - started, 3)
            outcome = Outcome(key=case.key, status="failed", seconds=seconds, error=explain(error), process=who)
            return outcome, isinstance(error, MRIEnhanceError)
        outcome = Outcome(
            key=case.key,
            status="skipped" if again else "done",
            seconds=0.0 if again else record.seconds,
            model=record.model,
            warnings=record.warnings,
            process=who,
        )
        return outcome, True

    def _done(self, case: Case, claim: Claim) -> tuple[Record, bool]:
        """Do a case and note it; gives the note, and whether it was there already."""
        digest = case.digest(self.runner.model(case))
        known = self.ledger.record(case.key)
        same = known is not None and known.digest == digest
        intact = known is not None and same and _hashes(case) == known.outputs
        if known is not None and intact and not self.force:
            return known, True
        changed = not self.force and same and not intact and case.outputs[0].exists()
        started = time.monotonic()
        for folder in {path.parent for path in case.outputs}:
            folder.mkdir(parents=True, exist_ok=True)
        with self.ledger.beginning(case.key, case.outputs):
            facts = self.runner.run(case, claim.cancel)
            record = Record(
                name=case.name,
                digest=digest,
                outputs=_hashes(case),
                model=facts.model,
                warnings=(*facts.warnings, *([_CHANGED] if changed else [])),
                seconds=round(time.monotonic() - started, 3),
                process=self.ledger.process.name,
            )
            self.ledger.note(case.key, record)
        return record, False


def explain(error: BaseException) -> str:
    """One line that says why a case failed, and what to do about it."""
    if isinstance(error, MRIEnhanceError):
        text = f"{error.message}; {error.hint}" if error.hint else error.message
    elif isinstance(error, MemoryError):
        text = "not enough memory; try a smaller batch or tile, or fewer devices"
    elif isinstance(error, OSError):
        text = f"{error}; check the path, its permissions and the free space"
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return " ".join(text.split())


def _hashes(case: Case) -> dict[str, str]:
    """SHA-256 of the outputs that are there."""
    paths: list[Path] = [path for path in case.outputs if path.is_file()]
    return {shown(path, case.root): file_hash(path) for path in paths}
