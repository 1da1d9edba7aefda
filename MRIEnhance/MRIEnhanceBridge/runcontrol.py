"""The lower end of a panel: Apply that becomes Cancel, the progress bar, and the line that says how it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.guard import SceneGuard
from MRIEnhanceBridge.steps import Progress, Steps, Task

_ERROR = "color: #c0392b"


class RunControl:
    """Starts a run, shows it, and stops it.

    Parameters
    ----------
    ui
        Widgets ``applyButton``, ``progressBar`` and ``statusLabel``.
    on_apply
        Called when the user wants to start.
    """

    def __init__(self, ui: Any, on_apply: Callable[[], Any]) -> None:
        self._ui = ui
        self._on_apply = on_apply
        self._task: Task | None = None
        self._guard: SceneGuard | None = None
        self._reason = ""
        ui.progressBar.hide()
        ui.applyButton.connect("clicked(bool)", self._clicked)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._task is not None and self._task.running

    def allow(self, reason: str) -> None:
        """Let Apply be clicked if `reason` is empty; otherwise that is why not."""
        self._reason = reason
        if not self.running:
            self._ui.applyButton.enabled = not reason
            self._ui.applyButton.toolTip = reason or _("Start.")

    def start(
        self,
        steps: Steps[Any],
        *,
        watched: Sequence[Any],
        on_done: Callable[[Any], str],
        on_failed: Callable[[BridgeError], bool],
    ) -> None:
        """Start a run.

        Parameters
        ----------
        steps
            The work.
        watched
            Nodes without which it makes no sense: when one goes, it is stopped.
        on_done
            Told the result; what it returns is shown.
        on_failed
            Told an error; True if it has seen to it, so that nothing is shown.
        """
        self._guard = SceneGuard(watched, self.cancel)
        self._task = Task(
            steps,
            on_done=lambda result: self._finish(lambda: self.say(on_done(result))),
            on_failed=lambda error: self._finish(lambda: None if on_failed(error) else self.complain(error)),
            on_progress=self._show,
        )
        self.say("")
        self._ui.progressBar.value = 0
        self._ui.progressBar.show()
        self._ui.applyButton.text = _("Cancel")
        self._ui.applyButton.enabled = True
        self._ui.applyButton.toolTip = _("Stop, and leave everything as it was.")

    def cancel(self, reason: str = "") -> None:
        """Stop the run, if there is one."""
        if self._task is not None and self._task.running:
            self._ui.applyButton.enabled = False
            self._ui.applyButton.text = _("Stopping…")
            self._task.cancel(reason)

    def close(self) -> None:
        """Stop the run at once and in silence: the panel goes away."""
        if self._guard is not None:
            self._guard.release()
        if self._task is not None:
            self._task.close()

    def say(self, text: str) -> None:
        """Show a line."""
        self._ui.statusLabel.setStyleSheet("")
        self._ui.statusLabel.text = text

    def complain(self, error: BridgeError) -> None:
        """Show what went wrong and what to do about it; details go to the log."""
        cancelled = error.kind == "Cancelled"
        self._ui.statusLabel.setStyleSheet("" if cancelled else _ERROR)
        self._ui.statusLabel.text = f"{error.message}\n{error.hint}".strip()
        if not cancelled:
            logging.error("MRIEnhance: %s", "\n".join(filter(None, (str(error), error.details))))

    def _clicked(self, checked: bool = False) -> None:
        if self.running:
            self.cancel()
        else:
            self._on_apply()

    def _show(self, progress: Progress) -> None:
        bar = self._ui.progressBar
        bar.value = int(bar.maximum * progress.fraction)
        left = "" if progress.seconds_left is None else " · " + _left(progress.seconds_left)
        bar.setFormat(f"%p %{left}")
        self._ui.statusLabel.text = progress.text

    def _finish(self, show: Callable[[], Any]) -> None:
        if self._guard is not None:
            self._guard.release()
        self._task = None
        self._ui.progressBar.hide()
        self._ui.applyButton.text = _("Apply")
        self.allow(self._reason)
        show()


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return _("{minutes}:{seconds:02d} left").format(minutes=minutes, seconds=rest)
