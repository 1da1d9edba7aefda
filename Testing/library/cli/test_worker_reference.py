"""A reference, and thick slices, through the worker: the library's result to the bit, which model is the default."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from cli.worker_client import WorkerClient, hand_over, take_back
from mrienhance.methods import config_to_dict, get_method
from mrienhance.models import ModelCard, save_model
from mrienhance.tasks.super_resolve import super_resolve
from tasks.references import box, field
from tasks.samples import LEFT_HANDED, OBLIQUE, tiny_model, voxels

PLAIN = np.eye(3).ravel()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small random model of each kind, of contrasts that no shipped model has; two use a reference."""
    folder = tmp_path_factory.mktemp("models")
    tiny_model(folder / "tiny-x2.safetensors", contrasts_in=("toy",), contrasts_out=("toy",))
    thick = {"axes": "through-plane", "scale": 4, "degradation": "thick-slice"}
    save(folder / "tiny-thick-x4.safetensors", "crfm", "thick-x4", reference_contrasts=("atlas",), **thick)
    save(folder / "tiny-pair-x2.safetensors", "fgdl", None, scale=2, reference_contrasts=("atlas",), required=True)
    return folder


def save(path: Path, name: str, variant: str | None, *, required: bool = False, **facts: Any) -> Path:
    """Save a small network with weights that do something."""
    method = get_method(name)
    config = pair(method) if variant is None else method.variants()[variant]
    card = ModelCard(
        name=path.stem,
        method=name,
        task="super-resolve",
        summary="A toy.",
        fidelity="none",
        paper={"citation": "none", "doi": "none"},
        contrasts_in=("toy",),
        contrasts_out=("toy",),
        reference_required=required,
        **facts,
    )
    generator = torch.Generator().manual_seed(0)
    state = {
        key: value + 0.02 * torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in method.build(config).state_dict().items()
    }
    save_model(path, method=name, config=config_to_dict(config), card=card, state=state)
    return path


def pair(method: Any) -> Any:
    """The smallest of FGDL's networks that super-resolve."""
    small = {"width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": (4, 4, 4)}
    return method.Config(scale=2, deformable="none", interpolated=True, label_correction=False, **small)


CASES = {
    "axial slices": ("tiny-thick-x4", (12, 10, 5), (1.0, 1.0, 4.0), (12, 10, 20)),
    "sagittal slices": ("tiny-thick-x4", (5, 12, 10), (4.0, 1.0, 1.0), (20, 12, 10)),
    "in plane": ("tiny-pair-x2", (12, 14, 3), (2.0, 2.0, 3.0), (24, 28, 3)),
}


@pytest.mark.parametrize("direction", [LEFT_HANDED, OBLIQUE], ids=["left", "oblique"])
@pytest.mark.parametrize(("name", "size", "spacing", "finer"), CASES.values(), ids=CASES)
def test_a_reference_counts_as_in_the_library(
    worker: WorkerClient, models: Path, tmp_path: Path, name: str, size: Any, spacing: Any, finer: Any, direction: Any
):
    image = field(box(size, spacing, direction))
    reference = sitk.Cast(500 * field(box((20, 20, 20), (1.1, 1.1, 1.1), direction)), sitk.sitkInt16)
    model = models / f"{name}.safetensors"
    fields = {
        "input": hand_over(image, tmp_path / "image.raw"),
        "reference": hand_over(reference, tmp_path / "reference.raw"),
        "contrast": "toy",
        "reference_contrast": "FLAIR",
        "folder": str(tmp_path),
        "options": {"model": str(model), "register": False, "device": "cpu"},
    }
    answer = worker.result("super-resolve", **fields)
    wish = {"contrast": "toy", "reference_contrast": "FLAIR", "register": False, "device": "cpu", "model": model}
    expected = super_resolve(image, reference=reference, **wish)
    result = take_back(answer["image"])
    assert result.GetSize() == finer
    assert np.array_equal(voxels(result), voxels(expected.image))
    for fact in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(result, fact)() == getattr(expected.image, fact)()
    report = answer["report"]
    assert report["reference"]["contrast"] == "FLAIR"
    assert report["reference"]["placed"] == "resampled"
    assert [seen["role"] for seen in report["inputs"]] == ["image", "reference"]
    assert any("not of FLAIR" in warning for warning in report["warnings"])
    other = worker.result("super-resolve", **{**fields, "reference": fields["input"]})
    assert not np.array_equal(voxels(take_back(other["image"])), voxels(result)), "the reference makes a difference"


def test_a_moved_reference_is_registered_unless_that_is_declined(worker: WorkerClient, models: Path, tmp_path: Path):
    image = field(box((40, 36, 12), (1.0, 1.0, 4.0), PLAIN))
    reference = field(box((40, 36, 44), (1.0, 1.0, 1.0), PLAIN), shift=(2.0, -1.0, 1.0))
    fields = {
        "input": hand_over(image, tmp_path / "image.raw"),
        "reference": hand_over(reference, tmp_path / "reference.raw"),
        "folder": str(tmp_path),
        "options": {"model": str(models / "tiny-thick-x4.safetensors"), "device": "cpu"},
    }
    answered = worker.answered(worker.send("super-resolve", **fields))
    assert answered.end["report"]["reference"]["placed"] == "registered"
    assert answered.end["report"]["reference"]["registration"]["shift_mm"] == pytest.approx(6**0.5, abs=0.5)
    assert "Registering the reference" in {line["text"] for line in answered.progress}
    fields["options"]["register"] = False
    declined = worker.result("super-resolve", **fields)["report"]["reference"]
    assert (declined["placed"], declined["registration"]) == ("resampled", None)


def test_a_model_that_needs_a_reference_says_so(worker: WorkerClient, models: Path, tmp_path: Path):
    image = hand_over(field(box((12, 14, 3), (2.0, 2.0, 3.0), PLAIN)), tmp_path / "image.raw")
    options = {"model": str(models / "tiny-pair-x2.safetensors")}
    end = worker.error("super-resolve", input=image, folder=str(tmp_path), options=options)
    assert (end["kind"], end["message"]) == ("UsageError", "tiny-pair-x2 needs a reference image")
    assert "a finer scan of another contrast" in end["hint"]


WISHES: list[tuple[dict[str, Any], str | None]] = [
    ({"spacing": [1, 1, 4], "contrast": "toy"}, "tiny-thick-x4"),
    ({"spacing": [4, 1, 1], "contrast": "toy", "reference": True}, "tiny-thick-x4"),
    ({"spacing": [1.5, 1.5, 1.5], "contrast": "toy"}, "tiny-x2"),
    ({"contrast": "toy"}, "tiny-x2"),
    ({"spacing": [1.5, 1.5, 1.5], "reference": True, "reference_contrast": "atlas", "contrast": "toy"}, "tiny-pair-x2"),
    ({"scale": 64}, None),
]


@pytest.mark.parametrize(("wish", "name"), WISHES)
def test_the_default_is_the_model_that_would_be_taken(models: Path, wish: dict[str, Any], name: str | None):
    with WorkerClient(variables={"MRIENHANCE_MODELS": os.fspath(models)}) as client:
        answer = client.result("models", task="super-resolve", **{"for": wish})
        assert answer["default"] == name
        assert "default" not in client.result("models", task="super-resolve")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"spacing": [1, 1]}, "'spacing' must be a list of 3"),
        ({"reference": 1}, "'reference' must be true or false"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ([], "'for' must be an object"),
    ],
)
def test_what_a_default_is_for_is_checked(worker: WorkerClient, wish: Any, said: str):
    end = worker.error("models", task="super-resolve", **{"for": wish})
    assert (end["kind"], said in end["message"]) == ("Protocol", True), end["message"]
