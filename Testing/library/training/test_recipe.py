"""Recipes are strict, and the shipped ones are whole."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from mrienhance.errors import UsageError
from mrienhance.methods import all_methods
from mrienhance.training.recipe import make_recipe, read_recipe
from mrienhance.training.settings import TrainingSettings

SHIPPED = [
    pytest.param(method.name, Path(str(recipe)), id=Path(str(recipe)).stem)
    for method in all_methods().values()
    for recipe in files(type(method).__module__.rpartition(".")[0]).joinpath("recipes").iterdir()
]


@pytest.mark.parametrize(("method", "path"), SHIPPED)
def test_shipped_recipes_are_read_and_say_all(method: str, path: Path) -> None:
    recipe = read_recipe(method, path)
    again = make_recipe(all_methods()[method], {k: v for k, v in recipe.to_dict().items() if k != "method"})
    assert again == recipe
    # Where a prepared folder is learned from, its split says who is judged by.
    assert bool(recipe.data.validation) != ("mrienhance prepare" in path.read_text())
    assert not set(recipe.data.validation) & set(recipe.data.held_out)


@pytest.mark.parametrize(("method", "path"), SHIPPED)
def test_brightness_in_use_is_within_that_of_training(method: str, path: Path) -> None:
    """Made coarse by 4 in k-space, a T2w of the brain has 0.85 of its brightest tissue: in its own unit it is 1.17."""
    recipe = read_recipe(method, path)
    tiling = all_methods()[method].tiling(recipe.model)
    if max(tiling.scales) >= 4 and recipe.card["degradation"] == "k-space":
        assert recipe.sampling.intensity_jitter >= 0.17


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {no_such: 1}", "no_such"),
        ("surprise: {}", "surprise"),
        ("training: {steps: many}", "steps"),
        ("training: {steps: 0}", "steps must be at least 1"),
        ("training: {precision: 8-bit}", "8-bit"),
        ("method: another", "another method"),
        ("[1, 2]", "holds no recipe"),
        ("training: 5", "'training' must be a section, not 5"),
        ("card: [name]", "'card' must be a section"),
        ("{1: {}, surprise: {}}", "unknown section '1'"),
        ("model: {scale: 2", "cannot read"),
        ("model: !!python/object/apply:os.system ['true']", "cannot read"),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as refusal:
        read_recipe("iconet", path)
    assert refusal.value.hint


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_recipe("iconet", tmp_path / "none.yaml")


def test_overrides_reach_their_section(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({"training": {"steps": 10}}))
    recipe = read_recipe("iconet", path, overrides={"training.steps": 3, "model.scale": 4})
    assert (recipe.training.steps, recipe.model.scale) == (3, 4)


def test_a_section_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("training:\nmodel:\n")
    assert read_recipe("iconet", path, overrides={"training.steps": 3}).training.steps == 3


def test_learning_rate_rises_then_falls_as_a_cosine() -> None:
    settings = TrainingSettings(steps=110, warmup=10, learning_rate=1.0, final_learning_rate=0.0)
    rates = [settings.learning_rate_at(step) for step in range(110)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[60] == pytest.approx(0.5)
    assert rates[-1] < 0.001
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
