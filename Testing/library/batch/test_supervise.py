"""Children are started again when they die, but not for ever, and never outlive their supervisor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrienhance.batch.supervise import Child, Supervisor, environment
from mrienhance.errors import MRIEnhanceError

DEAD, REFUSED, WELL = "import os; os.kill(os.getpid(), 9)", "raise SystemExit(1)", "pass"
HANGING = "import sys; sys.stdin.read()"


def child(folder: Path, *codes: str) -> Child:
    """A child that runs one program after the other, each time it is started; the last one again and again."""
    for number, code in enumerate(codes):
        (folder / f"{number}.py").write_text(code)
    step = (
        "import pathlib, runpy, sys; folder = pathlib.Path(sys.argv[1]); count = folder / 'count';"
        "n = int(count.read_text()) if count.exists() else 0; count.write_text(str(n + 1));"
        "last = len(list(folder.glob('*.py'))) - 1; runpy.run_path(str(folder / f'{min(n, last)}.py'))"
    )
    return Child([sys.executable, "-c", step, str(folder)], folder / "log.txt", os.environ)


def starts(folder: Path) -> int:
    count = folder / "count"
    return int(count.read_text() or 0) if count.exists() else 0


def test_one_that_dies_is_started_again(tmp_path: Path):
    one = child(tmp_path, DEAD, DEAD, WELL)
    Supervisor([one], lambda: (0, starts(tmp_path) == 3), lambda: None, pause=lambda seconds: None).run()
    assert starts(tmp_path) == 3


def test_one_that_always_dies_is_given_up(tmp_path: Path):
    with pytest.raises(MRIEnhanceError, match="ended early: a process ended with -9"):
        Supervisor([child(tmp_path, DEAD)], lambda: (0, False), lambda: None, pause=lambda seconds: None).run()
    assert starts(tmp_path) == 4


def test_one_that_gets_on_is_never_given_up(tmp_path: Path):
    """Each time it dies there is one case more that is settled."""
    one = child(tmp_path, *[DEAD] * 9, WELL)
    Supervisor([one], lambda: (starts(tmp_path), starts(tmp_path) == 10), lambda: None, pause=lambda s: None).run()
    assert starts(tmp_path) == 10


def test_one_that_refuses_is_not_started_again(tmp_path: Path):
    code = "import sys; sys.stderr.write('mrienhance: error: no such device\\n  hint: none\\n'); sys.exit(1)"
    with pytest.raises(MRIEnhanceError, match="no such device"):
        Supervisor([child(tmp_path, code)], lambda: (0, False), lambda: None).run()
    assert starts(tmp_path) == 1


def test_the_others_go_on(tmp_path: Path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    children = [child(folders[0], REFUSED), child(folders[1], "import time; time.sleep(0.3)")]
    over = lambda: (0, all(one.process is None for one in children))  # noqa: E731
    Supervisor(children, over, lambda: None).run()


def test_all_are_gone_after_an_interruption(tmp_path: Path):
    one = child(tmp_path, HANGING)
    pids: list[int] = []

    def tick() -> None:
        assert one.process is not None
        pids.append(one.process.pid)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Supervisor([one], lambda: (0, False), tick).run()
    assert one.process is None
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mrienhance.batch.supervise.GRACE_SECONDS", 0.5)
    one = child(tmp_path, "import time; time.sleep(60)")

    def tick() -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Supervisor([one], lambda: (0, False), tick).run()
    assert time.monotonic() - began < 30
    assert one.process is None


def test_a_child_ends_when_its_supervisor_is_killed(tmp_path: Path):
    """Its stdin ends with the supervisor, whatever that died of."""
    program = tmp_path / "child.py"
    program.write_text(
        "import os, pathlib, sys; folder = pathlib.Path(sys.argv[1]); (folder / 'pid').write_text(str(os.getpid()));"
        "sys.stdin.read(); (folder / 'gone').touch()"
    )
    code = (
        "import os, pathlib, sys; from mrienhance.batch.supervise import Child;"
        f"folder = {str(tmp_path)!r}; command = [sys.executable, folder + '/child.py', folder];"
        "Child(command, pathlib.Path(folder, 'log'), os.environ).start(0); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as lead:
        end = time.monotonic() + 300
        while not (tmp_path / "pid").exists() and time.monotonic() < end:
            time.sleep(0.01)
        lead.send_signal(signal.SIGKILL)
    while not (tmp_path / "gone").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert (tmp_path / "gone").exists()


def test_children_on_the_processor_share_its_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "OMP_NUM_THREADS" not in environment(["cpu"])
    assert "OMP_NUM_THREADS" not in environment(["cuda:0", "cuda:1"])
    assert int(environment(["cpu"] * 10_000)["OMP_NUM_THREADS"]) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert environment(["cpu", "cpu"])["OMP_NUM_THREADS"] == "5"
