"""The process that people start: it checks the manifest, starts a child a device, and tells how it goes."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mrienhance.batch.board import Board, forget_old_runs
from mrienhance.batch.case import Case
from mrienhance.batch.ledger import Ledger
from mrienhance.batch.place import Place, own_devices, parse_devices
from mrienhance.batch.processes import Process
from mrienhance.batch.summary import check_summary, write_summary
from mrienhance.batch.supervise import Child as ChildProcess
from mrienhance.batch.supervise import Supervisor, environment
from mrienhance.cli.batch.child import Child
from mrienhance.cli.batch.manifest import Manifest
from mrienhance.cli.console import complain, progress, say
from mrienhance.errors import Cancelled, MRIEnhanceError, OutputError, UsageError
from mrienhance.images.files import refusal
from mrienhance.inference.progress import NullProgress, Progress

_MOST_LINES = 20
_SUMMARY_SECONDS, _TOLD_SECONDS = 5.0, 1.0


class CasesFailed(MRIEnhanceError):
    """Some cases of a batch could not be done."""


@dataclass
class Lead:
    """A run, as one machine or one process of a launcher leads it.

    Parameters
    ----------
    args
        Of the command.
    manifest, cases
        What there is to do.
    place, devices
        Which part of the job this is, and the devices it has.
    ledger, summary
        Where the processes meet, and where the summary goes.
    """

    args: argparse.Namespace
    manifest: Manifest
    cases: Sequence[Case]
    place: Place
    devices: Sequence[str]
    ledger: Ledger
    summary: Path
    _board: Board = field(init=False)
    _sink: Progress = field(default_factory=NullProgress)
    _began: float = field(default_factory=time.monotonic)
    _told: tuple[float, int] = (0.0, -1)
    _written: tuple[float, int] = (0.0, -1)

    @classmethod
    def plan(cls, args: argparse.Namespace) -> Lead:
        """See that all is right; nothing is written or run before.

        Raises
        ------
        UsageError
            If something is wrong with the manifest, the devices or the nodes. Of several problems each is complained
            about before.
        OutputError
            If the output directory or the summary cannot be written to.
        """
        place = Place.find(nodes=args.nodes)
        devices = own_devices(parse_devices(args.devices, _accelerators), place)
        path = Path(os.path.abspath(args.manifest))
        root = path.parent if args.output_dir is None else Path(os.path.abspath(args.output_dir))
        ledger = Ledger(root, place.run, Process.this())
        manifest = Manifest(path=path, base=path.parent, root=root, task=args.task)
        cases = manifest.cases()
        manifest.check(cases, is_ours=lambda case: ledger.knows(case.key), force=args.force)
        summary = Path(os.path.abspath(args.summary)) if args.summary else root / f"{path.stem}-summary.csv"
        if summary in {path, *(file for case in cases for file in (*case.inputs, *case.outputs))}:
            manifest.problems.append(f"the summary {summary} is the manifest, an input or an output; use --summary")
        _refuse(manifest.problems, path)
        _make(root)
        check_summary(summary, force=args.force)
        return cls(args, manifest, cases, place, devices, ledger, summary)

    def run(self) -> None:
        """Do it.

        Raises
        ------
        CasesFailed
            If some cases failed.
        Cancelled
            If it was interrupted.
        MRIEnhanceError
            If no process could go on.
        """
        self.ledger.open()
        runs = self.ledger.folder / "runs"
        forget_old_runs(runs)
        self._board = Board(runs / self.place.run, self.ledger.process.name)
        supervisor = Supervisor(self._children(), self._settled, self._tick)
        try:
            with progress(self.args.progress) as shown:
                self._sink = shown or NullProgress()
                supervisor.run()
        except KeyboardInterrupt:
            self._end()
            count = f"{self._settled()[0]} of {len(self.cases)} cases"
            raise Cancelled(f"after {count}", hint="the same command goes on from here") from None
        except MRIEnhanceError:
            self._end()
            raise
        self._end()
        self._report()

    def _children(self) -> list[ChildProcess]:
        folder, name = self._board.folder, self.ledger.process.name
        copy = folder / f"{name}{self.manifest.path.suffix or '.csv'}"
        try:
            shutil.copyfile(self.manifest.path, copy)  # it may be edited while we work: what was checked is done
        except OSError as error:
            raise refusal(copy, error) from error
        options = [*(["--task", self.args.task] if self.args.task else []), *(["--force"] if self.args.force else [])]
        environ, count = environment(self.devices), len(self.devices)
        children: list[ChildProcess] = []
        for number, device in enumerate(self.devices):
            told = Child(
                base=str(self.manifest.base),
                root=str(self.manifest.root),
                run_name=self.place.run,
                rank=self.place.rank * count + number,
                world=self.place.world * count,
                device=device,
            )
            command = [sys.executable, "-m", "mrienhance.cli", "batch", str(copy), *options, "--child", told.to_text()]
            children.append(ChildProcess(command, folder / f"{name}-{number}.log", environ))
        return children

    @property
    def _speaks(self) -> bool:
        """Whether this is the process that people look at; the others of a launcher say nothing more than they must."""
        return self.place.rank == 0 or self.place.launcher == "plain"

    def _settled(self) -> tuple[int, bool]:
        self._board.refresh()
        count = sum(case.key in self._board.outcomes for case in self.cases)
        return count, count == len(self.cases)

    def _tick(self) -> None:
        """Tell how far it is, and refresh the summary."""
        count, _ = self._settled()
        failed, skipped = self._board.count("failed"), self._board.count("skipped")
        total, worked, now = len(self.cases), count - skipped, time.monotonic()
        left = (now - self._began) / worked * (total - count) if worked else None
        text = f"{count} of {total} cases" + (f", {failed} failed" if failed else "")
        if count != self._told[1] or now - self._told[0] >= _TOLD_SECONDS:
            self._told = now, count
            self._sink.report(count / total, left, text)
        if self._speaks and count != self._written[1] and now - self._written[0] >= _SUMMARY_SECONDS:
            self._written = now, count
            with contextlib.suppress(OutputError):  # a program may have it open just now; at the end it must go well
                write_summary(self.summary, self.cases, self._board.outcomes, over=False)

    def _end(self) -> None:
        self._board.refresh()
        write_summary(self.summary, self.cases, self._board.outcomes, over=True)

    def _report(self) -> None:
        """Say what became of it; of several processes the first one does so."""
        failed = [case for case in self.cases if self._board.outcomes[case.key].status == "failed"]
        if self._speaks:
            for case in failed[:_MOST_LINES]:
                complain("failed", f"{case.name}: {self._board.outcomes[case.key].error}")
            counts = (f"{count} {status}" for status in ("done", "skipped", "failed") if (count := self._count(status)))
            say(f"{self.summary}  {len(self.cases)} cases: {', '.join(counts)}")
        if failed:
            message = f"{len(failed)} of {len(self.cases)} cases failed"
            error = CasesFailed(message, hint=f"{self.summary} says why; the same command tries them again")
            error.said = not self._speaks
            raise error

    def _count(self, status: str) -> int:
        return sum(self._board.outcomes[case.key].status == status for case in self.cases)


def _refuse(problems: Sequence[str], path: Path) -> None:
    """Complain about each problem, and end here if there is one."""
    if not problems:
        return
    shown = problems[:_MOST_LINES]
    if len(problems) == 1:
        raise UsageError(f"{path.name}: {shown[0]}", hint="mend it; nothing was run")
    for problem in shown:
        complain("error", f"{path.name}: {problem}")
    more = f", of which these are the first {len(shown)}" if len(problems) > len(shown) else ""
    raise UsageError(f"{len(problems)} problems in {path.name}{more}", hint="mend them; nothing was run")


def _make(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(root, error) from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {root}", hint="choose a folder that you may write to")


def _accelerators() -> list[str]:
    from mrienhance.inference.devices import listed_accelerators  # loads torch

    return listed_accelerators()
