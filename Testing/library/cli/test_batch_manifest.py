"""What ``mrienhance batch`` refuses, before anything is run or written; and how rows become commands."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance.batch.case import Case
from mrienhance.cli.batch.manifest import Manifest
from tasks.samples import head, tiny_model

SCAN = "in.nii,out.nii"


@pytest.fixture
def scans(terminal: Terminal) -> Terminal:
    """A terminal in a folder with two scans, a model and a DICOM-like folder."""
    for name in ("in.nii", "other.nii"):
        sitk.WriteImage(head(), name)
    Path("series").mkdir()
    Path("series/1.dcm").write_text("no DICOM, but nobody reads it here")
    np.savez("raw.npz", kspace=np.ones((2, 8, 8), np.complex64))
    tiny_model(terminal.folder / "tiny-x2.safetensors")
    return terminal


def manifest(*lines: str) -> str:
    Path("cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "cases.csv"


def refused(terminal: Terminal, *lines: str, options: tuple[str, ...] = ("--task", "super-resolve")) -> str:
    """The refusal of a manifest with one problem: both lines of it."""
    return "; ".join(terminal.refused(["batch", manifest(*lines), *options], code=2))


TABLES = {
    "no line": ([], "there is no case"),
    "no case": (["input,output", " , "], "there is no case"),
    "unknown column": (["input,output,sclae", f"{SCAN},2"], "unknown column 'sclae'; did you mean scale?"),
    "an option as it is typed": (["input,output,--scale", f"{SCAN},2"], "did you mean scale?"),
    "an option that is not for rows": (["input,output,device", f"{SCAN},cpu"], "unknown column 'device'"),
    "a column twice": (["input,output,input", f"{SCAN},b.nii"], "two columns 'input'"),
    "no input column": (["output", "out.nii"], "no column 'input'"),
    "other separators": (["input;output", "in.nii;out.nii"], "unknown column 'input;output'"),
    "an open quote": (["input,output", '"in.nii,out.nii'], "cannot read the manifest"),
}
ROWS = {
    "no task": (["task,input,output", f",{SCAN}"], "no task; tasks: super-resolve"),
    "unknown task": (["task,input,output", f"sharpen,{SCAN}"], "no task 'sharpen'"),
    "an option of another task": (["input,output,to", f"{SCAN},T2w"], "super-resolve has no option 'to'"),
    "no input": (["id,input,output", "a,,out.nii"], "line 2 (a): no input"),
    "no output": (["id,input,output", "a,in.nii,"], "line 2 (a): no output"),
    "too many cells": (["input,output", f"{SCAN},more"], "3 cells, but 2 columns"),
    "no number": (["input,output,scale", f"{SCAN},two"], "argument --scale"),
    "neither yes nor no": (["input,output,no-register", f"{SCAN},maybe"], "no-register is yes or no, not 'maybe'"),
    "two inputs": (["input,output", "in.nii;other.nii,out.nii"], "takes one input, not 2"),
    "missing input": (["input,output", "gone.nii,out.nii"], "no such file"),
    "missing reference": (["input,output,reference", f"{SCAN},gone.nii"], "gone.nii"),
    "no format": (["input,output", "in.nii,out.png"], "names no format"),
    "a folder as output": (["input,output", "in.nii,series"], "is a folder"),
    "the input as output": (["input,output", "in.nii,./in.nii"], "is an input"),
    "another case's input": (
        ["input,output", "in.nii,other.nii", "other.nii,out.nii"],
        "line 2 (other.nii): the output",
    ),
    "a hard link to the input": (["input,output", "in.nii,link.nii"], "is an input"),
    "the manifest as report": (["input,output,report", f"{SCAN},cases.csv"], "is an input"),
    "an output among the slices": (["input,output", "series,series/out.nii"], "in a folder that is read"),
    "an output below a file": (["input,output", "in.nii,raw.npz/out.nii"], "cannot be written to"),
    "an output twice": (["input,output", SCAN, "other.nii,x/../out.nii"], "line 3 (x/../out.nii): the output"),
    "a report that is the output": (["input,output,report", f"{SCAN},out.nii"], "asked for twice"),
    "an id twice": (["id,input,output", f"a,{SCAN}", "a,other.nii,b.nii"], "the id a is that of line 2, too"),
    "an output that is there": (
        ["input,output", "in.nii,old.nii"],
        "exists already; choose another name, or replace it",
    ),
    "no such model": (["input,output,model", f"{SCAN},iconet-x3"], "did you mean iconet-x"),
    "a model by a path": (["input,output,model", f"{SCAN},./none.safetensors"], "none.safetensors"),
    "a model of another scale": (["input,output,model,scale", f"{SCAN},./tiny-x2.safetensors,4"], "made for scale 2"),
}
SYNTHESES = {
    "no target": (f"{SCAN},,,", "--to"),
    "a target that was scanned": (f"T2w={SCAN},T2w,,", "T2w was scanned"),
    "a further scan without a contrast": ("in.nii;other.nii,out.nii,T2w,T1w,", "the contrast of a further input"),
    "more contrasts than scans": (f"{SCAN},T2w,T1w;FLAIR,", "2 contrasts of 1 inputs"),
    "two of one contrast": ("T1w=in.nii;T1w=other.nii,out.nii,T2w,,", "two images of T1w"),
    "two targets in one file": (f"{SCAN},T2w;FLAIR,T1w,", "2 contrasts are to be made"),
    "with what": (f"{SCAN},T2w,T1w,other.nii", "'other.nii' is no further scan"),
}


@pytest.mark.parametrize(("lines", "said"), TABLES.values(), ids=TABLES)
def test_no_such_table(scans: Terminal, lines: list[str], said: str):
    assert said in refused(scans, *lines)


@pytest.mark.parametrize(("lines", "said"), ROWS.values(), ids=ROWS)
def test_wrong_rows(scans: Terminal, lines: list[str], said: str):
    Path("old.nii").write_text("precious")
    Path("link.nii").hardlink_to("in.nii")
    options = () if "task" in lines[0] else ("--task", "super-resolve")
    text = refused(scans, *lines, options=options)
    assert said in text
    assert text.startswith("cases.csv: line ")


@pytest.mark.parametrize(("row", "said"), SYNTHESES.values(), ids=SYNTHESES)
def test_wrong_syntheses(scans: Terminal, row: str, said: str):
    assert said in refused(scans, "input,output,to,from,with", row, options=("--task", "synthesize"))


def test_every_problem_has_its_line(scans: Terminal):
    rows = [f"gone-{number}.nii,out-{number}.nii" for number in range(30)]
    assert scans.run(["batch", manifest("input,output", *rows), "--task", "super-resolve"]) == 2
    lines = scans.err.splitlines()
    assert len(lines) == 22
    assert all(f"line {number + 2} " in line and "gone" in line for number, line in enumerate(lines[:20]))
    assert lines[20].endswith("30 problems in cases.csv, of which these are the first 20")
    assert not Path(".mrienhance-batch").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--devices", "gpu"], "no device 'gpu'"),
        (["--devices", "0"], "--devices 0"),
        (["--nodes", "0"], "--nodes"),
        (["--summary", "in.nii"], "summary"),
        (["--summary", "old.txt"], "old.txt"),
        (["--output-dir", "in.nii/results"], "in.nii"),
    ],
)
def test_wrong_options(scans: Terminal, options: list[str], said: str):
    Path("old.txt").write_text("precious")
    before = scans.listing()
    code = scans.run(["batch", manifest("input,output", SCAN), "--task", "super-resolve", *options])
    assert code in (1, 2)
    assert said in scans.err
    assert {name: scans.listing()[name] for name in before} == before
    assert not Path(".mrienhance-batch").exists()


def test_no_manifest(terminal: Terminal):
    assert "nowhere.csv" in terminal.refused(["batch", "nowhere.csv"], code=2)[0]
    Path("latin.csv").write_bytes("input,output\nf\xfc.nii,a.nii\n".encode("latin-1"))
    assert "not UTF-8" in terminal.refused(["batch", "latin.csv"], code=2)[0]


def test_other_nodes_than_the_launcher_says(scans: Terminal, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"RANK": 0, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    text = refused(scans, "input,output", SCAN, options=("--task", "super-resolve", "--nodes", "2"))
    assert "torchrun runs this on 1" in text


def read(*lines: str, name: str = "cases.csv", task: str | None = None) -> list[Case]:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = Manifest(path=Path(name), base=Path("/data"), root=Path("/results"), task=task)
    cases = found.cases()
    assert found.problems == []
    return cases


def test_a_row_as_one_would_type_it(terminal: Terminal):
    [case] = read(
        "id,task,input,output,reference,no-register,tile,model,report",
        "a,super-resolve,a.nii,sub/b.nii.gz,/else/t1.nii,yes,64,my/model.safetensors,b.json",
    )
    args = case.args
    assert (case.name, case.line, case.task) == ("a", 2, "super-resolve")
    assert (args.image, args.output) == (Path("/data/a.nii"), Path("/results/sub/b.nii.gz"))
    assert (args.reference, args.register, args.tile) == (Path("/else/t1.nii"), False, 64)
    assert args.model == str(Path("/data/my/model.safetensors"))
    assert case.inputs == (args.image, args.reference)
    assert case.outputs == (args.output, Path("/results/b.json"))
    assert case.output == "sub/b.nii.gz"


@pytest.mark.parametrize(
    ("given", "source", "further"),
    [
        ("T1w=a.nii;FLAIR=f.nii,", "T1w", ["FLAIR"]),
        ("a.nii;FLAIR=f.nii,T1w", "T1w", ["FLAIR"]),
        ("a.nii; f.nii,T1w;FLAIR", "T1w", ["FLAIR"]),
        ("a.nii,T1w", "T1w", []),
        ("a.nii,", None, []),
    ],
)
def test_scans_of_a_synthesis(terminal: Terminal, given: str, source: str | None, further: list[str]):
    [case] = read("input,from,output,to", f"{given},out.nii,T2w", task="synthesize")
    assert case.args.source == source
    assert case.args.others == [(name, Path("/data/f.nii")) for name in further]
    assert case.inputs == tuple(Path("/data", name) for name in ["a.nii", *["f.nii"] * len(further)])


def test_several_targets_and_further_scans(terminal: Terminal):
    row = "a.nii,made_{contrast}.nii,T2w PDw,T1w,FLAIR=f.nii,u_{contrast}.nii"
    [case] = read("input,output,to,from,with,uncertainty", row, task="synthesize")
    assert case.args.to == ["T2w", "PDw"]
    names = ["made_T2w.nii", "made_PDw.nii", "u_T2w.nii", "u_PDw.nii"]
    assert case.outputs == tuple(Path("/results", name) for name in names)
    assert case.name == "made_{contrast}.nii"


def test_a_table_of_excel_and_one_with_tabs(terminal: Terminal):
    [case] = read("\ufeffinput,output,slices", 'raw.h5,"a, b.nii","1,2"', task="reconstruct")
    assert (case.args.output, case.args.slices) == (Path("/results/a, b.nii"), [1, 2])
    [case] = read("input\toutput", "raw, 1.h5\tout.nii", "\t", name="cases.tsv", task="reconstruct")
    assert case.args.kspace == Path("/data/raw, 1.h5")


def test_what_outputs_depend_on(terminal: Terminal):
    """Where a case is computed does not matter, nor where its input lies; what is asked for does."""
    Path("a.nii").write_text("a")
    Path("b.nii").write_text("a")

    def digest(row: str) -> str:
        Path("cases.csv").write_text(f"input,output,scale,report\n{row}\n")
        here = Path(os.getcwd())
        [case] = Manifest(path=Path("cases.csv"), base=here, root=here, task="super-resolve").cases()
        return case.digest("model")

    assert digest("a.nii,out.nii,2,") == digest("b.nii,out.nii,2,")
    others = {digest(row) for row in ("a.nii,out.nii,4,", "a.nii,out2.nii,2,", "a.nii,out.nii,2,r.json")}
    assert len(others | {digest("a.nii,out.nii,2,")}) == 4


def test_what_a_file_is_for_is_asked_for_too(terminal: Terminal):
    """Else a map that is there would be taken for the other one."""
    np.savez("raw.npz", kspace=np.ones((2, 8, 8), np.complex64))
    here = Path(os.getcwd())
    digests = set()
    for column in ("attention", "zero-filled"):
        Path("cases.csv").write_text(f"input,output,{column}\nraw.npz,out.nii,map.nii\n")
        [case] = Manifest(path=Path("cases.csv"), base=here, root=here, task="reconstruct").cases()
        assert [path.name for path in case.outputs] == ["out.nii", "map.nii"]
        digests.add(case.digest("model"))
    assert len(digests) == 2
