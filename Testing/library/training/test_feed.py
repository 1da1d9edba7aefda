"""Images are drawn ahead, in order, not too far, and whatever goes wrong is told where it belongs."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from mrienhance.errors import UsageError
from mrienhance.training.feed import Feed, Meter, default_workers


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_steps_come_in_order_whoever_is_first(workers: int) -> None:
    def make(step: int) -> int:
        time.sleep(0.002 * (step % 3))
        return 10 * step

    with Feed(make, workers=workers, start=4, stop=20) as feed:
        assert [feed.take(step) for step in range(4, 20)] == [10 * step for step in range(4, 20)]


def test_threads_draw_ahead_and_not_too_far() -> None:
    made: list[int] = []
    enough = threading.Event()

    def make(step: int) -> int:
        made.append(step)
        if len(made) == 5:
            enough.set()
        return step

    with Feed(make, workers=2, start=0, stop=100) as feed:
        assert feed.take(0) == 0
        assert enough.wait(10), "four steps are drawn while the first one is learned from"
        time.sleep(0.05)
        assert sorted(made) == [0, 1, 2, 3, 4]
    with Feed(make, workers=2, start=0, stop=2) as feed:
        made.clear()
        assert [feed.take(0), feed.take(1)] == [0, 1]
        assert sorted(made) == [0, 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_goes_wrong_is_raised_for_its_step(workers: int) -> None:
    def make(step: int) -> int:
        if step == 3:
            raise UsageError("step 3 cannot be drawn")
        return step

    with Feed(make, workers=workers, start=0, stop=9) as feed:
        assert [feed.take(step) for step in range(3)] == [0, 1, 2]
        with pytest.raises(UsageError, match="step 3"):
            feed.take(3)


def test_leaving_ends_the_threads_without_drawing_the_rest() -> None:
    made: list[int] = []

    def make(step: int) -> int:
        time.sleep(0.02)
        made.append(step)
        return step

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Feed(make, workers=1, start=0, stop=1000) as feed:
        feed.take(0)
        raise KeyboardInterrupt
    assert threading.active_count() == before
    assert len(made) <= 4


def test_time_is_counted_where_it_is_spent() -> None:
    def make(step: int) -> int:
        time.sleep(0.03)
        return step

    with Feed(make, workers=0, start=0, stop=9) as feed:
        meter = Meter(feed, 0)
        for step in range(2):
            feed.take(step)
            time.sleep(0.01)
        with meter.paused():
            time.sleep(0.5)
        read = meter.read(2)
    assert read["seconds/data"] >= 0.03
    assert read["seconds/data"] + 0.01 <= read["seconds/step"] < 0.4


def test_threads_where_nobody_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for cores, expected in ((1, (0, 1, 1)), (2, (1, 1, 1)), (8, (1, 4, 1)), (64, (1, 4, 4))):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert (default_workers(cpu, 1), default_workers(gpu, 1), default_workers(gpu, 8)) == expected
