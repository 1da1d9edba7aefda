"""The worker process as the bridge sees it: started, asked, cancelled, killed, started again."""

import os
import signal
import time

import pytest

import slicerhost
import workers


@pytest.fixture
def bridge(host):
    from MRIEnhanceBridge import steps, worker

    class Bridge:
        run_now = staticmethod(steps.run_now)

        def __init__(self):
            self.made = []

        def worker(self, interpreter):
            self.made.append(worker.Worker(lambda: interpreter))
            return self.made[-1]

    bridge = Bridge()
    yield bridge
    for made in bridge.made:
        made.stop()


@pytest.fixture
def false_worker(bridge, tmp_path):
    """A worker with a scenario, and its interpreter."""

    def make(scenario):
        fake = workers.FakeInterpreter(tmp_path, scenario)
        return bridge.worker(fake.interpreter), fake

    return make


def gone_within(number, seconds):
    deadline = time.monotonic() + seconds
    while workers.alive(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not workers.alive(number)


def endless(worker, bridge):
    """Start a request that never ends, up to its first progress."""
    steps = worker.request("super-resolve")
    while next(steps).fraction != 0.25:
        time.sleep(0.01)
    return steps


def test_the_real_worker_greets_and_lists_models(bridge):
    worker = bridge.worker(workers.this_python())
    hello = bridge.run_now(worker.greeting())
    assert (hello["protocol"], hello["missing"]) == (1, [])
    assert workers.alive(worker.pid)
    models = bridge.run_now(worker.request("models", task="super-resolve"))["models"]
    assert {model["name"] for model in models} >= {"iconet-x2", "iconet-x4"}
    assert all(model["text"] and model["card"]["task"] == "super-resolve" for model in models)


def test_one_process_serves_many_requests(bridge, false_worker):
    worker, fake = false_worker("works")
    for _ in range(3):
        bridge.run_now(worker.request("models", task=None))
    assert len(fake.processes) == 1
    assert len(fake.requests) == 3


def test_the_shared_worker_is_one(host):
    from MRIEnhanceBridge import worker

    assert worker.shared() is worker.shared()


def test_one_that_nobody_needs_is_ended_and_started_again_when_somebody_does(bridge, false_worker, monkeypatch):
    from MRIEnhanceBridge import worker as module

    worker, fake = false_worker("works")
    bridge.run_now(worker.request("models", task=None))
    worker.stop_if_idle()
    assert worker.running, "it was just used"
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    worker.stop_if_idle()
    assert not worker.running
    bridge.run_now(worker.request("models", task=None))
    assert len(fake.processes) == 2


def test_what_is_missing_is_told_before_anything_is_asked(bridge, false_worker):
    from MRIEnhanceBridge.errors import MissingPackages

    worker, fake = false_worker("lacks-torch")
    assert worker.missing() == ["torch>=99"]
    with pytest.raises(MissingPackages, match="torch") as caught:
        bridge.run_now(worker.ready())
    assert caught.value.missing == ["torch>=99"]
    assert not fake.requests


def test_another_protocol_is_refused_in_words(bridge, false_worker):
    worker, _ = false_worker("other-version")
    with pytest.raises(RuntimeError, match=r"speaks protocol 99, this extension speaks 1 .*extension again"):
        bridge.run_now(worker.greeting())
    assert not worker.running


def test_somebody_who_is_no_worker_is_refused(bridge, false_worker):
    worker, fake = false_worker("babbles")
    with pytest.raises(RuntimeError, match="no answer: Hello, world"):
        bridge.run_now(worker.greeting())
    assert gone_within(fake.processes[0], 5)


def test_one_who_stays_silent_is_given_up(bridge, false_worker, monkeypatch):
    from MRIEnhanceBridge import worker as module

    worker, fake = false_worker("silent")
    monkeypatch.setattr(module, "START_SECONDS", 1.0)
    with pytest.raises(RuntimeError, match="does not answer"):
        bridge.run_now(worker.greeting())
    assert all(gone_within(number, 5) for number in fake.processes)


def test_an_error_comes_with_kind_hint_and_details(bridge, false_worker):
    worker, _ = false_worker("out-of-memory")
    with pytest.raises(RuntimeError) as caught:
        bridge.run_now(worker.request("super-resolve"))
    error = caught.value
    assert (error.message, error.kind) == ("there is not enough memory", "OutOfMemory")
    assert error.hint == "choose a smaller tile size"
    assert "Traceback" in error.details
    assert worker.running


def test_one_that_dies_says_how_and_the_next_request_starts_another(bridge, false_worker):
    worker, fake = false_worker("dies")
    with pytest.raises(RuntimeError, match="exit code 3") as caught:
        bridge.run_now(worker.request("super-resolve"))
    assert caught.value.details == "a last word"
    assert not worker.running
    bridge.run_now(worker.request("models", task=None))
    assert len(fake.processes) == 2


def test_one_that_is_killed_from_outside_may_have_run_out_of_memory(bridge, false_worker):
    worker, fake = false_worker("deaf")
    steps = endless(worker, bridge)
    os.kill(fake.processes[-1], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="memory"):
        bridge.run_now(steps)
    assert gone_within(fake.processes[0], 5), "its child lives on"


def test_leaving_kills_one_that_does_not_listen_and_its_children(bridge, false_worker):
    worker, fake = false_worker("deaf")
    endless(worker, bridge)
    child, process = fake.processes
    assert workers.alive(child)
    assert workers.alive(process)
    started = time.monotonic()
    bridge.run_now(worker.leave())
    assert time.monotonic() - started < 2
    assert gone_within(child, 1)
    assert gone_within(process, 1)
    assert not worker.running


def test_leaving_asks_first(bridge, false_worker):
    worker, fake = false_worker("obeys")
    endless(worker, bridge)
    bridge.run_now(worker.leave())
    assert any('"cancel"' in line for line in fake.requests)
    assert any('"exit"' in line for line in fake.requests)


def test_a_request_that_is_given_up_is_cancelled(bridge, false_worker):
    worker, fake = false_worker("obeys")
    endless(worker, bridge).close()
    assert slicerhost.process_events_until(lambda: any('"cancel"' in line for line in fake.requests), 5)


def test_others_are_told_when_the_worker_is_stopped(bridge, false_worker):
    worker, _ = false_worker("deaf")
    steps = endless(worker, bridge)
    worker.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        next(steps)


def test_the_launcher_is_killed_with_its_child(bridge, host):
    """PythonSlicer spawns the interpreter: killing the launcher alone would leave an orphan."""
    from MRIEnhanceBridge.interpreter import find

    worker = bridge.worker(find())
    bridge.run_now(worker.greeting())
    launcher, child = worker._connection.pid, worker.pid
    assert launcher != child
    worker.stop()
    assert gone_within(child, 2)
    assert gone_within(launcher, 2)


def test_the_launcher_hides_how_the_interpreter_ended(bridge, host):
    """PythonSlicer itself ends with 1 then, and says so in other words."""
    from MRIEnhanceBridge.interpreter import find

    worker = bridge.worker(find())
    bridge.run_now(worker.greeting())
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"exit code 1.*memory"):
        bridge.run_now(worker.request("models", task=None))


def test_the_worker_ends_with_the_application(bridge, tmp_path):
    """However that ends: the pipe to the worker is closed then."""
    worker = bridge.worker(workers.this_python())
    bridge.run_now(worker.greeting())
    worker._connection._process.stdin.close()
    assert gone_within(worker.pid, 5)


def test_an_interpreter_that_is_not_there_is_refused(bridge):
    from MRIEnhanceBridge.interpreter import Interpreter

    worker = bridge.worker(Interpreter("/nowhere/python", ours=False, source="setting"))
    with pytest.raises(RuntimeError, match="/nowhere/python cannot be started"):
        bridge.run_now(worker.greeting())
