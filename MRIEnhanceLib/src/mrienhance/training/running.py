"""Running values of networks that learn: means over a training and the like, which a forward pass changes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mrienhance.training.parallel import Team


class RunningValues:
    """The buffers of some modules.

    A forward pass in one process changes them once a step. Where a step is split over processes or parts, each begins
    with the same values, and the mean of what they make of them counts: of a running mean that is what the whole step
    would have made of it.

    Parameters
    ----------
    modules
        Those that learn; what several of them have in common is looked at once.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        places = {
            (id(owner), name): (owner, name)
            for module in modules
            for owner in module.modules()
            for name, value in owner.named_buffers(recurse=False)
            if value.is_floating_point()
        }
        self._places = list(places.values())
        self._start: list[Tensor] = []
        self._given: list[tuple[Tensor, int]] = []
        self._made: list[list[Tensor]] = []
        self._changed: set[int] = set()

    def begin(self, part: int, *, last: int) -> None:
        """Before a part of a step, from 0 to `last`: all begin with the same values."""
        if part == 0:
            self._made, self._changed = [], set()
            self._start = [value.clone() for value in self._now()] if last else []
        elif self._made:
            self._set(range(len(self._places)), [value.clone() for value in self._start])
        self._given = [(value, value._version) for value in self._now()]

    def end(self) -> None:
        """After a part."""
        now = self._now()
        for place, (value, (given, version)) in enumerate(zip(now, self._given, strict=True)):
            if value is not given or value._version != version:
                self._changed.add(place)
        self._made.append(now)

    def settle(self, team: Team) -> None:
        """After all parts: what they and the other processes made is averaged, where it was changed."""
        if not self._made or (len(self._made) == 1 and team.size == 1):
            return
        places = sorted(self._changed)
        means = [torch.stack([made[place] for made in self._made]).mean(0) for place in places]
        team.average(means)
        self._set(places, means)

    def _now(self) -> list[Tensor]:
        return [owner.get_buffer(name) for owner, name in self._places]

    def _set(self, places: Iterable[int], values: Iterable[Tensor]) -> None:
        for place, value in zip(places, values, strict=True):
            owner, name = self._places[place]
            setattr(owner, name, value)
