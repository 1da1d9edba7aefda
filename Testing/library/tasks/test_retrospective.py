"""A full scan of which samples are left out: which, how many, and what is compared."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mrienhance.errors import KSpaceError, UsageError
from mrienhance.tasks.reconstruct import reconstruct
from mrienhance.tasks.retrospective import retrospective, undersample
from tasks.samples import voxels
from tasks.scans import scan


@pytest.mark.parametrize("sampling", ["random-lines", "equispaced-lines", "poisson-disc"])
def test_samples_are_kept_or_zero(sampling: str):
    full = scan(acceleration=1, shape=(96, 80))
    fewer = undersample(full, acceleration=3, sampling=sampling)
    assert torch.equal(fewer.samples, full.samples * fewer.mask)
    assert fewer.acceleration == pytest.approx(3, rel=0.25)
    assert fewer.calibration_lines >= 8
    assert torch.equal(undersample(full, acceleration=3, sampling=sampling).mask, fewer.mask)
    if sampling != "equispaced-lines":
        assert not torch.equal(undersample(full, acceleration=3, sampling=sampling, seed=1).mask, fewer.mask)


@pytest.mark.parametrize(("along", "axis"), [("i", 0), ("j", 1)])
def test_lines_are_left_out_along_an_axis(along: str, axis: int):
    mask = undersample(scan(acceleration=1), acceleration=2, lines_along=along).mask
    assert bool((mask == mask.narrow(axis, 0, 1)).all())


def test_what_was_not_acquired_stays_so():
    """Padding at the edge of a full scan."""
    mask = torch.ones(48, 40, dtype=torch.bool)
    mask[:, :4] = False
    full = scan(acceleration=1)
    full = replace(full, samples=full.samples * mask, mask=mask)
    assert not undersample(full, acceleration=2).mask[:, :4].any()


def test_the_truth_is_the_image_of_all_samples():
    full = scan(acceleration=1)
    options = {"model": "cg-sense", "coil_maps": "low-resolution", "device": "cpu"}
    tried = retrospective(full, acceleration=2, seed=4, **options)
    truth = reconstruct(full, **{**options, "model": "zero-filled"}).image
    assert np.array_equal(voxels(tried.full), voxels(truth))
    again = reconstruct(undersample(full, acceleration=2, seed=4), **options).image
    assert np.array_equal(voxels(tried.result.image), voxels(again))
    zero, least = tried.evaluation.rows
    assert (zero["method"], least["method"]) == ("zero-filled", "cg-sense")
    assert least["psnr_db"] > zero["psnr_db"] + 3


def test_zero_filling_alone_is_one_row():
    tried = retrospective(scan(acceleration=1), model="zero-filled", coil_maps="low-resolution", device="cpu")
    assert [row["method"] for row in tried.evaluation.rows] == ["zero-filled"]


def test_progress_rises_over_both():
    seen: list[float] = []

    class Sink:
        def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
            seen.append(fraction)

    full = scan(acceleration=1)
    retrospective(full, model="cg-sense", coil_maps="low-resolution", device="cpu", progress=Sink())
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)


def test_refusals():
    with pytest.raises(KSpaceError, match="accelerated already"):
        undersample(scan(acceleration=3))
    full = scan(acceleration=1)
    for wrong in ({"acceleration": 0.5}, {"sampling": "spiral"}, {"lines_along": "k"}):
        with pytest.raises(UsageError):
            undersample(full, **wrong)
