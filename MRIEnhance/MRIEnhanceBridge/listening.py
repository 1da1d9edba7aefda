"""Overhearing what goes to the Python console, to be able to say why something failed."""

from __future__ import annotations

import contextlib
import io
from collections import deque
from collections.abc import Iterator
from typing import Any

_LAST = 500


class Heard(io.TextIOBase):
    """A stream that passes on what is written, and remembers the end of it.

    Parameters
    ----------
    onwards
        Where it goes; None for nowhere.
    """

    def __init__(self, onwards: Any) -> None:
        self._onwards = onwards
        self._pieces: deque[str] = deque(maxlen=_LAST)

    @property
    def text(self) -> str:
        """What was written last."""
        return "".join(self._pieces)

    def write(self, text: str) -> int:
        """Write."""
        self._pieces.append(text)
        if self._onwards is not None:
            self._onwards.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, where the stream behind can."""
        with contextlib.suppress(AttributeError):
            self._onwards.flush()


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    """Hear what is printed in this block. Slicer prints the lines of pip so, one by one, and keeps them nowhere."""
    import sys

    heard = Heard(sys.stdout)
    with contextlib.redirect_stdout(heard):
        yield heard
