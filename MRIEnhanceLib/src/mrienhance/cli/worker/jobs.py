"""Requests that wait, and the one that is being worked on."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from mrienhance.cli.worker.protocol import Request
from mrienhance.inference.progress import Cancel


@dataclass(frozen=True, eq=False)
class Job:
    """A request on its way."""

    request: Request
    cancel: Cancel = field(default_factory=Cancel)


class Jobs:
    """A queue out of which a job can be taken again by its number. One thread puts in, another takes out."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = threading.Condition()

    def put(self, request: Request) -> None:
        """Add a request at the end."""
        with self._changed:
            self._waiting.append(Job(request))
            self._changed.notify()

    def next(self, seconds: float | None = None) -> Job | None:
        """Wait for a job, and begin it; the last one is over. None if none has come after some seconds."""
        with self._changed:
            self._current = None
            if not self._changed.wait_for(lambda: self._waiting, timeout=seconds):
                return None
            self._current = self._waiting.popleft()
            return self._current

    def cancel(self, number: int) -> Job | None:
        """Ask the job that runs to stop, or take out one that waits; give back the latter.

        A number that is not there belongs to a job that ended meanwhile: nothing is to be done.
        """
        with self._changed:
            if self._current is not None and self._current.request.number == number:
                self._current.cancel.cancel()
                return None
            found = next((job for job in self._waiting if job.request.number == number), None)
            if found is not None:
                self._waiting.remove(found)
            return found
