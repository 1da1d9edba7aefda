"""Which images a training step sees: a pure function of seed, step and rank, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.training.volumes import Volume


def step_generator(*, seed: int, step: int, rank: int = 0, ranks: int = 1) -> torch.Generator:
    """The randomness of one step of one process."""
    return torch.Generator().manual_seed(seed * 1_000_000_007 + step * ranks + rank)


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

    Raises
    ------
    UsageError
        If there is nothing to draw from, or there are not as many weights as folders.
    """

    def __init__(self, volumes: Sequence[Volume], *, weights: Sequence[float] = (), balance: str = "") -> None:
        self.volumes = [volume for volume in volumes if len(volume.slices)]
        self.halves = [_halves(volume, balance) for volume in self.volumes]
        if not self.volumes:
            raise UsageError("no image to learn from", hint="check the data folder and the recipe's held-out subjects")
        self.chances = self._chances(weights)

    def _chances(self, weights: Sequence[float]) -> Tensor:
        folders = torch.tensor([volume.source.folder for volume in self.volumes])
        if not weights:
            return torch.ones(len(folders))
        if len(weights) <= int(folders.max()):
            raise UsageError(f"{len(weights)} data weights for {int(folders.max()) + 1} folders", hint="one a folder")
        count = torch.bincount(folders, minlength=len(weights)).clamp_min(1)
        return (torch.tensor(weights) / count)[folders]

    def draw(self, count: int, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Draw `count` slices (H, W), each as ``{"image": …}`` with its labels."""
        chosen = torch.multinomial(self.chances, count, replacement=True, generator=generator).tolist()
        return [self._slice(index, generator) for index in chosen]

    def _slice(self, index: int, generator: torch.Generator) -> dict[str, Tensor]:
        halves = self.halves[index]
        half = halves[int(torch.randint(len(halves), (), generator=generator))] if len(halves) > 1 else halves[0]
        place = int(torch.randint(len(half), (), generator=generator))
        return self.volumes[index].example(int(half[place]))


def _halves(volume: Volume, balance: str) -> list[Tensor]:
    """The slices with a label and those without; all slices as one where there are not both."""
    if balance not in volume.labels:
        return [volume.slices]
    shows = (volume.labels[balance][volume.slices] > 0).flatten(1).any(1)
    halves = [volume.slices[shows], volume.slices[~shows]]
    return halves if all(len(half) for half in halves) else [volume.slices]


def validation_slices(volume: Volume, count: int) -> list[dict[str, Tensor]]:
    """`count` slices with tissue, evenly spaced through the object."""
    places = torch.linspace(0, len(volume.slices) - 1, min(count + 2, len(volume.slices))).round().long()
    chosen = sorted(set(volume.slices[places].tolist()))[1:-1]
    return [volume.example(index) for index in chosen]
