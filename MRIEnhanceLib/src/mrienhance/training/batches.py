"""From a step's number to its batches: which images, drawn by whom, prepared where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mrienhance.methods.objective import Batch, Objective, Sampling, make_batch
from mrienhance.training.draw import TrainingSource, step_generator


@dataclass(frozen=True)
class Drawn:
    """One part of a step: what was drawn for each image, the images' generators, and what the step has in common.

    Attributes
    ----------
    images
        One entry for each image: a slice, or the blocks of a volume.
    generators, common
        As `make_batch` takes them.
    batch
        The batch, where it is made at once.
    """

    images: list[list[dict[str, Tensor]]]
    generators: list[torch.Generator]
    common: Batch
    batch: Batch | None = None


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Makes the batches of one process.

    Images of a step are numbered through its parts and, within a part, through the processes: so each process sees what
    a single one would see in its place.

    Attributes
    ----------
    objective, source, sampling
        What prepares, what is drawn from, and how.
    seed
        The training's.
    parts
        Into how many parts a step is split, whose gradients add up.
    rank, processes
        Which of how many processes this is.
    device
        Where images are prepared.
    """

    objective: Objective
    source: TrainingSource
    sampling: Sampling
    seed: int
    parts: int
    rank: int
    processes: int
    device: torch.device

    def ahead(self, step: int) -> list[Drawn]:
        """What may be done ahead of a step, in any thread: draw; and degrade, if that is not a GPU's work."""
        common = self.objective.common(step_generator(seed=self.seed, step=step))
        drawn = [self._draw(step, part, common) for part in range(self.parts)]
        return [replace(each, batch=self._batch(each)) for each in drawn] if self.device.type == "cpu" else drawn

    def ready(self, drawn: list[Drawn]) -> list[Batch]:
        """The batches of a step on the device."""
        return [each.batch if each.batch is not None else self._batch(each) for each in drawn]

    def _draw(self, step: int, part: int, common: Batch) -> Drawn:
        first = (part * self.processes + self.rank) * self.sampling.images
        numbers = range(first, first + self.sampling.images)
        generators = [step_generator(seed=self.seed, step=step, image=number) for number in numbers]
        images = [self.source.draw(1, generator) for generator in generators]
        if self.device.type == "cuda":
            # From pinned memory copies need not be waited for.
            images = [[{name: value.pin_memory() for name, value in each.items()} for each in one] for one in images]
        return Drawn(images, generators, common)

    @torch.no_grad()
    def _batch(self, drawn: Drawn) -> Batch:
        images = [
            [{name: value.to(self.device, non_blocking=True) for name, value in each.items()} for each in one]
            for one in drawn.images
        ]
        batch = make_batch(self.objective, images, self.sampling, drawn.generators, drawn.common)
        return {name: value.contiguous(memory_format=layout(value)) for name, value in batch.items()}


def layout(value: Tensor) -> torch.memory_format:
    """Convolutions like channels last; k-space, which is complex, is transformed line by line."""
    if value.is_complex():
        return torch.contiguous_format
    return {4: torch.channels_last, 5: torch.channels_last_3d}.get(value.ndim, torch.contiguous_format)
