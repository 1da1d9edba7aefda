"""A method that synthesizes by a table, so that tests know every voxel; importable by other processes too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from mrienhance.methods import get_method
from mrienhance.models import ModelCard, save_model

GAINS = {"T1w": 1.0, "T1c": 2.0, "T2w": 3.0, "FLAIR": 5.0}
"""The target is the source, times the target's gain over the source's."""

METHOD = """
from dataclasses import dataclass
import torch
from torch import nn
from mrienhance.methods import Contrasts, Method, Paper, Tiling

@dataclass(frozen=True)
class Config:
    contrasts: tuple[str, ...] = ("T1w", "T1c", "T2w", "FLAIR")
    targets: tuple[str, ...] = ("T1w", "T1c", "T2w", "FLAIR")
    votes: tuple[float, ...] = ()
    ramp: float = 0.0
    multiple_of: int = 1

class Table(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.gains = nn.Parameter(torch.ones(len(config.contrasts)))
        self.calls = []
    def forward(self, image, source, targets):
        self.calls.append((tuple(image.shape), source, tuple(targets)))
        names = self.config.contrasts
        columns = torch.arange(image.shape[-1], device=image.device)
        seen = image * (1 + self.config.ramp * columns) / self.gains[names.index(source)]
        return {name: seen * self.gains[names.index(name)] for name in targets}

class Toy(Method):
    name, title, tasks, Config = "toy_synth", "Toy synthesizer", ("synthesize",), Config
    paper = Paper(citation="A table", doi="10.0/table", fidelity="exact")
    def build(self, config):
        return Table(config)
    def tiling(self, config):
        return Tiling(ndim=2, halo=None if config.ramp else 0, multiple_of=config.multiple_of)
    def contrasts(self, config):
        return Contrasts(config.contrasts, config.targets)
    def synthesize(self, module, image, *, source, targets):
        return module(image, source, targets)
    def recognize(self, module, image):
        votes = module.config.votes
        return torch.tensor(votes).expand(len(image), -1) if votes else None
    def run(self, module, inputs):
        names = module.config.contrasts
        answers = module(inputs["image"], names[0], names)
        return answers | {"image": answers[names[1]]}
    def objective(self, config):
        raise NotImplementedError
    def variants(self):
        return {"plain": Config()}
    def example(self, config, *, batch, size):
        return {"image": torch.rand(batch, 1, *size)}

METHOD = Toy()
"""


def install(folder: Path) -> Path:
    """An installed package with the method: put the folder on the path."""
    (folder / "toysynth.py").write_text(METHOD)
    about = folder / "toysynth-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toysynth\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[mrienhance.methods]\ntoy_synth = toysynth:METHOD\n")
    return folder


@contextmanager
def installed(folder: Path) -> Iterator[Path]:
    """The method, found by the registry in the block; gives the folder that it is in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(install(folder))
        yield folder
    sys.modules.pop("toysynth", None)


def synthesizer(path: Path, *, config: Mapping[str, Any] | None = None, **card: Any) -> Path:
    """Write a model of the toy method."""
    method, settings = get_method("toy_synth"), dict(config or {})
    made = method.Config(**settings)
    facts: dict[str, Any] = {
        "name": path.stem,
        "version": "1.0.0",
        "method": method.name,
        "task": "synthesize",
        "summary": "A toy for tests.",
        "fidelity": method.paper.fidelity,
        "paper": {"citation": method.paper.citation, "doi": method.paper.doi},
        "contrasts_in": made.contrasts,
        "contrasts_out": made.targets,
        "spacing_mm": (0.5, 2.0),
    }
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    state = {"gains": torch.tensor([GAINS[name] for name in made.contrasts])}
    save_model(path, method=method.name, config=plain, card=ModelCard(**facts | card), state=state)
    return path
