"""Silence for the C libraries below SimpleITK, which write to the error stream on their own."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_LOG = logging.getLogger("mrienhance.images")
_ONE_AT_A_TIME = threading.RLock()


class Noise:
    """What was said on the error stream inside a `quiet` block; complete when the block has ended."""

    def __init__(self) -> None:
        self.text = ""


@contextlib.contextmanager
def quiet() -> Iterator[Noise]:
    """Keep what ITK, libpng, HDF5, MetaIO and niftilib say from reaching the user's terminal.

    They write to file descriptor 2 past Python and past ITK's own switch for warnings, so the descriptor itself is
    turned away for the length of the block. What was said goes to the logger ``mrienhance.images`` (level DEBUG) and
    to the `Noise` that the block gets: some readers only complain where they should fail.

    Notes
    -----
    The descriptor belongs to the process: what other threads say meanwhile lands in the log too.
    """
    noise = Noise()
    with _ONE_AT_A_TIME, contextlib.ExitStack() as stack:
        try:
            sink = stack.enter_context(tempfile.TemporaryFile())
            saved = os.dup(2)
        except OSError:  # no error stream at all (pythonw), or nowhere to keep it
            yield noise
            return
        _flush_python()
        os.dup2(sink.fileno(), 2)
        try:
            yield noise
        finally:
            _flush_python()
            os.dup2(saved, 2)
            os.close(saved)
            noise.text = _contents(sink)
            if noise.text:
                _LOG.debug("%s", noise.text)


def _flush_python() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # None, closed, or gone
        sys.stderr.flush()


def _contents(sink: IO[bytes]) -> str:
    sink.seek(0)
    return sink.read().decode("utf-8", errors="replace").strip()
