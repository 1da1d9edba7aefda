"""The progress bar of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from mrienhance.training.trainer import Status

_LOOK_BACK = 3600.0
"""Seconds over which the time left is estimated: between two reports there may be minutes."""


class _TwoLines(Progress):
    """A bar, and below it what there is to say: a terminal of 80 columns has no room for both in a line."""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The lines."""
        yield self.make_tasks_table(self.tasks)
        yield from (Text(task.description) for task in self.tasks)


class TrainingBar:
    """Shows steps done and time left; below the loss, the rate and the validation score; on standard error.

    Parameters
    ----------
    steps
        Steps of the training.
    shown
        Whether anything is drawn.
    """

    def __init__(self, steps: int, *, shown: bool) -> None:
        from rich.console import Console

        times = (TimeElapsedColumn(), TextColumn("gone,"), TimeRemainingColumn(), TextColumn("left"))
        self._progress = _TwoLines(
            *(BarColumn(), MofNCompleteColumn(), *times),
            console=Console(stderr=True),
            disable=not shown,
            speed_estimate_period=_LOOK_BACK,
        )
        self._steps = steps
        self._task = self._progress.add_task("reading", total=None)
        self._loss, self._rate, self._score = "training", "", ""

    def __enter__(self) -> TrainingBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def reading(self, done: int, total: int, name: str) -> None:
        """Show that one more image is read."""
        self._progress.update(self._task, total=total, completed=done, description=f"reading {name}")

    def training(self, status: Status, numbers: Mapping[str, float]) -> None:
        """Show where the training stands."""
        if "psnr" in numbers:
            best = f", best {status.best_score:.2f}" if status.best_step not in (0, status.step) else ""
            self._score = f", validation {numbers['psnr']:.2f} dB (baseline {numbers['baseline_psnr']:.2f}{best})"
        if "loss" in numbers:
            self._loss = f"loss {numbers['loss']:.4g}"
        if numbers.get("seconds/step"):
            self._rate = f", {_rate(numbers['seconds/step'])}"
        text = f"{self._loss}{self._rate}{self._score}"
        self._progress.update(self._task, total=self._steps, completed=status.step, description=text)


def _rate(seconds: float) -> str:
    """Steps a second, or seconds a step, whichever is above 1.

    Examples
    --------
    >>> _rate(0.25), _rate(2.0)
    ('4.0 steps/s', '2.0 s/step')
    """
    return f"{1 / seconds:.1f} steps/s" if seconds < 1 else f"{seconds:.1f} s/step"
