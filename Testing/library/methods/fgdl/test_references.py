"""What FGDL's branch learns from: coarse slices and references that moved, losses, the critic; faults stay mended."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.warp import warp
from mrienhance.errors import UsageError
from mrienhance.methods.fgdl.branch import Refinement, SuperResolutionNetwork
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.references import training_references
from mrienhance.methods.fgdl.super_resolution import SuperResolutionObjective, difference_error
from mrienhance.methods.objective import Batch, Sampling, make_batch
from mrienhance.physics import KSpaceTruncation

SMALL: dict[str, Any] = {
    **{"scale": 4, "width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": (4, 4, 4)},
    **{"critic_width": 4, "critic_every": 1},
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def slices(rows: int = 66, columns: int = 62, names: tuple[str, ...] = ("T1w", "T2w")) -> list[dict[str, Tensor]]:
    """The T2w is what is left of the T1w in a brain, whose sides no coarse pixel divides."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    brain = torch.sigmoid(20 * (0.6 - y.square() - x.square()))
    t1 = brain * (0.5 + 0.3 * torch.sin(6 * y + x) * torch.cos(5 * x))
    return [{name: t1 if name == "T1w" else brain - t1 for name in names}]


def batch(config: Config, *, patch: int = 99, jitter: float = 0.0, seed: int = 0) -> Batch:
    sampling = Sampling(images=1, patches=2, patch=patch, intensity_jitter=jitter)
    return training_references(slices(), config, sampling, torch.Generator().manual_seed(seed))


def parts(config: Config) -> tuple[SuperResolutionObjective, dict[str, nn.Module]]:
    objective = SuperResolutionObjective(config)
    return objective, objective.trained(SuperResolutionNetwork(config))


def prepared(config: Config) -> Batch:
    sampling = Sampling(images=1, patches=1, patch=8)
    objective, generator = SuperResolutionObjective(config), torch.Generator().manual_seed(0)
    return make_batch(objective, [slices()], sampling, [generator], objective.common(torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("seed", range(4))
def test_the_coarse_slice_is_the_truth_truncated_in_the_same_unit(seed: int) -> None:
    found = batch(Config(**SMALL), jitter=0.3, seed=seed)
    assert found["image"].shape == (2, 1, 16, 15)
    assert found["target"].shape == found["reference"].shape == (2, 1, 64, 60)
    truncate = KSpaceTruncation((64, 60), (4, 4))
    torch.testing.assert_close(truncate(found["target"]), found["image"], atol=1e-5, rtol=0)
    torch.testing.assert_close(found["image"].mean(), found["target"].mean(), atol=1e-5, rtol=0)


def test_patches_of_all_three_show_one_place_and_gains_differ() -> None:
    """Without motion, truth and reference share every pixel; a smooth slice's coarse samples are its fine ones."""
    found = batch(Config(**SMALL), patch=8, jitter=0.3, seed=3)
    assert found["reference"].shape == found["target"].shape == (2, 1, 32, 32)
    torch.testing.assert_close(found["image"], found["target"][..., ::4, ::4], atol=0.03, rtol=0)
    whole = batch(Config(**SMALL), jitter=0.3, seed=3)
    total = slices()[0]["T1w"].amax(), slices()[0]["T2w"].amax()
    gains = float(whole["reference"].amax() / total[0]), float(whole["target"].amax() / total[1])
    assert all(0.7 <= gain <= 1.3 for gain in gains)
    assert abs(gains[0] - gains[1]) > 0.01


def test_the_reference_alone_moves_and_the_field_says_how() -> None:
    still = batch(Config(**SMALL), seed=1)
    config = Config(**SMALL, reference_shift=1.5, reference_rotation=1.5, misalignment="mid")
    moved = [batch(config, seed=seed) for seed in range(16)]
    assert "flow" not in still
    lengths = torch.tensor([float(each["flow"].norm(dim=1).amax()) for each in moved])
    assert 1 <= int((lengths == 0).sum()) <= 9  # a quarter stays
    assert float(lengths[lengths > 0].min()) > 0.3
    assert float(lengths.max()) < 1.5 + 45 * 0.0262 + 1.1
    for seed in (seed for seed in range(16) if lengths[seed] > 0):
        torch.testing.assert_close(moved[seed]["target"], batch(Config(**SMALL), seed=seed)["target"])
        unmoved = batch(Config(**SMALL), seed=seed)["reference"]
        torch.testing.assert_close(warp(unmoved, moved[seed]["flow"]), moved[seed]["reference"], atol=0.02, rtol=0)


def test_differences_are_taken_where_the_reference_was() -> None:
    """With a synthesis that is the reference itself, what is left of its motion is next to nothing."""
    config = Config(**SMALL, adversarial=False, reference_shift=1.5, reference_rotation=1.5, difference_weight=1.0)
    found = next(each for each in (batch(config, seed=seed) for seed in range(9)) if each["flow"].any())
    objective, modules = parts(config)

    class Echo(nn.Module):
        def forward(self, image: Tensor, reference: Tensor) -> Refinement:
            made: Refinement = modules["network"](image, reference)
            return made._replace(synthesis=reference, similarities=(torch.zeros_like(reference),))

    still = warp(found["reference"], -found["flow"])
    for target, agrees in ((still, True), (found["reference"], False)):
        (loss,) = objective.losses({"network": Echo()}, found | {"target": target}, progress=0)
        assert (float(loss.terms["difference"]) < 1e-9) is agrees


def test_difference_supervision_by_hand() -> None:
    difference = 4 * torch.rand(2, 1, 8, 8) - 2
    fine, coarse = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 4, 4)
    limited = difference.clamp(-1, 1)
    expected = (fine - limited).square().mean() + (coarse - functional.avg_pool2d(limited, 2)).square().mean()
    torch.testing.assert_close(difference_error((coarse, fine), difference), expected)


def test_nothing_of_the_synthesis_is_trained_and_its_weights_stay() -> None:
    config = Config(**SMALL, adversarial=False)
    objective, modules = parts(config)
    network = modules["network"]
    (group,) = objective.groups(network)
    frozen = {id(each) for name, each in network.named_parameters() if name.startswith("synthesis.")}
    assert frozen
    assert not frozen & {id(each) for each in group["params"]}
    assert len(frozen) + len(group["params"]) == len(list(network.parameters()))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(objective.groups(network), lr=1e-2, weight_decay=0.1)
    (loss,) = objective.losses(modules, prepared(config), progress=0)
    loss.value.backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith("synthesis.") for name in changed)
    assert any(name.startswith("levels.") for name in changed)
    assert len(optimizer.state) == len(group["params"])


def test_each_loss_reaches_those_who_step_on_it_and_nobody_else() -> None:
    config = Config(**SMALL, reference_shift=1.0)
    objective, modules = parts(config)
    steps = []
    for loss in objective.losses(modules, prepared(config), progress=0):
        for module in modules.values():
            module.zero_grad()
        loss.value.backward()
        touched = {n for n, m in modules.items() if any(p.grad is not None and p.grad.any() for p in m.parameters())}
        assert touched == {loss.optimizer}
        steps.append(loss.optimizer)
    assert steps == ["critic", "network"]
    assert all(each.requires_grad for each in modules["critic"].parameters())


def test_the_discriminator_has_its_turn_now_and_then_and_goes_if_it_is_not_wanted() -> None:
    config = Config(**{**SMALL, "critic_every": 6})
    objective, modules = parts(config)
    turns = []
    for seed in range(60):
        turns.append(objective.common(torch.Generator().manual_seed(seed))["critic_learns"])
    assert 3 <= sum(map(bool, turns)) <= 20
    found = prepared(config) | {"critic_learns": torch.tensor(False)}
    assert [loss.optimizer for loss in objective.losses(modules, found, progress=0)] == ["network"]
    assert set(parts(Config(**{**SMALL, "adversarial": False}))[1]) == {"network"}


def test_a_few_steps_beat_the_best_constant() -> None:
    config = Config(**{**SMALL, "adversarial": False, "ssim_weight": 0.0, "difference_weight": 0.1})
    objective, modules = parts(config)
    found = batch(config, patch=8)
    optimizer = torch.optim.Adam(objective.groups(modules["network"]), lr=5e-3)
    for _ in range(20):
        (loss,) = objective.losses(modules, found, progress=0)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    with torch.no_grad():
        error = (objective.predict(modules["network"], found) - found["target"]).square().mean()
    assert error < 0.3 * found["target"].var()


def test_whole_slices_are_cut_to_whole_coarse_pixels_with_the_sinc_as_baseline() -> None:
    objective = SuperResolutionObjective(Config(**SMALL))
    found = objective.whole(slices()[0])
    assert found["image"].shape == (1, 1, 16, 15)
    assert found["reference"].shape == found["target"].shape == found["baseline"].shape == (1, 1, 64, 60)
    torch.testing.assert_close(found["baseline"], found["target"], atol=0.06, rtol=0)
    with pytest.raises(UsageError, match="T1w"):
        objective.whole(slices(names=("T2w",))[0])
