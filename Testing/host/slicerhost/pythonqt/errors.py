"""What a Python slot raised: Slicer prints it and goes on, so a test has to be able to see it."""

import sys
from collections.abc import Callable

#: Exceptions that slots and overridden event handlers have raised, oldest first. A test fixture fails on them.
slot_errors: list[BaseException] = []


class _Exit:
    """Where the application puts what is to be done when a slot calls ``sys.exit``."""

    handler: Callable[[SystemExit], None] | None = None


def on_system_exit(handler: Callable[[SystemExit], None] | None) -> None:
    """Let `handler` decide what ``sys.exit`` in a slot does; without one it is collected like any other exception."""
    _Exit.handler = handler


def report(error: BaseException) -> None:
    """Remember the exception that a slot raised, and hand it to ``sys.excepthook``, which prints it."""
    if isinstance(error, SystemExit) and _Exit.handler is not None:
        _Exit.handler(error)
        return
    slot_errors.append(error)
    sys.excepthook(type(error), error, error.__traceback__)
