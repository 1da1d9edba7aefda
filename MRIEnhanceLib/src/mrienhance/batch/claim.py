"""A claim on a case: kept alive while it is held, given back at the end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from mrienhance.inference.progress import Cancel

HEARTBEAT_SECONDS = 5.0


class Claim:
    """What allows one process to work on a case, to be used as a context.

    Parameters
    ----------
    path
        Its file, ``KEY.N``, which this process has made.
    deaths
        How many processes of this run died while they worked on the case.
    generations
        Tells the numbers N of the case's claims as they are now.

    Attributes
    ----------
    cancel
        Cancelled when the claim is lost.
    """

    def __init__(self, path: Path, *, deaths: int, generations: Callable[[], Sequence[int]]) -> None:
        self.path, self.deaths, self.cancel = path, deaths, Cancel()
        self._generations = generations
        self._number = int(path.suffix.removeprefix("."))
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="claim", daemon=True)

    def __enter__(self) -> Claim:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()
        self.release()

    @property
    def overtaken(self) -> bool:
        """Whether another process took this one for dead."""
        return any(number > self._number for number in self._generations())

    def held(self) -> bool:
        """Whether it is still ours; if not, whatever was being done for it is cancelled."""
        if self.path.exists() and not self.overtaken:
            return True
        self.cancel.cancel()
        return False

    def release(self) -> None:
        """Give it back, the claims of those who died first: as long as there is one of ours, the case is not free."""
        numbers = sorted({*self._generations(), self._number})
        for number in (number for number in numbers if number <= self._number):
            with contextlib.suppress(OSError):
                self.path.with_suffix(f".{number}").unlink()

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            # A file server that does not answer for a moment is no reason to stop.
            with contextlib.suppress(OSError):
                if not self.held():
                    return
                os.utime(self.path)
