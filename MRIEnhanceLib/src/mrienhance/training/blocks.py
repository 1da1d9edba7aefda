"""Blocks to learn from in three dimensions, cut from volumes that were made coarse as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods.objective import COARSE
from mrienhance.training.block_plan import Axes, BlockPlan
from mrienhance.training.volumes import TISSUE, Source

_LARGER = 2
"""Sides of a block to validate with, over those of one to learn from."""


class BlockExamples(Protocol):
    """What blocks are cut from: the scans of a person, or a head that is scanned afresh every time."""

    @property
    def source(self) -> Source:
        """Where they come from."""

    def blocks(self, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Random blocks as `Objective.prepare` takes them, as many as the plan says."""

    def middle(self, count: int) -> list[dict[str, Tensor]]:
        """Larger blocks to validate with; always the same ones."""


@dataclass(frozen=True)
class View:
    """A volume with one order of its axes.

    Attributes
    ----------
    fine
        Contrast to fine samples (k, j, i), the plan's `lead` in front.
    coarse
        Contrast to coarse samples (k, j, i).
    places
        Flat numbers of the coarse samples with tissue.
    turns
        How blocks may be turned.
    """

    fine: Mapping[str, Tensor]
    coarse: Mapping[str, Tensor]
    places: Tensor
    turns: Sequence[Axes]

    @property
    def shape(self) -> Axes:
        """Coarse samples along (k, j, i)."""
        k, j, i = next(iter(self.coarse.values())).shape
        return k, j, i

    def cut(
        self, plan: BlockPlan, start: Axes, size: Axes, *, flips: Sequence[bool] = (), turn: Axes = (0, 1, 2)
    ) -> dict[str, Tensor]:
        """A block from a coarse sample on, mirrored along some axes, then with its axes permuted."""
        flips = flips or (False, False, False)
        coarse = tuple(slice(at, at + length) for at, length in zip(start, size, strict=True))
        skipped = (0 if flip else lead for flip, lead in zip(flips, plan.lead, strict=True))
        fine = tuple(
            slice(at * factor + skip, (at + length) * factor + skip)
            for at, length, factor, skip in zip(start, size, plan.factors, skipped, strict=True)
        )
        axes = [axis for axis, flip in enumerate(flips) if flip]
        block = {name: volume[fine] for name, volume in self.fine.items()}
        block |= {name + COARSE: volume[coarse] for name, volume in self.coarse.items()}
        return {name: part.flip(axes).permute(turn).contiguous() for name, part in block.items()}


@dataclass(frozen=True)
class BlockVolume:
    """The scans of a person on one grid, made coarse once, with as many views as there are axes to make coarse."""

    source: Source
    plan: BlockPlan
    views: Sequence[View]

    @classmethod
    def make(
        cls, source: Source, values: Mapping[str, Tensor], *, spacing: Sequence[float], plan: BlockPlan
    ) -> BlockVolume:
        """Make volumes coarse and cut away what lies around the tissue.

        Parameters
        ----------
        source
            Whose they are.
        values
            Contrast to (k, j, i), brightest tissue about 1.
        spacing
            Distance of samples along (k, j, i) in mm.
        plan
            What to cut. Volumes that are too small for it have background added at their ends.
        """
        orders = plan.orders(spacing)
        views = []
        for order in orders:
            whole = {name: _fitted(volume.permute(order), plan) for name, volume in values.items()}
            coarse = {name: plan.coarsen(volume) for name, volume in whole.items()}
            tissue = torch.stack(list(coarse.values())).amax(0) > TISSUE
            if not bool(tissue.any()):
                continue
            bounds = [_bounds(tissue.movedim(axis, 0).flatten(1).any(1), size) for axis, size in enumerate(plan.size)]
            cut = tuple(slice(low, high) for low, high in bounds)
            views.append(
                View(
                    fine={name: _with_lead(volume, bounds, plan) for name, volume in whole.items()},
                    coarse={name: volume[cut].clone() for name, volume in coarse.items()},
                    places=torch.nonzero(tissue[cut].flatten()).flatten().int(),
                    turns=plan.turns([spacing[axis] for axis in order]),
                )
            )
        return cls(source, plan, views)

    def blocks(self, generator: torch.Generator) -> list[dict[str, Tensor]]:
        """Blocks about places with tissue, mirrored and turned at random."""
        return [self._block(generator) for _ in range(self.plan.patches)]

    def _block(self, generator: torch.Generator) -> dict[str, Tensor]:
        view = self.views[_one_of(len(self.views), generator)]
        place = int(view.places[_one_of(len(view.places), generator)])
        flips = (torch.rand(3, generator=generator) < 0.5).tolist()
        turn = view.turns[_one_of(len(view.turns), generator)]
        start = _around(_unravelled(place, view.shape), self.plan.size, view.shape)
        return view.cut(self.plan, start, self.plan.size, flips=flips, turn=turn)

    def middle(self, count: int) -> list[dict[str, Tensor]]:
        """Blocks twice as long as those to learn from, where there is room, spread along k, of all views in turn."""
        found = []
        for number in range(count if self.views else 0):
            view = self.views[number % len(self.views)]
            k, j, i = view.shape
            sides = zip(self.plan.size, view.shape, strict=True)
            # A network that wants multiples of something gets them, as while it learns.
            size = _axes(side * min(_LARGER, most // side) for side, most in sides)
            centre = (round(k * (number + 1) / (count + 1)), j // 2, i // 2)
            found.append(view.cut(self.plan, _around(centre, size, view.shape), size))
        return found


def _axes(values: Iterable[int]) -> Axes:
    k, j, i = values
    return k, j, i


def _one_of(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))


def _unravelled(place: int, shape: Axes) -> Axes:
    rest, i = divmod(place, shape[2])
    return rest // shape[1], rest % shape[1], i


def _around(centre: Axes, size: Axes, shape: Axes) -> Axes:
    """The first sample of a block about a place, inside a volume."""
    return _axes(min(max(c - n // 2, 0), most - n) for c, n, most in zip(centre, size, shape, strict=True))


def _fitted(volume: Tensor, plan: BlockPlan) -> Tensor:
    """A volume whose sizes are multiples of the factors: cut at its ends, or filled up if a block is larger."""
    pad: list[int] = []
    for axis, (size, factor) in enumerate(zip(plan.size, plan.factors, strict=True)):
        volume = volume.narrow(axis, 0, volume.shape[axis] - volume.shape[axis] % factor)
        pad = [0, max(size * factor - volume.shape[axis], 0), *pad]
    return functional.pad(volume, pad)


def _bounds(tissue: Tensor, least: int) -> tuple[int, int]:
    """Coarse samples from the first to before the last that are kept along an axis: tissue and one around, `least`."""
    count, filled = len(tissue), torch.nonzero(tissue)
    low, high = max(int(filled.min()) - 1, 0), min(int(filled.max()) + 2, count)
    if high - low < least:
        low = max(min(low - (least - (high - low)) // 2, count - least), 0)
        high = low + least
    return low, high


def _with_lead(volume: Tensor, bounds: Sequence[tuple[int, int]], plan: BlockPlan) -> Tensor:
    """The fine samples of some coarse ones with the plan's lead in front, which comes from the other end at an edge."""
    for axis, ((low, high), factor, lead) in enumerate(zip(bounds, plan.factors, plan.lead, strict=True)):
        place = torch.arange(low * factor - lead, high * factor) % volume.shape[axis]
        volume = volume.index_select(axis, place)
    return volume
