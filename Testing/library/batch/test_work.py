"""One process at its work: what is done, skipped and done again, and what failing cases leave."""

from dataclasses import replace
from pathlib import Path

import pytest

from batch.copying import Copier, made, worker
from batch.test_ledger import ended
from mrienhance.batch.board import KEPT_SECONDS, Board, Outcome, forget_old_runs
from mrienhance.batch.case import Case, arrange
from mrienhance.batch.ledger import Ledger
from mrienhance.batch.processes import Process


def outcomes(folder: Path, runner: Copier, cases: list[Case], *, run: str, force: bool = False) -> dict[str, Outcome]:
    """What becomes of cases, by their names."""
    one = worker(folder, runner, run=run, force=force)
    one.work(cases)
    return {case.name: one.board.outcomes[case.key] for case in cases}


def statuses(folder: Path, runner: Copier, cases: list[Case], *, run: str, force: bool = False) -> list[str]:
    return [outcome.status for outcome in outcomes(folder, runner, cases, run=run, force=force).values()]


def test_done_then_skipped(tmp_path: Path):
    runner, cases = Copier(tmp_path), [made(tmp_path, name) for name in "abc"]
    first = outcomes(tmp_path, runner, cases, run="1")
    assert [outcome.status for outcome in first.values()] == ["done"] * 3
    assert (first["a"].model, first["a"].warnings, first["a"].error) == ("copier", ("a warning",), "")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert statuses(tmp_path, runner, cases, run="2") == ["skipped"] * 3
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert runner.did == ["a", "b", "c"]


@pytest.mark.parametrize("change", ["input", "option", "model", "no output", "other output", "damaged record"])
def test_what_changed_is_done_again_and_nothing_else(tmp_path: Path, change: str):
    runner, cases = Copier(tmp_path), [made(tmp_path, name) for name in "ab"]
    outcomes(tmp_path, runner, cases, run="1")
    output = tmp_path / "out" / "a.out"
    if change == "input":
        (tmp_path / "a.in").write_text("other")
    elif change == "option":
        cases[0] = replace(cases[0], options={"scale": "3"})
    elif change == "model":
        runner.version = "copier-2"
    elif change == "no output":
        output.unlink()
    elif change == "other output":
        output.write_text("edited")
    else:
        (tmp_path / ".mrienhance-batch" / "cases" / f"{cases[0].key}.json").write_text("{")
    again = outcomes(tmp_path, runner, cases, run="2")
    assert again["a"].status == "done"
    assert again["b"].status == ("done" if change == "model" else "skipped")
    assert output.read_text().split()[0] == ("other" if change == "input" else "a")
    assert any("had been changed" in warning for warning in again["a"].warnings) == (change == "other output")
    assert statuses(tmp_path, runner, cases, run="3") == ["skipped"] * 2


def test_a_moved_folder_is_still_done(tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    outcomes(old, Copier(old), [made(old, "a")], run="1")
    old.rename(new)
    assert statuses(new, Copier(new), [made(new, "a")], run="2") == ["skipped"]


def test_force_repeats(tmp_path: Path):
    runner, cases = Copier(tmp_path), [made(tmp_path, "a")]
    outcomes(tmp_path, runner, cases, run="1")
    assert statuses(tmp_path, runner, cases, run="2", force=True) == ["done"]
    assert statuses(tmp_path, runner, cases, run="2", force=True) == ["done"]
    assert runner.did == ["a", "a"]  # once a run


def test_failing_cases_stop_nobody(tmp_path: Path):
    runner = Copier(tmp_path)
    cases = [made(tmp_path, "a", text="bad"), made(tmp_path, "b", text="worse"), made(tmp_path, "c")]
    cases.append(replace(made(tmp_path, "gone"), inputs=(tmp_path / "nowhere",)))
    found = outcomes(tmp_path, runner, cases, run="1")
    assert [outcome.status for outcome in found.values()] == ["failed", "failed", "done", "failed"]
    assert found["a"].error == "a bad input; mend it"
    assert found["b"].error == "internal error: ZeroDivisionError: nobody foresaw this"
    assert "nowhere" in found["gone"].error
    assert runner.recovered == 1  # after what nobody foresaw
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.out"]
    (tmp_path / "a.in").write_text("mended")
    again = statuses(tmp_path, runner, cases, run="2")
    assert again == ["done", "failed", "skipped", "failed"]
    assert not list((tmp_path / ".mrienhance-batch" / "claims").iterdir())


def test_a_case_that_two_processes_died_with(tmp_path: Path):
    case = made(tmp_path, "a")
    for _ in range(2):
        assert Ledger(tmp_path, "run", replace(Process.this(), pid=ended())).open().claim(case.key) is not None
    runner = Copier(tmp_path)
    found = outcomes(tmp_path, runner, [case], run="run")
    assert found["a"].status == "failed"
    assert "died 2 times" in found["a"].error
    assert runner.did == []
    assert statuses(tmp_path, runner, [case], run="another") == ["done"]


def test_an_interrupted_case_is_free_again(tmp_path: Path):
    class Interrupted(Copier):
        def run(self, *args: object) -> None:  # type: ignore[override]
            raise KeyboardInterrupt

    case = made(tmp_path, "a")
    with pytest.raises(KeyboardInterrupt):
        worker(tmp_path, Interrupted(tmp_path)).work([case])
    assert not list((tmp_path / ".mrienhance-batch" / "claims").iterdir())
    assert statuses(tmp_path, Copier(tmp_path), [case], run="run") == ["done"]


@pytest.mark.parametrize("written", [False, True])
def test_an_output_that_could_not_be_noted_is_still_ours(tmp_path: Path, written: bool):
    """Interrupted between the two, a case is done again and not refused; without an output nothing is remembered."""

    class Interrupted(Copier):
        def run(self, case, cancel):
            if written:
                super().run(case, cancel)
            raise KeyboardInterrupt

    case = made(tmp_path, "a")
    one = worker(tmp_path, Interrupted(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        one.work([case])
    assert case.outputs[0].exists() == written
    assert one.ledger.knows(case.key) == written
    assert one.ledger.record(case.key) is None


def test_a_failed_case_owns_nothing(tmp_path: Path):
    case = made(tmp_path, "a", text="bad")
    one = worker(tmp_path, Copier(tmp_path))
    one.work([case])
    assert not one.ledger.knows(case.key)


def test_whoever_lost_a_claim_leaves_the_case_to_the_other(tmp_path: Path):
    case = made(tmp_path, "a")

    class Slow(Copier):
        def run(self, case, cancel):
            lost = next((tmp_path / ".mrienhance-batch" / "claims").iterdir())
            lost.with_suffix(".2").write_text("")
            board = Board(tmp_path / ".mrienhance-batch" / "runs" / "run", "other")
            board.tell(Outcome(key=case.key, status="done", process="other"))
            cancel.cancel()
            return super().run(case, cancel)

    found = outcomes(tmp_path, Slow(tmp_path), [case], run="run")
    assert found["a"].process == "other"
    assert not case.outputs[0].exists()


def test_the_order_of_cases(tmp_path: Path):
    cases = [replace(made(tmp_path, str(number)), model=f"m{number % 2}") for number in range(6)]
    assert [case.model for case in arrange(cases, rank=0, world=2)] == ["m0"] * 3 + ["m1"] * 3
    assert [case.name for case in arrange(cases, rank=0, world=2)] == ["0", "2", "4", "1", "3", "5"]
    assert [case.name for case in arrange(cases, rank=1, world=2)] == ["1", "3", "5", "0", "2", "4"]


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path):
    teller, reader = Board(tmp_path, "one"), Board(tmp_path, "two")
    teller.tell(Outcome(key="a", status="done"))
    whole = (tmp_path / "one.jsonl").read_bytes()
    (tmp_path / "one.jsonl").write_bytes(whole + b"nonsense\n" + whole.replace(b'"a"', b'"b"')[:20])
    reader.refresh()
    assert set(reader.outcomes) == {"a"}
    (tmp_path / "one.jsonl").write_bytes(whole + b"nonsense\n" + whole.replace(b'"a"', b'"b"'))
    reader.refresh()
    assert set(reader.outcomes) == {"a", "b"}


def test_done_says_more_than_skipped_or_failed(tmp_path: Path):
    board = Board(tmp_path, "one")
    for status, expected in (("failed", "failed"), ("skipped", "failed"), ("done", "done"), ("skipped", "done")):
        board.tell(Outcome(key="a", status=status))
        assert board.outcomes["a"].status == expected


def test_old_runs_are_forgotten(tmp_path: Path):
    Board(tmp_path / "old", "one").tell(Outcome(key="a", status="done"))
    now = (tmp_path / "old" / "one.jsonl").stat().st_mtime
    forget_old_runs(tmp_path, now=now + KEPT_SECONDS - 60)
    assert (tmp_path / "old" / "one.jsonl").exists()
    forget_old_runs(tmp_path, now=now + KEPT_SECONDS + 60)
    assert not (tmp_path / "old").exists()
