"""Workers for tests: the real one in the interpreter of the tests, and false ones that do what a scenario says."""

import os
import stat
import sys
from pathlib import Path

FAKE = Path(__file__).with_name("fake_worker.py")


class FakeInterpreter:
    """An executable that takes the place of a Python interpreter, and what its worker noted."""

    def __init__(self, folder, scenario):
        self.notes = folder / f"{scenario}.notes"
        self.path = folder / f"python-{scenario}"
        self.become(scenario)

    def become(self, scenario):
        """Do another thing from the next start on."""
        self.path.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{FAKE}' {scenario} '{self.notes}' \"$@\"\n")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    @property
    def interpreter(self):
        return foreign(self.path)

    @property
    def lines(self):
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    @property
    def processes(self):
        return [int(line) for line in self.lines if line.isdigit()]

    @property
    def requests(self):
        return [line for line in self.lines if line.startswith("{")]


def alive(number):
    """Whether a process runs (a zombie does not)."""
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] != "Z"


def this_python():
    """The interpreter of the tests, which has all that the library needs, as somebody's own environment."""
    return foreign(sys.executable)


def foreign(path):
    """Somebody's own interpreter, as the bridge sees it."""
    from MRIEnhanceBridge.interpreter import Interpreter

    return Interpreter(os.fspath(path), ours=False, source="environment")


def use(monkeypatch, path):
    """Let the bridge use this interpreter."""
    monkeypatch.setenv("MRIENHANCE_PYTHON", os.fspath(path))


def save_tiny_model(path):
    """Save a network of one of ICONet's smallest variants, untrained, by the name of its file."""
    return _save(path, "iconet", "edsr", task="super-resolve", contrasts_in=("T1w",), contrasts_out=("T1w",), scale=2)


def save_tiny_synthesizer(path):
    """Save a small network that makes contrasts, untrained, by the name of its file."""
    names = ("T1w", "T1c", "T2w", "FLAIR")
    return _save(path, "unified_gan", "plain", task="synthesize", contrasts_in=names, contrasts_out=names)


def save_tiny_thick(path):
    """Save a small network that makes slices four times thinner and may use a T1w, with weights that do something."""
    facts = {"axes": "through-plane", "scale": 4, "degradation": "thick-slice", "reference_contrasts": ("T1w",)}
    names = {"contrasts_in": ("T2w",), "contrasts_out": ("T2w",)}
    return _save(path, "crfm", "thick-x4", noise=0.1, task="super-resolve", **names, **facts)


def save_tiny_pair(path):
    """Save a small network that makes a T2w finer in plane and needs a T1w for it, with weights that do something."""
    facts = {"scale": 2, "reference_contrasts": ("T1w",), "reference_required": True}
    names = {"contrasts_in": ("T2w",), "contrasts_out": ("T2w",)}
    small = {"width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": (4, 4, 4)}
    changes = {"scale": 2, "deformable": "none", "interpolated": True, "label_correction": False, **small}
    return _save(path, "fgdl", changes, noise=0.02, task="super-resolve", **names, **facts)


def _save(path, name, variant, *, noise=0.0, **facts):
    """`variant`: the name of one of the method's, or the fields of its config."""
    import torch

    from mrienhance.methods import config_to_dict, get_method
    from mrienhance.models import ModelCard, save_model

    method = get_method(name)
    config = method.variants()[variant] if isinstance(variant, str) else method.Config(**variant)
    card = ModelCard(
        name=path.stem,
        method=method.name,
        summary="A toy.",
        fidelity="none",
        paper={"citation": "none", "doi": "none"},
        **facts,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = method.build(config).state_dict()
        for value in state.values():
            if noise and value.is_floating_point():
                value += noise * torch.randn(value.shape)
    save_model(path, method=method.name, config=config_to_dict(config), card=card, state=state)
    return path
