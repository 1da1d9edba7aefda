"""The images of a training: found at once, read when there is somewhere to show the progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from mrienhance.errors import UsageError
from mrienhance.methods.registry import get_method
from mrienhance.training.block_plan import BlockPlan
from mrienhance.training.blocks import BlockExamples
from mrienhance.training.draw import BlockSource, Examples, SliceSource, TrainingSource, validation_slices
from mrienhance.training.examples import ANY, load_blocks, load_examples
from mrienhance.training.recipe import DataSettings, Recipe
from mrienhance.training.simulated import Simulated
from mrienhance.training.subjects import Subject
from mrienhance.training.validation import Judged, judged
from mrienhance.training.volumes import SIMULATED, Source

T = TypeVar("T", bound=Examples | BlockExamples)


def wanted(found: Sequence[Source], recipe: Recipe) -> list[Source]:
    """Those of the contrasts that the objective learns from, or of its any contrast those that the recipe names."""
    objective = get_method(recipe.method).objective(recipe.model)
    contrasts = objective.contrasts
    if recipe.scans.measured and not objective.measured:
        hint = "leave out scans.measured: it learns from the images"
        raise UsageError(f"{recipe.method} does not learn from raw k-space", hint=hint)
    chosen = recipe.data.contrasts if contrasts == ANY else contrasts
    left = [source for source in found if not chosen or source.contrast in (*chosen, SIMULATED)]
    if not left:
        raise UsageError(f"no image is {' or '.join(chosen)}", hint="name the files by contrast, as in sub-01_T1w")
    return left


def with_validation(settings: DataSettings, found: Sequence[Source]) -> DataSettings:
    """Settings whose validation subjects exist; without any, the last tenth of the subjects (one at least)."""
    subjects = sorted({source.subject for source in found} - set(settings.held_out))
    scanned = sorted({source.subject for source in found if source.contrast != SIMULATED} - set(settings.held_out))
    missing = sorted(set(settings.validation) - set(subjects))
    if missing:
        hint = "name subjects of the data folders in data.validation"
        raise UsageError(f"no images of the validation subject {missing[0]!r}", hint=hint)
    if settings.validation:
        return settings
    if len(subjects) < 2:  # a simulated one can be learned from, and a scanned one be judged by
        hint = "a second subject is needed to see whether the first one teaches anything"
        raise UsageError(f"one subject alone, {', '.join(subjects)}, cannot be learned from", hint=hint)
    judged = scanned or subjects
    return replace(settings, validation=tuple(judged[-max(1, round(len(judged) / 10)) :]))


class _Split(Generic[T]):
    """What is learned from, and what is judged by."""

    def __init__(self, settings: DataSettings) -> None:
        self.settings = settings
        self.train: list[T] = []
        self.validation: list[T] = []

    def add(self, each: T) -> None:
        (self.validation if each.source.subject in self.settings.validation else self.train).append(each)


class TrainingData:
    """The images that a recipe may see.

    Parameters
    ----------
    recipe
        Says whose images are learned from, which are judged by, and which never read.
    found
        What `find_images` found.

    Raises
    ------
    UsageError
        If the recipe asks for what blocks do not have.
    """

    def __init__(self, recipe: Recipe, found: Sequence[Source]) -> None:
        self.recipe, self.settings = recipe, recipe.data
        self.objective = get_method(recipe.method).objective(recipe.model)
        self.used = [source for source in found if source.subject not in self.settings.held_out]
        if recipe.augmentation and self.used and all(source.raw is not None for source in self.used):
            hint = "leave out augmentation: slices of raw k-space are learned from as they were measured"
            raise UsageError("recipe: augmentation is for images", hint=hint)
        self.slices: _Split[Examples] = _Split(recipe.data)
        self.blocks: _Split[BlockExamples] = _Split(recipe.data)
        if self.objective.ndim == 3 and (recipe.augmentation or recipe.data.balance):
            what = "augmentation" if recipe.augmentation else "data.balance"
            hint = f"leave out {what}: blocks are mirrored and turned as it is"
            raise UsageError(f"recipe: {what} is for trainings on slices", hint=hint)

    def load(self, report: Callable[[int, int, str], None]) -> None:
        """Read all images that may be seen; `report` is told how many were read, how many there are, and a name."""
        done = itertools.count()

        def reading(name: str) -> None:
            report(next(done), len(self.used), name)

        contrasts = self.objective.contrasts
        if self.objective.ndim == 3:
            plan = BlockPlan.of(self.objective, self.recipe.sampling)
            for volume in load_blocks(self.used, contrasts, plan=plan, report=reading):
                self.blocks.add(volume)
            return
        labels, least = self.objective.label_maps, self.settings.min_foreground
        scans = self.recipe.scans
        for each in load_examples(
            self.used, contrasts, min_foreground=least, labels=labels, scans=scans, report=reading
        ):
            self.slices.add(each)
        if self.objective.complete:
            self.slices.train = [each for each in self.slices.train if set(contrasts) <= _held(each)]
            if not self.slices.train:
                what = f"nobody to learn from has {' and '.join(contrasts)} on one grid"
                raise UsageError(what, hint="resample the contrasts of a person to one grid, or add such people")

    def source(self) -> TrainingSource:
        """What training images are drawn from.

        Raises
        ------
        UsageError
            If nothing is left to learn from.
        """
        if self.objective.ndim == 3:
            return BlockSource(self.blocks.train, weights=self.settings.weights)
        return SliceSource(
            self.slices.train,
            weights=self.settings.weights,
            balance=self.settings.balance,
            augmentation=self.recipe.augmentation,
        )

    def validation_images(self) -> list[Judged]:
        """Slices or blocks to validate with."""
        count = self.recipe.training.validation_slices
        blocks = ((each.source.subject, block) for each in self.blocks.validation for block in each.middle(count))
        slices = ((v.source.subject, image) for v in self.slices.validation for image in validation_slices(v, count))
        return judged([*blocks, *slices])


def _held(volume: Examples) -> set[str]:
    """The contrasts that slices of a volume have."""
    if isinstance(volume, Subject):
        return set(volume.values)
    return set(volume.contrasts) if isinstance(volume, Simulated) else {volume.source.contrast}
