"""What each validation image scores, beside its baseline: a table that grows while a training runs."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from torch import Tensor

from mrienhance.evaluation.evaluate import MASK_THRESHOLD
from mrienhance.evaluation.metrics import Metrics
from mrienhance.images.files import atomic_path, refusal
from mrienhance.models import ResultRow, ResultTable

FIGURES = ("psnr_db", "ssim", "nmae")
FILE = "validation.csv"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One validation image: whose it is, its number among that person's, and figures of prediction and baseline."""

    subject: str
    image: int
    prediction: Metrics
    baseline: Metrics

    @property
    def gain(self) -> float:
        """PSNR above the baseline's, in dB."""
        return self.prediction.psnr_db - self.baseline.psnr_db


def measure(image: Tensor, target: Tensor) -> Metrics:
    """PSNR, SSIM and NMAE where the target exceeds 0.02, for a data range of 1.

    Parameters
    ----------
    image, target
        (1, 1, row, column) or (1, 1, slice, row, column), brightest tissue about 1.

    Returns
    -------
    Metrics
        All NaN where a network has gone astray and gives no finite numbers: the training shall say so, not stop there.
    """
    if not bool(image.isfinite().all()):
        return Metrics(psnr_db=math.nan, ssim=math.nan, nmae=math.nan)
    inside = target > MASK_THRESHOLD
    return Metrics.of(image.float(), target.float(), data_range=1.0, mask=inside if bool(inside.any()) else None)


def summary(scores: Iterable[Metrics]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each figure; NaN where there are none, or one alone.

    Examples
    --------
    >>> summary([Metrics(psnr_db=30, ssim=0.9, nmae=0.01), Metrics(psnr_db=32, ssim=0.9, nmae=0.01)])["psnr_db"][0]
    31.0
    """
    scores = list(scores)
    found = {}
    for name in FIGURES:
        values = [value for score in scores if not math.isnan(value := getattr(score, name))]
        spread = stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else math.nan
        found[name] = (fmean(values) if values else math.nan, spread)
    return found


def result_table(scores: Sequence[Score], *, model: str, baseline: str, data: str) -> ResultTable | None:
    """What a model card says of a validation; None where a mean is not a number.

    Parameters
    ----------
    scores
        Of one validation.
    model, baseline
        What the rows are called.
    data
        What was measured on, in words.
    """
    rows = []
    for name, kind in ((model, "prediction"), (baseline, "baseline")):
        means = {figure: mean for figure, (mean, _) in summary(getattr(score, kind) for score in scores).items()}
        if not all(map(math.isfinite, means.values())):
            return None
        rows.append(ResultRow(method=name, **{figure: round(mean, 5) for figure, mean in means.items()}))
    subjects = tuple(dict.fromkeys(score.subject for score in scores))
    return ResultTable(data=data, subjects=subjects, rows=tuple(rows))


class ScoreBook:
    """Appends what was scored to ``validation.csv``; a resumed training goes on after its last saved step.

    Parameters
    ----------
    path
        The CSV file.
    resumed_at
        Lines of later steps are dropped: they will be written again. None starts a new table.
    """

    COLUMNS = ("step", "subject", "image", "method", *FIGURES)

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self.path = path
        kept = read_scores(path) if resumed_at is not None else {}
        self.latest: tuple[int, list[Score]] = (0, [])
        with atomic_path(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(self.COLUMNS)
            for step, scores in kept.items():
                if step <= (resumed_at or 0):
                    csv.writer(file).writerows(_rows(step, scores))
                    self.latest = (step, scores)

    def write(self, step: int, scores: Sequence[Score]) -> None:
        """Append the images of one validation.

        Raises
        ------
        OutputError
            If the disk is full or gone.
        """
        self.latest = (step, list(scores))
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(_rows(step, scores))
        except OSError as error:
            raise refusal(self.path, error) from None

    def at(self, step: int) -> list[Score]:
        """The scores of a step; none if it was not validated."""
        return self.latest[1] if step == self.latest[0] else read_scores(self.path).get(step, [])


def read_scores(path: Path) -> dict[int, list[Score]]:
    """The validations of a run by their steps, in order; lines that are not whole are passed over."""
    pairs: dict[tuple[int, str, int], dict[str, Metrics]] = {}
    for row in _lines(path):
        try:
            figures = Metrics(**{name: float(row[name]) for name in FIGURES})
            pairs.setdefault((int(row["step"]), row["subject"], int(row["image"])), {})[row["method"]] = figures
        except (KeyError, TypeError, ValueError):
            continue
    found: dict[int, list[Score]] = {}
    for (step, subject, image), made in pairs.items():
        if {"prediction", "baseline"} <= made.keys():
            score = Score(subject=subject, image=image, prediction=made["prediction"], baseline=made["baseline"])
            found.setdefault(step, []).append(score)
    return dict(sorted(found.items()))


def _lines(path: Path) -> list[Mapping[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return list(csv.DictReader(file))


def _rows(step: int, scores: Iterable[Score]) -> Iterable[list[str | int]]:
    for score in scores:
        for kind in ("prediction", "baseline"):
            figures = [f"{getattr(getattr(score, kind), name):.6g}" for name in FIGURES]
            yield [step, score.subject, score.image, kind, *figures]
