"""JSON and types, taken literally: what is doubtful is refused."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_DEEPEST = 12


def loads(text: str) -> Any:
    """Read JSON; unlike `json.loads`, refuse duplicate keys, NaN, Inf and numbers that overflow to them.

    Raises
    ------
    ValueError
        If the text is not JSON in this sense, or nested too deeply.

    Examples
    --------
    >>> from mrienhance.models.strict import loads
    >>> loads('{"scale": 2}')
    {'scale': 2}
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def make(cls: type[T], values: Mapping[str, Any]) -> T:
    """Make a dataclass from JSON values.

    Raises
    ------
    ValueError
        If a field is unknown, missing, or has a wrong type.
    """
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"unknown field {shown(unknown[0])}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(str(error).partition("()")[2].strip()) from None


def settle(instance: Any) -> None:
    """Bring each field of a frozen dataclass to its type: lists become tuples, mappings become dataclasses.

    Raises
    ------
    ValueError
        If a value has another type than its field, is not finite, or is text with control characters.
    """
    for name, hint in get_type_hints(type(instance)).items():
        object.__setattr__(instance, name, _typed(getattr(instance, name), hint, name))


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and mappings into what JSON has."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def shown(value: Any) -> str:
    """Show a value from outside: one line, not too long, no character that moves a cursor."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _typed(value: Any, hint: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _require(value, any(value == a and type(value) is type(a) for a in arguments), f"of {arguments}", name)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _typed(value, next(kind for kind in arguments if kind is not type(None)), name)
    if origin is tuple:
        return _typed_tuple(value, arguments, name)
    if hint is Any or isinstance(origin, type):
        _require(value, hint is Any or isinstance(value, Mapping), "a mapping", name)
        return _tree(value, name, depth=0)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return (
            value
            if isinstance(value, hint)
            else make(hint, _require(value, isinstance(value, Mapping), "a mapping", name))
        )
    if hint is float:
        return float(_require(value, type(value) in (int, float) and _finite(value), "a finite number", name))
    _require(value, type(value) is hint, f"of type {hint.__name__}", name)
    return _text(value, name) if hint is str else value


def _typed_tuple(value: Any, kinds: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    _require(value, isinstance(value, list | tuple), "a list", name)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    _require(value, len(value) == len(kinds), f"a list of {len(kinds)}", name)
    return tuple(_typed(item, kind, name) for item, kind in zip(value, kinds, strict=True))


def _tree(value: Any, name: str, *, depth: int) -> Any:
    """Any JSON value, as itself."""
    _require(value, depth <= _DEEPEST, f"nested less than {_DEEPEST} deep", name)
    if isinstance(value, Mapping):
        return {_text(key, name): _tree(item, name, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tree(item, name, depth=depth + 1) for item in value]
    if isinstance(value, float):
        return _require(value, math.isfinite(value), "finite", name)
    if value is None or isinstance(value, bool | int):
        return value
    return _text(value, name)


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond the largest float
        return False


def _text(value: Any, name: str) -> str:
    """Text that can be shown: control characters could write anything into a terminal."""
    good = isinstance(value, str) and all(
        c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in value
    )
    text: str = _require(value, good, "text without control characters", name)
    return text


def _require(value: Any, good: bool, expected: Any, name: str) -> Any:
    if not good:
        raise ValueError(f"field {shown(name)} must be {expected}, not {shown(value)}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shown(text)} is not a finite number")
    return number
