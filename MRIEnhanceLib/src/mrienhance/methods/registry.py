"""Which methods there are: the folders beside this file, and entry points of other wheels."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points

from mrienhance import methods
from mrienhance.errors import UsageError
from mrienhance.methods.base import Method

ENTRY_POINT_GROUP = "mrienhance.methods"


def all_methods() -> dict[str, Method]:
    """Every method by name, those of this package first.

    Raises
    ------
    TypeError
        If a folder or an entry point gives something other than a `Method`.
    ValueError
        If two methods have one name.
    """
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(methods.__path__):
        if module.ispkg:
            source = f"{methods.__name__}.{module.name}"
            _add(found, importlib.import_module(source).METHOD, source)
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        _add(found, entry.load(), entry.value)
    return found


def get_method(name: str) -> Method:
    """The method called `name`.

    Raises
    ------
    UsageError
        If there is none; the hint names those there are.
    """
    found = all_methods()
    if name not in found:
        raise UsageError(f"unknown method {name!r}", hint=f"methods here: {', '.join(sorted(found))}")
    return found[name]


def _add(found: dict[str, Method], method: object, source: str) -> None:
    if not isinstance(method, Method):
        raise TypeError(f"{source} should give a Method, not {type(method).__name__}")
    if method.name in found:
        raise ValueError(f"{source}: a method called {method.name!r} exists already")
    found[method.name] = method
