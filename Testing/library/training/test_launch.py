"""Devices and processes are found as they were started, and what is not there is refused in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.rank_zero import rank_zero_only
from safetensors.torch import load_file

from mrienhance.cli.main import main
from mrienhance.errors import UsageError
from mrienhance.training import train
from mrienhance.training.launch import Replicas, _started, make_fabric
from mrienhance.training.parallel import Elsewhere, Team
from mrienhance.training.states import saved_states

from .conftest import log_of

TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "RANK": "5", "LOCAL_RANK": "1"}
SLURM = {
    **{"SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2", "SLURM_PROCID": "6"},
    **{"SLURM_LOCALID": "2", "SLURM_NODEID": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1234567"},
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No launcher has started this process."""
    for name in [*TORCHRUN, *SLURM, *(name for name in os.environ if name.startswith("SLURM_"))]:
        monkeypatch.delenv(name, raising=False)
    # Fabric notes the rank that it finds: it must not outlive the test.
    monkeypatch.setattr(rank_zero_only, "rank", 0, raising=False)


def there(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> None:
    for name, value in names.items():
        monkeypatch.setenv(name, value)


def fabric(**options: Any) -> Any:
    return make_fabric(
        **{"accelerator": "cpu", "devices": "auto", "nodes": 1, "strategy": "auto", "precision": "32-true", **options}
    )


def test_alone_there_is_one_process() -> None:
    assert _started("auto", 1) == ("auto", 1)
    found = fabric()
    assert found.world_size == 1
    assert not isinstance(found.strategy, Replicas)


@pytest.mark.parametrize("names", [TORCHRUN, SLURM])
def test_what_was_started_is_found(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> None:
    there(monkeypatch, names)
    assert _started("auto", 1) == _started(4, 2) == (4, 2)
    found = fabric()
    assert isinstance(found.strategy, Replicas)
    assert found.world_size == 8
    assert found.global_rank == (5 if names is TORCHRUN else 6)
    assert found.local_rank == (1 if names is TORCHRUN else 2)
    assert found.strategy.cluster_environment.creates_processes_externally
    with pytest.raises(UsageError, match="4 processes were started on each machine, not 2"):
        fabric(devices=2)
    with pytest.raises(UsageError, match="started on 2 machines, not 3"):
        fabric(nodes=3)


def test_a_shell_within_a_job_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch, {**SLURM, "SLURM_JOB_NAME": "bash"})
    assert _started("auto", 1) == ("auto", 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "dp"}, "no strategy 'dp'"),
        ({"accelerator": "abacus"}, "abacus"),
        ({"precision": "16-mixed"}, "16-mixed needs a GPU"),
    ],
)
def test_what_is_not_there_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        fabric(**options)
    assert refusal.value.hint
    assert "\n" not in refusal.value.message


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu() -> None:
    with pytest.raises(UsageError, match="not available"):
        fabric(accelerator="cuda", devices=1)


def test_a_console_cannot_be_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(UsageError, match="not a console"):
        fabric(devices=2)


class Second(Team):
    """The second of two processes, which is told whether the first one refused something."""

    def __init__(self, refused: bool) -> None:
        self.size, self.rank, self.refused = 2, 1, refused

    def agreed(self, numbers: Any) -> list[float]:
        return [numbers[0] + self.refused, *numbers[1:]]


def refuse() -> None:
    raise ValueError("no")


def test_a_refusal_in_the_first_process_stops_all() -> None:
    assert Second(refused=False).on_first(refuse) is None
    with pytest.raises(Elsewhere) as stop:
        Second(refused=True).on_first(refuse)
    assert stop.value.said
    with pytest.raises(ValueError, match="no"):
        Team(fabric()).on_first(refuse)


def test_one_process_says_why_all_have_stopped() -> None:
    """The same file cannot be read by any of them, or one of them alone cannot do something."""
    with pytest.raises(Elsewhere) as stop:
        Second(refused=True).together(refuse)
    assert stop.value.said
    with pytest.raises(ValueError, match="no"):
        Second(refused=False).together(refuse)
    assert Second(refused=False).together(lambda: 3) == 3


def test_a_process_that_another_one_speaks_for_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Launchers kill the others once one process has failed, and the one that speaks may still be at its report."""

    def stopped(*args: Any, **options: Any) -> None:
        raise Elsewhere(said=True)

    monkeypatch.setattr("mrienhance.training.train", stopped)
    assert main(["train", "iconet", "--data", "images", "--output", "run"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_command_trains_on_two_devices(recipe: Path, images: Path, tmp_path: Path) -> None:
    """Started plainly: two processes, one that writes; the same model as one process makes of as many images."""
    command = [sys.executable, "-m", "mrienhance.cli", "train", "iconet", "--config", recipe, "--data", images]
    command += ["--output", tmp_path / "two", "--accelerator", "cpu", "--devices", "2", "--logging", "csv"]
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, timeout=200)
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("model: ") == 1
    assert said.stderr.count("mrienhance: ") == 1, said.stderr
    assert "licence" in said.stderr
    options: dict[str, Any] = {"config": recipe, "accelerator": "cpu", "progress": False, "accumulate": 2}
    train("iconet", data=images, output=tmp_path / "one", **options)
    one, two = (load_file(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-6
    assert len(log_of(tmp_path / "one")) == len(log_of(tmp_path / "two"))
    (latest, _) = saved_states(tmp_path / "two")
    assert {name.split("/")[1] for name in load_file(latest) if name.startswith("random/")} == {"0", "1"}
