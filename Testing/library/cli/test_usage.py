"""Wrong usage is refused with exit code 2, one line and a hint; help is short and has an example."""

import os
import subprocess
import sys

import pytest

from cli.terminal import Terminal, example_of
from mrienhance.cli.main import build_parser

COMMANDS = [
    ["demo"],
    ["models"],
    ["super-resolve"],
    ["synthesize"],
    ["reconstruct"],
    ["simulate"],
    ["simulate", "low-resolution"],
    ["simulate", "kspace"],
    ["evaluate"],
    ["prepare"],
    ["train"],
    ["batch"],
    ["worker"],
]

WRONG = {
    "unknown command": (["sharpen", "a.nii"], "sharpen"),
    "mistyped command": (["super-resolv", "a.nii", "-o", "b.nii"], "did you mean super-resolve?"),
    "no output": (["super-resolve", "a.nii"], "-o/--output"),
    "no image": (["super-resolve", "-o", "b.nii"], "IMAGE"),
    "too many images": (["super-resolve", "a.nii", "b.nii", "-o", "c.nii"], "b.nii"),
    "mistyped option": (["super-resolve", "a.nii", "-o", "b.nii", "--sclae", "2"], "did you mean --scale?"),
    "abbreviated option": (["super-resolve", "a.nii", "-o", "b.nii", "--dev", "cpu"], "--dev"),
    "scale of zero": (["super-resolve", "a.nii", "-o", "b.nii", "--scale", "0"], "--scale"),
    "scale with a fraction": (["super-resolve", "a.nii", "-o", "b.nii", "--scale", "1.5"], "--scale"),
    "scale without a number": (["super-resolve", "a.nii", "-o", "b.nii", "--scale", "two"], "--scale"),
    "negative batch": (["super-resolve", "a.nii", "-o", "b.nii", "--batch", "-3"], "--batch"),
    "unknown progress": (["super-resolve", "a.nii", "-o", "b.nii", "--progress", "jsn"], "did you mean json?"),
    "no target": (["synthesize", "a.nii", "-o", "b.nii"], "--to"),
    "a further scan without a contrast": (
        ["synthesize", "a.nii", "--to", "T2w", "-o", "b.nii", "--with", "flair.nii"],
        "further scan, CONTRAST=FILE",
    ),
    "two targets in one file": (
        ["synthesize", "a.nii", "--to", "T2w", "FLAIR", "-o", "b.nii"],
        "2 contrasts are to be made",
    ),
    "a target twice": (["synthesize", "a.nii", "--to", "T2w", "T2w", "-o", "b.nii"], "T2w is asked for twice"),
    "the source as target": (["synthesize", "a.nii", "--from", "T2w", "--to", "T2w", "-o", "b.nii"], "T2w was scanned"),
    "two further scans of one contrast": (
        ["synthesize", "a.nii", "--to", "T2w", "-o", "b.nii", "--with", "T1w=b.nii", "T1w=c.nii"],
        "two images of T1w",
    ),
    "nothing to simulate": (["simulate"], "WHAT"),
    "two factors": (["simulate", "low-resolution", "a.nii", "-o", "b.nii", "--factors", "2", "2"], "--factors"),
    "scale and factors": (
        ["simulate", "low-resolution", "a.nii", "-o", "b.nii", "--scale", "2", "--factors", "2", "2", "1"],
        "not allowed with",
    ),
    "unknown degradation": (["simulate", "low-resolution", "a.nii", "-o", "b.nii", "--degradation", "jpeg"], "jpeg"),
    "data range without a number": (["evaluate", "a.nii", "b.nii", "--data-range", "big"], "--data-range"),
    "unknown layout": (["prepare", "adni", "d", "--output", "o"], "invalid choice: 'adni'"),
    "no output to prepare": (["prepare", "ixi", "d"], "--output"),
    "training without data": (["train", "iconet", "--output", "run"], "--data"),
    "override without a value": (["train", "iconet", "--data", "d", "--output", "r", "--set", "steps"], "--set"),
    "override without a section": (["train", "iconet", "--data", "d", "--output", "r", "--set", "steps=3"], "--set"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_wrong_usage(terminal: Terminal, arguments: list[str], said: str):
    message, hint = terminal.refused(arguments, code=2)
    assert said in message or said in hint


def test_one_file_asked_for_twice(terminal: Terminal):
    arguments = ["super-resolve", "a.nii", "-o", "out.nii", "--report", "./out.nii"]
    message, _ = terminal.refused(arguments, code=2)
    assert "twice" in message


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_short_and_has_an_example(terminal: Terminal, command: list[str]):
    assert terminal.run([*command, "--help"]) == 0
    lines = terminal.out.splitlines()
    assert len(lines) < 40
    assert lines[-2:][0] == "example:"
    assert lines[-1].split()[:2] == ["mrienhance", command[0]]
    assert terminal.err == ""


def test_the_example_of_each_command_parses():
    for command in COMMANDS:
        args = build_parser().parse_args(example_of(command))
        assert callable(args.run)


def test_help_names_every_command(terminal: Terminal):
    assert terminal.run(["--help"]) == 0
    for command in COMMANDS:
        assert command[0] in terminal.out


def test_without_a_command_help_is_shown(terminal: Terminal):
    assert terminal.run([]) == 2
    assert "commands:" in terminal.err
    assert terminal.out == ""


def test_version(terminal: Terminal):
    from mrienhance import __version__

    assert terminal.run(["--version"]) == 0
    assert terminal.out == f"mrienhance {__version__}\n"


@pytest.mark.parametrize("text", ["2", "x2", "2x", "X2"])
def test_scale_as_people_write_it(text: str):
    from mrienhance.cli.parser import whole_number

    assert whole_number(text) == 2


def test_it_runs_as_a_module():
    code = [sys.executable, "-m", "mrienhance.cli"]
    version = subprocess.run([*code, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("mrienhance ")
    assert subprocess.run([*code, "sharpen"], capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("arguments", [["models", "--json"], ["super-resolve", "--help"]], ids=" ".join)
def test_a_reader_that_leaves_is_no_error(arguments: list[str]):
    """``mrienhance models | head``: neither a traceback nor a complaint."""
    command = [sys.executable, "-m", "mrienhance.cli", *arguments]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
