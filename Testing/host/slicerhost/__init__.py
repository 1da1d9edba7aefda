"""Stand-in for the Slicer application: real MRML (slicer-core) and real Qt widgets (PySide6, offscreen).

`start` makes ``slicer``, ``qt`` and ``ctk`` importable and behaving as inside Slicer; `reset` makes everything new
between tests; `load_module` loads a scripted module as the application does. See README.md for what it stands for.
"""

import os
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import errors, state
from .i18n import translations
from .modules import LoadedModule
from .packaging import installations
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
        _host = _start()
    if pretence:
        pretend(**pretence)
    return sys.modules["slicer"]


def pretend(**changes: Any) -> None:
    """Be another Slicer until `reset`: version="5.10", main_window=False, testing=True, executable=""."""
    before = state.current.main_window
    state.change(**changes)
    if state.current.main_window != before:
        _host.scene.reset()


def reset() -> None:
    """Make everything as just after the start; what went wrong is still in `errors`."""
    from . import modules, windows

    slicer = start()
    modules.unload_all()
    windows.close_main_window()
    for widget in slicer.app._qapplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    _flush()
    state.change(**vars(state.Pretence()))
    _host.scene.reset()
    slicer.app.reset()
    dialogs.reset()
    translations.reset()
    installations.clear()
    _flush()


def load_module(path: str | Path) -> LoadedModule:
    """Load a scripted module from its file, as the application does at start-up."""
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


def _flush() -> None:
    from PySide6 import QtCore

    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    QtCore.QCoreApplication.processEvents()


def _start() -> Any:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import slicer

    from . import (
        application,
        i18n,
        launcher,
        modules,
        parameternode,
        popups,
        pythonqt,
        qmrml_widgets,
        scripted,
        threads,
        util,
    )
    from .scene import Scene

    errors.install()
    threads.guard(slicer)
    util.forget_false_names(slicer)
    qapplication, qt, ctk = pythonqt.build()
    sys.modules.update(qt=qt, ctk=ctk)
    folder = tempfile.TemporaryDirectory(prefix="slicerhost-", ignore_cleanup_errors=True)
    application.private_settings(qt, folder.name)
    qapplication.setOrganizationName("slicer.org")
    qapplication.setApplicationName("Slicer")
    scene = Scene(slicer)
    slicer.mrmlScene = scene.mrml
    slicer.app = application.Application(qapplication, scene, launcher.make_home(Path(folder.name)))
    slicer.selfTests = {}
    for name in ("modules", "moduleNames"):
        setattr(slicer, name, types.ModuleType(f"slicer.{name}"))
        sys.modules[f"slicer.{name}"] = getattr(slicer, name)
    python_layer = {"ScriptedLoadableModule": scripted, "i18n": i18n, "parameterNodeWrapper": parameternode}
    for name, module in python_layer.items():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    qmrml_widgets.register(slicer)
    slicer.qSlicerScriptedLoadableModule = modules.ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = modules.widget_class(slicer)
    popups.install(qt, ctk)
    util.mend(slicer)
    scene.build()
    return types.SimpleNamespace(scene=scene, folder=folder)
