"""``mrienhance prepare``: what is said, where, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Terminal
from datasets import replicas
from mrienhance.datasets import read_dataset
from mrienhance.errors import Cancelled


@pytest.fixture
def people(terminal: Terminal) -> Path:
    return replicas.plain(terminal.folder / "data")


COMMAND = ["prepare", "auto", "data", "--output", "out", "--no-figures"]


def test_it_says_what_there_is(terminal: Terminal, people: Path) -> None:
    (people / "patient02" / "t2.nii.gz").unlink()
    (people / "patient03" / "t1c.nii.gz").write_bytes(b"broken")
    lines = terminal.done(*COMMAND)
    assert lines == [
        "out: plain, 3 people (1 train, 1 validation, 1 test), 3 visits",
        "3 T1w, 2 T1c, 2 T2w, 3 FLAIR, 3 lesions",
        "3 visits made, 0 kept as they were",
    ]
    said = terminal.err.splitlines()
    assert said[0].startswith("mrienhance: left out: patient03/t1c.nii.gz: ")
    assert said[1:] == [
        "mrienhance: incomplete: patient02: it has no T2w",
        "mrienhance: incomplete: patient03: it has no T1c",
    ]
    assert terminal.done(*COMMAND)[-1] == "0 visits made, 3 kept as they were"


def test_options_are_handed_over(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def prepare(folder: Path, output: Path, options: Any, *, progress: Any) -> None:
        seen.update(folder=folder, output=output, options=options)
        raise Cancelled

    monkeypatch.setattr("mrienhance.datasets.prepare", prepare)
    options = ["--grid", "none", "--split", "80/20/0", "--seed", "7", "--require", "T1w", "T2w", "--jobs", "2"]
    assert (
        terminal.run(["prepare", "ixi", "IXI", "--output", "o", *options, "--precision", "float16", "--strict"]) == 130
    )
    assert "the same command goes on" in terminal.err
    given = seen["options"]
    assert (seen["folder"], seen["output"]) == (Path("IXI"), Path("o"))
    assert (given.layout, given.split, given.seed, given.jobs) == ("ixi", "80/20/0", 7, 2)
    assert given.visit.grid == "none"
    assert given.visit.require == ("T1w", "T2w")
    assert (given.visit.pixel_type, given.visit.strict, given.visit.figures) == ("float16", True, True)


def test_figures_are_pointed_at(terminal: Terminal) -> None:
    replicas.plain(terminal.folder / "data", people=1)
    assert f"look through {Path('out/qc')} before you train" in terminal.done(*COMMAND[:-1])
    assert (terminal.folder / "out" / "qc" / "overview.png").is_file()


def test_registrations_are_told(terminal: Terminal) -> None:
    replicas.ixi(terminal.folder / "data", people=1)
    lines = terminal.done("prepare", "ixi", "data", "--output", "out", "--no-figures")
    assert lines[3].startswith("1 notes, such as: T2w and PDw brought to T1w: turned by")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["prepare", "auto", "missing", "--output", "out"], 2, "no folder"),
        (["prepare", "ixi", "data", "--output", "out"], 2, "no images of IXI"),
        (["prepare", "auto", "data", "--output", "data/out"], 1, "lies in the data set itself"),
        (["prepare", "auto", "data", "--output", "out", "--split", "70/40/20"], 2, "splits nothing"),
        (["prepare", "auto", "data", "--output", "out", "--split", "who.csv"], 2, "cannot read the split file who.csv"),
        (["prepare", "auto", "data", "--output", "out", "--require", "PDw"], 2, "has PDw"),
        (["prepare", "auto", "data", "--output", "out", "--grid", "T3w"], 2, "nobody has the contrast 'T3w'"),
        (["prepare", "auto", "data", "--output", "out", "--labels", "a.csv"], 2, "labels are for fastMRI"),
    ],
)
def test_refusals(terminal: Terminal, people: Path, arguments: list[str], code: int, said: str) -> None:
    message, _ = terminal.refused(arguments, code=code)
    assert said in message


def test_an_empty_folder(terminal: Terminal) -> None:
    (terminal.folder / "data").mkdir()
    message, _ = terminal.refused(COMMAND, code=2)
    assert "no images in" in message


def test_strict(terminal: Terminal, people: Path) -> None:
    (people / "patient02" / "t2.nii.gz").write_bytes(b"broken")
    assert terminal.run([*COMMAND, "--strict"]) == 1
    assert "patient02/t2.nii.gz" in terminal.err
    terminal.done(*COMMAND)
    assert len(read_dataset(terminal.folder / "out").subjects) == 3
