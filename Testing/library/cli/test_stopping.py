"""Ctrl-C and a polite kill end with 130 and leave nothing behind."""

import os
import signal
from pathlib import Path

import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance.errors import Cancelled
from tasks.samples import head, tiny_model

SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")


def stopped(terminal: Terminal, arguments: list[object]) -> None:
    before = terminal.listing()
    assert terminal.run(arguments) == 130
    assert terminal.listing() == before
    assert terminal.out == ""
    assert terminal.err.splitlines() == ["mrienhance: stopped: cancelled", "  hint: nothing was written"]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("place", ["mrienhance.methods.iconet.network.ICONet.forward", "SimpleITK.WriteImage"])
def test_a_signal_while_working(terminal: Terminal, model: Path, monkeypatch, number: signal.Signals, place: str):
    def busy(*args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), number)

    sitk.WriteImage(head(), "in.nii")
    monkeypatch.setattr(place, busy)
    stopped(terminal, ["super-resolve", "in.nii", "-o", "out.nii", "--report", "out.json", "--model", model])


def test_handlers_are_put_back(terminal: Terminal):
    before = [signal.getsignal(number) for number in SIGNALS]
    terminal.run(["--version"])
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_that_is_ignored_stays_ignored(terminal: Terminal, model: Path, monkeypatch):
    """Under nohup the work goes on when the terminal is closed."""
    sitk.WriteImage(head(), "in.nii")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        write = sitk.WriteImage

        def told_to_stop(*args: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            write(*args)

        monkeypatch.setattr("SimpleITK.WriteImage", told_to_stop)
        terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", model)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_cancelled_work(terminal: Terminal, model: Path, monkeypatch):
    def cancelled(*args: object, **kwargs: object) -> None:
        raise Cancelled

    sitk.WriteImage(head(), "in.nii")
    monkeypatch.setattr("mrienhance.methods.iconet.network.ICONet.forward", cancelled)
    stopped(terminal, ["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
