"""The script that scores super-resolution: what it measures, not what models reach."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from mrienhance.images import write_image
from mrienhance.methods import config_to_dict, get_method
from mrienhance.models import ModelCard, load_model, save_model

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "score_super_resolve.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_super_resolve", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scan(seed: int, *, size: int = 24, slices: int = 6) -> sitk.Image:
    """A smooth ball with texture."""
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in (slices, size, size)), indexing="ij")
    inside = k**2 + j**2 + i**2 < 0.8
    values = inside * (200 + 80 * np.sin((4 + seed) * j + k) * np.cos(5 * i + seed))
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing((1.0, 1.0, 2.0))
    image.SetOrigin((-10.0, 5.0, 3.0))
    return image


def untrained(path: Path, name: str) -> Path:
    """ICONet as it is at first: it interpolates."""
    method = get_method("iconet")
    config = method.Config(scale=2, channels=4, groups=1, blocks_per_group=1, heads=1)
    card = ModelCard.from_dict(
        {
            "name": name,
            "summary": "A test.",
            "method": "iconet",
            "task": "super-resolve",
            "paper": {"citation": method.paper.citation, "doi": method.paper.doi},
            "fidelity": method.paper.fidelity,
            "contrasts_in": ["T2w"],
            "contrasts_out": ["T2w"],
            "scale": 2,
            "axes": "in-plane",
            "degradation": "k-space",
            "training": {},
        }
    )
    save_model(path, method="iconet", config=config_to_dict(config), card=card, state=method.build(config).state_dict())
    return path


def test_a_moved_reference_is_1_mm_and_1_degree_off(script: ModuleType) -> None:
    image = scan(1)
    off = script.moved(image)
    assert np.array_equal(sitk.GetArrayFromImage(off), sitk.GetArrayFromImage(image))
    middle = [(size - 1) / 2 for size in image.GetSize()]
    places = [np.array(each.TransformContinuousIndexToPhysicalPoint(middle)) for each in (image, off)]
    assert np.linalg.norm(places[1] - places[0]) == pytest.approx(1.0)
    before, after = (np.array(each.GetDirection()).reshape(3, 3) for each in (image, off))
    angle = math.degrees(math.acos((np.trace(after @ before.T) - 1) / 2))
    assert angle == pytest.approx(1.0, abs=0.01)


def test_whole_run_with_cards(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in ("a", "b"):
        folder = tmp_path / "people" / person
        folder.mkdir(parents=True)
        write_image(scan(1), folder / "t1.nii.gz")
        write_image(scan(2), folder / "t2.nii.gz")
    model, table = untrained(tmp_path / "test-x2.safetensors", "test-x2"), tmp_path / "scores.json"
    words = ["--models", str(model), "--data", str(tmp_path / "people"), "--subjects", "b", "--target", "T2w"]
    words += ["--reference", "T1w", "--json", str(table), "--write-cards"]
    monkeypatch.setattr(sys, "argv", ["score", *words])
    script.main()
    (result,) = json.loads(table.read_text())
    assert result["data"] == "people, T2w k-space x2 along i j with T1w"
    assert result["subjects"] == ["b"]
    rows = {row["method"]: row for row in result["rows"]}
    assert list(rows) == ["sinc", "cubic", "test-x2"]
    # At first the network is the interpolation it starts from, put back to what was measured.
    assert rows["test-x2"]["psnr_db"] == pytest.approx(rows["sinc"]["psnr_db"], abs=1.0)
    script.main()  # scores again take the place of the former ones
    assert [dict(each) for each in load_model(model).card.to_dict()["results"]] == [result]


def test_thick_slices_are_compared_with_cubic_between_their_edges(script: ModuleType) -> None:
    slope = sitk.GetImageFromArray(np.arange(24, dtype=np.float32)[:, None, None] * np.ones((1, 8, 8), np.float32))
    coarse = script.simulate_low_resolution(slope, factors=(1, 1, 4), degradation="thick-slice")
    results = script.baselines(coarse, "thick-slice", (1, 1, 4))
    assert list(results) == ["cubic"]
    fine = sitk.GetArrayFromImage(results["cubic"])
    assert fine.shape == (24, 8, 8)
    np.testing.assert_allclose(fine[8:16], sitk.GetArrayFromImage(slope)[8:16], atol=1e-4)


def test_the_truth_is_never_the_reference(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["score", "--models", "m", "--data", "d", "--subjects", "s", "--target", "T1w", "--reference", "T1w"]
    monkeypatch.setattr(sys, "argv", said)
    with pytest.raises(SystemExit):
        script.arguments()
    assert "another contrast than the target" in capsys.readouterr().err
