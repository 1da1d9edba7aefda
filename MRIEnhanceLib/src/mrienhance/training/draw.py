"""Which images a training step sees: a pure function of seed, step and image number, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.training.augmentation import Augmentation
from mrienhance.training.blocks import BlockExamples
from mrienhance.training.volumes import SIMULATED, Source


class Examples(Protocol):
    """Slices to draw from: an image, the images of a subject, or a head that is scanned afresh every time."""

    @property
    def source(self) -> Source:
        """Where they come from."""

    @property
    def slices(self) -> Tensor:
        """Numbers of those with enough tissue."""

    @property
    def labels(self) -> Mapping[str, Tensor]:
        """Label maps (k, j, i), by name."""

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """One slice as `Objective.prepare` takes it, (H, W) each; always the same one without a generator."""


class TrainingSource(Protocol):
    """What the trainer draws from."""

    def draw(self, count: int, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Draw training images from `count` volumes; `generator` is the only source of randomness."""


def step_generator(*, seed: int, step: int, image: int | None = None) -> torch.Generator:
    """The randomness of one image of a step, or of what the whole step has in common.

    Images are numbered through all devices and all parts of a step, so that the split changes nothing.

    Parameters
    ----------
    seed
        The training's, at least 0.
    step
        Number of the step from 0.
    image
        Number of the image in the step from 0; None for the step.
    """
    # Neighbouring numbers must not give related streams: they are hashed.
    entropy = np.random.SeedSequence([seed, step, 0 if image is None else 1 + image])
    return torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0]) >> 1)


class SliceSource:
    """Draws whole slices.

    Parameters
    ----------
    volumes
        Loaded images; those without enough tissue are never drawn.
    weights
        Share of each data folder; empty: in proportion to its images.
    balance
        Label map that every second slice drawn shows, of volumes that have it.
    augmentation
        What becomes of scanned slices.

    Raises
    ------
    UsageError
        If there is nothing to draw from, or there are not as many weights as folders.
    """

    def __init__(
        self,
        volumes: Sequence[Examples],
        *,
        weights: Sequence[float] = (),
        balance: str = "",
        augmentation: Augmentation | None = None,
    ) -> None:
        self.volumes = [volume for volume in volumes if len(volume.slices)]
        self.halves = [_halves(volume, balance) for volume in self.volumes]
        if not self.volumes:
            raise UsageError("no image to learn from", hint="check the data folder and the recipe's held-out subjects")
        self.chances = _chances(self.volumes, weights)
        self.augmentation = augmentation or Augmentation()

    def draw(self, count: int, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Draw `count` slices (H, W), each with the contrasts and labels that it has."""
        chosen = torch.multinomial(self.chances, count, replacement=True, generator=generator).tolist()
        return [self._slice(index, generator) for index in chosen]

    def _slice(self, index: int, generator: torch.Generator) -> dict[str, Tensor]:
        halves = self.halves[index]
        half = halves[int(torch.randint(len(halves), (), generator=generator))] if len(halves) > 1 else halves[0]
        place = int(torch.randint(len(half), (), generator=generator))
        volume = self.volumes[index]
        example = volume.example(int(half[place]), generator)
        if self.augmentation and volume.source.contrast != SIMULATED and volume.source.raw is None:
            return self.augmentation.apply(example, generator, labels=volume.labels.keys())
        return example


class BlockSource:
    """Draws blocks.

    Parameters
    ----------
    volumes
        What blocks are cut from.
    weights
        Share of each data folder; empty: in proportion to its people.

    Raises
    ------
    UsageError
        If there is nothing to draw from, or there are not as many weights as folders.
    """

    def __init__(self, volumes: Sequence[BlockExamples], *, weights: Sequence[float] = ()) -> None:
        if not volumes:
            raise UsageError("no image to learn from", hint="check the data folder and the recipe's held-out subjects")
        self.volumes, self.chances = list(volumes), _chances(volumes, weights)

    def draw(self, count: int, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Draw `count` volumes, and from each as many blocks as its plan says."""
        chosen = torch.multinomial(self.chances, count, replacement=True, generator=generator).tolist()
        return [block for index in chosen for block in self.volumes[index].blocks(generator)]


def _chances(volumes: Sequence[Examples | BlockExamples], weights: Sequence[float]) -> Tensor:
    """How likely each volume is drawn, not normalised."""
    folders = torch.tensor([volume.source.folder for volume in volumes])
    if not weights:
        return torch.ones(len(folders))
    if len(weights) <= int(folders.max()):
        raise UsageError(f"{len(weights)} data weights for {int(folders.max()) + 1} folders", hint="one a folder")
    count = torch.bincount(folders, minlength=len(weights)).clamp_min(1)
    return (torch.tensor(weights) / count)[folders]


def _halves(volume: Examples, balance: str) -> list[Tensor]:
    """The slices with a label and those without; all slices as one where there are not both."""
    if balance not in volume.labels:
        return [volume.slices]
    shows = (volume.labels[balance][volume.slices] > 0).flatten(1).any(1)
    halves = [volume.slices[shows], volume.slices[~shows]]
    return halves if all(len(half) for half in halves) else [volume.slices]


def validation_slices(volume: Examples, count: int) -> list[dict[str, Tensor]]:
    """`count` slices with tissue, evenly spaced through the object."""
    places = torch.linspace(0, len(volume.slices) - 1, min(count + 2, len(volume.slices))).round().long()
    chosen = sorted(set(volume.slices[places].tolist()))[1:-1]
    return [volume.example(index) for index in chosen]
