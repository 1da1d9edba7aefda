"""One child process a device: started, watched, started again when it dies, stopped together."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mrienhance.errors import MRIEnhanceError
from mrienhance.images.files import refusal

GRACE_SECONDS = 30.0
"""So long a child that was told to stop may take: it stops within a tile, but it may be writing."""

_REFUSED = (1, 2)
_MOST_STRIKES = 3


@dataclass
class Child:
    """A process for one device.

    Parameters
    ----------
    command
        What it runs.
    log
        File for what it writes to stderr.
    environ
        Its environment.
    """

    command: Sequence[str]
    log: Path
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    strikes: int = 0
    settled: int = 0

    def start(self, settled: int) -> None:
        """Start it, while so many cases are settled.

        Raises
        ------
        OutputError
            If its log cannot be written.
        """
        self.settled = settled
        try:
            log = open(self.log, "ab")  # noqa: SIM115, closed below
        except OSError as error:
            raise refusal(self.log, error) from error
        with log:
            # A session of its own: Ctrl-C in the terminal reaches us only, and we end the children in good order. Its
            # stdin is the cord it hangs on: closed when we want it to stop, and by the system when we die.
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=dict(self.environ),
                start_new_session=True,
            )

    def ended(self) -> int | None:
        """Its exit code if it has ended since the last look."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self._let_go()
        self.process = None
        return code

    def stop(self) -> None:
        """Tell it to stop."""
        self._let_go()

    def kill(self) -> None:
        """Have it gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._let_go()
            self.process = None

    def last_words(self) -> str:
        """The last error that it wrote."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            marks = ("mrienhance: error: ", "mrienhance: ")
            for mark in marks:
                said = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
                if said:
                    return said[-1]
        return ""

    def _let_go(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


@dataclass
class Supervisor:
    """Keeps children at work until they have done all of it.

    Parameters
    ----------
    children
        One a device.
    settled
        Tells how many cases are settled, and whether all are.
    tick
        Called again and again; it may raise to end everything.
    clock, pause
        Seconds from any origin; waits for some seconds.
    """

    children: Sequence[Child]
    settled: Callable[[], tuple[int, bool]]
    tick: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _troubles: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Start the children and wait for them; they are gone when this ends, however it ends.

        Raises
        ------
        MRIEnhanceError
            If they have all given up before everything was settled.
        """
        try:
            for child in self.children:
                child.start(0)
            while any(child.process is not None for child in self.children):
                began = self.clock()
                self.settled()
                took = self.clock() - began
                self.tick()
                for child in self.children:
                    if (code := child.ended()) is not None:
                        self._mourn(child, code)
                # Looking takes long where there are many cases or a slow disk: a tenth of the time is enough for it.
                self.pause(max(0.2, min(10 * took, 30.0)))
            self.tick()
            if not self.settled()[1]:
                why = next((trouble for trouble in self._troubles if trouble), "no process is left")
                raise MRIEnhanceError(f"the batch ended early: {why}", hint=f"see {self.children[0].log.parent}")
        finally:
            self._stop()

    def _mourn(self, child: Child, code: int) -> None:
        """A child has ended: start it again if it died, and if that is any use."""
        settled, over = self.settled()
        if over or code == 0:
            return
        # A child that got something done before it died was stopped by a case, and a case is given up after two deaths.
        child.strikes = 1 if settled > child.settled else child.strikes + 1
        if code in _REFUSED or child.strikes > _MOST_STRIKES:
            self._troubles.append(child.last_words() or f"a process ended with {code}")
        else:
            child.start(settled)

    def _stop(self) -> None:
        """Stop whoever is left: by asking, then by force."""
        left = [child for child in self.children if child.process is not None]
        for child in left:
            child.stop()
        deadline = self.clock() + GRACE_SECONDS
        try:
            while left and self.clock() < deadline:
                left = [child for child in left if child.ended() is None]
                if left:
                    time.sleep(0.05)
        finally:  # also when the user presses Ctrl-C once more
            for child in left:
                child.kill()


def environment(devices: Sequence[str]) -> dict[str, str]:
    """The environment of children: several of them on the processor share its cores.

    What a launcher says of this process does not hold for them.
    """
    environ = dict(os.environ)
    on_processor = devices.count("cpu")
    if on_processor > 1:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // on_processor)))
    return environ
