"""The images of step after step, drawn ahead by threads.

Threads, not processes: what is drawn from lies in memory once, and torch lets other threads run while it computes.
Each image has its own random generator, so neither the number of threads nor who is first changes anything.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Generic, TypeVar

import torch

T = TypeVar("T")
_MOST = 4


def default_workers(device: torch.device, processes: int) -> int:
    """How many threads draw ahead for each of some processes on this machine, where nobody says it.

    On a GPU up to four, as there are cores. Without one the network uses all cores but when it waits for images, which
    are made by few: one thread makes them meanwhile. With one core only there is nothing to win.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device.type == "cpu":
        return int(cores // processes > 1)
    return max(1, min(_MOST, cores // processes - 1))


class Feed(Generic[T]):
    """What `make` makes of each step's number, in order, made ahead by as many threads as there are workers.

    At most two steps for each worker are ready or being made at a time. What goes wrong in a thread is raised by `take`
    for the step that it belongs to.

    Parameters
    ----------
    make
        Makes what one step needs; called from several threads at once.
    workers
        Threads; with 0 `take` makes it itself.
    start, stop
        The first step, and the one before which to end.
    """

    def __init__(self, make: Callable[[int], T], *, workers: int, start: int, stop: int) -> None:
        self.waited = 0.0
        """Seconds that `take` has taken so far."""
        self._make, self._next, self._stop = make, start, stop
        self._ahead = 2 * workers
        self._ready: deque[tuple[int, Future[T]]] = deque()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mrienhance-feed") if workers else None

    def __enter__(self) -> Feed[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def take(self, step: int) -> T:
        """What a step needs; steps are taken one after the other."""
        began = time.monotonic()
        try:
            if self._pool is None:
                return self._make(step)
            self._fill(self._pool)
            number, future = self._ready.popleft()
            assert number == step
            return future.result()
        finally:
            self.waited += time.monotonic() - began
            if self._pool is not None:
                self._fill(self._pool)

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        while len(self._ready) < self._ahead and self._next < self._stop:
            self._ready.append((self._next, pool.submit(self._make, self._next)))
            self._next += 1


class Meter:
    """Mean seconds of a step, and those of them that were spent waiting for images."""

    def __init__(self, feed: Feed[T], step: int) -> None:
        self._feed = feed
        self._pauses = 0.0
        self._last = (step, time.monotonic(), feed.waited)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within it, time is not counted."""
        began = time.monotonic()
        yield
        self._pauses += time.monotonic() - began

    def read(self, step: int) -> dict[str, float]:
        """The means since the last reading."""
        now = (step, time.monotonic() - self._pauses, self._feed.waited)
        steps, seconds, waited = (new - old for new, old in zip(now, self._last, strict=True))
        self._last = now
        return {"seconds/step": seconds / steps, "seconds/data": waited / steps}
