"""Several real processes share cases: none is done twice, and a process that is killed has heirs."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from batch import copying
from mrienhance.batch.board import Board
from mrienhance.batch.ledger import FOLDER

NAMES = [f"case-{number:02}" for number in range(12)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        copying.made(tmp_path, name)
    return tmp_path


def start(folder: Path, rank: int, *, run: str = "run") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, copying.__file__, str(folder), run, str(rank), "2"])


def log(folder: Path) -> list[tuple[str, str]]:
    """Which case was begun by which process, in that order."""
    path = folder / "log.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(name, pid) for name, _, pid in (line.partition(" ") for line in lines)]


def wait_for(truth, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end
        time.sleep(0.01)


def check_all_done(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "out").iterdir()) == [f"{name}.out" for name in NAMES]
    assert not list((folder / FOLDER / "claims").iterdir())
    board = Board(folder / FOLDER / "runs" / "run", "reader")
    board.refresh()
    assert {outcome.status for outcome in board.outcomes.values()} == {"done"}
    assert len(board.outcomes) == len(NAMES)


def test_two_processes_do_nothing_twice(folder: Path):
    holds = [folder / f"hold-{NAMES[0]}", folder / f"hold-{NAMES[6]}"]
    for hold in holds:
        hold.touch()
    with start(folder, 0) as one, start(folder, 1) as two:
        wait_for(lambda: len(log(folder)) == 2)  # each holds its first one, so that both take part
        for hold in holds:
            hold.unlink()
        assert one.wait(30) == two.wait(30) == 0
    assert Counter(name for name, _ in log(folder)) == Counter(NAMES)
    assert {pid for _, pid in log(folder)} == {str(one.pid), str(two.pid)}
    check_all_done(folder)


def test_two_separate_runs_do_nothing_twice(folder: Path):
    with start(folder, 0, run="one") as one, start(folder, 1, run="two") as two:
        assert one.wait(30) == two.wait(30) == 0
    assert Counter(name for name, _ in log(folder)) == Counter(NAMES)


def test_the_other_inherits_of_one_that_is_killed(folder: Path):
    """Rank 0 is killed in its first case; rank 1, which has long done all the others, does that one too."""
    hold = folder / f"hold-{NAMES[0]}"
    hold.touch()
    with start(folder, 0) as one, start(folder, 1) as two:
        wait_for(lambda: len(log(folder)) == len(NAMES))
        one.send_signal(signal.SIGKILL)
        one.wait()
        hold.unlink()
        assert two.wait(30) == 0
    [twice] = [name for name, count in Counter(name for name, _ in log(folder)).items() if count == 2]
    assert twice == NAMES[0]
    assert log(folder)[-1] == (NAMES[0], str(two.pid))
    check_all_done(folder)


def test_after_both_were_killed_the_rest_is_done(folder: Path):
    for name in NAMES[:1] + NAMES[6:7]:
        (folder / f"hold-{name}").touch()
    with start(folder, 0) as one, start(folder, 1) as two:
        wait_for(lambda: len(log(folder)) == 2)
        one.kill()
        two.kill()
    for name in NAMES[:1] + NAMES[6:7]:
        (folder / f"hold-{name}").unlink()
    with start(folder, 0) as again:
        assert again.wait(30) == 0
    check_all_done(folder)


def test_a_case_that_kills_is_given_up(folder: Path):
    """Whoever takes it dies; the third process tells that it failed, and does the rest."""
    (folder / f"die-{NAMES[0]}").touch()
    for _ in range(2):
        with start(folder, 0) as one:
            assert one.wait(30) == -signal.SIGKILL
    with start(folder, 0) as last:
        assert last.wait(30) == 0
    board = Board(folder / FOLDER / "runs" / "run", "reader")
    board.refresh()
    failed = [outcome for outcome in board.outcomes.values() if outcome.status == "failed"]
    assert len(failed) == 1
    assert "died 2 times" in failed[0].error
    assert board.count("done") == len(NAMES) - 1
