"""The standard streams, taken away from everybody else in the process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from mrienhance.cli.worker.protocol import LONGEST_LINE


class Channel:
    """Lines in and lines out.

    Parameters
    ----------
    source, sink
        Binary streams; the sink without a buffer.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()

    @classmethod
    def standard(cls) -> Channel:
        """The standard streams, which nobody else can reach any more.

        What anything prints, be it in C, goes to stderr from here on; and who reads from stdin finds its end. This
        also keeps a run-time library that looks at its standard input from waiting for our reader on Windows.

        Raises
        ------
        OSError
            If the process has no standard streams.
        """
        sys.stdout.flush()
        source, sink = os.dup(0), os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        try:
            os.dup2(2, 1)
        except OSError:  # there is no log either
            os.dup2(nowhere, 1)
        os.close(nowhere)
        for descriptor in (source, sink):
            _as_bytes(descriptor)
        return cls(os.fdopen(source, "rb"), os.fdopen(sink, "wb", buffering=0))

    def lines(self) -> Iterator[bytes]:
        """Every line but blank ones, to the end of the input; of one that is too long, its beginning."""
        while line := self._source.readline(LONGEST_LINE + 1):
            end = line
            while len(end) > LONGEST_LINE and not end.endswith(b"\n"):
                end = self._source.readline(LONGEST_LINE + 1)
            if line.strip():
                yield line

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a line, whole, whichever thread asks.

        Raises
        ------
        ValueError, TypeError
            As `encoded`.
        OSError
            If nobody reads any more.
        """
        data = memoryview(encoded(message))
        with self._lock:
            while data:
                data = data[self._sink.write(data) :]

    def settle(self, seconds: float) -> None:
        """Wait so long, at most, for a line that is being written."""
        if self._lock.acquire(timeout=seconds):
            self._lock.release()


def encoded(message: Mapping[str, Any]) -> bytes:
    """A message as a line.

    Raises
    ------
    ValueError
        If it holds NaN or infinity.
    TypeError
        If it holds what JSON does not have.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _as_bytes(descriptor: int) -> None:
    """Windows would make two bytes of a line break, and see an end in Ctrl-Z."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(descriptor, os.O_BINARY)


def log(text: str) -> None:
    """Write a line to the log."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not there
        sys.stderr.write(f"mrienhance worker: {text}\n")
        sys.stderr.flush()
