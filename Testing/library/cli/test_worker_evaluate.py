"""What the worker says of results: the library's figures, differences in files, the baseline beside them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from cli.worker_client import WorkerClient, hand_over, take_back
from mrienhance.evaluation.evaluate import evaluate_all
from mrienhance.tasks.interpolate import interpolate
from mrienhance.tasks.simulate import simulate_low_resolution
from tasks.samples import OBLIQUE, head, voxels

BASELINE = "sinc interpolation"


@pytest.fixture
def scans(tmp_path: Path) -> dict[str, sitk.Image]:
    """A truth, what was measured of it, and two results."""
    truth = head((32, 28, 3), direction=OBLIQUE)
    noise = sitk.AdditiveGaussianNoise(truth, standardDeviation=20.0, seed=1)
    coarse = simulate_low_resolution(truth, factors=(2, 2, 1))
    return {"truth": truth, "coarse": coarse, "noisy": noise, "cubic": interpolate(coarse)["cubic"]}


@pytest.fixture
def sent(scans: dict[str, sitk.Image], tmp_path: Path) -> dict[str, Any]:
    """Their descriptions."""
    return {name: hand_over(image, tmp_path / f"{name}.raw") for name, image in scans.items()}


def test_the_figures_are_those_of_the_library(worker: WorkerClient, scans, sent, tmp_path: Path):
    results = {"noisy": scans["noisy"], "cubic": scans["cubic"]}
    answer = worker.result(
        "evaluate",
        results={name: sent[name] for name in results},
        reference=sent["truth"],
        mask=None,
        interpolate=sent["coarse"],
        folder=str(tmp_path),
        differences=["cubic"],
    )
    sinc = interpolate(scans["coarse"], factors=(2, 2, 1))["sinc"]
    expected = evaluate_all({**results, BASELINE: sinc}, scans["truth"])
    assert answer["rows"] == expected.rows
    assert [row["method"] for row in answer["rows"]] == ["noisy", "cubic", BASELINE]
    assert answer["evaluation"] == expected.to_dict()
    [described] = answer["differences"].values()
    difference = voxels(take_back(described))
    assert np.array_equal(difference, voxels(expected.differences["cubic"]))
    assert np.allclose(described["window"], np.array([-1, 1]) * np.percentile(np.abs(difference), 99.9))


def test_a_mask_is_used(worker: WorkerClient, scans, sent, tmp_path: Path):
    mask = sitk.Cast(scans["truth"] > 500, sitk.sitkUInt8)
    fields = {"results": {"noisy": sent["noisy"]}, "reference": sent["truth"], "folder": str(tmp_path)}
    answer = worker.result("evaluate", **fields, mask=hand_over(mask, tmp_path / "mask.raw"))
    assert answer["rows"] == evaluate_all({"noisy": scans["noisy"]}, scans["truth"], mask=mask).rows
    assert answer["differences"] == {}


def test_an_answers_image_may_come_back_as_it_is(worker: WorkerClient, sent, tmp_path: Path):
    fields = {"reference": sent["truth"], "folder": str(tmp_path), "differences": ["noisy"]}
    answer = worker.result("evaluate", results={"noisy": sent["noisy"]}, **fields)
    difference = answer["differences"]["noisy"]
    assert "window" in difference
    assert worker.result("evaluate", results={"noisy": difference}, **fields)["rows"]


def test_what_json_cannot_hold_is_null(worker: WorkerClient, sent, tmp_path: Path):
    """Identical images have no finite PSNR; slices of 8 pixels have no SSIM."""
    answer = worker.result("evaluate", results={"itself": sent["truth"]}, reference=sent["truth"], folder=str(tmp_path))
    assert answer["rows"] == [{"method": "itself", "psnr_db": None, "ssim": 1.0, "nmae": 0.0}]
    assert answer["evaluation"]["rows"][0]["psnr_db"] == "Infinity"
    tiny = hand_over(head((8, 8, 2)), tmp_path / "tiny.raw")
    other = hand_over(head((8, 8, 2), seed=1), tmp_path / "other.raw")
    [row] = worker.result("evaluate", results={"a": other}, reference=tiny, folder=str(tmp_path))["rows"]
    assert row["ssim"] is None
    assert row["psnr_db"] > 0


@pytest.mark.parametrize("size", [(24, 14, 3), (64, 56, 3)], ids=["no whole factor", "finer than the truth"])
def test_without_whole_factors_there_is_no_baseline_but_a_note(worker: WorkerClient, sent, tmp_path: Path, size):
    coarse = hand_over(head(size, direction=OBLIQUE), tmp_path / "other.raw")
    answer = worker.result(
        "evaluate", results={"a": sent["noisy"]}, reference=sent["truth"], interpolate=coarse, folder=str(tmp_path)
    )
    assert [row["method"] for row in answer["rows"]] == ["a"]
    [note] = answer["evaluation"]["notes"]
    assert note.startswith("no sinc interpolation")


REFUSED = {
    "other grid": (lambda sent: {"results": {"a": sent["coarse"]}}, "ImageError", "a and reference are on different"),
    "no results": (lambda sent: {"results": {}}, "Protocol", "must hold one image or more"),
    "results as a list": (lambda sent: {"results": [sent["noisy"]]}, "Protocol", "'results' must be an object"),
    "name of the baseline": (lambda sent: {"results": {BASELINE: sent["noisy"]}}, "Protocol", "none of them called"),
    "difference of a stranger": (lambda sent: {"differences": ["b"]}, "Protocol", "names 'b', which is none"),
    "mask of another size": (lambda sent: {"mask": sent["noisy"] | {"size": [1, 1, 1]}}, "ImageError", "mask"),
    "wrong result": (lambda sent: {"results": {"a": {}}}, "Protocol", "evaluate: 'results': 'a': 'size' is missing"),
    "unknown key": (lambda sent: {"metric": "psnr"}, "Protocol", "evaluate: unknown key 'metric'"),
}


@pytest.mark.parametrize(("change", "kind", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(worker: WorkerClient, sent, tmp_path: Path, change, kind: str, said: str):
    fields = {"results": {"a": sent["noisy"]}, "reference": sent["truth"], "folder": str(tmp_path)}
    end = worker.error("evaluate", **fields | change(sent))
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]


def test_cancel_stops_between_slices(worker: WorkerClient, tmp_path: Path):
    truth = head((256, 256, 64))
    result = sitk.AdditiveGaussianNoise(truth, standardDeviation=20.0, seed=1)
    fields = {"results": {"a": hand_over(result, tmp_path / "a.raw")}, "folder": str(tmp_path)}
    number = worker.send("evaluate", **fields, reference=hand_over(truth, tmp_path / "truth.raw"))
    while not worker.message().get("text", "").startswith("Comparing"):
        pass
    worker.cancel(number)
    assert worker.answered(number).end["kind"] == "Cancelled"
