"""What the worker needs in its interpreter, known without an installation of the library.

The extension of 3D Slicer puts the library's folder on the path of an interpreter in which it was never installed, so
there are no metadata of ours to ask.
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib.util import find_spec

from mrienhance.errors import DependencyError

NEEDED = ("torch>=2.6", "SimpleITK>=2.3", "numpy>=1.26", "safetensors>=0.4.5")
"""What the worker needs of the library's dependencies."""

NOT_NEEDED = ("PyYAML>=6.0", "rich>=13.7")
"""The rest of them: recipes of trainings, and progress bars in a terminal."""


def missing() -> list[str]:
    """Which of `NEEDED` this interpreter does not have, or not in such a version."""
    importlib.invalidate_caches()  # it may have been installed a moment ago
    return [requirement for requirement in NEEDED if not _is_met(requirement)]


def load() -> None:
    """Import everything in `NEEDED`.

    Raises
    ------
    DependencyError
        If something is missing or too old, or cannot be imported.
    """
    lacking = missing()
    if lacking:
        quoted = " ".join(f'"{requirement}"' for requirement in lacking)
        raise DependencyError(
            f"missing in {sys.executable}: {', '.join(lacking)}",
            hint=f"install what is missing there: {sys.executable} -m pip install {quoted}",
        )
    for name in _names():
        _import(name)


def loaded() -> bool:
    """Whether everything in `NEEDED` has been imported."""
    return all(name in sys.modules for name in _names())


def satisfies(version: str, lowest: str) -> bool:
    """Whether a version is at least `lowest`, by its release numbers alone: ``2.7.0+cu128`` is at least ``2.6``."""
    return _release(version) >= _release(lowest)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:  # a library that does not fit the system fails with anything
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DependencyError(
            f"{name} is in {sys.executable} but cannot be loaded: {reason}",
            hint=f"install it again: {sys.executable} -m pip install --force-reinstall --no-deps {name}",
        ) from error


def _is_met(requirement: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    name, lowest = _split(requirement)
    try:
        found = version(name)
    except (PackageNotFoundError, KeyError):
        found = None
    if found:
        return satisfies(found, lowest)
    # Slicer builds some packages itself, not always with metadata. A folder without a module is none.
    spec = find_spec(name)
    return spec is not None and spec.origin is not None


def _names() -> list[str]:
    return [_split(requirement)[0] for requirement in NEEDED]


def _split(requirement: str) -> tuple[str, str]:
    name, _, lowest = requirement.partition(">=")
    return name, lowest


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version before any letter, trailing zeros removed."""
    match = re.match(r"\s*v?(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in match[1].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
