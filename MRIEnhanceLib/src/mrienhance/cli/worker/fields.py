"""The fields of a request, taken one by one and strictly; what is left over was unknown."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mrienhance.cli.worker.protocol import ProtocolError
from mrienhance.models.strict import shown

T = TypeVar("T")
_HINT = "the protocol is described in MRIEnhanceLib/docs/worker-protocol.md"


class Fields:
    """The fields of a request or of a part of it.

    A check gives the value as it is used, or raises `ValueError` with what it should have been.

    Parameters
    ----------
    values
        What was sent.
    where
        What to call it in a message.

    Raises
    ------
    ProtocolError
        In all methods, if a field is wrong.

    Examples
    --------
    >>> fields = Fields({"scale": 2, "sclae": 4}, "super-resolve")
    >>> fields.required("scale", whole(1))
    2
    >>> try:
    ...     fields.finish()
    ... except ProtocolError as error:
    ...     print(error)
    super-resolve: unknown key 'sclae'
    """

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, Mapping):
            raise ProtocolError(f"{where} must be an object, not {shown(values)}", hint=_HINT)
        self._values, self.where = dict(values), where

    def required(self, name: str, check: Callable[[Any], T]) -> T:
        """A field that must be there."""
        if name not in self._values:
            raise ProtocolError(f"{self.where}: {name!r} is missing", hint=_HINT)
        value = self._values.pop(name)
        try:
            return check(value)
        except ValueError as error:
            raise ProtocolError(f"{self.where}: {name!r} must be {error}, not {shown(value)}", hint=_HINT) from None

    def optional(self, name: str, check: Callable[[Any], T], default: Any = None) -> T | Any:
        """A field that may be null or left out."""
        if self._values.get(name) is None:
            self._values.pop(name, None)
            return default
        return self.required(name, check)

    def part(self, name: str) -> Fields:
        """A field that is an object with fields of its own."""
        if name not in self._values:
            raise ProtocolError(f"{self.where}: {name!r} is missing", hint=_HINT)
        return Fields(self._values.pop(name), f"{self.where}: {name!r}")

    def optional_part(self, name: str) -> Fields | None:
        """As `part`; None if it is null or left out."""
        if self._values.get(name) is None:
            self._values.pop(name, None)
            return None
        return self.part(name)

    @property
    def names(self) -> tuple[str, ...]:
        """What is there and was not taken yet."""
        return tuple(self._values)

    def finish(self) -> None:
        """See that nothing is left over."""
        if self._values:
            raise ProtocolError(f"{self.where}: unknown key {shown(min(self._values))}", hint=_HINT)


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def whole(lowest: int) -> Callable[[Any], int]:
    """A whole number."""

    def check(value: Any) -> int:
        if type(value) is not int or value < lowest:
            raise ValueError(f"a whole number from {lowest} on")
        return value

    return check


def one_of(*choices: str) -> Callable[[Any], str]:
    """One of some words."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return check


def tuple_of(check: Callable[[Any], T], count: int | None = None) -> Callable[[Any], tuple[T, ...]]:
    """A list, of a fixed length if `count` is given."""

    def check_all(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list) or count not in (None, len(value)):
            raise ValueError("a list" if count is None else f"a list of {count}")
        try:
            return tuple(check(item) for item in value)
        except ValueError as error:
            raise ValueError(f"a list, each item {error}") from None

    return check_all


def number(value: Any) -> float:
    """A finite number."""
    try:
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise ValueError("a number")


def positive(value: Any) -> float:
    """A finite number above 0."""
    try:
        if number(value) > 0:
            return float(value)
    except ValueError:
        pass
    raise ValueError("a number above 0")


def path(value: Any) -> Path:
    """An absolute path."""
    if not isinstance(value, str) or not os.path.isabs(value):
        raise ValueError("an absolute path")
    return Path(value)
