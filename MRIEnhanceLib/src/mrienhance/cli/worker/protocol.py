"""What the lines mean: requests as they are read, and the answers that all requests have in common."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrienhance import errors
from mrienhance._version import __version__
from mrienhance.errors import MRIEnhanceError
from mrienhance.models.strict import loads, shown

PROTOCOL = 1
"""Rises when something that exists changes its meaning or goes away; what is added leaves it."""

LONGEST_LINE = 2**20
"""Bytes of a request, line break included."""

_LARGEST_ID = 2**53
_HINT_VERSION = "program and library are of different versions: install both again, so that they belong together"
_HINT_MEMORY = "try a smaller tile, use the CPU, close other programs, or crop the image"
_HINT_INTERNAL = "please report it, with the details"


class ProtocolError(MRIEnhanceError):
    """A line that is no request.

    Parameters
    ----------
    message, hint
        As of any refusal.
    number
        Of the request that is refused, if it has one.
    """

    def __init__(self, message: str, *, hint: str = "", number: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.number = number


@dataclass(frozen=True)
class Request:
    """A request.

    Parameters
    ----------
    number
        Its ``id``; for ``"cancel"`` that of the request that shall stop; 0 for ``"exit"``.
    do
        What to do.
    fields
        All else.
    """

    number: int
    do: str
    fields: Mapping[str, Any]


def parse(line: bytes, known: tuple[str, ...]) -> Request:
    """Read a request.

    Parameters
    ----------
    line
        One JSON object.
    known
        What can be done, ``"cancel"`` and ``"exit"`` apart.

    Raises
    ------
    ProtocolError
        If the line is none, is of another version, or asks for what nobody knows.
    """
    values = _object(line)
    do = values.pop("do", None)
    if do == "exit":  # whatever else it says: a program that wants to be rid of us is not to be argued with
        return Request(0, do, {})
    controls = do == "cancel"
    number = values.pop("id", None)
    if type(number) is not int or not 0 <= number < _LARGEST_ID:
        raise ProtocolError(f"'id' must be a whole number from 0 on, not {shown(number)}", hint="count the requests")
    # An answer with the number of the request that shall stop would be taken for that one's end.
    answered = None if controls else number
    version = values.pop("protocol", PROTOCOL if controls else None)
    if type(version) is not int or version != PROTOCOL:
        message = f"mrienhance {__version__} speaks protocol {PROTOCOL}, the request is of protocol {shown(version)}"
        raise ProtocolError(message, hint=_HINT_VERSION, number=answered)
    if not isinstance(do, str) or (not controls and do not in known):
        names = ", ".join((*known, "cancel", "exit"))
        raise ProtocolError(f"unknown request {shown(do)}", hint=f"there are {names}", number=answered)
    if controls and values:
        raise ProtocolError(f"cancel: unknown key {shown(min(values))}", hint="it has none but 'id'")
    return Request(number, do, values)


def hello(missing: list[str]) -> dict[str, Any]:
    """The first line."""
    return {
        "type": "hello",
        "protocol": PROTOCOL,
        "library": __version__,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "missing": missing,
    }


def failure(error: BaseException, number: int | None) -> dict[str, Any]:
    """The line that ends a request which failed."""
    kind, message, hint = _told(error)
    lines = [] if kind == "Protocol" else traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "type": "error",
        "id": number,
        "kind": kind,
        "message": " ".join(message.split()),
        "hint": " ".join(hint.split()),
        "traceback": "".join(lines),
    }


def _told(error: BaseException) -> tuple[str, str, str]:
    """Kind, message and hint."""
    if isinstance(error, ProtocolError):
        return "Protocol", error.message, error.hint
    if isinstance(error, MRIEnhanceError):
        # Somebody else's method may have a refusal of its own: it counts as what it was derived from.
        kind = next(base.__name__ for base in type(error).__mro__ if base.__module__ == errors.__name__)
        return kind, error.message, error.hint
    if _is_out_of_memory(error):
        return "OutOfMemory", "there is not enough memory", _HINT_MEMORY
    return "Internal", f"internal error: {type(error).__name__}: {error}", _HINT_INTERNAL


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from mrienhance.inference.memory import is_out_of_memory

    return is_out_of_memory(error)


def _object(line: bytes) -> dict[str, Any]:
    hint = f"one JSON object a line, in UTF-8, of at most {LONGEST_LINE} bytes"
    if len(line) > LONGEST_LINE:
        raise ProtocolError("the line is too long", hint=hint)
    try:
        values = loads(line.decode("utf-8"))
    except ValueError as error:  # a UnicodeDecodeError is one
        raise ProtocolError(f"the line is no request: {error}", hint=hint) from None
    if not isinstance(values, dict):
        raise ProtocolError(f"the line is no request but {shown(values)}", hint=hint)
    return values
