"""Work in steps: the same whether it runs at once or beside the user interface."""

import pytest

import slicerhost


@pytest.fixture
def steps(host):
    from MRIEnhanceBridge import steps

    return steps


class Work:
    """Three steps and a result; notes what happens to it."""

    def __init__(self, steps, error=None):
        self.steps, self.error, self.notes = steps, error, []

    def run(self):
        try:
            for number in range(3):
                yield self.steps.Progress(number / 3, f"step {number}")
            if self.error:
                raise self.error
            self.notes.append("end")
            return "result"
        except self.steps.Stop as stop:
            self.notes.append(f"stopped: {stop}")
            yield self.steps.Progress(0.9, "clearing up")
            raise
        finally:
            self.notes.append("closed")


class Ear:
    """Listens to a task."""

    def __init__(self, steps, work):
        self.heard, self.progress = [], []
        self.task = steps.Task(
            work,
            on_done=lambda result: self.heard.append(("done", result)),
            on_failed=lambda error: self.heard.append(("failed", error.message, error.kind)),
            on_progress=self.progress.append,
        )

    def wait(self):
        assert slicerhost.process_events_until(lambda: not self.task.running, 5)
        return self.heard


def test_at_once_gives_the_result_and_all_progress(steps):
    seen = []
    assert steps.run_now(Work(steps).run(), seen.append) == "result"
    assert [progress.text for progress in seen] == ["step 0", "step 1", "step 2"]


def test_at_once_raises_what_the_work_raises_and_closes_it(steps):
    from MRIEnhanceBridge.errors import BridgeError

    work = Work(steps, BridgeError("no", "try"))
    with pytest.raises(BridgeError, match="no"):
        steps.run_now(work.run())
    assert work.notes == ["closed"]


def test_interrupted_at_once_closes_the_work(steps):
    def interrupt(progress):
        raise KeyboardInterrupt

    work = Work(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.run_now(work.run(), interrupt)
    assert work.notes == ["closed"]


def test_a_task_does_nothing_before_the_event_loop_does(steps):
    work = Work(steps)
    ear = Ear(steps, work.run())
    assert ear.task.running
    assert not ear.progress
    assert ear.wait() == [("done", "result")]
    assert [progress.fraction for progress in ear.progress] == [0, 1 / 3, 2 / 3]


def test_a_task_tells_an_error_once(steps):
    from MRIEnhanceBridge.errors import BridgeError

    ear = Ear(steps, Work(steps, BridgeError("no", "try", kind="ImageError")).run())
    assert ear.wait() == [("failed", "no", "ImageError")]


def test_a_task_tells_an_unforeseen_error_too(steps, caplog):
    ear = Ear(steps, Work(steps, ZeroDivisionError("oops")).run())
    assert ear.wait() == [("failed", "ZeroDivisionError: oops", "Internal")]
    assert "unforeseen" in caplog.text


def test_a_cancelled_task_clears_up_and_then_fails(steps):
    work = Work(steps)
    ear = Ear(steps, work.run())
    assert slicerhost.process_events_until(lambda: ear.progress, 5)
    ear.task.cancel("because")
    ear.task.cancel("again")
    assert ear.wait() == [("failed", "because", "Cancelled")]
    assert ear.progress[-1].text == "clearing up"
    assert work.notes == ["stopped: because", "closed"]


def test_a_task_cancelled_before_its_first_step_never_starts(steps):
    work = Work(steps)
    ear = Ear(steps, work.run())
    ear.task.cancel("early")
    assert ear.wait() == [("failed", "early", "Cancelled")]
    assert not work.notes


def test_a_closed_task_says_nothing_more(steps, host):
    work = Work(steps)
    ear = Ear(steps, work.run())
    assert slicerhost.process_events_until(lambda: ear.progress, 5)
    ear.task.close()
    for _ in range(20):
        host.app.processEvents()
    assert ear.heard == []
    assert work.notes == ["closed"]


def test_a_part_of_longer_work_counts_as_that_part(steps):
    def longer():
        return (yield from steps.within(Work(steps).run(), 0.5, 0.8))

    seen = []
    assert steps.run_now(longer(), seen.append) == "result"
    assert [progress.fraction for progress in seen] == pytest.approx([0.5, 0.6, 0.7])


def test_a_part_is_stopped_with_the_whole(steps):
    work = Work(steps)
    part = steps.within(work.run(), 0.5, 0.8)
    next(part)
    assert part.throw(steps.Stop("why")).text == "clearing up"
    with pytest.raises(steps.Stop, match="why"):
        next(part)
    assert work.notes == ["stopped: why", "closed"]


def test_a_part_is_closed_with_the_whole(steps):
    work = Work(steps)
    part = steps.within(work.run(), 0.5, 0.8)
    next(part)
    part.close()
    assert work.notes == ["closed"]
