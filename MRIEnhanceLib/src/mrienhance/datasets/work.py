"""The visits of a data set made one after another, or several at a time in processes of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import SimpleITK as sitk

from mrienhance.datasets.visit import Job, Outcome, make_visit
from mrienhance.errors import Cancelled, OutOfMemory
from mrienhance.inference.progress import Cancel

_GLANCE = 0.2
"""Seconds after which it is seen that somebody asked to stop."""


def make_all(jobs: Sequence[Job], *, processes: int, cancel: Cancel) -> Generator[Outcome, None, None]:
    """Make visits, here or in several processes; they come in any order.

    Raises
    ------
    Cancelled
        Within one visit's step, if somebody asked for it.
    OutOfMemory
        If a process died.
    MRIEnhanceError
        As `make_visit` does.
    """
    if min(processes, len(jobs)) <= 1:
        for job in jobs:
            cancel.check()
            yield make_visit(job, cancel.check)
        return
    # A fresh process each: a fork of one whose libraries have threads may hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(processes, context, _begin, (stop,))
    try:
        with _uninterrupted():
            waiting = {pool.submit(_work, job) for job in jobs}
        while waiting:
            done, waiting = wait(waiting, _GLANCE, FIRST_COMPLETED)
            cancel.check()
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise OutOfMemory(
            "a process ended before its work", hint="there may be too little memory: fewer --jobs"
        ) from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Within it an interruption waits; processes that are started then, and cannot ignore one yet, get none at all."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_stop: Any = None


def _begin(stop: Any) -> None:
    """Set up a process: one thread, and an interruption at the terminal is left to the first process."""
    global _stop
    _stop = stop
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def _check() -> None:
    if _stop is not None and _stop.is_set():
        raise Cancelled


def _work(job: Job) -> Outcome:
    return make_visit(job, _check)
