"""A process of a batch for one device, as its supervisor starts it."""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mrienhance.batch.board import Board
from mrienhance.batch.case import arrange
from mrienhance.batch.ledger import Ledger
from mrienhance.batch.processes import Process
from mrienhance.batch.work import Worker
from mrienhance.cli.batch.manifest import Manifest
from mrienhance.cli.batch.tasks import TaskRunner
from mrienhance.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Child:
    """What a child is told.

    Parameters
    ----------
    base, root
        Folders of relative inputs and outputs.
    run
        Name of the run.
    rank, world
        Its number, and how many children there are on all machines.
    device
        Where it works.
    """

    base: str
    root: str
    run_name: str
    rank: int
    world: int
    device: str

    def to_text(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Child:
        """Read the argument.

        Raises
        ------
        UsageError
            If it is not one of `to_text`.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            return cls(**values)
        except (TypeError, ValueError):
            raise UsageError("--child is not for people", hint="leave it out") from None

    def run(self, args: argparse.Namespace) -> None:
        """Work until everything is settled.

        Raises
        ------
        MRIEnhanceError
            If the manifest, the folder or the device cannot be used.
        """
        faulthandler.enable()
        _hang_on_stdin()
        root = Path(self.root)
        cases = Manifest(path=args.manifest, base=Path(self.base), root=root, task=args.task).cases()
        process = Process.this()
        ledger = Ledger(root, self.run_name, process).open()
        board = Board(ledger.folder / "runs" / self.run_name, process.name)
        worker = Worker(ledger=ledger, board=board, runner=TaskRunner(self.device), force=args.force)
        try:
            worker.work(arrange(cases, rank=self.rank, world=self.world))
        finally:
            ledger.give_back()


def _hang_on_stdin() -> None:
    """Be interrupted when stdin ends: the supervisor closes it to stop this process, and so does its death."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where it was ignored, as in the background of a script

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        _interrupt()

    threading.Thread(target=wait, name="supervisor", daemon=True).start()


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):  # it also ends a wait that the main thread is in
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()
