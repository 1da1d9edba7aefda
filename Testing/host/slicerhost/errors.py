"""What went wrong where no caller could see it.

In Slicer an exception in a Qt slot or in a VTK observer is printed and then forgotten. PySide6 and VTK both hand such
an exception to ``sys.excepthook``; the stand-in keeps it, prints it as Slicer does, and the test's fixture fails on it.
Refusals from other threads (MRML off the main thread) are kept here too, because a thread may swallow its exceptions.
"""

import sys
import threading
import traceback
from types import TracebackType

_collected: list[str] = []
_previous_hook = sys.excepthook


def record(text: str) -> None:
    """Keep one error: the running test is to fail with it."""
    _collected.append(text)


def collected() -> list[str]:
    """Give the errors so far, without forgetting them."""
    return list(_collected)


def take() -> list[str]:
    """Give the errors so far and forget them: for a test that expects them."""
    taken = list(_collected)
    _collected.clear()
    return taken


def install() -> None:
    """Listen to exceptions that nobody catches, in slots, in observers and in threads."""
    global _previous_hook
    if sys.excepthook is not _keep:
        _previous_hook = sys.excepthook
        sys.excepthook = _keep


def _keep(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        where = threading.current_thread().name
        record(f"uncaught in {where}:\n" + "".join(traceback.format_exception(kind, error, trace)))
    _previous_hook(kind, error, trace)
