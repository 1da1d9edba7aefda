"""A synthetic image next to a scan: brought to one unit and one grid, then compared."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from mrienhance.evaluation import evaluate_all, evaluate_synthetic
from mrienhance.tasks.result import Result
from mrienhance.tasks.synthesis_truth import compare
from mrienhance.tasks.synthesize import synthesize
from tasks.samples import head, voxels
from tasks.synthesizers import installed, synthesizer


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    folder = tmp_path_factory.mktemp("models")
    with installed(folder):
        model = synthesizer(folder / "toy.safetensors")
        yield synthesize(head((24, 26, 6)), to="T1c", source="T1w", model=model, device="cpu")


def test_a_scan_in_any_unit_is_brought_to_that_of_the_result(result: Result):
    """The result is twice the head: a scan of any scale that looks like it differs by that factor alone."""
    for factor in (0.01, 7.0):
        evaluation = compare(result, head((24, 26, 6)) * factor)
        reference = 1000 * voxels(head((24, 26, 6))) / np.percentile(voxels(head((24, 26, 6))), 99.9)
        assert np.allclose(voxels(evaluation.reference), reference, rtol=1e-3)
        assert np.allclose(voxels(evaluation.difference), reference, rtol=1e-2, atol=1)
        assert evaluation.data_range == pytest.approx(1000, rel=1e-3)
        assert any("scaled" in note for note in evaluation.notes)


def test_the_figures_are_those_of_evaluate(result: Result):
    truth = head((24, 26, 6), seed=4)
    scaled = sitk.Cast(truth, sitk.sitkFloat32) * (1000 / np.percentile(voxels(truth), 99.9))
    [row] = compare(result, truth).rows
    [expected] = evaluate_all({"toy": result.image}, scaled).rows
    assert row["method"] == "toy"
    assert all(row[key] == pytest.approx(expected[key], rel=1e-4) for key in ("psnr_db", "ssim", "nmae"))


def test_slices_that_are_large_enough_have_vif_and_niqe(result: Result, tmp_path: Path):
    with installed(tmp_path):
        model = synthesizer(tmp_path / "toy.safetensors")
        large = synthesize(head((96, 100, 2)), to="T2w", source="T1w", model=model, device="cpu")
    truth = head((96, 100, 2), seed=4)
    [row] = compare(large, truth).rows
    [expected] = evaluate_synthetic({"toy": large.image}, truth, contrast="T2w").rows
    assert row == expected
    assert all(np.isfinite(row[key]) for key in ("vif", "niqe"))
    assert all(np.isnan(compare(result, head((24, 26, 6))).rows[0][key]) for key in ("vif", "niqe"))


def test_a_scan_on_another_grid_is_brought_to_the_result(result: Result):
    """Two slices fewer: only what was scanned is compared."""
    part = head((24, 26, 6))[:, :, 1:5]
    evaluation = compare(result, part, register=False)
    assert evaluation.difference.GetSize() == (24, 26, 6)
    assert voxels(evaluation.mask)[[0, 5]].max() == 0
    assert "resampled" in evaluation.notes[-1]


def test_negative_values_of_a_scan_are_background(result: Result):
    assert voxels(compare(result, head((24, 26, 6)) - 50).reference).min() == 0
