"""What went wrong where no caller could see it.

In Slicer an exception in a Qt slot or in a VTK observer is printed and then forgotten. Here it is kept as well, and the
test's fixture fails on it. Refusals from other threads (MRML off the main thread) and dialogs that nobody answered
are kept too, because the code under test may swallow the exception.
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


def take() -> list[str]:
    """Give the errors so far and forget them: for the fixture, and for a test that expects them."""
    from .pythonqt import slot_errors

    taken = [*_collected, *("".join(traceback.format_exception(error)) for error in slot_errors)]
    _collected.clear()
    slot_errors.clear()
    return taken


def install() -> None:
    """Listen to exceptions that nobody catches: VTK hands those of observers to ``sys.excepthook``."""
    global _previous_hook
    if sys.excepthook is not _keep:
        _previous_hook = sys.excepthook
        sys.excepthook = _keep


def _keep(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from .pythonqt import slot_errors

    if issubclass(kind, Exception) and not any(error is known for known in slot_errors):
        where = threading.current_thread().name
        record(f"uncaught in {where}:\n" + "".join(traceback.format_exception(kind, error, trace)))
    _previous_hook(kind, error, trace)
