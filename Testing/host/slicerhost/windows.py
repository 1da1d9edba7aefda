"""The main window, and what becomes of windows between tests.

The main window is enough for slicer.util.mainWindow(), showStatusMessage() and selectModule().
"""

from typing import Any

from . import state

_main: Any = None


def main_window() -> Any:
    """Give the main window; None as with ``--no-main-window``."""
    global _main
    if not state.current.main_window:
        return None
    if _main is None:
        _main = _make()
    return _main


def close_main_window() -> None:
    """Let the main window go; a new one is made when it is asked for."""
    global _main
    if _main is not None:
        _main.close()
        _main.deleteLater()
        _main = None


def close_all(application: Any) -> None:
    """Close and delete every window."""
    close_main_window()
    for widget in application._qapplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    flush()


def flush() -> None:
    """Delete what waits to be deleted, and handle what is posted."""
    from PySide6 import QtCore

    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    QtCore.QCoreApplication.processEvents()
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


class ModuleSelector:
    """mainWindow().moduleSelector(): opens modules by name."""

    def __init__(self) -> None:
        self.selectedModule = ""

    def selectModule(self, name: str) -> None:
        """Leave the module that is open and enter another."""
        from . import modules

        if self.selectedModule:
            modules.leave(self.selectedModule)
        modules.enter(name)
        self.selectedModule = name


def _make() -> Any:
    import qt

    class qSlicerMainWindow(qt.QMainWindow):
        def moduleSelector(self) -> ModuleSelector:
            return self.selector

    window = qSlicerMainWindow()
    window.selector = ModuleSelector()
    window.setObjectName("qSlicerMainWindow")
    return window
