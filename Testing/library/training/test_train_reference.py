"""A training of super-resolution with a reference starts from a synthesis; contrasts that a recipe names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from mrienhance.errors import UsageError
from mrienhance.images import write_image
from mrienhance.methods import get_method
from mrienhance.models import load_model
from mrienhance.training import train
from mrienhance.training.given import wanted
from mrienhance.training.recipe import make_recipe
from mrienhance.training.start import Earlier, check_rest
from mrienhance.training.volumes import Source

from .conftest import RECIPE, object_image

SMALL = {
    **{"width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": [4, 4, 4]},
    **{"label_correction": False, "adversarial": False},
}


def trained(
    folder: Path,
    output: Path,
    *,
    scale: int,
    start_from: tuple[Path, ...] = (),
    resume: bool = False,
) -> Path:
    recipe = output.with_suffix(".yaml")
    sections = {
        **{name: RECIPE[name] for name in ("training", "sampling", "card")},
        **{"method": "fgdl", "model": {**SMALL, "scale": scale}, "data": {"validation": ["bob"]}},
    }
    recipe.write_text(yaml.safe_dump(sections))
    overrides = {"training.steps": 2, "sampling.images": 1}
    return train(
        "fgdl",
        **{"data": folder, "output": output, "config": recipe, "start_from": start_from},  # type: ignore[arg-type]
        **{"overrides": overrides, "accelerator": "cpu", "progress": False},  # type: ignore[arg-type]
        resume=resume,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people with both contrasts."""
    people = tmp_path / "people"
    for seed, person in enumerate(("ann", "bob")):
        (people / person).mkdir(parents=True)
        for number, contrast in enumerate(("t1", "t2")):
            write_image(object_image(2 * seed + number), people / person / f"{contrast}.nii.gz")
    return people


def test_what_rests_must_come_from_an_earlier_model(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'synthesis' of this network does not learn"):
        trained(folder, tmp_path / "alone", scale=2)
    assert not (tmp_path / "alone").exists()
    # Of a network of another width some weights fit, such as the last bias: not enough.
    recipe = make_recipe(get_method("fgdl"), {"model": {**SMALL, "scale": 2}})
    whole = get_method("fgdl").build(recipe.model).state_dict()
    given = {name: value for name, value in whole.items() if name.startswith("synthesis.")}
    check_rest(recipe, Earlier(given))
    given.pop("synthesis.entrance.weight")
    with pytest.raises(UsageError, match="needs all its weights"):
        check_rest(recipe, Earlier(given))
    check_rest(make_recipe(get_method("fgdl"), {"model": SMALL}), Earlier())


def test_the_synthesis_comes_in_and_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    synthesis = trained(folder, tmp_path / "one", scale=1)
    model = load_model(trained(folder, tmp_path / "two", scale=2, start_from=(synthesis,)))
    inside = {
        name.removeprefix("synthesis."): value
        for name, value in model.module.state_dict().items()
        if name.startswith("synthesis.")
    }
    first = load_model(synthesis)
    for name, value in first.module.state_dict().items():
        torch.testing.assert_close(inside[name], value, rtol=0, atol=0)
    assert model.card.task == "super-resolve"
    assert model.card.scale == 2
    assert model.card.reference_required
    assert [origin["sha256"] for origin in model.card.training["started_from"]] == [first.sha256]
    # The state of the run has the synthesis: to go on, nothing has to be given again.
    again = load_model(trained(folder, tmp_path / "two", scale=2, resume=True))
    assert torch.equal(again.module.state_dict()["synthesis.exit.weight"], inside["exit.weight"])


def test_of_any_contrast_those_that_the_recipe_names() -> None:
    def source(contrast: str) -> Source:
        return Source(Path(contrast), "ann", contrast, 0, "people")

    found = [source(name) for name in ("T1w", "T2w", "simulated")]
    method = get_method("iconet")
    for names, expected in (([], ["T1w", "T2w", "simulated"]), (["T2w"], ["T2w", "simulated"])):
        recipe = make_recipe(method, {"data": {"contrasts": names}})
        assert [each.contrast for each in wanted(found, recipe)] == expected
    with pytest.raises(UsageError, match="no image is FLAIR"):
        wanted(found[:2], make_recipe(method, {"data": {"contrasts": ["FLAIR"]}}))
