"""slicer.util from slicer-core, made to behave as in the application."""

import logging
from typing import Any

from .installs import installations

_ORIGINALS = ("launchConsoleProcess", "logProcessOutput", "executePythonModule")
_original: dict[str, Any] = {}


def forget_false_names(slicer: Any) -> None:
    """Delete from ``slicer`` what only slicer-core has there: ``slicer.loadVolume``, ``slicer.plot``...

    In Slicer there are the VTK classes, the Qt classes, ``util`` and what the application sets.
    """
    import vtk

    for name, value in list(vars(slicer).items()):
        is_class = isinstance(value, type) and issubclass(value, vtk.vtkObjectBase)
        if not (name.startswith("_") or name == "util" or is_class):
            delattr(slicer, name)


def forget_arguments(slicer: Any) -> None:
    """Empty the dicts that slicer.util's functions have as defaults and write into.

    Within one session ``exportNode`` remembers the format of its first file that way; tests are not to see each
    other's.
    """
    for function in vars(slicer.util).values():
        for default in getattr(function, "__defaults__", None) or ():
            if isinstance(default, dict):
                default.clear()


def mend(slicer: Any) -> None:
    """Replace what would wait."""
    _original.update({name: getattr(slicer.util, name) for name in _ORIGINALS})

    def delayDisplay(message: str, autoCloseMsec: int = 1000, parent: Any = None, **kwargs: Any) -> None:
        """Log the message, let Qt work, do not wait."""
        logging.info(message)
        slicer.app.processEvents()

    slicer.util.delayDisplay = delayDisplay


def be_version(slicer: Any, version: str) -> None:
    """Give the functions that differ between 5.10 and 5.12 their form in `version`."""
    util = slicer.util
    if version == "5.10":
        util.launchConsoleProcess, util.logProcessOutput = _launch_5_10, _log_output_5_10
        util.pip_install, util.pip_uninstall = _pip_install_5_10, _pip_uninstall_5_10
        vars(util).pop("executePythonModule", None)
    else:
        util.launchConsoleProcess, util.logProcessOutput = _launch, _log_output
        util.pip_install, util.pip_uninstall = _pip_install, _pip_uninstall
        util.executePythonModule = _execute


def _launch(args: list[str], *others: Any, **keywords: Any) -> Any:
    if "pip" in args and {"install", "uninstall"} & set(args):
        raise AssertionError(f"a test was about to run pip: {args}")
    return _original["launchConsoleProcess"](args, *others, **keywords)


def _launch_5_10(
    args: list[str], useStartupEnvironment: bool = True, updateEnvironment: Any = None, cwd: str | None = None
) -> Any:
    return _launch(args, useStartupEnvironment, updateEnvironment, cwd)


def _log_output(proc: Any, logCallback: Any = None) -> None:
    try:
        _original["logProcessOutput"](proc, logCallback)
    finally:
        proc.stdout.close()  # Slicer leaves that to the garbage; here it would be a warning, and so an error


def _log_output_5_10(proc: Any) -> None:
    _log_output(proc)


def _execute(module: str, args: list[str], *others: Any, **keywords: Any) -> Any:
    if module == "pip":
        installations.record(args[0], args[1:])
        return None
    return _original["executePythonModule"](module, args, *others, **keywords)


def _pip_install_5_10(requirements: str | list[str]) -> None:
    installations.record("install", requirements)


def _pip_uninstall_5_10(requirements: str | list[str]) -> None:
    installations.record("uninstall", requirements)


def _pip_install(requirements: str | list[str], **kwargs: Any) -> Any:
    import slicer.packaging

    return slicer.packaging.pip_install(requirements, **kwargs)


def _pip_uninstall(requirements: str | list[str], **kwargs: Any) -> Any:
    import slicer.packaging

    return slicer.packaging.pip_uninstall(requirements, **kwargs)
