"""Lesions that are put into training slices, and how a classifier sums up what it sees of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrienhance.methods.lf_mri.classifier import Classifier
from mrienhance.methods.lf_mri.lesions import with_lesions
from mrienhance.methods.lf_mri.scans import UNKNOWN, Scan, training_batch
from mrienhance.methods.objective import Sampling

SCAN = Scan(coils=4, acceleration=4.0, sampling="random-lines", noise=0.01, phase=1.0)


def disc(size: int = 64) -> torch.Tensor:
    axis = torch.linspace(-1, 1, size)
    return 0.6 * ((axis[:, None].square() + axis.square()) < 0.5).float()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_spots_change_tissue_only_and_all_in_one_direction(seed: int) -> None:
    image = disc()
    changed, spots = with_lesions(image, torch.Generator().manual_seed(seed))
    difference = changed - image
    assert not difference[image == 0].any()
    assert bool((difference >= 0).all()) or bool((difference <= 0).all())
    inside = difference[spots > 0]
    assert len(inside)
    # At least a quarter of the tissue's signal at their middle, where the blur leaves all of it.
    assert float(inside.abs().max()) >= 0.25 * 0.6 * 0.5
    assert float(changed.min()) >= 0


def test_the_same_generator_gives_the_same_spots() -> None:
    one, two = (with_lesions(disc(), torch.Generator().manual_seed(3))[1] for _ in range(2))
    assert torch.equal(one, two)


def test_a_slice_without_tissue_stays() -> None:
    changed, spots = with_lesions(torch.zeros(16, 16), torch.Generator().manual_seed(0))
    assert not changed.any()
    assert not spots.any()


def labels(simulated: float, **maps: torch.Tensor) -> list[float]:
    image = {"image": disc(), **maps}
    sampling = Sampling(images=1, patches=1, patch=48)
    generator = torch.Generator().manual_seed(0)
    batch = training_batch([image] * 12, sampling, generator, scan=SCAN, simulated_lesions=simulated)
    shown = batch["lesions"].flatten(1).any(1).float()
    known = batch["label"][:, 0]
    assert torch.equal(known[known != UNKNOWN], shown[known != UNKNOWN])
    return sorted(set(known.tolist()))


def test_labels_say_whether_a_lesion_is_there_be_it_real_or_simulated() -> None:
    nothing, lesion = torch.zeros(64, 64), torch.zeros(64, 64)
    lesion[30:34, 30:34] = 1
    assert labels(0.0) == [UNKNOWN]
    assert labels(0.0, lesions=nothing) == [0]
    assert labels(0.5) == [0, 1]
    assert labels(0.5, lesions=nothing) == [0, 1]
    assert labels(0.5, lesions=lesion) == [1]
    assert labels(1.0) == [1]


@pytest.mark.parametrize("seed", range(10))
def test_a_training_slice_shows_tissue_wherever_the_object_lies(seed: int) -> None:
    image = torch.zeros(96, 120)
    image[4:30, 90:115] = 0.7
    sampling = Sampling(images=1, patches=1, patch=48, intensity_jitter=0.0)
    batch = training_batch([{"image": image}], sampling, torch.Generator().manual_seed(seed), scan=SCAN)
    share = float((batch["target"].abs() > 0.05).float().mean())
    assert share >= 0.02
    assert batch["target"].shape == (1, 48, 48)


def test_pooling_by_log_sum_exp_lies_between_the_mean_and_the_maximum():
    """And a lesion of one place among many counts, where the mean hardly changes."""
    classifier = Classifier("plain", 4, 1, pooling="log-sum-exp")
    logits, places = classifier.evidence(torch.rand(2, 32, 32))
    flat = places.flatten(2)
    assert bool(((flat.mean(-1) <= logits) & (logits <= flat.amax(-1))).all())
    expected = (5 * places.double()).exp().mean((-2, -1)).log() / 5
    torch.testing.assert_close(logits.double(), expected, rtol=1e-5, atol=1e-6)
