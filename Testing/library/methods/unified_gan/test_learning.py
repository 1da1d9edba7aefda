"""What the unified GAN learns from, and that it learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mrienhance.methods.objective import Batch, Loss, Sampling, make_batch
from mrienhance.methods.unified_gan.config import Config
from mrienhance.methods.unified_gan.network import UnifiedGAN
from mrienhance.methods.unified_gan.objective import UnifiedGANObjective

SMALL: dict[str, Any] = {
    "width": 8,
    "residual_blocks": 1,
    "critic_width": 8,
    "critic_layers": 3,
    "critic_updates": 1,
    "recognizer_width": 4,
}
CONTRASTS = ("T1w", "T1c", "T2w", "FLAIR")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def head(size: int = 40) -> dict[str, Tensor]:
    """A disc of three tissues, whose brightness depends on the contrast, and not in the same order."""
    axis = torch.linspace(-1, 1, size)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    tissue = torch.zeros(size, size, dtype=torch.long)
    tissue[rows**2 + columns**2 < 0.8] = 1
    tissue[(rows + 0.1) ** 2 + 1.5 * columns**2 < 0.4] = 2
    tissue[(rows - 0.2) ** 2 + (columns - 0.3) ** 2 < 0.05] = 3
    levels = {
        "T1w": (0, 0.5, 0.8, 0.2),
        "T1c": (0, 0.6, 0.7, 0.9),
        "T2w": (0, 0.6, 0.4, 1),
        "FLAIR": (0, 0.8, 0.6, 0.1),
    }
    return {name: torch.tensor(values, dtype=torch.float32)[tissue] for name, values in levels.items()}


def prepared(
    config: Config, *images: Mapping[str, Tensor], patches: int = 1, seed: int = 0, jitter: float = 0.0
) -> Batch:
    sampling = Sampling(images=len(images), patches=patches, patch=32, intensity_jitter=jitter)
    objective = UnifiedGANObjective(config)
    common = objective.common(torch.Generator().manual_seed(seed))
    return make_batch(objective, [images], sampling, [torch.Generator().manual_seed(seed)], common)


class Training:
    """A few steps with the optimisers that a trainer would make."""

    def __init__(self, config: Config, rate: float = 3e-3) -> None:
        self.objective, self.network = UnifiedGANObjective(config), UnifiedGAN(config)
        self.modules = self.objective.trained(self.network)
        self.optimizers = {
            name: torch.optim.Adam(self.objective.groups(module), lr=rate, betas=(0.5, 0.9))
            for name, module in self.modules.items()
        }

    def step(self, batch: Batch) -> dict[str, float]:
        terms: dict[str, float] = {}
        for loss in self.objective.losses(self.modules, batch, progress=0.0):
            assert isinstance(loss.optimizer, str)
            self.optimizers[loss.optimizer].zero_grad()
            loss.value.backward()
            self.optimizers[loss.optimizer].step()
            terms |= {name: float(term.detach()) for name, term in loss.terms.items()}
        return terms


def test_truth_is_cut_where_the_source_is() -> None:
    """With contrasts that are multiples of one another, each pair tells whether it belongs together."""
    texture = torch.rand(50, 45, generator=torch.Generator().manual_seed(1))
    factors = dict(zip(CONTRASTS, (1.0, 0.8, 0.6, 0.4), strict=True))
    batch = prepared(Config(**SMALL), {name: factor * texture for name, factor in factors.items()}, patches=20)
    scale = torch.tensor(list(factors.values()))
    expected = batch["image"] * (scale[batch["target"]] / scale[batch["source"]])[:, None, None, None]
    torch.testing.assert_close(batch["truth"], expected)
    assert bool((batch["paired"] == 1).all())
    assert bool((batch["source"] != batch["target"]).all())
    assert bool((batch["goals"] != batch["source"][:, None]).all())
    assert set(batch["source"].tolist()) == set(batch["target"].tolist()) == {0, 1, 2, 3}


def test_jitter_changes_the_source_alone() -> None:
    still, moved = (prepared(Config(**SMALL), head(), patches=4, seed=3, jitter=jitter) for jitter in (0.0, 0.3))
    assert torch.equal(still["truth"][0], moved["truth"][0])
    assert not torch.equal(still["image"][0], moved["image"][0])


def test_patches_are_mirrored_left_right_only_and_padded_with_background() -> None:
    upward = torch.linspace(0.1, 1, 20)[:, None].expand(20, 24)
    batch = prepared(Config(**SMALL), {"T1w": upward}, patches=12)
    assert batch["image"].shape == (12, 1, 32, 32)
    for patch in batch["image"][:, 0]:
        rows = patch.amax(1)
        inside = rows[rows > 0]
        assert len(inside) == 20
        assert bool((inside.diff() > 0).all())
    across = upward.T.contiguous()
    slopes = {
        float(patch[patch.amax(1) > 0][0].diff().amax()) > 0.5
        for patch in prepared(Config(**SMALL), {"T1w": across}, patches=12)["image"][:, 0]
    }
    assert slopes == {True, False}


def test_a_lone_contrast_is_translated_but_not_compared() -> None:
    config = Config(**SMALL)
    batch = prepared(config, {"T1w": head()["T1w"]}, head(), patches=2)
    assert batch["paired"].tolist() == [0, 0, 1, 1]
    assert bool((batch["truth"][:2] == 0).all())
    assert batch["shown"].tolist() == [0, 0, 0, 1, 2, 3, 0, 1, 2, 3]
    training = Training(config)
    made = training.network(batch["image"], batch["source"], batch["target"])
    *_, loss = training.objective.losses(training.modules, batch, progress=0.0)
    expected = 10 * (made[2:] - batch["truth"][2:]).abs().mean()
    torch.testing.assert_close(loss.terms["pair"], expected)


def test_without_any_pair_the_pair_term_is_zero() -> None:
    config = Config(**{**SMALL, "adversarial": False, "cycle_weight": 0.0})
    training, batch = Training(config), prepared(config, {"T1w": head()["T1w"]})
    assert training.step(batch)["pair"] == 0


def gradients(module: nn.Module) -> list[Tensor]:
    return [parameter.grad for parameter in module.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("updates", [1, 2])
def test_nothing_leaks(updates: int) -> None:
    """Each loss reaches the module whose optimiser steps on it, and no other."""
    config = Config(**{**SMALL, "critic_updates": updates})
    training, batch = Training(config), prepared(config, head(), head(), seed=1)
    parts = {
        "network": training.network.generator,
        "critic": training.modules["critic"],
        "recognizer": training.modules["recognizer"],
    }
    seen: list[str] = []
    for loss in training.objective.losses(training.modules, batch, progress=0.0):
        assert isinstance(loss, Loss)
        assert isinstance(loss.optimizer, str)
        for part in parts.values():
            part.zero_grad()
        loss.value.backward()
        assert {name for name, part in parts.items() if gradients(part)} == {loss.optimizer}
        seen.append(loss.optimizer)
    assert seen == ["critic"] * updates + ["recognizer", "network"]


def test_optimisers_share_no_parameter() -> None:
    training = Training(Config(**SMALL))
    owned = [id(p) for each in training.optimizers.values() for group in each.param_groups for p in group["params"]]
    assert len(owned) == len(set(owned))
    every = [*training.network.parameters(), *training.modules["critic"].parameters()]
    assert set(owned) == {id(parameter) for parameter in every}


def test_losses_are_their_formulas() -> None:
    """All terms against a literal computation, with mixing places and goals as drawn."""
    config = Config(
        **{**SMALL, "identity_weight": 3.0, "adversarial_weight": 0.5, "class_weight": 0.7, "critic_class_weight": 2.0}
    )
    training, batch = Training(config), prepared(config, head(), {"FLAIR": head()["FLAIR"]}, seed=2)
    critic, network = training.modules["critic"], training.network
    x, source, target = batch["image"], batch["source"], batch["target"]
    critic_loss, _, loss = training.objective.losses(training.modules, batch, progress=0.0)
    made = network(x, source, target)
    # The critic sees a scan of the target where there is one, else the source: here one of each.
    assert batch["paired"].tolist() == [1, 0]
    shown, shown_as = torch.cat([batch["truth"][:1], x[1:]]), torch.cat([target[:1], source[1:]])
    real, fake = critic(shown), critic(made)
    log = torch.log_softmax
    picked = torch.arange(len(x))
    expected = {
        "critic/adversarial": fake.scores.mean() - real.scores.mean(),
        "critic/class": -2 * log(real.logits, 1)[picked, shown_as].mean(),
        "adversarial": -0.5 * fake.scores.mean(),
        "class": -0.7 * log(fake.logits, 1)[picked, target].mean(),
        "cycle": 10 * (network(made, target, source) - x).abs().mean(),
        "identity": 3 * (network(x, source, source) - x).abs().mean(),
    }
    found = {**critic_loss.terms, **loss.terms}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
    mix = batch["mixes"][:, 0].view(-1, 1, 1, 1)
    between = (mix * shown + (1 - mix) * made.detach()).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).scores.mean((1, 2, 3)).sum(), between)
    penalty = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(found["critic/penalty"], penalty, rtol=1e-4, atol=1e-5)


def test_a_lazy_penalty_is_the_same_in_the_mean() -> None:
    config = Config(**{**SMALL, "penalty_every": 4, "critic_updates": 2, "recognizer": False})
    weights = torch.cat([prepared(config, head(), seed=seed)["penalties"] for seed in range(400)])
    assert set(weights.tolist()) == {0.0, 4.0}
    # 800 draws of 0 or 4 with mean 1: standard error sqrt(3 / 800).
    assert abs(float(weights.mean()) - 1) < 4 * (3 / 800) ** 0.5


def fixed_batch(config: Config) -> Batch:
    """Three pairs: one source to two targets, and one to the same target as another."""
    pairs = [(0, 2), (0, 3), (2, 3)]
    slices = torch.stack([head(32)[name] for name in CONTRASTS])[:, None]
    source, target = (torch.tensor(side) for side in zip(*pairs, strict=True))
    batch = prepared(config, *[head(32)] * len(pairs))
    return batch | {"image": slices[source], "truth": slices[target], "source": source, "target": target}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"conditioning": "affine"},
        {"norm": "none", "conditioning": "affine"},
        {"generator": "unet", "levels": 3},
        {"generator": "resunet", "levels": 3, "norm": "none", "pair_loss": "huber"},
        {"generator": "resunet", "levels": 3, "norm": "none", "pair_loss": "huber", "label_mode": "source"},
    ],
    ids=["planes", "affine", "no-norm", "unet", "resunet", "all-at-once"],
)
def test_pairs_are_learned_by_heart_and_labels_matter(changes: dict[str, Any]) -> None:
    """One network makes several translations: better than the best constant image, and back again."""
    config = Config(**{**SMALL, "adversarial": False, "recognizer": False, "label_mode": "source+target", **changes})
    training, batch = Training(config, rate=5e-3), fixed_batch(config)
    for _ in range(100):
        training.step(batch)
    with torch.no_grad():
        made = training.network(batch["image"], batch["source"], batch["target"])
        back = training.network(made, batch["target"], batch["source"])
        others = [training.network(batch["image"][:1], torch.tensor([0]), torch.tensor([t])) for t in (2, 3)]
    truth = batch["truth"]
    constant = (truth - truth.flatten(1).median(1).values[:, None, None, None]).abs().mean()
    copied = (truth - batch["image"]).abs().mean()
    assert (made - truth).abs().mean() < 0.5 * min(constant, copied)
    assert (back - batch["image"]).abs().mean() < 0.5 * constant
    assert (others[0] - others[1]).abs().mean() > 0.03


def test_all_at_once_learns_from_every_scan_but_the_source() -> None:
    """The paired term over all channels is the mean of the terms of each target; absent contrasts do not count."""
    config = Config(**SMALL, label_mode="source", adversarial=False, recognizer=False, cycle_weight=0.0)
    network, objective = UnifiedGAN(config), UnifiedGANObjective(config)
    image = {name: value for name, value in head().items() if name != "T1c"}
    batch = prepared(config, image)
    (loss,) = objective.losses({"network": network}, batch, progress=0.0)
    source = int(batch["source"])
    targets = [place for place in (0, 2, 3) if place != source]
    made = [network(batch["image"], batch["source"], torch.tensor([place])) for place in targets]
    errors = [(each - batch["truths"][:, [place]]).abs().mean() for each, place in zip(made, targets, strict=True)]
    assert batch["wanted"][0].nonzero().flatten().tolist() == targets
    torch.testing.assert_close(loss.value, 10 * torch.stack(errors).mean())


def test_shares_say_how_often_a_contrast_is_the_source() -> None:
    config = Config(**SMALL, source_shares=(0.7, 0.1, 0.1, 0.1))
    sources = prepared(config, head(), patches=800)["source"]
    assert float((sources == 0).float().mean()) == pytest.approx(0.7, abs=0.05)
    alone = prepared(config, {"FLAIR": head()["FLAIR"]}, patches=5)["source"]
    assert alone.tolist() == [3] * 5
    with pytest.raises(ValueError, match="source_shares"):
        Config(source_shares=(1.0, 0.0, 1.0, 1.0))


def test_the_paired_term_aims_at_the_median_or_at_the_mean() -> None:
    """Where two of three truths are 0 and one is 0.2, the best constant is 0 or 0.067."""
    truths = torch.tensor([0.0, 0.0, 0.2])
    best = {}
    for name in ("l1", "huber"):
        objective = UnifiedGANObjective(Config(**SMALL, pair_loss=name))
        answers = torch.linspace(0, 0.2, 301)
        errors = objective.distance(answers[:, None], truths.expand(301, 3)).mean(1)
        best[name] = float(answers[errors.argmin()])
    assert best["l1"] == pytest.approx(0, abs=1e-3)
    assert best["huber"] == pytest.approx(0.2 / 3, abs=1e-3)


def test_the_critic_learns_to_tell_contrasts_apart() -> None:
    """Beside its scores and under its penalty; the generator's step would only cost time here."""
    config = Config(**{**SMALL, "recognizer": False, "critic_class_weight": 10.0})
    training = Training(config, rate=2e-3)
    for seed in range(160):
        loss = next(training.objective.losses(training.modules, prepared(config, *[head()] * 8, seed=seed), progress=0))
        training.optimizers["critic"].zero_grad()
        loss.value.backward()
        training.optimizers["critic"].step()
    batch = prepared(config, *[head()] * 8, patches=4, seed=1000)
    with torch.no_grad():
        logits = training.modules["critic"](batch["image"]).logits
    assert (logits.argmax(1) == batch["source"]).float().mean() > 0.95


def test_whole_slices_go_where_they_can() -> None:
    objective, everything = UnifiedGANObjective(Config(**SMALL)), head()
    cases = {
        ("T1w", "T1c", "T2w", "FLAIR"): ("T1w", "T2w"),
        ("T1c", "FLAIR"): ("T1c", "FLAIR"),
        ("T1w", "FLAIR"): ("T1w", "FLAIR"),
        ("FLAIR",): ("FLAIR", "FLAIR"),
    }
    for there, (source, target) in cases.items():
        batch = objective.whole({name: everything[name] for name in there})
        assert torch.equal(batch["image"][0, 0], everything[source])
        assert torch.equal(batch["target"][0, 0], everything[target])
        assert (int(batch["from"]), int(batch["to"])) == (CONTRASTS.index(source), CONTRASTS.index(target))
        assert objective.translated(batch) == (source, target)
        assert batch["baseline"] is batch["image"]
