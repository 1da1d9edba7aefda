"""The progress bar of a training."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mrienhance.training.trainer import Status


class TrainingBar:
    """Shows the steps done, the time left, the loss and the validation score on standard error.

    Parameters
    ----------
    steps
        Steps of the training.
    shown
        Whether anything is drawn.
    """

    def __init__(self, steps: int, *, shown: bool) -> None:
        from rich.console import Console

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown)
        self._steps = steps
        self._task = self._progress.add_task("reading", total=None)
        self._score = ""

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
            gain = numbers["psnr"] - numbers["baseline_psnr"]
            self._score = f", validation {numbers['psnr']:.2f} dB ({gain:+.2f})"
        loss = f"loss {numbers['loss']:.4g}" if "loss" in numbers else "training"
        self._progress.update(self._task, total=self._steps, completed=status.step, description=f"{loss}{self._score}")
