"""Claims: one process at a time, whatever dies; and what is remembered of cases that are done."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mrienhance.batch import claim as claims
from mrienhance.batch.ledger import STALE_SECONDS, Ledger, Record
from mrienhance.batch.processes import Process

KEY = "0123"


def ledger(folder: Path, run: str = "run", **facts: object) -> Ledger:
    return Ledger(folder, run, replace(Process.this(), **facts)).open()  # type: ignore[arg-type]


def ended() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / ".mrienhance-batch" / "claims").iterdir())


def test_one_of_many_gets_it(tmp_path: Path):
    one, got, together = ledger(tmp_path), [], threading.Barrier(8)

    def grab() -> None:
        other = ledger(tmp_path)
        together.wait()
        got.append(other.claim(KEY))

    for _ in range(20):
        threads = [threading.Thread(target=grab) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [claim] = [claim for claim in got if claim is not None]
        assert one.claim(KEY) is None
        claim.release()
        got.clear()
    assert files(tmp_path) == []


def test_another_case_is_free(tmp_path: Path):
    one = ledger(tmp_path)
    assert one.claim(KEY) is not None
    assert one.claim("01") is not None
    assert one.claim("01234") is not None


def test_all_that_one_process_has_is_given_back(tmp_path: Path):
    """Also what was claimed just before an interruption; others keep what they have."""
    ours, theirs = ledger(tmp_path), ledger(tmp_path, started="another")
    assert ours.claim("a")
    assert ours.claim("b")
    assert theirs.claim("c")
    ours.give_back()
    assert files(tmp_path) == ["c.1"]
    assert ours.claim("a")


def test_the_heir_of_a_dead_process(tmp_path: Path):
    dead = ledger(tmp_path, pid=ended())
    assert dead.claim(KEY) is not None
    heir = ledger(tmp_path)
    claim = heir.claim(KEY)
    assert claim is not None
    assert claim.deaths == 1
    assert ledger(tmp_path).claim(KEY) is None
    claim.release()
    assert files(tmp_path) == []


def test_deaths_add_up_in_one_run(tmp_path: Path):
    for deaths in range(3):
        claim = ledger(tmp_path, pid=ended()).claim(KEY)
        assert claim is not None
        assert claim.deaths == deaths
    claim = ledger(tmp_path, run="another").claim(KEY)
    assert claim is not None
    assert claim.deaths == 0


def test_only_one_heir(tmp_path: Path):
    assert ledger(tmp_path, pid=ended()).claim(KEY) is not None
    together, got = threading.Barrier(8), []

    def inherit() -> None:
        together.wait()
        got.append(ledger(tmp_path).claim(KEY))

    threads = [threading.Thread(target=inherit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in got) == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process began")
def test_a_number_that_is_used_again_is_another_process(tmp_path: Path):
    assert ledger(tmp_path, pid=os.getppid(), started="1").claim(KEY) is not None
    assert ledger(tmp_path).claim(KEY) is not None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of processes that wait to be buried")
def test_a_killed_process_that_nobody_has_buried_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    about = subprocess.run(
        [sys.executable, "-c", f"import mrienhance.batch.processes as p; print(p._stat({process.pid})[1])"],
        capture_output=True,
        text=True,
        check=True,
    )
    other = replace(Process.this(), pid=process.pid, started=about.stdout.strip())
    assert other.ended() is False
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert other.ended() is True
    process.communicate()


def test_another_machine_is_dead_when_it_is_silent(tmp_path: Path):
    """Clocks of machines differ: what counts is how long nothing was seen to change."""
    other = ledger(tmp_path, machine="elsewhere")
    claim = other.claim(KEY)
    assert claim is not None
    now = [1000.0]
    here = Ledger(tmp_path, "run", clock=lambda: now[0])
    assert here.claim(KEY) is None
    now[0] += STALE_SECONDS - 1
    assert here.claim(KEY) is None
    os.utime(claim.path, (1, 1))  # it has stirred, years ago by its clock
    now[0] += 2
    assert here.claim(KEY) is None
    now[0] += STALE_SECONDS - 1
    assert here.claim(KEY) is None
    now[0] += 2
    taken = here.claim(KEY)
    assert taken is not None
    assert claim.overtaken
    assert not claim.held()
    assert claim.cancel.cancelled
    assert taken.held()


def test_a_claim_that_cannot_be_read_is_waited_for(tmp_path: Path):
    claim = ledger(tmp_path).claim(KEY)
    assert claim is not None
    claim.path.write_text("{")
    assert ledger(tmp_path).claim(KEY) is None


def test_a_slow_holder_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(claims, "HEARTBEAT_SECONDS", 0.01)
    claim = ledger(tmp_path).claim(KEY)
    assert claim is not None
    before = claim.path.stat().st_mtime_ns
    with claim:
        threading.Event().wait(0.1)
        assert claim.path.stat().st_mtime_ns > before
        assert not claim.cancel.cancelled
        claim.path.with_suffix(".2").write_text("")
        threading.Event().wait(0.2)
        assert claim.cancel.cancelled
    assert files(tmp_path) == [f"{KEY}.2"]


def test_a_late_heir_steps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between its look and its claim, the case was inherited by somebody else."""
    one, heir = ledger(tmp_path), ledger(tmp_path, pid=ended())
    looks = iter([[], [1, 2], [1, 2]])
    claim_folder = tmp_path / ".mrienhance-batch" / "claims"
    (claim_folder / f"{KEY}.2").write_text("")
    monkeypatch.setattr(Ledger, "_generations", lambda self, key: next(looks))
    assert heir.claim(KEY) is None
    assert files(tmp_path) == [f"{KEY}.2"]
    monkeypatch.undo()
    assert one.knows(KEY)


def test_records_stay(tmp_path: Path):
    one = ledger(tmp_path)
    assert not one.knows(KEY)
    assert one.record(KEY) is None
    record = Record(name="é", digest="d", outputs={"a": "b"}, model="m", warnings=("w",), seconds=1.5, process="p")
    one.note(KEY, record)
    assert one.knows(KEY)
    assert ledger(tmp_path).record(KEY) == record


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', '{"outputs": 3, "warnings": []}', "[" * 100_000])
def test_a_damaged_record_is_none(tmp_path: Path, text: str):
    one = ledger(tmp_path)
    (one.folder / "cases" / f"{KEY}.json").write_text(text)
    assert one.record(KEY) is None
    assert one.knows(KEY)


def test_without_links_it_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def none(*names: object) -> None:
        raise OSError(95, "no links here")

    monkeypatch.setattr(os, "link", none)
    one = ledger(tmp_path)
    assert one.claim(KEY) is not None
    assert one.claim(KEY) is None
    assert files(tmp_path) == [f"{KEY}.1"]
