"""The line of a panel in which the user may name another Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from MRIEnhanceBridge import interpreter

_TYPING_MS = 600
"""After so long without a change, the path counts as typed."""


class PythonLine:
    """Shows which interpreter is named, and keeps another one in the application's settings.

    Parameters
    ----------
    line
        The ``ctkPathLineEdit``.
    on_chosen
        Called after another interpreter was named, or none.
    """

    def __init__(self, line: Any, on_chosen: Callable[[], Any]) -> None:
        self._line = line
        self._on_chosen = on_chosen
        named = os.environ.get(interpreter.VARIABLE, "")
        line.setCurrentPath(named or interpreter.python_setting())
        line.enabled = not named
        if named:
            line.toolTip = _("Set by the environment variable {name}.").format(name=interpreter.VARIABLE)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._typed)
        # The first comes with every letter, and not when the line is emptied; then the second comes.
        line.connect("currentPathChanged(QString)", self._changed)
        line.connect("validInputChanged(bool)", self._changed)

    def close(self) -> None:
        """Wait for no more letters: the panel goes away."""
        self._timer.stop()

    def _changed(self, _text_or_validity: Any = None) -> None:
        self._timer.start(_TYPING_MS)

    def _typed(self) -> None:
        path = self._line.currentPath.strip()
        if path != interpreter.python_setting():
            interpreter.set_python(path or None)
            self._on_chosen()
