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

    def __init__(self, *, terminal: bool = True) -> None:
        self.now = 0.0
        super().__init__(file=io.StringIO(), force_terminal=terminal, width=80, get_time=lambda: self.now)

    def written(self) -> list[str]:
        """What a log has."""
        assert isinstance(self.file, io.StringIO)
        return self.file.getvalue().splitlines()

    def lines(self) -> list[str]:
        """What stands there."""
        assert isinstance(self.file, io.StringIO)
        text = rich.text.Text.from_ansi(self.file.getvalue().rpartition("\x1b[2K")[2]).plain
        return [line.strip() for line in text.splitlines()]


def test_a_narrow_terminal_shows_steps_and_time_left_beside_loss_and_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of one report take minutes, as on a CPU."""
    screen = Screen()
    monkeypatch.setattr("mrienhance.training.bar.Console", lambda stderr: screen)
    numbers = {"loss": 0.01234, "seconds/step": 2.0, "psnr": 31.234, "baseline_psnr": 30.031}
    with TrainingBar(200_000, shown=True) as bar:
        bar.reading(1, 2, "[/x]_T1w.nii.gz")
        for step in (50, 100, 150):
            screen.now += 100.0
            bar.training(Status(step=step, best_score=31.5, best_step=50), numbers)
    first, second = screen.lines()
    assert first.endswith("150/200000 0:05:00 gone, 111:01:40 left")
    assert second == "loss 0.01234, 2.0 s/step, validation 31.23 dB (baseline 30.03, best 31.50)"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Standard error that goes into a file."""
    screen = Screen(terminal=False)
    monkeypatch.setattr("mrienhance.training.bar.Console", lambda stderr: screen)
    return screen


def test_a_log_gets_a_line_at_the_beginning_and_for_each_validation(log: Screen) -> None:
    """As on a cluster, where standard error is a file that somebody follows."""
    with TrainingBar(1000, shown=True) as bar:
        for number in (1, 2):
            bar.reading(number, 2, "[/x]_T1w.nii.gz")
        for step in (25, 50, 75):
            log.now += 50.0
            scores = {"psnr": 31.234, "baseline_psnr": 30.031} if step == 75 else {}
            bar.training(Status(step=step), {"loss": 0.01234, "seconds/step": 2.0, **scores})
    assert log.written() == [
        "2 images were read",
        "step 25 of 1000, loss 0.01234, 2.0 s/step",
        "step 75 of 1000, 0:30:50 left, loss 0.01234, 2.0 s/step, validation 31.23 dB (baseline 30.03)",
    ]


def test_a_log_is_never_silent_for_long(log: Screen) -> None:
    """Validations may be hours apart."""
    with TrainingBar(1000, shown=True) as bar:
        for step in range(0, 100, 10):
            bar.training(Status(step=step), {"loss": 0.5})
            log.now += 150.0
    assert [line.partition(",")[0] for line in log.written()] == [f"step {step} of 1000" for step in (0, 40, 80)]


def test_nothing_is_written_where_nothing_is_wanted(log: Screen) -> None:
    """As in the other processes of a training."""
    with TrainingBar(1000, shown=False) as bar:
        bar.reading(1, 1, "T1w.nii.gz")
        bar.training(Status(step=5), {"psnr": 30.0, "baseline_psnr": 29.0})
    assert not log.written()
