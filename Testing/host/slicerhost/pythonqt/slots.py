"""Python functions as receivers of signals."""

import functools
import types
from collections.abc import Callable
from typing import Any

from . import convert, errors

_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)


def is_function(value: Any) -> bool:
    """Whether this is a function, and not just any object that can be called: those may be data of an item."""
    return isinstance(value, _FUNCTIONS)


def accepted(function: Any) -> int | None:
    """How many positional arguments a function takes; None: all that there are.

    As in PythonQt, which looks at plain functions and methods only: a partial gets all arguments.
    """
    bound = isinstance(function, types.MethodType)
    code = getattr(function.__func__ if bound else function, "__code__", None)
    if code is None or code.co_flags & 0x04:  # *args
        return None
    return code.co_argcount - bound


def adapter(function: Any, count: int) -> Callable[..., None]:
    """A function for PySide to call: passes at most `count` arguments, and no more than `function` takes."""
    limit = accepted(function)
    limit = count if limit is None else min(limit, count)

    def call(*arguments: Any) -> None:
        try:
            function(*(convert.wrap(argument) for argument in arguments[:limit]))
        except BaseException as error:
            errors.report(error)

    return call
