"""The recipes for the papers' data sets, from what is distributed to a model, on miniatures, for a few steps.

Only what makes a training large is changed: steps, widths, patches. Which contrasts, losses, networks, masks and
degradations there are stays as the recipes have it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets import replicas
from mrienhance import methods
from mrienhance.cli.main import main
from mrienhance.methods import get_method
from mrienhance.models import load_model
from mrienhance.training.recipe import read_recipe

METHODS = Path(methods.__file__).parent
SMALL: dict[str, dict[str, Any]] = {
    "fgdl": {
        "model.width": 8,
        "model.blocks": 1,
        "model.fusion_blocks": 1,
        "model.growth": 4,
        "model.modulation": [4, 4, 4],
        "model.correction_width": 4,
        "model.correction_levels": 3,
        "model.critic_width": 4,
    },
    "unified_gan": {
        "model.width": 4,
        "model.residual_blocks": 1,
        "model.critic_width": 4,
        "model.critic_layers": 3,
        "model.recognizer_width": 4,
        "sampling.patch": 24,
        "sampling.images": 1,
    },
    "crfm": {"model.channels": 4, "model.fine_channels": 4, "model.stages": 1, "model.blocks": 1, "sampling.patch": 6},
    "iconet": {"model.channels": 8, "model.groups": 1, "model.blocks_per_group": 1, "sampling.patch": 4},
    "lf_mri": {"model.width": 8, "model.classifier_width": 4, "training.accumulate": 1},
}
FEW = {"steps": 2, "validate_every": 2, "checkpoint_every": 2, "log_every": 1, "validation_slices": 1}


def kirby21(folder: Path) -> Path:
    """A folder a person with mprage and t2, as BIDS names them."""
    grid = replicas.axial()
    for number in (1, 2, 3):
        for contrast in ("T1w", "T2w"):
            name = f"sub-{number:02d}/anat/sub-{number:02d}_{contrast}.nii.gz"
            replicas.save(replicas.head(grid, contrast, person=number), folder / name)
    return folder


def knees(folder: Path) -> Path:
    """A folder a person with pd and pdfs."""
    grid = replicas.axial()
    for number in (1, 2, 3):
        for contrast, name in (("PDw", "pd"), ("T2w", "pdfs")):
            image = replicas.head(grid, contrast, person=number)
            replicas.save(image, folder / f"person{number}" / f"{name}.nii.gz")
    return folder


@dataclass(frozen=True)
class Case:
    """A recipe: its method and name, the data set's miniature, and what else must be small."""

    method: str
    name: str
    replica: Callable[[Path], Path]
    more: dict[str, Any] = field(default_factory=dict)
    first: str = ""

    @property
    def path(self) -> Path:
        return METHODS / self.method / "recipes" / f"{self.name}.yaml"


CASES = [
    Case("fgdl", "ixi-synthesis", replicas.ixi, {"sampling.patch": 24}),
    Case("fgdl", "ixi-x4", replicas.ixi, {"sampling.patch": 8}, first="ixi-synthesis"),
    Case("fgdl", "brats-synthesis", replicas.brats_reg, {"sampling.patch": 24}),
    Case("fgdl", "brats-x4", replicas.brats_reg, {"sampling.patch": 8}, first="brats-synthesis"),
    Case("fgdl", "fastmri-knee-synthesis", knees, {"sampling.patch": 24}),
    Case("unified_gan", "brats2015", replicas.brats2015),
    Case("unified_gan", "brats2021", replicas.brats2021),
    Case("crfm", "brats2015", replicas.brats2015),
    Case("crfm", "kirby21", kirby21),
    Case("crfm", "ixi", replicas.ixi),
    Case("iconet", "ixi-x2", replicas.ixi),
    Case("iconet", "ixi-x4", replicas.ixi),
    Case("iconet", "fastmri-knee-x2", replicas.fastmri_knee),
    Case("iconet", "fastmri-knee-x4", replicas.fastmri_knee),
    Case("lf_mri", "fastmri-knee-pd", replicas.fastmri_knee),
    Case("lf_mri", "fastmri-knee-pdfs", replicas.fastmri_knee),
    Case("lf_mri", "fastmri-brain", replicas.fastmri_brain),
    Case("lf_mri", "skm-tea", replicas.skm_tea),
]
IDS = [f"{case.method}-{case.name}" for case in CASES]


def test_every_recipe_for_a_data_set_is_tried() -> None:
    there = {path for path in METHODS.glob("*/recipes/*.yaml") if "mrienhance prepare" in path.read_text()}
    assert there == {case.path for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_setting_says_whether_it_is_known(case: Case) -> None:
    text = case.path.read_text()
    settings = text[: text.index("\ncard:")].splitlines()
    lines = [line for line in settings if re.match(r"  \w+: ", line)]
    assert len(lines) > 30
    for line in lines:
        assert re.search(r"  # (known \((paper|code|relative|second hand|fastMRI)|chosen)", line), line
    recipe = read_recipe(case.method, case.path)
    assert recipe.card["intended_use"]
    assert recipe.card["limits"]
    assert "check" in recipe.card["training_notes"][0]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """Prepares a case's miniature by the command that the recipe's head gives; once for all that give the same one."""
    made: dict[tuple[str, ...], Path] = {}

    def prepare(case: Case) -> Path:
        options = (case.replica.__name__, *prepare_options(case.path))
        if options not in made:
            folder = tmp_path_factory.mktemp("data")
            data, output = case.replica(folder / "data"), folder / "prepared"
            words = ["prepare", options[1], str(data), "--output", str(output), "--no-figures", *options[2:]]
            assert main(words) == 0
            made[options] = output
        return made[options]

    return prepare


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_from_what_is_distributed_to_a_model(
    case: Case, prepared: Callable[[Case], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start: list[str] = []
    if case.first:
        earlier = Case(case.method, case.first, case.replica, {"sampling.patch": 24})
        assert train(earlier, prepared(case), tmp_path / "first") == 0, capsys.readouterr().err
        start = ["--start-from", str(tmp_path / "first" / "best.safetensors")]
    assert train(case, prepared(case), tmp_path / "run", *start) == 0, capsys.readouterr().err
    unchanged(case, tmp_path / "run")


def train(case: Case, prepared: Path, run: Path, *options: str) -> int:
    changed = {**SMALL[case.method], **case.more, **{f"training.{name}": value for name, value in FEW.items()}}
    known = get_method(case.method).Config.__dataclass_fields__
    settings = [
        f"{name}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}"
        for name, value in changed.items()
        if not name.startswith("model.") or name.removeprefix("model.") in known
    ]
    pairs = [word for setting in settings for word in ("--set", setting)]
    place = ["--data", str(prepared), "--output", str(run), "--accelerator", "cpu", "--logging", "csv"]
    return main(["train", case.method, "--config", str(case.path), *place, *pairs, *options])


def prepare_options(path: Path) -> list[str]:
    """Layout and options of the ``mrienhance prepare`` that the recipe's head gives."""
    line = next(line for line in path.read_text().splitlines() if line.startswith("# mrienhance prepare "))
    layout, _, output, _, *options = line.removeprefix("# mrienhance prepare ").split()
    assert output == "--output"
    return [layout, *options]


def unchanged(case: Case, run: Path) -> None:
    """What was trained is the recipe's but for what makes it small, and it has left all that it should."""
    model = load_model(run / "best.safetensors")
    wanted, made = read_recipe(case.method, case.path), yaml.safe_load((run / "recipe.yaml").read_text())
    small = {*SMALL[case.method], *case.more, *(f"training.{name}" for name in FEW)}
    for part, values in wanted.to_dict().items():
        if isinstance(values, dict) and part not in ("card", "data"):
            for name, value in values.items():
                assert f"{part}.{name}" in small or plain(made[part][name]) == plain(value), f"{part}.{name}"
    assert model.card.name == wanted.card["name"]
    assert (run / "report.html").stat().st_size > 10_000
    judged = {row["subject"] for row in csv.DictReader((run / "validation.csv").read_text().splitlines())}
    assert judged
    assert set(model.card.training["validation"]) >= judged


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
