"""The trainer on blocks, from data folder to model file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mrienhance.errors import UsageError
from mrienhance.images import write_image
from mrienhance.methods import registry
from mrienhance.models import load_model
from mrienhance.training import train
from mrienhance.training.trainer import Trainer

from .conftest import RECIPE, RUN_FILES, object_image, same
from .heads import write_people
from .toy_blocks import Entry


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda **_: [Entry()])


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    folder = tmp_path / "volumes"
    folder.mkdir()
    for number in (1, 2):
        write_image(object_image(number, size=24, slices=16), folder / f"sub-{number:02d}_T1w.nii.gz")
    return folder


def run(folder: Path, output: Path, *, resume: bool = False, **overrides: Any) -> Path:
    values = {
        "training": RECIPE["training"],
        "sampling": {"images": 2, "patches": 2, "patch": 4},
        "data": {"validation": ["sub-02"]},
        "card": {"name": "toy", "summary": "A test."},
    }
    path = output.parent / "recipe.yaml"
    path.write_text(yaml.safe_dump({**values, **overrides}))
    options: dict[str, Any] = {"accelerator": "cpu", "progress": False, "resume": resume}
    return train("toy-3d", data=folder, output=output, config=path, **options)


def test_leaves_a_model_that_learned_and_pictures(volumes: Path, tmp_path: Path) -> None:
    model = load_model(run(volumes, tmp_path / "run"))
    assert (model.card.axes, model.card.scale) == ("3d", 2)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    scores = {name: [float(row["value"]) for row in rows if row["name"] == name] for name in ("psnr", "baseline_psnr")}
    assert len(scores["psnr"]) == len(scores["baseline_psnr"]) == 2
    assert scores["psnr"][1] > scores["psnr"][0]
    assert scores["baseline_psnr"][0] == scores["baseline_psnr"][1] > 10
    assert len(list((tmp_path / "run" / "preview").glob("*.png"))) == 2


def test_a_killed_and_resumed_training_equals_one_that_was_not(
    volumes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(volumes, tmp_path / "whole")
    step = Trainer._step

    def die(trainer: Trainer, number: int, feed: Any) -> dict[str, torch.Tensor]:
        if number == 5:
            raise KeyboardInterrupt
        return step(trainer, number, feed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", die)
        run(volumes, tmp_path / "killed")
    run(volumes, tmp_path / "killed", resume=True)
    for name in RUN_FILES:
        same(tmp_path / "whole" / name, tmp_path / "killed" / name)


def test_people_with_several_contrasts(tmp_path: Path) -> None:
    people = write_people(tmp_path / "people")
    path = run(people, tmp_path / "run", model={"contrasts": ["T1w", "T2w"]}, data={"validation": ["b"]})
    assert load_model(path).card.training["data"][0]["images"] == 3


def test_what_belongs_to_slices_is_refused(volumes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="augmentation is for trainings on slices"):
        run(volumes, tmp_path / "a", augmentation={"rotation": 5.0})
    with pytest.raises(UsageError, match=r"data\.balance is for trainings on slices"):
        run(volumes, tmp_path / "b", data={"validation": ["sub-02"], "balance": "lesions"})
