"""A training that is stopped, killed or out of disk goes on as if nothing had been, or says why it cannot."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from mrienhance.errors import OutputError, UsageError
from mrienhance.models import load_model
from mrienhance.training import train
from mrienhance.training.random_state import random_state, restore_random_state
from mrienhance.training.state import BrokenState, State, read_state, write_state
from mrienhance.training.states import save_state, saved_states
from mrienhance.training.stop import StopRequest

from .conftest import RECIPE, RUN_FILES, log_of, same, write_images

PROGRAM = Path(__file__).with_name("train_and_break.py")
LONG = {"training.steps": 18, "training.validate_every": 9, "training.checkpoint_every": 3}
Start = Callable[..., "subprocess.Popen[str]"]


def run(recipe: Path, images: Path, output: Path, **options: Any) -> Path:
    options = {"config": recipe, "accelerator": "cpu", "progress": False, **options}
    return train("iconet", data=images, output=output, **options)


@pytest.fixture
def start(recipe: Path, images: Path, tmp_path: Path) -> Start:
    """Start the long training in another process, in the folder ``broken``."""

    def begin(what: str = "never", at: int = 0) -> subprocess.Popen[str]:
        command = [sys.executable, PROGRAM, what, str(at), "train", "iconet", "--config", recipe, "--data", images]
        command += ["--output", tmp_path / "broken", "--accelerator", "cpu", "--workers", "1"]
        command += [word for name, value in LONG.items() for word in ("--set", f"{name}={value}")]
        threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(command, env={**os.environ, **threads}, stderr=subprocess.PIPE, text=True)

    return begin


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The long training (``whole``) and the short one (``short``), which nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    images = write_images(folder / "images")
    run(folder / "recipe.yaml", images, folder / "whole", overrides=LONG)
    run(folder / "recipe.yaml", images, folder / "short")
    return folder


@pytest.fixture
def as_if_nothing(recipe: Path, images: Path, tmp_path: Path, undisturbed: Path) -> Callable[[], None]:
    """Go on with the long training, and compare it with one that nothing happened to."""

    def compare() -> None:
        run(recipe, images, tmp_path / "broken", overrides=LONG, resume=True, workers=2)
        assert [path.name for path in saved_states(tmp_path / "broken")] == [
            "step-0000018.safetensors",
            "step-0000015.safetensors",
        ]
        for name in ("best.safetensors", "last.safetensors", "states/step-0000018.safetensors"):
            same(undisturbed / "whole" / name, tmp_path / "broken" / name)
        assert log_of(undisturbed / "whole") == log_of(tmp_path / "broken")
        assert not list((tmp_path / "broken").rglob(".mrienhance-*")), "what was half written is swept away"

    return compare


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)


def test_killed_at_any_time(start: Start, as_if_nothing: Callable[[], None], tmp_path: Path) -> None:
    process = start()
    wait_for(tmp_path / "broken" / "states" / "step-0000003.safetensors", process)
    time.sleep(random.Random().uniform(0, 0.5))
    process.kill()
    process.communicate()
    as_if_nothing()


def test_killed_while_it_saves(start: Start, as_if_nothing: Callable[[], None], tmp_path: Path) -> None:
    process = start("half", 9)
    process.communicate(timeout=200)
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in saved_states(tmp_path / "broken")] == [
        "step-0000006.safetensors",
        "step-0000003.safetensors",
    ]
    assert list((tmp_path / "broken" / "states").glob(".mrienhance-*"))
    as_if_nothing()


def test_disk_full_while_it_saves(start: Start, as_if_nothing: Callable[[], None], tmp_path: Path) -> None:
    process = start("full", 9)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1
    (line,) = [line for line in said.splitlines() if line.startswith("mrienhance: ")]
    assert "cannot write" in line
    assert "step-0000009.safetensors" in line
    steps = [read_state(path).facts["status"]["step"] for path in saved_states(tmp_path / "broken")]
    assert steps == [6, 3]
    as_if_nothing()


def test_asked_to_stop_it_saves_first(start: Start, tmp_path: Path) -> None:
    process = start()
    wait_for(tmp_path / "broken" / "states" / "step-0000003.safetensors", process)
    process.terminate()
    _, said = process.communicate(timeout=200)
    assert process.returncode == 130
    step = read_state(saved_states(tmp_path / "broken")[0]).facts["status"]["step"]
    assert said.splitlines()[-2:] == [
        f"mrienhance: stopped: the training was stopped after step {step} of 18",
        "  hint: go on with the same command and --resume",
    ]
    assert step >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_ask_and_a_second_ctrl_c_insists(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.asked
        signal.raise_signal(number)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(number) == before


@pytest.fixture
def finished(undisturbed: Path, tmp_path: Path) -> Path:
    """A run of 6 steps with states of steps 4 and 6."""
    return shutil.copytree(undisturbed / "short", tmp_path / "run")


def damage(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    if kind == "bit":
        data[-100] ^= 4
    else:
        del data[len(data) // 2 :]
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("kind", ["bit", "end"])
def test_a_broken_state_is_passed_over(
    recipe: Path, images: Path, undisturbed: Path, finished: Path, kind: str
) -> None:
    last, before = saved_states(finished)
    damage(last, kind)
    told: list[str] = []
    run(recipe, images, finished, resume=True, warn=told.append)
    (line,) = told
    assert "step-0000006.safetensors" in line
    assert line.endswith("the one before it is taken")
    for name in RUN_FILES:
        same(undisturbed / "short" / name, finished / name)
    damage(last, kind)
    damage(before, kind)
    with pytest.raises(UsageError, match="cannot resume"):
        run(recipe, images, finished, resume=True)


def test_a_broken_state_takes_the_place_of_no_whole_one(tmp_path: Path) -> None:
    for step in (2, 4, 9):
        save_state(tmp_path, step, State({"a": torch.zeros(3)}))
    damage(saved_states(tmp_path)[0], "end")
    save_state(tmp_path, 5, State({"a": torch.zeros(3)}))
    assert [path.name for path in saved_states(tmp_path)] == ["step-0000005.safetensors", "step-0000004.safetensors"]


def test_the_state_of_an_earlier_release(recipe: Path, images: Path, undisturbed: Path, finished: Path) -> None:
    """One file, without a hash, without what was not known then."""
    before = read_state(saved_states(finished)[1])
    tensors = {name: value for name, value in before.tensors.items() if not name.startswith("random/")}
    facts = {name: before.facts[name] for name in ("status", "recipe")}
    facts["status"].pop("seconds")
    for name in ("workers", "accumulate"):
        facts["recipe"]["training"].pop(name)
    for path in saved_states(finished):
        path.unlink()
    save_file(tensors, finished / "state.safetensors", metadata={"facts": json.dumps(facts)})
    run(recipe, images, finished, resume=True)
    for name in RUN_FILES[:2]:
        same(undisturbed / "short" / name, finished / name)


def test_a_longer_run_and_another_split_of_its_steps(recipe: Path, images: Path, finished: Path) -> None:
    changes = {"training.steps": 8, "training.log_every": 4, "sampling.images": 1, "training.accumulate": 2}
    run(recipe, images, finished, resume=True, overrides=changes)
    assert [path.name for path in saved_states(finished)] == ["step-0000008.safetensors", "step-0000006.safetensors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.channels": 16}, r"model\.channels was 8 in this run, not 16"),
        ({"training.learning_rate": 0.5}, r"training\.learning_rate was 0\.001 in this run, not 0\.5"),
        ({"training.seed": 4}, r"training\.seed was 0"),
        ({"training.accumulate": 2}, "a step of this run draws 2 images, not 4"),
        ({"data.held_out": ["sub-02"]}, r"data\.held_out was \[\]"),
    ],
)
def test_another_recipe_is_refused(
    recipe: Path, images: Path, finished: Path, changes: dict[str, Any], message: str
) -> None:
    before = (finished / "recipe.yaml").read_text()
    with pytest.raises(UsageError, match=message) as refusal:
        run(recipe, images, finished, resume=True, overrides=changes)
    assert refusal.value.hint
    assert (finished / "recipe.yaml").read_text() == before


def test_another_method_and_other_data_are_refused(recipe: Path, images: Path, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="recipe for another method than 'crfm'"):
        train("crfm", data=images, output=finished, resume=True, accelerator="cpu", progress=False)
    blank = tmp_path / "blank.yaml"
    blank.write_text("data: {validation: [sub-03]}\n")
    with pytest.raises(UsageError, match="this run trains iconet, not lf_mri"):
        train("lf_mri", data=images, output=finished, resume=True, config=blank, accelerator="cpu", progress=False)
    (images / "sub-01_T1w.nii.gz").rename(images / "sub-04_T1w.nii.gz")
    with pytest.raises(UsageError, match="other images than when this run began: 3 images, of which some had"):
        run(recipe, images, finished, resume=True)


def test_without_a_recipe_a_run_keeps_its_own(images: Path, finished: Path, tmp_path: Path) -> None:
    train("iconet", data=images, output=finished, resume=True, accelerator="cpu", progress=False)
    with pytest.raises(OutputError, match="nothing to resume"):
        train("iconet", data=images, output=tmp_path / "none", resume=True, accelerator="cpu", progress=False)


def test_the_card_still_says_where_it_started_and_how_long_it_took(
    recipe: Path, images: Path, undisturbed: Path, tmp_path: Path
) -> None:
    first = undisturbed / "short" / "best.safetensors"
    second = run(recipe, images, tmp_path / "second", start_from=[first], overrides={"training.steps": 2})
    (latest,) = saved_states(second.parent)
    state = read_state(latest)
    state.facts["status"]["seconds"] = 7200.0
    write_state(latest, state)
    run(recipe, images, second.parent, resume=True, overrides={"training.steps": 4})
    origins = load_model(tmp_path / "second" / "last.safetensors").card.training["started_from"]
    assert [origin["sha256"] for origin in origins] == [load_model(first).sha256]
    assert 120 <= load_model(tmp_path / "second" / "last.safetensors").card.training["minutes"] < 130


def test_all_random_generators_come_back() -> None:
    def drawn() -> list[float]:
        return [random.random(), random.gauss(), np.random.rand(), np.random.randn(), float(torch.rand(()))]

    random.gauss()
    np.random.randn()
    state = random_state(torch.device("cpu"))
    first = drawn()
    drawn()
    restore_random_state(state, torch.device("cpu"))
    assert drawn() == first


def test_a_state_is_read_as_it_was_written_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    kinds = {
        "half": torch.rand(3).bfloat16(),
        "none": torch.zeros(0),
        "one": torch.tensor(2),
        "wave": torch.rand(2) * 1j,
    }
    write_state(path, State(kinds, {"step": 3}))
    again = read_state(path)
    assert again.facts == {"step": 3}
    assert all(torch.equal(again.tensors[name], value) for name, value in kinds.items())
    whole = path.read_bytes()
    for place in range(8, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            found = read_state(path)
        except BrokenState:
            continue
        # A flipped bit between the fields of the header may go unnoticed: then it has changed nothing.
        assert found.facts == {"step": 3}
        assert all(torch.equal(found.tensors[name], value) for name, value in kinds.items())
