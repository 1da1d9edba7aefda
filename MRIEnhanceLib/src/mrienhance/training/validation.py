"""Scoring the network on images that it does not learn from, shared over the processes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mrienhance.evaluation.metrics import Metrics
from mrienhance.methods.objective import Objective
from mrienhance.training.parallel import Team
from mrienhance.training.preview import Pictures, pictures_of
from mrienhance.training.scores import FIGURES, Score, measure


class Judged(NamedTuple):
    """A validation image: whose it is, its number among that person's from 1, and what `Objective.whole` takes."""

    subject: str
    image: int
    example: Mapping[str, Tensor]


def judged(images: Iterable[tuple[str, Mapping[str, Tensor]]]) -> list[Judged]:
    """Number each person's images, which are given with that person's name."""
    counts: dict[str, int] = {}
    found = []
    for subject, example in images:
        counts[subject] = counts.get(subject, 0) + 1
        found.append(Judged(subject, counts[subject], example))
    return found


class Validation:
    """The validation images, and how a network does on them.

    Parameters
    ----------
    images
        Whole images, or larger blocks.
    objective
        Makes inputs of them, and knows how the network is called.
    team, device
        The processes that share the work, and where this one computes.
    """

    def __init__(self, images: Sequence[Judged], objective: Objective, team: Team, device: torch.device) -> None:
        self.images, self.objective, self.team, self.device = images, objective, team, device

    @torch.no_grad()
    def score(self, modules: Mapping[str, nn.Module]) -> tuple[list[Score], Pictures | None]:
        """Score all images, all processes together.

        Parameters
        ----------
        modules
            As `Objective.beside` takes them.

        Returns
        -------
        scores
            Of all images, in order; the same in all processes.
        pictures
            Of the image in the middle, in the first process.
        """
        found, middle = torch.zeros(len(self.images), 2, len(FIGURES), dtype=torch.float64), len(self.images) // 2
        pictures = None
        for index in range(len(self.images)):
            # The one that is shown is the first process's: that one writes.
            if (index - middle) % self.team.size != self.team.rank:
                continue
            batch, prediction = self._predict(modules["network"], index)
            for row, image in enumerate((prediction, batch["baseline"])):
                found[index, row] = torch.tensor(dataclasses.astuple(measure(image, batch["target"])))
            if index == middle:
                pictures = self._pictures(modules, batch, prediction)
        every = torch.tensor(self.team.agreed(found.flatten().tolist()), dtype=torch.float64).view_as(found).tolist()
        return [self._score(image, *rows) for image, rows in zip(self.images, every, strict=True)], pictures

    @torch.no_grad()
    def pictures(self, network: nn.Module, index: int) -> Pictures:
        """One image as a network does on it."""
        batch, prediction = self._predict(network, index)
        return self._pictures({"network": network}, batch, prediction)

    def _pictures(self, modules: Mapping[str, nn.Module], batch: dict[str, Tensor], prediction: Tensor) -> Pictures:
        beside, translated = self.objective.beside(modules, batch), self.objective.translated(batch)
        return pictures_of(batch, prediction, beside, translated)

    def _predict(self, network: nn.Module, index: int) -> tuple[dict[str, Tensor], Tensor]:
        example = self.images[index].example
        batch = self.objective.whole({name: value.to(self.device) for name, value in example.items()})
        return batch, self.objective.predict(network, batch)

    @staticmethod
    def _score(image: Judged, prediction: Sequence[float], baseline: Sequence[float]) -> Score:
        first, second = (Metrics(**dict(zip(FIGURES, row, strict=True))) for row in (prediction, baseline))
        return Score(subject=image.subject, image=image.image, prediction=first, baseline=second)


def means(scores: Sequence[Score]) -> dict[str, float]:
    """Mean figures over images: ``psnr``, ``ssim``, ``nmae``, and the baseline's; NaN where one image has none."""
    found = {}
    for prefix, kind in (("", "prediction"), ("baseline_", "baseline")):
        for figure in FIGURES:
            values = [getattr(getattr(score, kind), figure) for score in scores]
            found[prefix + figure.removesuffix("_db")] = sum(values) / len(values) if values else float("nan")
    return found


def examples_of(scores: Sequence[Score]) -> dict[str, int]:
    """Which images to show: the best, that in the middle and the worst by PSNR."""
    known = [index for index, score in enumerate(scores) if not math.isnan(score.prediction.psnr_db)]
    if not known:
        return {}
    order = sorted(known, key=lambda index: scores[index].prediction.psnr_db, reverse=True)
    return {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
