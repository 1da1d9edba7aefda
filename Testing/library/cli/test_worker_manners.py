"""How the worker talks, whatever it is asked: whole lines, every failure told, stopping at once."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.worker_client import COMMAND, SECONDS, WorkerClient, environment
from mrienhance import __version__

TOY = (sys.executable, str(Path(__file__).with_name("toy_worker.py")))


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerClient]:
    """A toy worker that outlives failures: every test shows that it does."""
    with WorkerClient(TOY) as client:
        assert client.message()["type"] == "hello"
        yield client


@pytest.fixture
def worker() -> Iterator[WorkerClient]:
    """A toy worker to be ended."""
    with WorkerClient(TOY) as client:
        assert client.message()["type"] == "hello"
        yield client


def test_it_greets():
    with WorkerClient(COMMAND) as client:
        hello = client.message()
        assert hello == {
            "type": "hello",
            "protocol": 1,
            "library": __version__,
            "pid": client.process.pid,
            "python": ".".join(map(str, sys.version_info[:3])),
            "executable": sys.executable,
            "missing": [],
        }


def test_what_libraries_print_goes_to_the_log(shared: WorkerClient):
    number = shared.send("echo", number=7)
    assert shared.answered(number).end == {"type": "result", "id": number, "number": 7, "rest": ""}
    assert shared.result("echo", number=8)["number"] == 8
    assert shared.logged("a library that talks")
    assert shared.logged("a library in C that talks")


def test_progress_is_rare_never_falls_and_ends_at_one(shared: WorkerClient):
    answered = shared.answered(shared.send("steps"))
    said = [(line["fraction"], line["text"]) for line in answered.progress]
    assert said == [(0.5, "At 0.5"), (0.5, "At 0.25"), (1.0, "Done")]
    assert all(line.keys() == {"type", "id", "fraction", "seconds_left", "text"} for line in answered.progress)


FAILURES = {
    "refuse": ("ImageError", "two lines: ä", "one hint"),
    "crash": ("Internal", "ZeroDivisionError: division by zero", "report"),
    "leave": ("Internal", "SystemExit: 3", "report"),
    "hungry": ("OutOfMemory", "not enough memory", "smaller tile"),
    "nan": ("Internal", "ValueError", "report"),
}


@pytest.mark.parametrize(("do", "told"), FAILURES.items(), ids=FAILURES)
def test_every_failure_is_told_and_survived(shared: WorkerClient, do: str, told: tuple[str, str, str]):
    end = shared.error(do)
    assert end.keys() == {"type", "id", "kind", "message", "hint", "traceback"}
    kind, message, hint = told
    assert end["kind"] == kind
    assert message in end["message"]
    assert hint in end["hint"]
    assert end["traceback"].startswith("Traceback")
    assert shared.result("echo", number=1)["number"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense", "not JSON"),
        (b"\xff\xfe", "utf-8"),
        (b"[1]", "[1]"),
        (b'{"protocol": 1, "id": 0, "id": 1, "do": "echo"}', "twice"),
        (b'{"protocol": 1, "do": "echo", "number": NaN}', "NaN"),
        (b'{"protocol": 1, "do": "echo"}', "'id' must be a whole number"),
        (b'{"protocol": 1, "id": true, "do": "echo"}', "'id' must be a whole number"),
        (b'{"protocol": 1, "id": 0, "do": "echo"}', "not above the last one"),
        (b'{"do": "cancel", "id": 1, "now": true}', "unknown key 'now'"),
        (b'{"protocol": 2, "do": "cancel", "id": 1}', "speaks protocol 1"),
        (b"[" * 10**5, "nested too deeply"),
        (b'{"filler": "' + b"x" * 2**20 + b'"}', "too long"),
        (b'{"id": 1' + b"0" * 10**4 + b"}", "no request"),
    ],
    ids=lambda value: value[:40].decode(errors="replace") if isinstance(value, bytes) else None,
)
def test_a_line_that_is_no_request(shared: WorkerClient, line: bytes, said: str):
    """It cannot be the end of any request, so its error has no number."""
    assert shared.result("echo", number=1)["number"] == 1
    shared.write(line + b"\n\n")
    end = shared.message()
    assert (end["type"], end["id"], end["kind"]) == ("error", None, "Protocol")
    assert said in end["message"]
    assert end["hint"]
    assert shared.result("echo", number=2)["number"] == 2


def test_another_version_is_told_in_words(shared: WorkerClient):
    shared._last += 1
    shared.write(json.dumps({"protocol": 2, "id": shared._last, "do": "echo"}).encode() + b"\n")
    end = shared.answered(shared._last).end
    assert end["kind"] == "Protocol"
    assert f"mrienhance {__version__} speaks protocol 1, the request is of protocol 2" in end["message"]
    assert "install" in end["hint"]


def test_an_unknown_request_names_those_there_are(shared: WorkerClient):
    end = shared.error("sharpen")
    assert (end["kind"], end["message"]) == ("Protocol", "unknown request 'sharpen'")
    assert "echo" in end["hint"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "echo: 'number' is missing"),
        ({"number": -1}, "echo: 'number' must be a whole number from 0 on, not -1"),
        ({"number": 1.0}, "echo: 'number' must be a whole number from 0 on, not 1.0"),
        ({"number": True}, "echo: 'number' must be a whole number from 0 on, not True"),
        ({"number": 1, "nmuber": 2}, "echo: unknown key 'nmuber'"),
    ],
)
def test_fields_are_checked(shared: WorkerClient, fields: dict[str, object], said: str):
    end = shared.error("echo", **fields)
    assert (end["kind"], end["message"]) == ("Protocol", said)


def test_the_request_that_runs_is_cancelled(shared: WorkerClient):
    number = shared.send("patient")
    while shared.message().get("id") != number:
        pass
    shared.cancel(number)
    answered = shared.answered(number)
    assert answered.end["kind"] == "Cancelled"
    assert len(answered.progress) < 100


def test_requests_wait_in_order_and_are_cancelled_while_they_wait(shared: WorkerClient):
    running, first, second, third = shared.send("patient"), *(shared.send("echo", number=n) for n in (1, 2, 3))
    shared.cancel(second)
    cancelled = shared.answered(second)
    assert (cancelled.progress, cancelled.end["kind"]) == ([], "Cancelled")
    shared.cancel(running)
    ends = [line["id"] for line in iter_ends(shared, 3)]
    assert ends == [running, first, third]


def iter_ends(client: WorkerClient, count: int) -> Iterator[dict[str, object]]:
    while count:
        message = client.message()
        if message["type"] != "progress":
            count -= 1
            yield message


def test_cancelling_what_is_over_says_nothing(shared: WorkerClient):
    number = shared.send("echo", number=1)
    shared.answered(number)
    for old in (number, number + 100):
        shared.cancel(old)
    end = shared.answered(shared.send("echo", number=2)).end
    assert end["number"] == 2


@pytest.mark.parametrize("do", ["deaf", None], ids=["working", "idle"])
@pytest.mark.parametrize("way", ["end of input", "exit", "exit of another version"])
def test_it_ends_at_once(worker: WorkerClient, do: str | None, way: str):
    """Nobody waits for the minutes that the work would take."""
    if do is not None:
        number = worker.send(do)
        assert worker.message()["id"] == number
    if way == "end of input":
        worker.process.stdin.close()
    else:
        worker.write(b'{"do": "exit"}\n' if way == "exit" else b'{"protocol": 9, "do": "exit"}\n')
    assert worker.ended() == 0
    assert worker.line() == b""
    assert worker.log == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_at_once(worker: WorkerClient, number: signal.Signals):
    assert worker.send("deaf") == worker.message()["id"]
    worker.process.send_signal(number)
    assert worker.ended() == -number


def test_it_ends_when_nobody_listens():
    with subprocess.Popen(TOY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        process.stdout.readline()
        process.stdin.write(b'{"protocol": 1, "id": 0, "do": "patient"}\n')
        process.stdin.flush()
        process.stdout.close()
        assert process.wait(SECONDS) == 0
