"""Long work in small steps, so that Slicer stays alive while it goes on.

A piece of work is a generator: it does a little, yields `Progress`, and goes on when it is asked to. The same generator
runs at once in a script or the Python console (`run_now`), and beside a living user interface (`Task`, driven by a
timer). To stop it, `Stop` is thrown into it; it may still yield while it clears up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import qt
import slicer

from MRIEnhanceBridge.errors import BridgeError

Result = TypeVar("Result")
WAIT_MS = 20
"""How long to wait before asking again somebody who is not ready."""


@dataclass(frozen=True)
class Progress:
    """How far the work is.

    Parameters
    ----------
    fraction
        Part that is done, from 0 to 1.
    text
        What is being done.
    seconds_left
        Estimate, or None while nothing is known.
    waiting
        Whether the work waits for somebody else: then it need not be asked again at once.
    """

    fraction: float
    text: str
    seconds_left: float | None = None
    waiting: bool = False

    def within(self, first: float, last: float) -> Progress:
        """The same as a part of longer work, from `first` to `last`."""
        fraction = first + (last - first) * self.fraction
        return Progress(fraction, self.text, self.seconds_left, self.waiting)


Steps = Generator[Progress, None, Result]


class Stop(Exception):
    """Thrown into steps that are to end early; its text says why."""


def within(steps: Steps[Result], first: float, last: float) -> Steps[Result]:
    """Run `steps` as the part of longer work from `first` to `last`."""
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            try:
                yield progress.within(first, last)
            except Stop as stop:
                yield steps.throw(stop).within(first, last)
    finally:
        steps.close()


def run_now(steps: Steps[Result], progress: Callable[[Progress], Any] | None = None) -> Result:
    """Run `steps` to their end and return what they return.

    Parameters
    ----------
    steps
        The work.
    progress
        Told how far it is.

    Raises
    ------
    BridgeError
        What the steps raise. Ctrl-C ends them at once, and whatever they started.
    """
    try:
        while True:
            try:
                done = next(steps)
            except StopIteration as end:
                return end.value
            if progress is not None:
                progress(done)
            if done.waiting:
                # Windows are painted, and nobody can click into the middle of it.
                slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)
                time.sleep(WAIT_MS / 1000)
    finally:
        steps.close()


class Task:
    """`steps` that run beside the user interface, on the main thread, a little at a time.

    Parameters
    ----------
    steps
        The work.
    on_done
        Told the result.
    on_failed
        Told the `BridgeError` that ended it; of the kind ``"Cancelled"`` after `cancel`.
    on_progress
        Told how far it is.

    Notes
    -----
    Exactly one of `on_done` and `on_failed` is called, once, unless `close` ends the task in silence.
    """

    def __init__(
        self,
        steps: Steps[Any],
        *,
        on_done: Callable[[Any], Any],
        on_failed: Callable[[BridgeError], Any],
        on_progress: Callable[[Progress], Any] | None = None,
    ) -> None:
        self._steps = steps
        self._on_done, self._on_failed, self._on_progress = on_done, on_failed, on_progress
        self._stop: Stop | None = None
        self._cancelled = False
        self.running = True
        # Each step asks for the next one. A timer of the task's own would be deleted in the middle of its last signal.
        qt.QTimer.singleShot(0, self._step)

    def cancel(self, reason: str = "") -> None:
        """Ask the work to stop; it clears up and then ends as failed, with the kind ``"Cancelled"``."""
        if self.running and not self._cancelled:
            self._cancelled = True
            self._stop = Stop(reason)

    def close(self) -> None:
        """End the work at once, without a word; for an application that is closing."""
        if self.running:
            self.running = False
            self._steps.close()

    def _step(self) -> None:
        if not self.running:
            return
        try:
            progress = self._advance()
        except StopIteration as end:
            self._end(self._on_done, end.value)
        except BridgeError as error:
            self._end(self._on_failed, error)
        except Stop as stop:
            self._end(self._on_failed, BridgeError(str(stop), kind="Cancelled"))
        except Exception as error:  # an unforeseen one is told as well, or the panel would wait for ever
            logging.exception("MRIEnhance: unforeseen error")
            self._end(self._on_failed, BridgeError(f"{type(error).__name__}: {error}", kind="Internal"))
        else:
            qt.QTimer.singleShot(WAIT_MS if progress.waiting else 0, self._step)
            if self._on_progress is not None:
                self._on_progress(progress)

    def _advance(self) -> Progress:
        stop, self._stop = self._stop, None
        return next(self._steps) if stop is None else self._steps.throw(stop)

    def _end(self, tell: Callable[[Any], Any], value: Any) -> None:
        self.running = False
        self._steps.close()
        tell(value)
