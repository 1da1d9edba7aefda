"""slicer.packaging of Slicer 5.12: what is there is really looked up, what would be installed is only recorded.

Loaded under the name ``slicer.packaging``. Signatures and order of events are Slicer's: `pip_ensure` checks, skips in
testing mode, asks, and raises RuntimeError where the user declines. pip never runs; see `slicerhost.installations`.
"""

import importlib.metadata
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import tomllib
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from slicer.i18n import tr as _

from slicerhost.installs import installations

_Requirements = str | Requirement | list[str | Requirement]


def load_requirements(path: str | Path) -> list[Requirement]:
    """Requirements of a file; lines that are empty or start with # or - are passed over."""
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """``[project].dependencies`` of a pyproject.toml; KeyError without a ``[project]``."""
    data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    if "project" not in data:
        raise KeyError(f"{path} has no [project]")
    return [Requirement(each) for each in data["project"].get("dependencies", [])]


def pip_check(req: _Requirements, _seen: set[Any] | None = None) -> bool:
    """True where all is installed, extras included; what that needs in its turn is not looked at."""
    seen = set() if _seen is None else _seen
    return all(_is_met(each, seen) for each in _to_requirements(req))


def isPipInstallInProgress() -> bool:
    """False: nothing is ever installed."""
    return False


def pip_ensure(
    requirements: list[Requirement],
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> list[str] | None:
    """Install what is missing, after asking.

    Raises
    ------
    RuntimeError
        If the user declines.
    TypeError
        If a requirement is none.
    subprocess.CalledProcessError
        If pip fails.
    """
    # Slicer goes through the list as it is: of a text, it would check and install the letters.
    if not all(isinstance(each, Requirement) for each in requirements):
        raise TypeError("pip_ensure takes a list of packaging.requirements.Requirement, and nothing else")
    missing = [str(each) for each in requirements if not pip_check(each)]
    if not missing:
        return None
    if skip_in_testing and slicer.app.testingEnabled():
        logging.info("testing mode: %s is not installed", ", ".join(missing))
        return None
    if prompt_install:
        title = f"{requester} - " if requester else ""
        message = _("{count} Python packages need to be installed. Continue?").format(count=len(missing))
        detail = "\n".join(missing)
        if not slicer.util.confirmOkCancelDisplay(message, title + _("Install Python Packages"), detailedText=detail):
            raise RuntimeError("User declined package installation")
    return pip_install(
        missing,
        constraints=constraints,
        skip_packages=skip_packages,
        blocking=True,
        show_progress=show_progress,
        requester=requester,
    )


def pip_install(
    requirements: str | list[str],
    constraints: str | Path | None = None,
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    parent: Any = None,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> list[str] | None:
    """Record an installation; a non-blocking one is completed from the event loop."""
    if skip_packages is not None and no_deps_requirements is not None:
        raise ValueError("skip_packages and no_deps_requirements exclude each other")
    if skip_packages is not None and not blocking:
        raise ValueError("skip_packages needs blocking=True")
    options = {
        "constraints": constraints,
        "no_deps_requirements": no_deps_requirements,
        "skip_packages": skip_packages,
        "blocking": blocking,
        "show_progress": show_progress,
        "requester": requester,
    }
    installations.record("install", requirements, **options)
    if not blocking and completedCallback is not None:
        import qt

        qt.QTimer.singleShot(0, lambda: completedCallback(0))
    return [] if skip_packages is not None else None


def pip_uninstall(
    requirements: str | list[str],
    blocking: bool = True,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> None:
    """Record a removal."""
    installations.record("uninstall", requirements, blocking=blocking)


def _to_requirements(given: _Requirements) -> list[Requirement]:
    if isinstance(given, str):
        try:
            return [Requirement(given)]
        except InvalidRequirement:
            return [Requirement(word) for word in given.split()]
    if isinstance(given, Requirement):
        return [given]
    if isinstance(given, list):
        return [Requirement(each) if isinstance(each, str) else each for each in given]
    raise TypeError(f"text, a Requirement or a list is needed, not {type(given).__name__}")


def _is_met(requirement: Requirement, seen: set[Any]) -> bool:
    key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
    if key in seen or (requirement.marker is not None and not requirement.marker.evaluate()):
        return True
    seen.add(key)
    try:
        distribution = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    if not requirement.specifier.contains(distribution.version):
        return False
    needed = [Requirement(line) for line in distribution.requires or []]
    return all(_is_met(each, seen) for each in needed if each.marker is not None and _activated(each, requirement))


def _activated(dependency: Requirement, requirement: Requirement) -> bool:
    """Whether one of the extras asks for a dependency; then its marker is done with."""
    marker = dependency.marker
    wanted = marker is not None and any(marker.evaluate({"extra": extra}) for extra in requirement.extras)
    if wanted:
        dependency.marker = None
    return wanted
