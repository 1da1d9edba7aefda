"""What FGDL learns with: label correction, discriminators, losses, each against an oracle; faults stay mended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from mrienhance.blocks.warp import warp
from mrienhance.errors import UsageError
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.correction import LabelCorrection, instance_norm
from mrienhance.methods.fgdl.critics import CoarseCritic, DifferenceCritic, contest, matched, relativistic
from mrienhance.methods.fgdl.losses import edge_difference, ms_ssim, roughness
from mrienhance.methods.fgdl.network import SynthesisNetwork
from mrienhance.methods.fgdl.objective import FGDLObjective
from mrienhance.methods.objective import Batch, Loss, Sampling, make_batch

SMALL: dict[str, Any] = {"width": 4, "blocks": 1, "correction_width": 4, "critic_width": 4, "critic_every": 1}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def slices(count: int = 2, size: int = 64, names: tuple[str, ...] = ("T1w", "T2w")) -> list[dict[str, Tensor]]:
    axis = torch.linspace(-1, 1, size)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    brain = ((rows.square() + columns.square()) < 0.7).float()
    found = []
    for index in range(count):
        t1 = brain * (0.6 + 0.3 * torch.sin(8 * rows + index) * torch.cos(11 * columns))
        found.append({name: t1 if name == "T1w" else brain * (1 - t1) for name in names})
    return found


def batch(config: Config, *, patch: int = 32, seed: int = 0, images: list[dict[str, Tensor]] | None = None) -> Batch:
    sampling = Sampling(images=2, patches=1, patch=patch, intensity_jitter=0.2)
    objective = FGDLObjective(config)
    common = objective.common(torch.Generator().manual_seed(seed))
    return make_batch(objective, [images or slices()], sampling, [torch.Generator().manual_seed(seed)], common)


def parts(config: Config) -> tuple[FGDLObjective, dict[str, nn.Module]]:
    objective = FGDLObjective(config)
    return objective, objective.trained(SynthesisNetwork(config))


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (LabelCorrection(), 2_058_018),
        (DifferenceCritic(), 5_170_241),
        # The authors' 4,692,545 less the scales and shifts of the batch normalisation that is not used here.
        (CoarseCritic(), 4_692_545 - 2 * (64 + 2 * (128 + 256 + 512))),
    ],
)
def test_they_have_as_many_weights_as_the_authors(module: nn.Module, parameters: int) -> None:
    assert sum(each.numel() for each in module.parameters()) == parameters


def test_a_fresh_label_correction_moves_next_to_nothing() -> None:
    label, source = torch.rand(2, 1, 1, 256, 256) * 2 - 1
    moved, flow = LabelCorrection(width=8)(label, source)
    assert flow.abs().max() < 0.02
    assert (moved - label).abs().max() < 0.05


@pytest.mark.parametrize(("side", "depth"), [(8, 2), (16, 3), (64, 5), (240, 6), (256, 7), (1000, 7)])
def test_small_images_get_fewer_poolings(side: int, depth: int) -> None:
    """The authors' network fails below 256 pixels."""
    correction = LabelCorrection(width=2)
    assert correction.depth(side, 1000) == depth
    if side <= 240:
        label = torch.rand(1, 1, side, side + 3)
        assert correction(label, label)[1].shape == (1, 2, side, side + 3)


def test_too_small_for_label_correction_is_refused() -> None:
    with pytest.raises(ValueError, match="8 pixels"):
        LabelCorrection(width=2)(torch.rand(1, 1, 7, 40), torch.rand(1, 1, 7, 40))


def test_label_correction_learns_shifts() -> None:
    """From a loss that only compares images it finds which way, and how far: half go one way, half the other."""
    source = functional.interpolate(torch.rand(4, 1, 8, 8), 32, mode="bicubic").clamp(0, 1) * 2 - 1
    ways = torch.tensor([1.0, 1.0, -1.0, -1.0]).view(4, 1, 1, 1)
    shift = ways * torch.tensor([1.5, -1.0]).view(1, 2, 1, 1)
    label = warp(source, shift.expand(4, 2, 32, 32))
    correction = LabelCorrection(width=4, levels=3)
    optimizer = torch.optim.Adam(correction.parameters(), lr=4e-3)
    for _ in range(150):
        moved, flow = correction(label, source)
        optimizer.zero_grad()
        ((moved - source).abs().mean() + 0.1 * roughness(flow)).backward()
        optimizer.step()
    found = flow.detach()[..., 4:-4, 4:-4].mean((2, 3))
    torch.testing.assert_close(found, -shift[..., 0, 0], atol=0.5, rtol=0)


def test_what_all_displacements_have_in_common_is_taken_away() -> None:
    correction = LabelCorrection(width=2, levels=2)
    with torch.no_grad():
        correction.exit.bias.copy_(torch.tensor([2.0, -1.0]))
    images = torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16)
    for _ in range(400):
        correction(*images)
    assert float(correction.flow(*images).detach().mean((0, 2, 3))[0]) == pytest.approx(2, abs=0.05)
    for training in (True, False):
        correction.train(training)
        moved, flow = correction(*images)
        assert flow.mean((0, 2, 3)).abs().max() < 0.01
        torch.testing.assert_close(moved, images[0], atol=0.05, rtol=0)
    kept = correction.drift.clone()
    correction(*images)
    assert torch.equal(correction.drift, kept)


def test_instance_norm_is_torchs_and_takes_one_pixel() -> None:
    x = torch.randn(2, 3, 5, 6)
    torch.testing.assert_close(instance_norm(x), functional.instance_norm(x), atol=1e-5, rtol=1e-4)
    assert torch.equal(instance_norm(torch.randn(1, 3, 1, 1)), torch.zeros(1, 3, 1, 1))


def test_discriminators_take_any_size_and_score_three_scales() -> None:
    fine, coarse = DifferenceCritic(4), CoarseCritic(4)
    image, difference = torch.rand(2, 2, 1, 64, 96)
    judged = fine(image, difference)
    assert [tuple(each.shape[-2:]) for each in judged.scores] == [(16, 24), (8, 12), (4, 6)]
    assert [tuple(each.shape[-2:]) for each in judged.features] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert coarse(image).shape == (2, 1, 4, 6)
    assert fine(torch.rand(1, 1, 13, 9), torch.rand(1, 1, 13, 9)).scores[2].shape == (1, 1, 1, 1)


def test_the_difference_map_is_embedded_as_by_pooling_the_embedding() -> None:
    critic, features, difference = DifferenceCritic(4), torch.randn(1, 8, 16, 16), torch.randn(1, 1, 64, 64)
    embedded = functional.avg_pool2d(functional.avg_pool2d(critic.embed(difference), 2), 2)
    expected = critic.real(features) + (embedded * critic.fit(features)).sum(1, keepdim=True)
    torch.testing.assert_close(critic._score(features, difference), expected, atol=1e-5, rtol=1e-5)


def test_relativistic_terms_are_cross_entropies() -> None:
    real, fake = torch.randn(2, 3, 1, 4, 4)
    bce, ones = functional.binary_cross_entropy_with_logits, torch.ones(3, 1, 4, 4)
    # The authors' form with the mean over a batch of one, image by image.
    each = [(real[n : n + 1], fake[n : n + 1]) for n in range(3)]
    up = [bce(mine - other.mean(0, keepdim=True), ones[:1]) for mine, other in each]
    down = [bce(other - mine.mean(0, keepdim=True), 0 * ones[:1]) for mine, other in each]
    torch.testing.assert_close(relativistic(real, fake), torch.stack(up).mean())
    torch.testing.assert_close(contest(real, fake), torch.stack([*up, *down]).mean())


def test_matched_features_leave_the_real_ones_alone() -> None:
    fake, real = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 3, 4, requires_grad=True)
    matched((fake,), (real,)).backward()
    assert fake.grad is not None
    assert real.grad is None


def test_ms_ssim_agrees_with_torchmetrics_and_one_scale_with_skimage() -> None:
    smooth = functional.interpolate(torch.rand(2, 1, 20, 20), 192, mode="bilinear").double()
    noisy = (smooth + 0.1 * torch.randn(2, 1, 192, 192)).clamp(0, 1)
    peer = multiscale_structural_similarity_index_measure(noisy, smooth, data_range=1.0, kernel_size=11, sigma=1.5)
    assert float(ms_ssim(noisy, smooth)) == pytest.approx(float(peer), abs=2e-3)
    x, y = noisy[:1, :, :20, :20], smooth[:1, :, :20, :20]
    score, _ = structural_similarity(
        *(each[0, 0].numpy() for each in (x, y)),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    # The published exponents add up to 1.0001.
    assert float(ms_ssim(x, y)) == pytest.approx(float(score) ** 1.0001, abs=1e-6)


def test_ms_ssim_of_equals_is_one_and_its_gradient_is_finite() -> None:
    x = torch.rand(1, 1, 50, 40)
    assert float(ms_ssim(x, x)) == pytest.approx(1, abs=1e-6)
    opposite = (1 - x).requires_grad_()
    ms_ssim(opposite, x).backward()
    assert opposite.grad is not None
    assert opposite.grad.isfinite().all()
    with pytest.raises(ValueError, match="11 pixels"):
        ms_ssim(x[..., :10], x[..., :10])


def test_edges_and_roughness_by_hand() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert float(edge_difference(ramp, ramp + 3)) == 0
    # A slope of 1 a pixel, then 2 and 4 where pixels are larger.
    assert float(edge_difference(ramp, 0 * ramp)) == pytest.approx((1 + 2 + 4) / 3)
    assert float(roughness(torch.cat((2 * ramp, 0 * ramp), 1))) == pytest.approx(4 / 2)


def test_pairs_stay_pairs_and_the_target_keeps_its_unit() -> None:
    config = Config(**SMALL)
    found = batch(config, patch=32)
    assert found["image"].shape == found["target"].shape == (2, 1, 32, 32)
    for image, target in zip(found["image"], found["target"], strict=True):
        brain = (target > 0) & (target < 0.99)
        truth, shown = (1 - target[brain]).log().numpy(), image[brain].log().numpy()
        gamma, gain = np.polyfit(truth, shown, 1)
        np.testing.assert_allclose(gamma * truth + gain, shown, atol=1e-4)
        assert 0.8 <= np.exp(gain) <= 1
        assert abs(np.log(gamma)) <= 0.2


def test_slices_without_the_pair_give_way_and_nothing_at_all_is_background() -> None:
    config, (pair, _) = Config(**SMALL), slices()
    found = batch(config, patch=64, images=[{"T1w": pair["T1w"]}, pair])
    assert found["image"].amax() > 0.5
    assert (found["target"].flatten(1).amax(1) > 0.5).all()
    alone = batch(config, images=[{"T1w": pair["T1w"]}, {"T2w": pair["T2w"]}])
    assert alone["image"].abs().max() == alone["target"].abs().max() == 0
    objective, modules = parts(config)
    assert all(loss.value.isfinite() for loss in objective.losses(modules, alone, progress=0))


def test_misaligned_labels_come_with_the_truth() -> None:
    config = Config(**SMALL, misalignment="high")
    found = batch(config, patch=64)
    assert 1 < float(found["flow"].norm(dim=1).max()) <= 2 + 1e-4  # 8 pixels at 256
    torch.testing.assert_close(warp(found["aligned"], found["flow"]), found["target"], atol=1e-5, rtol=0)
    objective, modules = parts(config)
    *_, loss = objective.losses(modules, found, progress=0)
    given = (found["target"] - found["aligned"]).abs().mean()
    torch.testing.assert_close(loss.terms["label error given"], given)
    torch.testing.assert_close(loss.terms["label error left"], given, atol=1e-2, rtol=0)


def test_each_loss_reaches_those_who_step_on_it_and_nobody_else() -> None:
    objective, modules = parts(Config(**SMALL))
    steps = []
    for loss in objective.losses(modules, batch(objective.config), progress=0):
        for module in modules.values():
            module.zero_grad()
        loss.value.backward()
        touched = {n for n, m in modules.items() if any(p.grad is not None and p.grad.any() for p in m.parameters())}
        learners = {loss.optimizer} if isinstance(loss.optimizer, str) else set(loss.optimizer)
        assert touched == learners
        steps.append(learners)
    assert steps == [{"critic"}, {"coarse_critic"}, {"network", "correction"}]
    assert all(each.requires_grad for module in modules.values() for each in module.parameters())


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, {"network", "correction", "critic", "coarse_critic"}),
        ({"label_correction": False}, {"network", "critic"}),
        ({"adversarial": False}, {"network", "correction"}),
        ({"adversarial": False, "label_correction": False}, {"network"}),
    ],
)
def test_only_what_is_asked_for_is_trained(change: dict[str, bool], names: set[str]) -> None:
    objective, modules = parts(Config(**SMALL, **change))
    assert set(modules) == names
    losses: list[Loss] = list(objective.losses(modules, batch(objective.config), progress=0))
    assert len(losses) == len(names - {"network", "correction"}) + 1
    total = sum(float(term.detach()) for term in losses[-1].terms.values())
    assert float(losses[-1].value.detach()) == pytest.approx(total, rel=1e-5)


def test_discriminators_learn_on_one_of_six_steps_drawn_from_the_generator() -> None:
    config = Config(**{**SMALL, "critic_every": 6})
    turns = [bool(batch(config, seed=seed)["critic_learns"]) for seed in range(120)]
    assert 8 <= sum(turns) <= 34
    objective, modules = parts(config)
    found = batch(config, seed=turns.index(False))
    assert [loss.optimizer for loss in objective.losses(modules, found, progress=0)] == [("network", "correction")]


def test_a_few_steps_beat_the_best_constant() -> None:
    config = Config(**{**SMALL, "adversarial": False, "label_correction": False})
    objective, modules = parts(config)
    found = batch(config, patch=32)
    optimizer = torch.optim.Adam(modules["network"].parameters(), lr=5e-3)
    for _ in range(30):
        (loss,) = objective.losses(modules, found, progress=0)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    target = found["target"]
    with torch.no_grad():
        error = (objective.predict(modules["network"], found) - target).square().mean()
    assert error < 0.5 * target.var()
    assert objective.translated(found) == ("T1w", "T2w")


def test_a_validation_image_without_the_target_is_refused() -> None:
    with pytest.raises(UsageError, match="T2w"):
        FGDLObjective(Config(**SMALL)).whole(slices(1, names=("T1w",))[0])
