"""Stand-in for the Slicer application: real MRML (slicer-core) and real Qt widgets (PySide6, offscreen).

`start` makes ``slicer``, ``qt`` and ``ctk`` importable and behaving as inside Slicer; `reset` makes everything new
between tests; `load_module` loads a scripted module as the application does. See README.md for what it stands for.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import errors, state
from .i18n import translations
from .installs import installations
from .modules import LoadedModule
from .popups import dialogs

__all__ = [
    "LoadedModule",
    "dialogs",
    "errors",
    "installations",
    "load_module",
    "pretend",
    "process_events_until",
    "reset",
    "start",
    "translations",
]

_host: Any = None


def start(**pretence: Any) -> Any:
    """Start the application, once; gives ``slicer``. Keywords as for `pretend`."""
    global _host
    if _host is None:
        from . import startup

        state.change(**pretence)
        _host = startup.begin()
        pretend(**pretence)
    elif pretence:
        pretend(**pretence)
    return _host.slicer


def pretend(**changes: Any) -> None:
    """Be another Slicer until `reset`.

    Parameters
    ----------
    changes
        version="5.10", main_window=False, testing=True, executable="": the fields of `slicerhost.state.Pretence`. The
        scene is emptied when the main window comes or goes.
    """
    from . import startup, util, windows

    slicer = start()
    before = state.current.main_window
    state.change(**changes)
    if state.current.main_window != before:
        windows.close_main_window()
        _host.scene.reset()
    sys.executable = state.executable()
    startup.packaging_finder.forget(slicer)
    util.be_version(slicer, state.current.version)


def reset() -> None:
    """Make everything as just after the start; what went wrong stays in `errors`."""
    from . import modules, util, windows

    slicer = start()
    modules.unload_all()
    windows.close_all(slicer.app)
    pretend(**vars(state.Pretence()))
    _host.scene.reset()
    slicer.app.reset()
    util.forget_arguments(slicer)
    dialogs.reset()
    translations.reset()
    installations.clear()
    windows.flush()


def load_module(path: str | Path) -> LoadedModule:
    """Load a scripted module from its file, as the application does at start-up; raises what its import raises."""
    from . import modules

    start()
    return modules.load(path)


def process_events_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Let Qt work until the condition holds; False where it did not within `seconds`."""
    slicer = start()
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return bool(condition())
        slicer.app.processEvents()
        time.sleep(0.001)
    return True
