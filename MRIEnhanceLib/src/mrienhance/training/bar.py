"""How far a training is: a bar on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from mrienhance.training.trainer import Status

_LOOK_BACK = 3600.0
"""Seconds over which the time left is estimated: between two reports there may be minutes."""
_SILENCE = 600.0
"""Seconds after which a log gets a line, validation or not."""


class _TwoLines(Progress):
    """A bar, and below it what there is to say: a terminal of 80 columns has no room for both in a line."""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The lines."""
        yield self.make_tasks_table(self.tasks)
        yield from (Text(task.description) for task in self.tasks)


class TrainingBar:
    """Shows steps done and time left, the loss, the rate and the validation score; on standard error.

    Where that is no terminal, as in a job's log, it gets a line at the beginning, after each validation, and after ten
    minutes of silence.

    Parameters
    ----------
    steps
        Steps of the training.
    shown
        Whether anything is written.
    """

    def __init__(self, steps: int, *, shown: bool) -> None:
        console = Console(stderr=True)
        times = (TimeElapsedColumn(), TextColumn("gone,"), TimeRemainingColumn(), TextColumn("left"))
        self._progress = _TwoLines(
            *(BarColumn(), MofNCompleteColumn(), *times),
            console=console,
            disable=not (shown and console.is_terminal),
            speed_estimate_period=_LOOK_BACK,
        )
        self._lines = _Lines(console, steps) if shown and not console.is_terminal else None
        self._steps = steps
        self._task = self._progress.add_task("reading", total=None)
        self._loss = self._rate = self._score = ""

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
        if self._lines is not None and done == total:
            self._lines.write(f"{total} images were read")

    def training(self, status: Status, numbers: Mapping[str, float]) -> None:
        """Show where the training stands."""
        if "psnr" in numbers:
            best = f", best {status.best_score:.2f}" if status.best_step not in (0, status.step) else ""
            self._score = f"validation {numbers['psnr']:.2f} dB (baseline {numbers['baseline_psnr']:.2f}{best})"
        if "loss" in numbers:
            self._loss = f"loss {numbers['loss']:.4g}"
        if numbers.get("seconds/step"):
            self._rate = _rate(numbers["seconds/step"])
        text = ", ".join(filter(None, (self._loss, self._rate, self._score))) or "training"
        self._progress.update(self._task, total=self._steps, completed=status.step, description=text)
        if self._lines is not None:
            self._lines.training(status.step, text, validated="psnr" in numbers)


class _Lines:
    """Writes how far a training of some steps is, each time in a line of its own."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console, self._steps = console, steps
        self._first: tuple[float, int] | None = None
        self._latest = 0.0

    def write(self, text: str) -> None:
        """Write a line, however long."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def training(self, step: int, text: str, *, validated: bool) -> None:
        """Write where the training stands, if it is time to."""
        now = self._console.get_time()
        if self._first is None:
            self._first = (now, step)
        elif not validated and now - self._latest < _SILENCE:
            return
        self._latest = now
        began, first = self._first
        left = ""
        if step > first:
            seconds = (now - began) / (step - first) * (self._steps - step)
            left = f"{timedelta(seconds=round(seconds))} left, "
        self.write(f"step {step} of {self._steps}, {left}{text}")


def _rate(seconds: float) -> str:
    """Steps a second, or seconds a step, whichever is above 1.

    Examples
    --------
    >>> _rate(0.25), _rate(2.0)
    ('4.0 steps/s', '2.0 s/step')
    """
    return f"{1 / seconds:.1f} steps/s" if seconds < 1 else f"{seconds:.1f} s/step"
