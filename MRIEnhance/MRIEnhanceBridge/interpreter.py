"""Which Python runs the worker, and where it finds the library."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import slicer
import slicer.util
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

VARIABLE = "MRIENHANCE_PYTHON"
"""Environment variable that names an interpreter; it goes before the setting."""
SETTING = "MRIEnhance/Python"
"""Key of the application's setting that names one."""

_SLICERS_VARIABLES = {"PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "__PYVENV_LAUNCHER__"}
_SEARCH_PATHS = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
# Pipes carry UTF-8 whatever the system's locale is: on Windows it often is another one.
_UTF8 = {"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}


@dataclass(frozen=True)
class Interpreter:
    """A Python that can be started.

    Parameters
    ----------
    executable
        Absolute path.
    ours
        Whether it is that of this Slicer, with the packages that are installed there.
    source
        Who named it: ``"environment"``, ``"setting"`` or ``"Slicer"`` (nobody: it lies beside the application).
    """

    executable: str
    ours: bool
    source: str

    def environment(self) -> dict[str, str]:
        """The environment variables for its process.

        Slicer's own Python gets those of the application: they lead it to Slicer's libraries and packages. Any other
        gets those from before Slicer was started, for with Slicer's it would load the wrong libraries.
        """
        return (dict(os.environ) if self.ours else _before_slicer()) | _UTF8


def find() -> Interpreter:
    """The interpreter to use: what ``MRIENHANCE_PYTHON`` says, else what the setting says, else Slicer's own.

    Raises
    ------
    BridgeError
        If the one that is named cannot be used, or if Slicer's own is not where it should be.
    """
    named = {
        "environment": (os.environ.get(VARIABLE, ""), _("the environment variable {name}").format(name=VARIABLE)),
        "setting": (python_setting(), _("the setting for the Python interpreter")),
    }
    for source, (path, who) in named.items():
        if path.strip():
            executable = _checked(path, who)
            return Interpreter(executable, ours=_is_ours(executable), source=source)
    own = next(filter(_can_run, _slicers_own()), None)
    if own is None:
        message = _("Slicer's Python interpreter (PythonSlicer) is not in {folder}")
        raise BridgeError(
            message.format(folder=Path(slicer.app.slicerHome, "bin")),
            _("install 3D Slicer again, or name another interpreter with {name}").format(name=VARIABLE),
        )
    return Interpreter(str(own), ours=True, source="Slicer")


def python_setting() -> str:
    """The path that the setting holds; empty for none."""
    return str(slicer.app.userSettings().value(SETTING, "") or "")


def set_python(path: str | None) -> None:
    """Keep `path` in the application's settings; None or an empty text takes the setting away.

    It is kept as it is: `find` says what is wrong with it, when it is used.
    """
    settings = slicer.app.userSettings()
    if path and path.strip():
        settings.setValue(SETTING, path.strip())
    else:
        settings.remove(SETTING)


def library_folder() -> Path:
    """The folder that holds the package ``mrienhance``: the copy in the extension, else the source tree's.

    Raises
    ------
    BridgeError
        If there is neither.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "library", here.parent.parent / "MRIEnhanceLib" / "src"):
        if (folder / "mrienhance" / "__init__.py").is_file():
            return folder
    message = _("the extension is not complete: its library is not in {folder}").format(folder=here / "library")
    raise BridgeError(message, _("install the extension again"))


def _slicers_own() -> Iterable[Path]:
    """Where this Slicer's Python may be, the best place first."""
    home = Path(slicer.app.slicerHome)
    ending = ".exe" if sys.platform == "win32" else ""
    name = f"PythonSlicer{ending}"
    real = home / "bin" / f"python-real{ending}"
    if ending:
        # There the launcher is not known to hand its standard input on. What it launches needs the application's
        # environment, which it gets; Slicer runs the command line modules that are written in Python in this way.
        yield real
    yield home / "bin" / name  # installed, also inside the bundle on macOS
    # Build trees keep it where Python was built, inside or beside the application's folder.
    yield home / "python-install" / "bin" / name
    yield home.parent / "python-install" / "bin" / name
    if on_path := shutil.which("PythonSlicer"):
        yield Path(on_path)
    yield real


def _checked(path: str, who: str) -> str:
    """The absolute path of an interpreter that `who` names by `path`."""
    file = Path(os.path.expanduser(path.strip().strip("\"'")))
    if not file.is_absolute():
        problem, hint = _("{path} is not a whole path"), _("give the path from the root of the disk on")
    elif os.path.isdir(file):
        inside = next(filter(_can_run, _interpreters_in(file)), None)
        problem = _("{path} is a folder")
        hint = _("give the file of the interpreter")
        if inside is not None:
            hint = _("give the file of the interpreter: {file}").format(file=inside)
    elif not os.path.isfile(file):
        problem, hint = _("there is no file {path}"), _("correct it, or take it away to use Slicer's own Python")
    elif not _can_run(file):
        problem, hint = (
            _("{path} cannot be executed"),
            _("give the file of the interpreter, and allow it to be executed"),
        )
    else:
        return str(file)
    message = _("{who} names no Python interpreter: {problem}")
    raise BridgeError(message.format(who=who, problem=problem.format(path=file)), hint)


def _interpreters_in(folder: Path) -> Iterable[Path]:
    """Where virtual environments and installations keep theirs."""
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe", "bin/PythonSlicer"):
        yield folder / name


def _can_run(file: Path) -> bool:
    return os.path.isfile(file) and os.access(file, os.X_OK)


def _is_ours(executable: str) -> bool:
    return any(os.path.isfile(own) and os.path.samefile(own, executable) for own in _slicers_own())


def _before_slicer() -> dict[str, str]:
    """The environment from before Slicer, without what would lead another Python to Slicer's packages."""
    environment = {}
    for name, value in slicer.util.startupEnvironment().items():
        if name.upper() in _SEARCH_PATHS:
            value = os.pathsep.join(part for part in value.split(os.pathsep) if not _in_slicer(part))
            if not value:
                continue
        if name.upper() not in _SLICERS_VARIABLES:
            environment[name] = value
    return environment


def _in_slicer(folder: str) -> bool:
    if not folder:
        return False
    home, path = (os.path.normcase(os.path.realpath(place)) for place in (slicer.app.slicerHome, folder))
    return path == home or path.startswith(home + os.sep)
