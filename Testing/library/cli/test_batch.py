"""``mrienhance batch`` from manifest to summary: the three tasks, resumed runs, failures, launchers, interruption."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from cli.terminal import Terminal
from cli.worker_client import SOURCES
from mrienhance.batch.ledger import FOLDER
from mrienhance.kspace import write_kspace
from tasks.samples import head, tiny_model
from tasks.scans import scan
from tasks.synthesizers import METHOD, synthesizer

COMMAND = [sys.executable, "-m", "mrienhance.cli", "batch"]
COLUMNS = "id,task,input,output,model,scale,to,zero-filled,report"
CALM = ("--progress", "none")


def write(*rows: str, columns: str = COLUMNS) -> str:
    Path("cases.csv").write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return "cases.csv"


def summary(path: str = "cases-summary.csv") -> dict[str, dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def statuses() -> list[str]:
    return [row["status"] for row in summary().values()]


def who(run: Path) -> set[str]:
    """The processes that did something in a run."""
    return {json.loads(line)["process"] for path in run.glob("*.jsonl") for line in path.read_text().splitlines()}


def runs() -> list[Path]:
    return sorted(Path(FOLDER, "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def only_results(*names: str) -> None:
    """Nothing half-written lies beside the results, and no claim is left."""
    assert sorted(path.name for path in Path("out").rglob("*") if path.is_file()) == sorted(names)
    assert not list(Path(FOLDER, "claims").iterdir())


@pytest.fixture
def three(terminal: Terminal, toy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Rows of all three tasks, two of which will fail."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(SOURCES), str(toy.parent))))
    # Sums over other numbers of threads are rounded otherwise, and results are compared byte by byte.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    Path("models").mkdir()
    tiny_model(Path("models/tiny-x2.safetensors"))
    for number in range(2):
        sitk.WriteImage(head(seed=number), f"in{number}.nii.gz")
    sitk.WriteImage(sitk.Image([8, 8, 4], sitk.sitkInt16), "constant.nii")
    write_kspace(scan(2), "raw.npz")
    Path("broken.npz").write_text("nonsense")
    yield [
        "s0,super-resolve,in0.nii.gz,out/s0.nii.gz,models/tiny-x2.safetensors,2,,,out/s0.json",
        "s1,super-resolve,in1.nii.gz,out/s1.nii.gz,models/tiny-x2.safetensors,,,,",
        f"made,synthesize,T1w=in0.nii.gz,out/{{contrast}}.nii.gz,{toy},,T2w;FLAIR,,",
        "raw,reconstruct,raw.npz,out/raw.nii.gz,cg-sense,,,out/zero.nrrd,",
        "constant,super-resolve,constant.nii,out/constant.nii,models/tiny-x2.safetensors,,,,",
        "broken,reconstruct,broken.npz,out/broken.nii,cg-sense,,,,",
    ]
    torch.set_num_threads(threads)


def test_three_tasks_and_the_same_again(terminal: Terminal, three: list[str], toy: Path):
    assert terminal.run(["batch", write(*three), "--devices", "cpu", *CALM]) == 1
    assert statuses() == ["done"] * 4 + ["failed"] * 2
    rows = summary()
    assert (rows["s0"]["output"], rows["s0"]["model"]) == ("out/s0.nii.gz", "tiny-x2")
    assert float(rows["s0"]["seconds"]) > 0
    assert "constant" in rows["constant"]["error"]
    assert "broken.npz" in rows["broken"]["error"]
    assert terminal.out.splitlines()[-1].endswith("6 cases: 4 done, 2 failed")
    said = terminal.err.splitlines()
    assert said[0].startswith("mrienhance: failed: constant: the image is constant")
    assert said[-2:][0] == "mrienhance: error: 2 of 6 cases failed"
    only_results("s0.nii.gz", "s0.json", "s1.nii.gz", "T2w.nii.gz", "FLAIR.nii.gz", "raw.nii.gz", "zero.nrrd")
    assert json.loads(Path("out/s0.json").read_text())["task"] == "super-resolve"
    again = ["--device", "cpu", "--progress", "none"]
    terminal.done("super-resolve", "in1.nii.gz", "-o", "1.nii.gz", "--model", "models/tiny-x2.safetensors", *again)
    terminal.done("synthesize", "in0.nii.gz", "--from", "T1w", "--to", "T2w", "-o", "2.nii.gz", "--model", toy, *again)
    terminal.done("reconstruct", "raw.npz", "-o", "3.nii.gz", "--model", "cg-sense", *again)
    for single, name in {"1.nii.gz": "s1", "2.nii.gz": "T2w", "3.nii.gz": "raw"}.items():
        assert Path(single).read_bytes() == Path(f"out/{name}.nii.gz").read_bytes()

    # The same command tries what failed, does what was changed, and nothing else.
    sitk.WriteImage(head(), "constant.nii")
    three[1] = three[1].replace(",,,,", ",2,,,")
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    assert terminal.run(["batch", write(*three), "--devices", "cpu", *CALM]) == 1
    assert statuses() == ["skipped", "done", "skipped", "skipped", "done", "failed"]
    changed = {path.name for path in Path("out").iterdir() if path.stat().st_mtime_ns != before.get(path)}
    assert changed == {"s1.nii.gz", "constant.nii"}


def test_a_device_that_is_not_there(terminal: Terminal, three: list[str]):
    assert terminal.run(["batch", write(three[0]), "--devices", "cuda:77", *CALM]) == 1
    assert "ended early: device 'cuda:77' cannot be used" in terminal.err
    assert statuses() == ["cancelled"]


def test_two_processes_of_slurm(terminal: Terminal, three: list[str], monkeypatch: pytest.MonkeyPatch):
    """Started as `srun -n2` starts them: they share the cases, and the first one speaks."""
    tasks = {"SLURM_JOB_ID": 17, "SLURM_STEP_ID": 0, "SLURM_STEP_NUM_TASKS": 2, "SLURM_NTASKS": 2}
    rows = [f"{n},super-resolve,in{n % 2}.nii.gz,out/{n}.nii,models/tiny-x2.safetensors,,,," for n in range(4)]
    write(*rows, three[4])
    processes = [
        subprocess.Popen(
            [*COMMAND, "cases.csv", "--devices", "cpu", *CALM],
            env={**os.environ, **{name: str(value) for name, value in tasks.items()}, "SLURM_PROCID": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [1, 0], "the first one speaks, also by its exit code"
    assert "5 cases: 4 done, 1 failed" in said[0][0]
    assert said[1] == ("", "")
    assert statuses() == ["done"] * 4 + ["failed"]
    [run] = runs()
    assert run.name.startswith("slurm-17-0")
    lines = [line for path in run.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert len(lines) == 5  # each case was settled once
    only_results(*(f"{number}.nii" for number in range(4)))


def test_an_interruption(terminal: Terminal, three: list[str]):
    rows = [f"{n},super-resolve,in0.nii.gz,out/{n}.nii.gz,models/tiny-x2.safetensors,,,," for n in range(300)]
    write(*rows)
    with subprocess.Popen(
        [*COMMAND, "cases.csv", "--devices", "cpu", *CALM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + 300
        while not (Path("out").is_dir() and len(list(Path("out").glob("[0-9]*"))) > 2):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert out == ""
    done = statuses().count("done")
    assert err.splitlines() == [
        f"mrienhance: stopped: after {done} of 300 cases",
        "  hint: the same command goes on from here",
    ]
    assert 0 < done < 300
    assert statuses().count("cancelled") == 300 - done
    # A case that was written but not yet noted is done again; nothing is half there.
    results = list(Path("out").iterdir())
    assert done <= len(results) <= done + 1
    for path in results:
        sitk.ReadImage(str(path))
    only_results(*(path.name for path in results))


def test_a_case_that_kills_its_process(terminal: Terminal, tmp_path_factory, monkeypatch: pytest.MonkeyPatch):
    """As the system does when memory runs out: it is tried twice, and the others are done."""
    folder = tmp_path_factory.mktemp("deadly")
    deadly = "import os, signal\n        if 31 in image.shape:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
    code = METHOD.replace("        self.calls.append", f"        {deadly}        self.calls.append")
    monkeypatch.setattr("tasks.synthesizers.METHOD", code)
    from tasks.synthesizers import installed

    with installed(folder):
        synthesizer(folder / "toy.safetensors")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(SOURCES), str(folder))))
    sitk.WriteImage(head((24, 24, 3)), "a.nii")
    sitk.WriteImage(head((31, 31, 3)), "deadly.nii")
    monkeypatch.setenv("MRIENHANCE_MODELS", str(folder))
    cases = {"a": "a", "deadly": "deadly", "z": "a"}
    lines = [f"{name},synthesize,T1w={source}.nii,out/{name}.nii,toy,,T2w,," for name, source in cases.items()]
    results = ["--output-dir", "results/deep", "--summary", "sum.csv", "--progress", "json"]
    # This process has no such method; it is the children's.
    command = [*COMMAND, write(*lines), "--devices", "cpu", *results]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    rows = summary("sum.csv")
    assert [row["status"] for row in rows.values()] == ["done", "failed", "done"]
    assert "died 2 times" in rows["deadly"]["error"]
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert told[0] == {"fraction": 0.0, "seconds_left": None, "text": "0 of 3 cases"}
    assert (told[-1]["fraction"], told[-1]["text"]) == (1.0, "3 of 3 cases, 1 failed")
    monkeypatch.chdir("results/deep")
    [run] = runs()
    assert len(who(run)) >= 2
    only_results("a.nii", "z.nii")
