"""A sixth method touches one folder: here it lives in another one, and an entry point names it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrienhance.errors import UsageError
from mrienhance.methods import all_methods, get_method

TOY = """
from dataclasses import dataclass
import torch
from torch import nn
from mrienhance.methods import Loss, Method, Objective, Paper, Tiling

@dataclass(frozen=True)
class Config:
    gain: float = 1.0

class Gain(nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
    def forward(self, x):
        return self.gain * x

class ToyObjective(Objective):
    def prepare(self, images, sampling, generator, common):
        return {"image": torch.stack([image["image"] for image in images])[:, None]}
    def losses(self, modules, batch, *, progress):
        yield Loss((modules["network"](batch["image"]) - 2 * batch["image"]).square().mean())
    def whole(self, image):
        values = image["image"][None, None]
        return {"image": values, "target": 2 * values, "baseline": values}
    def predict(self, network, batch):
        return network(batch["image"])

class Toy(Method):
    name, title, tasks, Config = "toy", "Toy", ("super-resolve",), Config
    paper = Paper(citation="A toy that multiplies", doi="10.0/toy", fidelity="exact")
    def build(self, config):
        return Gain(config.gain)
    def tiling(self, config):
        return Tiling(ndim=2, halo=0)
    def run(self, module, inputs):
        return {"image": module(inputs["image"])}
    def objective(self, config):
        return ToyObjective()
    def variants(self):
        return {"plain": Config()}
    def example(self, config, *, batch, size):
        return {"image": torch.rand(batch, 1, *size)}

METHOD = Toy()
NOT_A_METHOD = object()
"""


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package of somebody else's."""
    (tmp_path / "toymethods.py").write_text(TOY)
    (tmp_path / "toymethods-1.dist-info").mkdir()
    (tmp_path / "toymethods-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toymethods\nVersion: 1\n"
    )
    name_entry_point(tmp_path, "toymethods:METHOD")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("toymethods", None)


def name_entry_point(wheel: Path, value: str, name: str = "toy") -> None:
    text = f"[mrienhance.methods]\n{name} = {value}\n"
    (wheel / "toymethods-1.dist-info" / "entry_points.txt").write_text(text)


def test_a_method_from_another_folder_joins(wheel: Path) -> None:
    method = get_method("toy")
    network = method.build(method.Config(gain=3.0))
    example = method.example(method.Config(), batch=1, size=(4, 5))
    assert bool((method.run(network, example)["image"] == 3 * example["image"]).all())
    assert "iconet" in all_methods()


def test_without_its_wheel_it_is_gone() -> None:
    with pytest.raises(UsageError) as refusal:
        get_method("toy")
    assert "iconet" in refusal.value.hint


def test_something_else_than_a_method_is_refused(wheel: Path) -> None:
    name_entry_point(wheel, "toymethods:NOT_A_METHOD")
    with pytest.raises(TypeError, match="NOT_A_METHOD"):
        all_methods()


def test_two_methods_of_one_name_are_refused(wheel: Path) -> None:
    name_entry_point(wheel, "mrienhance.methods.iconet:METHOD", name="again")
    with pytest.raises(ValueError, match="iconet"):
        all_methods()
