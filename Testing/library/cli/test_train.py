"""``mrienhance train`` hands over what was asked for, and says what is missing."""

import argparse
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.terminal import Terminal
from mrienhance.cli.main import build_parser
from tasks.references import card_of
from tasks.samples import tiny_model

COMMAND = ["train", "iconet", "--data", "images", "more", "--output", "run"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a training that does nothing was asked for."""
    seen: dict[str, Any] = {}

    def train(method: str, **options: Any) -> Path:
        seen.update(options, method=method)
        options["output"].mkdir()
        return tiny_model(options["output"] / "best.safetensors")

    monkeypatch.setattr("mrienhance.training.train", train)
    return seen


def test_everything_is_handed_over(terminal: Terminal, asked: dict[str, Any]):
    start = ["--start-from", "a.safetensors", "b.safetensors"]
    options = [
        "--config",
        "recipe.yaml",
        *start,
        "--resume",
        "--set",
        "training.steps=50",
        "--set",
        "data.validation=[a, b]",
    ]
    options += ["--strategy", "ddp", "--precision", "32-true", "--workers", "0", "--logging", "csv"]
    said = terminal.done(*COMMAND, *options, "--accelerator", "cpu", "--devices", "2", "--nodes", "3")
    assert callable(asked.pop("warn"))
    assert asked == {
        "method": "iconet",
        "data": [Path("images"), Path("more")],
        "output": Path("run"),
        "config": Path("recipe.yaml"),
        "start_from": [Path("a.safetensors"), Path("b.safetensors")],
        "resume": True,
        "overrides": {"training.steps": 50, "data.validation": ["a", "b"]},
        "accelerator": "cpu",
        "devices": 2,
        "nodes": 3,
        "strategy": "ddp",
        "precision": "32-true",
        "workers": 0,
        "logs": ["csv"],
        "progress": True,
    }
    assert str(Path("run/best.safetensors")) in said[0]
    assert said[1] == f"report: {Path('run/report.html')}"
    assert said[2].startswith("try it: mrienhance super-resolve IMAGE -o OUT.nii.gz --model ")


def test_a_model_that_needs_a_reference_is_tried_with_one(
    terminal: Terminal, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    card = card_of(reference_contrasts=("T1w",), reference_required=True)
    monkeypatch.setattr("mrienhance.models.read_header", lambda path: SimpleNamespace(card=card))
    assert "super-resolve IMAGE --reference REF -o" in terminal.done(*COMMAND)[-1]


@pytest.mark.parametrize("licence", ["CC0", "not stated"])
def test_a_licence_that_nobody_states_is_missed(
    terminal: Terminal, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, licence: str
):
    card = card_of(training={"data": [{"folder": "mine", "licence": licence}]})
    monkeypatch.setattr("mrienhance.models.read_header", lambda path: SimpleNamespace(card=card))
    terminal.done(*COMMAND)
    missed = "mrienhance: note: the model's card does not say under which licence the images in mine are\n  hint: "
    assert terminal.err.startswith(missed) == (licence != "CC0")
    assert bool(terminal.err) == (licence != "CC0")


def test_what_is_not_asked_for(terminal: Terminal, asked: dict[str, Any]):
    terminal.done(*COMMAND)
    expected = {"config": None, "resume": False, "overrides": {}, "accelerator": "auto", "devices": "auto", "nodes": 1}
    expected |= {"strategy": "auto", "precision": None, "workers": None}
    assert {name: asked[name] for name in expected} == expected


def test_the_options_are_those_of_the_trainer():
    """The stand-in above takes anything: the real one must take what the command hands over."""
    import inspect

    from mrienhance.training import train

    handed = {"data", "output", "config", "resume", "overrides", "accelerator", "devices", "nodes", "progress"}
    handed |= {"strategy", "precision", "workers", "warn"}
    assert handed <= set(inspect.signature(train).parameters)


def test_without_lightning_fabric(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "mrienhance.cli.train.find_spec", lambda name: None if name == "lightning_fabric" else find(name)
    )
    message, hint = terminal.refused(COMMAND)
    assert "lightning-fabric" in message
    assert "mrienhance[train]" in hint


def test_unknown_method(terminal: Terminal):
    Path("images").mkdir()
    message, hint = terminal.refused(["train", "alchemy", "--data", "images", "--output", "run"], code=2)
    assert "alchemy" in message
    assert "iconet" in hint


def test_no_data(terminal: Terminal):
    message, _ = terminal.refused(["train", "iconet", "--data", "images", "--output", "run"], code=2)
    assert "images" in message


@pytest.mark.parametrize("saved", [True, False])
def test_an_interrupted_training_says_how_to_go_on(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, saved: bool):
    def train(method: str, *, output: Path, **options: Any) -> Path:
        output.mkdir()
        if saved:
            (output / "states").mkdir()
            (output / "states" / "step-0000002.safetensors").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("mrienhance.training.train", train)
    assert terminal.run(COMMAND) == 130
    assert ("--resume" in terminal.err) == saved


def test_one_of_several_processes_says_that_it_was_interrupted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    def train(method: str, **options: Any) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("mrienhance.training.train", train)
    monkeypatch.setattr("mrienhance.training.parallel.is_first", lambda: False)
    assert terminal.run(COMMAND) == 0, "the first one has the exit code"
    assert terminal.err == ""


@pytest.mark.parametrize("command", ["train", "batch"])
def test_torchrun_takes_no_option_for_its_own(command: str):
    """It reads the whole command line, and stops at a name that several of its own begin with."""
    from torch.distributed.run import get_args_parser

    theirs = {name for action in get_args_parser()._actions for name in action.option_strings}
    commands = next(action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    ours = {name for action in commands.choices[command]._actions for name in action.option_strings}
    ambiguous = {name for name in ours - theirs if sum(other.startswith(name) for other in theirs) > 1}
    assert not {name for name in ambiguous if name.startswith("--")}
