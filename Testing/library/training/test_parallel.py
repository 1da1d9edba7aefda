"""Many processes, or steps in parts, learn what one process learns from all images at once; nothing leaks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.plugins import MixedPrecision
from safetensors.torch import load_file
from torch import Tensor, nn

from mrienhance.errors import UsageError
from mrienhance.methods import Loss, Objective
from mrienhance.training.launch import make_fabric
from mrienhance.training.learner import Learner
from mrienhance.training.parallel import Team, _buckets
from mrienhance.training.settings import TrainingSettings

from .one_step_or_two import CASES, learn

PROGRAM = Path(__file__).with_name("one_step_or_two.py")
NEAR = 1e-6


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """What the program learned in each way."""
    path = tmp_path_factory.mktemp("learned") / "found.safetensors"
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, PROGRAM, path], check=True, env={**os.environ, **threads}, timeout=300)
    return load_file(path)


def distance(learned: Mapping[str, Tensor], one: str, other: str, kind: str = "module") -> float:
    """The largest difference of weights, running values included."""
    names = [name.removeprefix(f"{one}/") for name in learned if name.startswith(f"{one}/{kind}/")]
    assert len(names) > 4
    return max(float((learned[f"{one}/{name}"] - learned[f"{other}/{name}"]).abs().max()) for name in names)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["two", "parts"])
def test_the_split_of_a_step_changes_nothing(learned: dict[str, Tensor], case: str, way: str) -> None:
    assert distance(learned, f"whole/{case}", f"{way}/{case}") < NEAR
    assert distance(learned, f"whole/{case}", f"{way}/{case}", "optimizer") < NEAR
    # Half of the images make another network: the comparison can tell.
    assert distance(learned, f"whole/{case}", f"half/{case}") > 30 * NEAR


def test_shares_of_a_network_learn_what_copies_learn(learned: dict[str, Tensor]) -> None:
    assert distance(learned, "whole/iconet", "shards/iconet") < NEAR
    assert distance(learned, "whole/iconet", "shards/iconet", "optimizer") < NEAR


class Careless(Objective):
    """A GAN that forgets to detach: each loss would reach both networks, and one that rests."""

    def __init__(self, seen: list[dict[str, bool]]) -> None:
        super().__init__()
        self.seen = seen

    def trained(self, network: nn.Module) -> dict[str, nn.Module]:
        self.parts = {"network": network, "critic": nn.Linear(2, 1)}
        return self.parts

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        return [{"params": [each for each in module.parameters() if each.requires_grad]}]

    def prepare(self, images: Any, sampling: Any, generator: Any, common: Any) -> Any:
        raise NotImplementedError

    def losses(self, modules: Mapping[str, nn.Module], batch: Any, *, progress: float) -> Iterator[Loss]:
        made = modules["network"](batch["image"])
        yield Loss(modules["critic"](made).mean(), optimizer="critic")
        self.look()
        yield Loss(-modules["critic"](made).mean())
        self.look()

    def look(self) -> None:
        grads = {f"{n}/{k}": p.grad for n, m in self.parts.items() for k, p in m.named_parameters()}
        self.seen.append({name: None if grad is None else grad.clone() for name, grad in grads.items()})  # type: ignore[misc]

    def whole(self, image: Any) -> Any:
        raise NotImplementedError

    def predict(self, network: Any, batch: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("parts", [1, 2])
def test_a_loss_reaches_those_who_step_on_it_whatever_it_was_computed_with(parts: int) -> None:
    torch.manual_seed(0)
    seen: list[dict[str, Any]] = []
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    network[0].requires_grad_(False)
    fabric = make_fabric(accelerator="cpu", devices=1, nodes=1, strategy="auto", precision="32-true")
    settings = TrainingSettings(steps=2, gradient_clip=0.0)
    learner = Learner(fabric, Team(fabric), objective=Careless(seen), network=network, settings=settings)
    for step in range(2):
        learner.learn([{"image": torch.rand(4, 3)} for _ in range(parts)], step)
    first, second = seen[0], seen[parts]
    assert {name for name, grad in first.items() if grad is not None} == {"critic/weight", "critic/bias"}
    assert all(torch.equal(second[name], first[name]) for name in ("critic/weight", "critic/bias"))
    assert {name for name, grad in second.items() if grad is not None} == {
        *_of(first, "critic"),
        *_of(first, "network/1"),
    }
    # In the next step the critic's loss leaves the network's gradient of the step before as it is.
    later = seen[2 * parts]
    assert all(torch.equal(later[name], second[name]) for name in _of(first, "network/1"))
    assert all(later[name] is None for name in _of(first, "network/0"))


def _of(names: Mapping[str, Any], part: str) -> set[str]:
    return {name for name in names if name.startswith(part)}


def test_gans_are_not_sharded() -> None:
    fabric = make_fabric(accelerator="cpu", devices=1, nodes=1, strategy="auto", precision="32-true")
    team = Team(fabric)
    team.sharded = True
    with pytest.raises(UsageError, match=r"learns together with .*critic.* cannot be sharded") as refusal:
        learn("unified_gan", fabric, team, images=1)
    assert "--strategy ddp" in refusal.value.hint


def test_gradients_travel_in_buckets_of_one_type() -> None:
    large, small, other = torch.zeros(7 * 2**20), torch.zeros(3), torch.zeros(3, dtype=torch.float64)
    buckets = list(_buckets([small, small, other, large, large, small]))
    assert [len(bucket) for bucket in buckets] == [2, 1, 1, 1, 1]
    assert list(_buckets([])) == []


class Scaled(MixedPrecision):
    """Float32 whose losses are scaled as those of float16 are; the scale doubles with each step."""

    def __init__(self) -> None:
        super().__init__("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=16.0, growth_interval=1))

    def forward_context(self) -> AbstractContextManager[None]:
        return nullcontext()

    def convert_input(self, data: Any) -> Any:
        return data


class Together(Careless):
    """One loss that two optimisers step on."""

    def losses(self, modules: Mapping[str, nn.Module], batch: Any, *, progress: float) -> Iterator[Loss]:
        yield Loss(modules["critic"](modules["network"](batch["image"])).square().mean(), ("network", "critic"))


@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_the_scale_of_gradients_changes_once_all_optimisers_have_stepped(clip: float) -> None:
    weights = []
    for scaled in (False, True):
        torch.manual_seed(0)
        fabric = make_fabric(accelerator="cpu", devices=1, nodes=1, strategy="auto", precision="32-true")
        if scaled:
            fabric.strategy.precision = Scaled()
        settings = TrainingSettings(steps=3, warmup=0, gradient_clip=clip)
        network, objective = nn.Linear(3, 2), Together([])
        learner = Learner(fabric, Team(fabric), objective=objective, network=network, settings=settings)
        for step in range(3):
            learner.learn([{"image": torch.rand(4, 3, generator=torch.Generator().manual_seed(step))}], step)
        weights.append([each.detach().clone() for part in learner.raw.values() for each in part.parameters()])
        scale = fabric.strategy.precision.state_dict().get("scale")
        assert scale == (16 * 2**3 if scaled else None)
    for plain, scaled_one in zip(*weights, strict=True):
        torch.testing.assert_close(plain, scaled_one, rtol=1e-5, atol=1e-7)
