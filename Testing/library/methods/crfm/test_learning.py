"""What CRFM learns from, and that it learns from its reference."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mrienhance.methods.crfm.config import Config
from mrienhance.methods.crfm.network import CRFM
from mrienhance.methods.crfm.objective import CRFMObjective
from mrienhance.methods.crfm.samples import moved, training_samples
from mrienhance.methods.objective import COARSE, Sampling
from mrienhance.physics import make_degradation

SMALL: dict[str, Any] = {
    "channels": 8,
    "fine_channels": 8,
    "stages": 1,
    "blocks": 1,
    "window": 4,
    "pooling": "local",
    "pool_radius": 1,
    "block_attention": False,
    "upsampling": "shuffle",
    "value_k": 1,
}
STILL = Sampling(images=1, patches=1, intensity_jitter=0.0)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def block(names: tuple[str, ...] = ("T1w", "T2w"), size: int = 16) -> dict[str, Tensor]:
    generator = draws(5)
    coarsen = make_degradation("k-space", (size,) * 3, (2, 2, 2))
    fine = {name: torch.rand((size,) * 3, generator=generator) for name in names}
    return fine | {name + COARSE: coarsen(image) for name, image in fine.items()}


def test_any_contrast_is_the_target_and_any_other_the_reference() -> None:
    image, config, seen = block(("T1w", "T2w", "FLAIR")), Config(contrasts=("T1w", "T2w", "FLAIR"), **SMALL), set()
    for seed in range(40):
        batch = training_samples([image], config, STILL, draws(seed))
        (target,) = (name for name in config.contrasts if torch.equal(batch["target"][0, 0], image[name]))
        (reference,) = (name for name in config.contrasts if torch.equal(batch["reference"][0, 0], image[name]))
        assert torch.equal(batch["image"][0, 0], image[target + COARSE])
        seen.add((target, reference))
    assert len(seen) == 6


def test_single_contrasts_and_withheld_references_teach_going_without() -> None:
    alone = training_samples([block(("T2w",))], Config(**SMALL), STILL, draws())
    assert alone["reference"].abs().max() == 0
    some = Config(reference_dropout=0.25, **SMALL)
    empty = [training_samples([block()], some, STILL, draws(n))["reference"].abs().max() == 0 for n in range(200)]
    assert 25 <= sum(map(bool, empty)) <= 80
    none = Config(reference="none", contrasts=("image",), **SMALL)
    assert "reference" not in training_samples([block(("image",))], none, STILL, draws())


def test_gain_is_common_to_image_and_target_alone() -> None:
    image = block()
    sampling = Sampling(images=1, patches=1, intensity_jitter=0.3)
    batch = training_samples([image], Config(**SMALL), sampling, draws(1))
    target = min(("T1w", "T2w"), key=lambda name: float((batch["target"][0, 0] / image[name]).std()))
    other = {"T1w": "T2w", "T2w": "T1w"}[target]
    gain = batch["target"][0, 0] / image[target]
    assert 0.7 <= gain.mean() <= 1.3
    assert gain.mean() != 1
    torch.testing.assert_close(batch["image"][0, 0], gain.mean() * image[target + COARSE])
    assert not torch.allclose((batch["reference"][0, 0] / image[other]).mean(), gain.mean(), atol=1e-3)


def test_moving_by_whole_voxels_is_a_shift() -> None:
    volume = torch.rand(7, 6, 5)
    assert moved(volume, shift=(0, 0, 0), rotation=(0, 0, 0)) is volume
    found = moved(volume, shift=(1, 0, -2), rotation=(0, 0, 0))
    torch.testing.assert_close(found[:-1, :, 2:], volume[1:, :, :-2], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("axis", "dims"), [(0, (1, 2)), (1, (2, 0)), (2, (0, 1))])
def test_rotation_by_a_right_angle_is_a_transposition(axis: int, dims: tuple[int, int]) -> None:
    volume, rotation = torch.rand(6, 6, 6), [0.0, 0.0, 0.0]
    rotation[axis] = math.pi / 2
    found = moved(volume, shift=(0, 0, 0), rotation=rotation)
    expected = [torch.rot90(volume, turns, dims) for turns in (1, -1)]
    errors = [float((found - candidate).abs().max()) for candidate in expected]
    assert min(errors) < 1e-4
    torch.testing.assert_close(
        moved(found, shift=(0, 0, 0), rotation=[-r for r in rotation]), volume, atol=1e-4, rtol=0
    )


def test_misregistration_is_bounded_and_of_the_reference_alone() -> None:
    image = block()
    axis = torch.arange(16.0)
    image["T1w"] = image["T2w"] = (axis[:, None, None] + 20 * axis[:, None] + 400 * axis).contiguous()
    image |= {name + COARSE: image[name][::2, ::2, ::2] for name in ("T1w", "T2w")}
    config = Config(misregistration=0.8, **SMALL)
    inner = (slice(3, -3),) * 3
    furthest = torch.zeros(3)
    for seed in range(20):
        batch = training_samples([image], config, STILL, draws(seed))
        assert torch.equal(batch["target"][0, 0], image["T1w"])
        moves = (batch["reference"][0, 0] - image["T1w"])[inner]
        # The ramp's three digits are the three shifts.
        assert moves.std() < 1e-2
        assert moves.abs().mean() <= 0.8 * 421
        assert moves.abs().mean() > 0
        furthest = furthest.maximum(moves.abs().mean())
    assert furthest.max() > 0.4 * 400


def test_whole_blocks_have_the_first_contrast_as_reference() -> None:
    objective, image = CRFMObjective(Config(**SMALL)), block()
    batch = objective.whole(image)
    assert torch.equal(batch["target"][0, 0], image["T2w"])
    assert torch.equal(batch["reference"][0, 0], image["T1w"])
    assert torch.equal(objective.predict(CRFM(Config(**SMALL)), batch), batch["baseline"])
    assert "reference" not in objective.whole(block(("T1w",)))


def test_terms_are_what_they_say() -> None:
    torch.manual_seed(0)
    batch = CRFMObjective(Config(**SMALL)).prepare([block()], STILL, draws(), {})
    network = CRFM(Config(**SMALL))
    error = network(batch["image"], batch["reference"]) - batch["target"]
    config = Config(gradient_weight=0.5, ssim_weight=0.1, squared_fraction=0.5, **SMALL)
    early, late = (next(CRFMObjective(config).losses({"network": network}, batch, progress=p)) for p in (0.4, 0.5))
    assert set(early.terms) == {"l1", "gradient", "ssim"}
    torch.testing.assert_close(early.terms["l1"], error.abs().mean())
    torch.testing.assert_close(late.terms["l2"], 10 * error.square().mean())
    steps = [(error.narrow(d, 1, 15) - error.narrow(d, 0, 15)).abs().mean() for d in (2, 3, 4)]
    torch.testing.assert_close(early.terms["gradient"], 0.5 * torch.stack(steps).mean())
    torch.testing.assert_close(early.value, sum(early.terms.values(), torch.zeros(())))


def test_coarse_features_learn_first() -> None:
    """No fine map gets a gradient as long as they are alone, and every layer does afterwards."""
    config = Config(**SMALL, direct=True, coarse_fraction=0.5, contrasts=("T1w", "T2w"))
    objective, network = CRFMObjective(config), CRFM(config)
    batch = objective.prepare([block()], STILL, draws(), {})
    for layer in (network.tail[-1], network.direct):
        torch.nn.init.normal_(layer.weight, std=0.1)  # type: ignore[union-attr, arg-type]
    learning = []
    for progress in (0.49, 0.5):
        network.zero_grad()
        next(objective.losses({"network": network}, batch, progress=progress)).value.backward()
        learning.append({name.split(".")[0] for name, value in network.named_parameters() if value.grad is not None})
    assert learning[0] == {"gradient_head", "gradient_down", "head", "stages", "direct"}
    assert learning[1] == {name.split(".")[0] for name, _ in network.named_parameters()}


def test_learns_from_a_reference_that_holds_the_answer() -> None:
    """On noise, which nothing but the reference can tell, a short training with the target as reference beats none."""
    coarsen = make_degradation("k-space", (16, 16, 16), (2, 2, 2))
    errors = {}
    for name in ("with", "without"):
        torch.manual_seed(1)
        config = Config(**{**SMALL, "reference": "vector"})
        network, objective, generator = CRFM(config), CRFMObjective(config), draws(2)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(60):
            fine = torch.rand(1, 1, 16, 16, 16, generator=generator)
            batch = {"image": coarsen(fine), "target": fine, "reference": fine if name == "with" else 0 * fine}
            loss = next(objective.losses({"network": network}, batch, progress=0.0)).value
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors[name] = float(loss.detach())
    assert errors["with"] < 0.8 * errors["without"], errors
