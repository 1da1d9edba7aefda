"""Deformed slices: what must stay as it is, whatever was drawn."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mrienhance.training.augmentation import Augmentation
from mrienhance.training.draw import SliceSource, step_generator
from mrienhance.training.volumes import SIMULATED, Source, Volume

FULL = Augmentation(rotation=30, stretch=0.2, elastic=6, trim=2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def disc(side: int = 64, radius: float = 22) -> Tensor:
    place = torch.arange(side) - (side - 1) / 2
    return (place[:, None].hypot(place) < radius).float()


def test_nothing_asked_for_is_nothing_done() -> None:
    assert not Augmentation()
    assert FULL


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_the_edge_of_the_background_stays_a_step(seed: int) -> None:
    moved = FULL.apply({"image": 0.7 * disc()}, generator(seed))["image"]
    inside = moved > 0
    torch.testing.assert_close(moved[inside], torch.full_like(moved[inside], 0.7), rtol=0, atol=1e-5)
    assert 0.5 < float(inside.sum()) / float(disc().sum()) < 2


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_rotation_and_stretch_are_affine_and_within_their_bounds(seed: int) -> None:
    place = torch.arange(64, dtype=torch.float32) - 31.5
    ramps = {"row": 100 + place[:, None].expand(64, 64), "column": 100 + place.expand(64, 64)}
    moved = Augmentation(rotation=30, stretch=0.2).apply(ramps, generator(seed))
    design = torch.stack([place[:, None].expand(64, 64), place.expand(64, 64), torch.ones(64, 64)], -1)
    middle = (slice(20, 44), slice(20, 44))
    columns = torch.stack([moved["row"][middle].flatten(), moved["column"][middle].flatten()], 1)
    fit = torch.linalg.lstsq(design[middle].reshape(-1, 3).double(), columns.double())
    matrix = fit.solution[:2].T
    torch.testing.assert_close(fit.solution[2], torch.full((2,), 100.0, dtype=torch.float64), rtol=0, atol=0.01)
    residual = design[middle].reshape(-1, 3).double() @ fit.solution - columns.double()
    # The cubic kernel in use (a = -3/4) reproduces a ramp to 0.06 of its slope; an elastic one would be off by samples.
    assert float(residual.abs().max()) < 0.08
    sizes = matrix.norm(dim=1)
    assert all(0.79 <= float(size) <= 1.26 for size in sizes)
    first, second = matrix[0] / sizes[0], matrix[1] / sizes[1]
    assert float(first @ second) == pytest.approx(0, abs=0.01)
    assert abs(math.degrees(math.atan2(float(second[0]), float(second[1])))) <= 30.5


def test_contrasts_and_labels_move_together() -> None:
    image = disc() * (1 + torch.rand(64, 64, generator=generator()))
    label = (disc(radius=9) * 2).to(torch.int16)
    example = {"T1w": image, "T2w": 3 * image, "lesions": label, "marked": label.float()}
    moved = FULL.apply(example, generator(3), labels=("lesions",))
    assert list(moved) == list(example)
    torch.testing.assert_close(moved["T2w"], 3 * moved["T1w"], rtol=1e-4, atol=1e-4)
    assert moved["lesions"].dtype == torch.int16
    assert set(moved["lesions"].unique().tolist()) == {0, 2}
    # The same region as an image: they may differ by the samples at its edge.
    differing = ((moved["marked"] > 0) != (moved["lesions"] > 0)).float().mean()
    assert moved["lesions"].any()
    assert float(differing) < 0.01


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_trimming_takes_the_same_rim_from_all_contrasts_and_nothing_else(seed: int) -> None:
    image = disc() * (1 + torch.rand(64, 64, generator=generator()))
    trimmed = Augmentation(trim=5).apply({"T1w": image, "T2w": 2 * image}, generator(seed))
    kept = trimmed["T1w"] > 0
    torch.testing.assert_close(trimmed["T1w"], image * kept, rtol=0, atol=1e-4)
    torch.testing.assert_close(trimmed["T2w"], 2 * image * kept, rtol=0, atol=1e-4)
    # A disc without its rim is a smaller disc.
    radius = math.sqrt(float(kept.sum()) / math.pi)
    assert 22 - 6 <= radius <= 22.2
    place = torch.arange(64) - 31.5
    assert not kept[place[:, None].hypot(place) > radius + 1].any()
    assert kept[place[:, None].hypot(place) < radius - 1].all()


def test_one_generator_one_slice() -> None:
    example = {"T1w": torch.rand(40, 50, generator=generator())}
    first, same, other = (FULL.apply(example, generator(seed))["T1w"] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("values", [{"rotation": -1.0}, {"stretch": 0.6}, {"elastic": float("nan")}, {"trim": 17.0}])
def test_bad_values_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Augmentation(**values)


@pytest.mark.parametrize(("contrast", "deformed"), [("T1w", True), (SIMULATED, False)])
def test_scanned_slices_are_deformed_as_they_are_drawn_and_simulated_ones_are_not(
    contrast: str, deformed: bool
) -> None:
    volume = Volume(Source(Path("x"), "x", contrast, 0, "x"), disc()[None], torch.arange(1))
    source = SliceSource([volume], augmentation=FULL)
    drawn = source.draw(1, step_generator(seed=0, step=0))[0]["image"]
    assert torch.equal(drawn, disc()) != deformed
    assert torch.equal(drawn, source.draw(1, step_generator(seed=0, step=0))[0]["image"])
