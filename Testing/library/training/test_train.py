"""The trainer from data folder to model file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mrienhance.errors import OutputError, UsageError
from mrienhance.models import load_model
from mrienhance.training import train
from mrienhance.training.trainer import Trainer

from .conftest import RECIPE, RUN_FILES, log_of, same


def run(recipe: Path, images: Path, output: Path, **options: object) -> Path:
    return train("iconet", data=images, output=output, config=recipe, accelerator="cpu", progress=False, **options)


def test_leaves_a_model_a_log_and_pictures(recipe: Path, images: Path, tmp_path: Path) -> None:
    path = run(recipe, images, tmp_path / "run")
    model = load_model(path)
    assert model.card.name == "iconet-test"
    assert model.card.scale == 2
    assert model.card.training["validation"] == ["sub-03"]
    assert model.card.training["data"][0]["subjects"] == ["sub-01", "sub-02", "sub-03"]
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows if row["name"] == "loss"] == [str(step) for step in range(1, 7)]
    assert [row["step"] for row in rows if row["name"] == "psnr"] == ["3", "6"]
    assert all(float(row["value"]) > 10 for row in rows if row["name"] == "psnr")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "examples",
        "last.safetensors",
        "log.csv",
        "preview",
        "recipe.yaml",
        "report.html",
        "run.json",
        "states",
        "tensorboard",
        "validation.csv",
    ]
    assert len(list((tmp_path / "run" / "preview").glob("*.png"))) == 2


def test_a_killed_and_resumed_training_equals_one_that_was_not(
    recipe: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(recipe, images, tmp_path / "whole")
    step = Trainer._step

    def die(trainer: Trainer, number: int, feed: Any) -> dict[str, torch.Tensor]:
        if number == 5:  # the last state is that of step 4: step 5 is lost and done again
            raise KeyboardInterrupt
        return step(trainer, number, feed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", die)
        run(recipe, images, tmp_path / "killed")
    run(recipe, images, tmp_path / "killed", resume=True)
    for name in RUN_FILES:
        same(tmp_path / "whole" / name, tmp_path / "killed" / name)
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "killed")


def test_another_seed_gives_another_model(recipe: Path, images: Path, tmp_path: Path) -> None:
    first = load_file(run(recipe, images, tmp_path / "one", overrides={"training.steps": 1}))
    second = load_file(run(recipe, images, tmp_path / "two", overrides={"training.steps": 1, "training.seed": 1}))
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_a_model_file_of_half_the_size_holds_the_same_weights_rounded(
    recipe: Path, images: Path, tmp_path: Path
) -> None:
    full, half = (
        run(recipe, images, tmp_path / kind, overrides={"training.steps": 1, "training.weights": kind})
        for kind in ("float32", "float16")
    )
    exact, rounded = load_file(full), load_file(half)
    assert exact.keys() == rounded.keys()
    assert all(torch.equal(exact[name].half(), rounded[name]) for name in exact)
    kept = load_model(half).module.state_dict()
    assert all(torch.equal(kept[name], rounded[name].float()) for name in exact)


def test_held_out_subjects_are_never_read(recipe: Path, images: Path, tmp_path: Path) -> None:
    (images / "sub-02_T1w.nii.gz").write_bytes(b"not an image")
    path = run(recipe, images, tmp_path / "run", overrides={"data.held_out": ["sub-02"]})
    assert load_model(path).card.training["data"][0]["subjects"] == ["sub-01", "sub-03"]


def test_without_validation_subjects_the_last_ones_are_taken(images: Path, tmp_path: Path) -> None:
    """A folder of images is enough: no recipe."""
    small = {"channels": 4, "groups": 1, "blocks_per_group": 1, "heads": 1}
    overrides = {f"model.{name}": value for name, value in small.items()}
    path = train(
        "iconet",
        data=images,
        output=tmp_path / "run",
        overrides={**overrides, "training.steps": 1, "sampling.patch": 8},
        accelerator="cpu",
        progress=False,
    )
    assert load_model(path).card.training["validation"] == ["sub-03"]


def test_refusals(recipe: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one subject alone"):
        run(recipe, images, tmp_path / "a", overrides={"data.validation": [], "data.held_out": ["sub-01", "sub-02"]})
    with pytest.raises(UsageError, match="sub-77"):
        run(recipe, images, tmp_path / "a", overrides={"data.validation": ["sub-77"]})
    with pytest.raises(UsageError, match="no data folder"):
        run(recipe, tmp_path / "missing", tmp_path / "a")
    with pytest.raises(OutputError, match="nothing to resume"):
        run(recipe, images, tmp_path / "a", resume=True)
    with pytest.raises(UsageError, match=r"sub-02_T1w\.nii\.gz"):
        (images / "sub-02_T1w.nii.gz").write_bytes(b"not an image")
        run(recipe, images, tmp_path / "b")
    assert not list((tmp_path / "b").iterdir()), "the same command can be given again"
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        run(recipe, images, tmp_path / "c")
    assert not (tmp_path / "a").exists()


def test_a_group_of_parameters_has_a_rate_of_its_own(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LF-MRI's classifier learns alone first, and later at a tenth of the others' rate."""
    seen: list[list[float]] = []
    step = torch.optim.Adam.step

    def spy(self: torch.optim.Adam, *args: Any, **kwargs: Any) -> Any:
        seen.append([group["lr"] for group in self.param_groups])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    recipe = {
        **RECIPE,
        "method": "lf_mri",
        "model": {"stages": 1, "width": 8, "classifier": "plain", "classifier_width": 4, "iterations": 2},
        "sampling": {"images": 2, "patches": 1, "patch": 32},
        "card": {"name": "lf-mri-test", "summary": "A test."},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    model = train("lf_mri", data=images, output=tmp_path / "run", config=path, progress=False)
    assert [classifier / cascade for cascade, classifier in seen] == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1])
    assert load_model(model).method.name == "lf_mri"
