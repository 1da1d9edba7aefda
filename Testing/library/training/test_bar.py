"""The progress bar of a training, as somebody sees it on a terminal."""

from __future__ import annotations

import io

import pytest
import rich.console
import rich.text

from mrienhance.training.bar import TrainingBar
from mrienhance.training.trainer import Status


class Screen(rich.console.Console):
    """A terminal of 80 columns, whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(file=io.StringIO(), force_terminal=True, width=80, get_time=lambda: self.now)

    def lines(self) -> list[str]:
        """What stands there."""
        assert isinstance(self.file, io.StringIO)
        text = rich.text.Text.from_ansi(self.file.getvalue().rpartition("\x1b[2K")[2]).plain
        return [line.strip() for line in text.splitlines()]


def test_a_narrow_terminal_shows_steps_and_time_left_beside_loss_and_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of one report take minutes, as on a CPU."""
    screen = Screen()
    monkeypatch.setattr("rich.console.Console", lambda stderr: screen)
    numbers = {"loss": 0.01234, "seconds/step": 2.0, "psnr": 31.234, "baseline_psnr": 30.031}
    with TrainingBar(200_000, shown=True) as bar:
        bar.reading(1, 2, "[/x]_T1w.nii.gz")
        for step in (50, 100, 150):
            screen.now += 100.0
            bar.training(Status(step=step, best_score=31.5, best_step=50), numbers)
    first, second = screen.lines()
    assert first.endswith("150/200000 0:05:00 gone, 111:01:40 left")
    assert second == "loss 0.01234, 2.0 s/step, validation 31.23 dB (baseline 30.03, best 31.50)"
