"""What people can watch of a training: everything that the first process writes besides models and states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from torch import nn

from mrienhance.models import ResultTable, load_model
from mrienhance.training.diary import Diary, Ending, Folder, read_diary
from mrienhance.training.logbook import Logbook
from mrienhance.training.preview import Pictures, write_preview
from mrienhance.training.recipe import Recipe
from mrienhance.training.report import EXAMPLES, write_report
from mrienhance.training.scores import FILE as SCORES
from mrienhance.training.scores import Score, ScoreBook, result_table
from mrienhance.training.tensorboard import FOLDER as TENSORBOARD
from mrienhance.training.tensorboard import TensorBoard, installed
from mrienhance.training.validation import Validation, examples_of

LOGS = ("csv", "tensorboard")
WHILE_TRAINING = "validation while training"


class Watch:
    """Log, scores, previews, diary and report of a run.

    Parameters
    ----------
    folder
        The run folder.
    recipe
        What is trained, and how.
    data
        Whose images are read.
    device
        What it runs on.
    resumed_at
        The step that it goes on from; None in a new run. What was written of later steps is dropped.
    logs
        Those of `LOGS` that are wanted; ``log.csv`` is always written.
    warn
        Told in one line what cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recipe: Recipe,
        data: Sequence[Folder],
        device: str,
        resumed_at: int | None = None,
        logs: Sequence[str] = LOGS,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.folder, self.recipe = folder, recipe
        self.log = Logbook(folder / "log.csv", resumed_at=resumed_at)
        self.book = ScoreBook(folder / SCORES, resumed_at=resumed_at)
        self.board: TensorBoard | None = None
        if "tensorboard" in logs:
            if installed():
                text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
                self.board = TensorBoard(folder / TENSORBOARD, recipe=text, resumed_at=resumed_at)
            else:
                warn("TensorBoard is not installed, so there are no event files: pip install tensorboard")
        before = Diary() if resumed_at is None else read_diary(folder)
        self.diary = replace(before, data=tuple(data)).begun(resumed_at or 0, device=device)
        self.diary.write(folder)

    def numbers(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        """Write numbers of a step."""
        self.log.write(step, phase, values)
        if self.board is not None:
            self.board.write(step, phase, values)

    def validated(
        self, step: int, scores: Sequence[Score], means: Mapping[str, float], pictures: Pictures | None
    ) -> None:
        """Write what a validation found, and draw the image in the middle."""
        self.book.write(step, scores)
        self.numbers(step, "validation", means)
        if pictures:
            self._preview(step, pictures, scores[len(scores) // 2])

    def _preview(self, step: int, pictures: Pictures, score: Score) -> None:
        path = self.folder / "preview" / f"step-{step:07d}.png"
        write_preview(path, pictures, heading=_heading(step, score), score=score)
        if self.board is not None:
            self.board.figure(step, path)

    def saved(self, step: int) -> None:
        """Note how far the run has come."""
        self.diary = self.diary.at(step)
        self.diary.write(self.folder)

    def results(self, baseline: str) -> tuple[ResultTable, ...]:
        """What the card says of the latest validation."""
        step, scores = self.book.latest
        data = (
            f"{WHILE_TRAINING}, after step {step}: {len(scores)} images of people that were not learned from; "
            "means over these, where the truth exceeds 0.02 of the brightest tissue"
        )
        table = result_table(scores, model=self.recipe.method, baseline=baseline, data=data) if scores else None
        return () if table is None else (table,)

    def examples(self, step: int, validation: Validation) -> None:
        """Draw the best, the median and the worst image of the best model."""
        best, scores = self.folder / "best.safetensors", self.book.at(step)
        if not scores or not best.is_file():
            return
        network: nn.Module = load_model(best).module.to(validation.device)
        for name, index in examples_of(scores).items():
            heading = f"{name}: {_heading(step, scores[index])}"
            pictures = validation.pictures(network, index)
            write_preview(self.folder / EXAMPLES / f"{name}.png", pictures, heading=heading, score=scores[index])

    def close(self, step: int, ending: Ending, best: Mapping[str, float] | None = None) -> None:
        """Finish all files, and write the report."""
        self.diary = self.diary.at(step, ending)
        self.diary.write(self.folder)
        if self.board is not None:
            self.board.compare(self.recipe.to_dict()["training"], best or {})
            self.board.close()
        write_report(self.folder)


@dataclass(frozen=True)
class Tell:
    """What people are told while a training runs, and how; see `mrienhance.training.train`."""

    data: tuple[Folder, ...]
    logs: Sequence[str]
    progress: bool
    warn: Callable[[str], None]

    def open(self, folder: Path, recipe: Recipe, *, device: str, resumed_at: int | None) -> Watch:
        """Begin to write it down."""
        return Watch(
            folder,
            recipe=recipe,
            data=self.data,
            device=device,
            resumed_at=resumed_at,
            logs=self.logs,
            warn=self.warn,
        )


def _heading(step: int, score: Score) -> str:
    return f"{score.subject}, image {score.image}, after step {step}"
