"""Training that starts from earlier models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mrienhance.errors import UsageError
from mrienhance.methods import config_to_dict, get_method
from mrienhance.methods.lf_mri.config import Config
from mrienhance.methods.lf_mri.network import LFMRI
from mrienhance.models import ModelCard, load_model, save_model
from mrienhance.training import train
from mrienhance.training.recipe import make_recipe
from mrienhance.training.start import read_earlier

SMALL: dict[str, Any] = {
    "stages": 1,
    "width": 8,
    "norm": "none",
    "classifier": "plain",
    "classifier_width": 4,
    "iterations": 2,
}
METHOD = get_method("lf_mri")


def earlier_model(path: Path, *, seed: int, **changes: Any) -> Path:
    """A model file with random weights, last layers included."""
    torch.manual_seed(seed)
    config = Config(**{**SMALL, **changes})
    network = METHOD.build(config)
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.1)
    card = ModelCard.from_dict(
        {
            "name": path.stem,
            "summary": "A test.",
            "method": "lf_mri",
            "task": "reconstruct",
            "fidelity": METHOD.paper.fidelity,
            "paper": {"citation": METHOD.paper.citation, "doi": METHOD.paper.doi},
            "contrasts_in": ["T1w"],
            "contrasts_out": ["T1w"],
            "scale": None,
        }
    )
    state = network.state_dict()
    save_model(path, method="lf_mri", config=config_to_dict(config), card=card, state=state)
    return path


def small(**changes: Any) -> Any:
    """A recipe of the small network."""
    return make_recipe(METHOD, {"model": {**SMALL, **changes}})


def test_weights_are_taken_over_and_the_last_model_counts(tmp_path: Path) -> None:
    first, second = (earlier_model(tmp_path / f"m{seed}.safetensors", seed=seed) for seed in (1, 2))
    earlier = read_earlier(small(), [first, second])
    for name, value in load_model(second).module.state_dict().items():
        torch.testing.assert_close(earlier.weights[name], value, rtol=0, atol=0)
    assert [origin["name"] for origin in earlier.origins] == ["m1", "m2"]
    assert earlier.origins[0]["sha256"] == load_model(first).sha256


def test_what_is_of_another_size_is_left_out(tmp_path: Path) -> None:
    path = earlier_model(tmp_path / "wide.safetensors", seed=1, classifier_width=8)
    earlier = read_earlier(small(), [path])
    assert "stages.0.denoiser.tail.weight" in earlier.weights
    assert not any(".classifier.backbone.2" in name for name in earlier.weights)


def test_the_lesion_network_starts_as_the_denoiser_and_ignores_the_attention(tmp_path: Path) -> None:
    path = earlier_model(tmp_path / "plain.safetensors", seed=1, lesion_term=False)
    earlier = read_earlier(small(), [path])
    network = METHOD.build(small().model)
    assert isinstance(network, LFMRI)
    network.load_state_dict(earlier.weights, strict=False)
    stage: Any = network.stages[0]
    image = torch.randn(1, 16, 16, dtype=torch.complex64)
    torch.testing.assert_close(stage.lesion(image, torch.rand(1, 16, 16)), stage.denoiser(image))
    assert not torch.equal(stage.denoiser(image), image)


def test_a_model_of_another_method_is_refused(tmp_path: Path) -> None:
    path = earlier_model(tmp_path / "m.safetensors", seed=1, lesion_term=False)
    with pytest.raises(UsageError, match=r"m\.safetensors has no weights for this network") as refusal:
        read_earlier(make_recipe(get_method("iconet"), {}), [path])
    assert "it is lf_mri" in refusal.value.hint


def test_a_training_starts_there_and_its_card_says_so(recipe: Path, images: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"config": recipe, "accelerator": "cpu", "progress": False}
    first = train("iconet", data=images, output=tmp_path / "first", **options)
    still = {"training.learning_rate": 1e-12, "training.final_learning_rate": 0.0, "training.seed": 5}
    second = train("iconet", data=images, output=tmp_path / "second", start_from=[first], overrides=still, **options)
    before, after = (load_model(path) for path in (first, second))
    for name, value in before.module.state_dict().items():
        torch.testing.assert_close(after.module.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    assert [origin["sha256"] for origin in after.card.training["started_from"]] == [before.sha256]
    assert before.card.training["started_from"] == []
