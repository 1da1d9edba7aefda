"""A task that copies, so that cases of a batch cost nothing; also a program, so that several processes can share them.

``python copying.py FOLDER RUN RANK WORLD`` does the cases of FOLDER as one process of a batch. A case waits while there
is a file ``hold-NAME``, and its process dies as if it were killed when there is ``die-NAME``.
"""

import os
import signal
import sys
import time
from pathlib import Path

from mrienhance.batch.board import Board
from mrienhance.batch.case import Case, arrange
from mrienhance.batch.ledger import Ledger
from mrienhance.batch.processes import Process
from mrienhance.batch.work import Facts, Worker
from mrienhance.errors import ImageError
from mrienhance.images.files import atomic_path
from mrienhance.inference.progress import Cancel


class Copier:
    """Does cases by copying, and writes down which."""

    def __init__(self, folder: Path, model: str = "copier-1") -> None:
        self.folder, self.version, self.did, self.recovered = folder, model, list[str](), 0

    def model(self, case: Case) -> str:
        return self.version

    def run(self, case: Case, cancel: Cancel) -> Facts:
        with open(self.folder / "log.txt", "a") as log:
            log.write(f"{case.name} {os.getpid()}\n")
        self.did.append(case.name)
        while (self.folder / f"hold-{case.name}").exists():
            cancel.check()
            time.sleep(0.01)
        if (self.folder / f"die-{case.name}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        text = case.inputs[0].read_text()
        if text == "bad":
            raise ImageError("a bad input", hint="mend it")
        if text == "worse":
            raise ZeroDivisionError("nobody foresaw this")
        cancel.check()
        with atomic_path(case.outputs[0], overwrite=True) as temporary:
            temporary.write_text(f"{text} {case.options.get('scale', '')}")
        return Facts("copier", ("a warning",))

    def recover(self) -> None:
        self.recovered += 1


def made(folder: Path, name: str, *, text: str | None = None, line: int = 2, **options: str) -> Case:
    """A case, and its input unless that is there."""
    source = folder / f"{name}.in"
    if text is not None or not source.exists():
        source.write_text(text or name)
    return known(folder, name, line=line, **options)


def known(folder: Path, name: str, *, line: int = 2, **options: str) -> Case:
    """A case whose input is there."""
    return Case(
        name=name,
        line=line,
        task="copy",
        inputs=(folder / f"{name}.in",),
        outputs=(folder / "out" / f"{name}.out",),
        root=folder,
        options=options,
        model="",
        args=None,
    )


def worker(folder: Path, runner: Copier, *, run: str = "run", force: bool = False) -> Worker:
    """A process of a batch, in this one."""
    process = Process.this()
    ledger = Ledger(folder, run, process).open()
    return Worker(ledger=ledger, board=Board(ledger.folder / "runs" / run, process.name), runner=runner, force=force)


def main() -> None:
    folder, run, rank, world = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    cases = [known(folder, path.stem) for path in sorted(folder.glob("*.in"))]
    worker(folder, Copier(folder), run=run).work(arrange(cases, rank=rank, world=world))


if __name__ == "__main__":
    main()
