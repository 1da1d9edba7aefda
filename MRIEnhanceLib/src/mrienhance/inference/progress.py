"""How far the work is, how long it will take, and how to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Protocol

from mrienhance.errors import Cancelled


class Progress(Protocol):
    """Whoever shows progress: a bar, a line of JSON, a window."""

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Take note of the progress.

        Parameters
        ----------
        fraction
            Part of the work that is done, from 0 to 1; never falls.
        seconds_left
            Estimate, or None while nothing is known.
        text
            What is being done.
        """


class NullProgress:
    """Shows nothing."""

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Do nothing."""


class Part:
    """Tells of one part of some work as a part of the whole.

    Parameters
    ----------
    whole
        Who is told; None for nobody.
    start, stop
        Fractions of the whole at which this part begins and ends.

    Examples
    --------
    >>> from mrienhance.inference import Part
    >>> class Shown:
    ...     def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
    ...         print(f"{fraction:.2f} {text}")
    >>> Part(Shown(), 0.5, 1.0).report(0.5, None, "second half")
    0.75 second half
    """

    def __init__(self, whole: Progress | None, start: float, stop: float) -> None:
        self._whole, self._start, self._stop = whole or NullProgress(), start, stop

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        """Take note of the progress of the part."""
        self._whole.report(self._start + (self._stop - self._start) * fraction, seconds_left, text)


class Cancel:
    """A request to stop, made from another thread or a signal handler.

    Examples
    --------
    >>> from mrienhance.inference import Cancel
    >>> cancel = Cancel()
    >>> cancel.check()
    >>> cancel.cancel()
    >>> cancel.cancelled
    True
    """

    def __init__(self) -> None:
        self._event = Event()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self._event.is_set():
            raise Cancelled


class ProgressTracker:
    """Turns work done into a fraction that never falls, and the time left.

    Parameters
    ----------
    total
        All the work, in any unit, above 0.
    sink
        Who is told; None for nobody.
    text
        What is being done.
    clock
        Seconds from any origin.
    interval
        Shortest time in seconds between two reports, the first and the last apart: a bar needs no more.
    """

    def __init__(
        self,
        total: float,
        sink: Progress | None,
        text: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        interval: float = 0.1,
    ) -> None:
        self._total, self._sink, self.text = total, sink or NullProgress(), text
        self._clock, self._interval = clock, interval
        self._fraction = 0.0
        self._began, self._began_at = clock(), 0.0
        self._reported = self._began
        self._sink.report(0.0, None, text)

    def at(self, done: float) -> None:
        """Say that `done` of the total is done; less than was said before changes nothing."""
        # 1 is for `finish`: whoever sees it may rely on the result.
        self._fraction = max(self._fraction, min(done / self._total, 0.999))
        now = self._clock()
        if now - self._reported >= self._interval:
            self._reported = now
            self._sink.report(self._fraction, self._left(now), self.text)

    def restart(self) -> None:
        """Say that the work goes on at another speed from here."""
        self._began, self._began_at = self._clock(), self._fraction

    def finish(self) -> None:
        """Say that all is done."""
        self._sink.report(1.0, 0.0, self.text)

    def _left(self, now: float) -> float | None:
        gained = self._fraction - self._began_at
        return (now - self._began) / gained * (1 - self._fraction) if gained > 0 else None
