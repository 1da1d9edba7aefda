"""A line of a panel in which the user names a file, bound to a text that is kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FileLine:
    """Shows a path, and tells of another one at every letter.

    Slicer's own binding has no value for no path.

    Parameters
    ----------
    line
        The ``ctkPathLineEdit``.
    on_chosen
        Told the path, which is empty for none.
    """

    def __init__(self, line: Any, on_chosen: Callable[[str], Any]) -> None:
        self._line = line
        self._on_chosen = on_chosen
        # The first comes with every letter, and not when the line is emptied; then the second comes.
        line.connect("currentPathChanged(QString)", self._changed)
        line.connect("validInputChanged(bool)", self._changed)

    def show(self, path: str) -> None:
        """Show this path; what the user is typing is let be if it means the same."""
        if self._line.currentPath.strip() != path:
            self._line.setCurrentPath(path)

    def _changed(self, _text_or_validity: Any = None) -> None:
        self._on_chosen(self._line.currentPath.strip())
