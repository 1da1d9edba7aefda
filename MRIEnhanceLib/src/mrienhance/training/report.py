"""The report of a training: one page, made from what the run folder holds, that can be read anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mrienhance.errors import ModelError, UsageError
from mrienhance.images.files import atomic_path
from mrienhance.models import ModelCard, read_header
from mrienhance.training.diary import Diary, read_diary
from mrienhance.training.logbook import read_log
from mrienhance.training.scores import FILE as SCORES
from mrienhance.training.scores import Score, read_scores

FILE = "report.html"
EXAMPLES = "examples"
_MOST_PICTURE = 20 * 2**20
"""Bytes of a figure that goes into the page."""


@dataclass(frozen=True)
class Run:
    """What a run folder says.

    Attributes
    ----------
    folder
        Where it is.
    recipe
        The recipe's sections.
    log
        ``phase/name`` to points (step, value).
    scores
        The validations by their steps.
    diary
        Data and sessions.
    card, model
        Of the best model, or else of the last one, and that file; None before any is written.
    parameters
        How many numbers that model holds.
    """

    folder: Path
    recipe: Mapping[str, Any]
    log: Mapping[str, list[tuple[int, float]]]
    scores: Mapping[int, list[Score]]
    diary: Diary
    card: ModelCard | None = None
    model: Path | None = None
    parameters: int = 0
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps that were planned."""
        return int(_number(self.recipe.get("training", {}).get("steps"), 0))

    @property
    def step(self) -> int:
        """The last step that is known of."""
        logged = [points[-1][0] for points in self.log.values() if points]
        return max([*logged, *(session.step for session in self.diary.sessions)], default=0)

    @property
    def best_step(self) -> int:
        """The step of the best validation, 0 without one."""
        points = [(value, step) for step, value in self.log.get("validation/psnr", ()) if value == value]
        return max(points, key=lambda point: (point[0], -point[1]))[1] if points else 0

    @property
    def title(self) -> str:
        """What the model is called."""
        return self.card.name if self.card else f"{self.recipe.get('method', 'training')} in {self.folder.name}"


def read_run(folder: Path) -> Run:
    """Read a run folder; what is missing or broken is left out.

    Raises
    ------
    UsageError
        If the folder holds no run.
    """
    if not (folder / "log.csv").is_file() and not (folder / "recipe.yaml").is_file():
        raise UsageError(f"{folder} is not the folder of a training", hint="give what `train --output` was given")
    card, model, parameters = _model(folder)
    recipe = _recipe(folder / "recipe.yaml") or dict(card.training.get("recipe", {}) if card else {})
    return Run(
        folder=folder,
        recipe=recipe,
        log=read_log(folder / "log.csv"),
        scores=read_scores(folder / SCORES),
        diary=read_diary(folder),
        card=card,
        model=model,
        parameters=parameters,
        pictures=_pictures(folder),
    )


def write_report(folder: Path, *, output: Path | None = None) -> Path:
    """Write the report of a run, or write it anew.

    Parameters
    ----------
    folder
        The run folder.
    output
        The page; by default ``report.html`` in that folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        If the folder holds no run.
    OutputError
        If the page cannot be written.
    """
    from mrienhance.training.page import page

    output = output or folder / FILE
    text = page(read_run(folder))
    with atomic_path(output, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return output


def _model(folder: Path) -> tuple[ModelCard | None, Path | None, int]:
    for name in ("best.safetensors", "last.safetensors"):
        try:
            header = read_header(folder / name)
        except ModelError:
            continue
        return header.card, folder / name, sum(_size(tensor.shape) for tensor in header.tensors.values())
    return None, None, 0


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _recipe(path: Path) -> dict[str, Any]:
    return _or_empty(lambda: yaml.safe_load(path.read_text(encoding="utf-8")))


def _or_empty(read: Callable[[], Any]) -> dict[str, Any]:
    try:
        values = read()
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return values if isinstance(values, dict) else {}


def _pictures(folder: Path) -> dict[str, bytes]:
    """The examples by name, and without any the last preview."""
    names = [folder / EXAMPLES / f"{name}.png" for name in ("best", "median", "worst")]
    there = [path for path in names if _is_picture(path)]
    if not there:
        there = [path for path in sorted((folder / "preview").glob("step-*.png"))[-1:] if _is_picture(path)]
    return {path.stem: path.read_bytes() for path in there}


def _is_picture(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MOST_PICTURE


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) else otherwise
