"""Hyper-parameters from and to plain dictionaries, strictly: an unknown field or a wrong type is an error."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def config_to_dict(config: Any) -> dict[str, Any]:
    """Turn a configuration into JSON-able values."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def config_from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """Make a configuration from plain values.

    Parameters
    ----------
    cls
        A dataclass whose fields are int, float, bool, str, Literal, optional, tuple or dataclass.
    values
        Field name to value; missing fields take their default.

    Raises
    ------
    ValueError
        If a field is unknown or missing, or a value has the wrong type or lies outside its range.

    Examples
    --------
    >>> from mrienhance.methods.configs import config_from_dict
    >>> from mrienhance.methods.iconet.config import Config
    >>> config_from_dict(Config, {"scale": 4}).scale
    4
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(fields))}")
    hints = get_type_hints(cls)
    arguments = {name: _typed(value, hints[name], name) for name, value in values.items()}
    try:
        return cls(**arguments)
    except TypeError as error:
        raise ValueError(f"{cls.__qualname__}: {error}") from None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return config_to_dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _typed(value: Any, hint: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _require(value, value in arguments and type(value) in map(type, arguments), f"one of {arguments}", name)
    if origin in (Union, types.UnionType):
        if value is None:
            return _require(value, type(None) in arguments, str(hint), name)
        return _typed(value, next(kind for kind in arguments if kind is not type(None)), name)
    if origin is tuple:
        return _typed_tuple(value, arguments, name)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return config_from_dict(hint, _require(value, isinstance(value, Mapping), "a mapping", name))
    if hint is float and type(value) is int:
        return float(value)
    return _require(value, type(value) is hint, hint.__name__, name)


def _typed_tuple(value: Any, kinds: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    _require(value, isinstance(value, list | tuple), "a list", name)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    _require(value, len(value) == len(kinds), f"a list of {len(kinds)}", name)
    return tuple(_typed(item, kind, name) for item, kind in zip(value, kinds, strict=True))


def _require(value: Any, good: bool, expected: str, name: str) -> Any:
    if not good:
        raise ValueError(f"field {name!r} must be {expected}, not {value!r}")
    return value
