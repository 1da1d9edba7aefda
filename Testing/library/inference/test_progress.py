"""Progress never falls, knows the time left, and a request to stop is heard."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.errors import Cancelled
from mrienhance.inference import Cancel, NullProgress, Part, ProgressTracker


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Log:
    """Keeps every report."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, float | None, str]] = []

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        self.reports.append((fraction, seconds_left, text))


@given(st.lists(st.floats(0, 200), max_size=20))
def test_the_fraction_never_falls_and_ends_at_one(steps: list[float]) -> None:
    log = Log()
    tracker = ProgressTracker(100.0, log, "work", clock=Clock(), interval=0.0)
    for done in steps:
        tracker.at(done)
    tracker.finish()
    fractions = [fraction for fraction, _, _ in log.reports]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert all(fraction < 1 for fraction in fractions[:-1])


def test_the_time_left_follows_from_the_speed() -> None:
    log, clock = Log(), Clock()
    tracker = ProgressTracker(10, log, "work", clock=clock)
    clock.now += 3
    tracker.at(2.5)
    assert log.reports == [(0.0, None, "work"), (0.25, 9.0, "work")]


def test_after_a_restart_the_old_speed_is_forgotten() -> None:
    log, clock = Log(), Clock()
    tracker = ProgressTracker(10, log, "work", clock=clock)
    clock.now += 1
    tracker.at(5)
    tracker.restart()
    clock.now += 10
    tracker.at(5)
    assert log.reports[-1] == (0.5, None, "work")
    clock.now += 10
    tracker.at(7.5)
    assert log.reports[-1] == (0.75, 20.0, "work")


def test_reports_keep_their_distance_in_time() -> None:
    log, clock = Log(), Clock()
    tracker = ProgressTracker(100, log, "work", clock=clock, interval=1.0)
    for done in range(100):
        clock.now += 0.25
        tracker.at(done)
    assert len(log.reports) == 1 + 25


def test_nobody_needs_to_listen() -> None:
    tracker = ProgressTracker(1, None, "work", interval=0.0)
    tracker.at(0.5)
    tracker.finish()
    NullProgress().report(0.5, None, "work")


def test_cancel_is_heard_from_another_thread() -> None:
    cancel = Cancel()
    cancel.check()
    assert not cancel.cancelled
    thread = threading.Thread(target=cancel.cancel)
    thread.start()
    thread.join()
    assert cancel.cancelled
    with pytest.raises(Cancelled):
        cancel.check()


def test_a_part_is_told_as_a_part_of_the_whole() -> None:
    log = Log()
    outer = Part(log, 0.5, 1.0)
    inner = Part(outer, 0.0, 0.5)
    for fraction in (0.0, 0.5, 1.0):
        inner.report(fraction, 3.0, "work")
    assert log.reports == [(0.5, 3.0, "work"), (0.625, 3.0, "work"), (0.75, 3.0, "work")]
    Part(None, 0.0, 1.0).report(0.5, None, "nobody")
