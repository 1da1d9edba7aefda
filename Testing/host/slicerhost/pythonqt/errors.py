"""What a Python slot raised: Slicer prints it and goes on, so a test has to be able to see it."""

import sys
from collections.abc import Callable
from typing import Any

#: What slots and overridden event handlers have raised, oldest first. A test fixture fails on it.
slot_errors: list[BaseException] = []

_exit_handlers: list[Callable[[SystemExit], Any]] = []


def on_system_exit(handler: Callable[[SystemExit], Any] | None) -> Callable[[SystemExit], Any] | None:
    """Let `handler` decide what ``sys.exit`` in a slot does; gives the one before.

    Without a handler it is collected like any other exception.
    """
    before = _exit_handlers[0] if _exit_handlers else None
    _exit_handlers[:] = [handler] if handler is not None else []
    return before


def report(error: BaseException) -> None:
    """Collect the exception of a slot and hand it to ``sys.excepthook``, which prints it; what was going on goes on."""
    if isinstance(error, SystemExit) and _exit_handlers:
        _exit_handlers[0](error)
        return
    slot_errors.append(error)
    sys.excepthook(type(error), error, error.__traceback__)
