"""The main window: enough for slicer.util.mainWindow(), a status bar and the module selector."""

from typing import Any

from . import state

_main: Any = None


def main_window() -> Any:
    """Give the main window; None as with ``--no-main-window``."""
    global _main
    if not state.current.main_window:
        return None
    if _main is None:
        import qt

        _main = _make(qt)
    return _main


def close_main_window() -> None:
    """Between tests."""
    global _main
    if _main is not None:
        _main.close()
        _main.deleteLater()
        _main = None


def _make(qt: Any) -> Any:
    window = qt.QMainWindow()
    window.setObjectName("qSlicerMainWindow")
    return window
