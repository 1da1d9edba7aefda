"""Batch after batch through the network, down the ladder when memory runs out."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mrienhance.errors import ModelError
from mrienhance.inference.ladder import Plan, Work, first_plan, next_plan
from mrienhance.inference.memory import free_cache, is_out_of_memory
from mrienhance.inference.network import Network
from mrienhance.inference.progress import Cancel, ProgressTracker
from mrienhance.inference.tiles import TilePlan, plan_tiles
from mrienhance.inference.volumes import Inputs, Outputs, Piece


class Stream:
    """One volume on its way through the network.

    Parameters
    ----------
    network, inputs, work
        What runs, on what, and what is known about it.
    tracker, cancel
        Who is told, and who may stop it.

    Attributes
    ----------
    plan
        How the network is called now.
    fallbacks
        What was given up, in words.
    """

    plan: Plan
    _tiles: TilePlan
    _pieces: int

    def __init__(self, network: Network, inputs: Inputs, work: Work, tracker: ProgressTracker, cancel: Cancel) -> None:
        self.fallbacks: list[str] = []
        self._network, self._inputs, self._work = network, inputs, work
        self._tracker, self._cancel = tracker, cancel
        self._outputs = Outputs(inputs.count, inputs.size, work.tiling)
        self._done = 0  # pieces of the current plan
        self._batch = 0  # pieces in the network now

    def run(self, device: torch.device, precision: torch.dtype) -> dict[str, Tensor]:
        """Run all, beginning on this device in this precision."""
        self._network.place(device, precision)
        with self._network.working(self._step):
            if self._work.needs_measuring(device):
                self._measure()
            self._start(*first_plan(self._work, device, precision))
            while self._done < self._pieces:
                self._advance()
        return self._outputs.volumes()

    def _start(self, plan: Plan, notes: list[str]) -> None:
        """Go on by a new plan; where the tiles are others, from the first slice that is not complete."""
        slices = self._done // len(self._tiles.tiles) if self._done else 0
        new_tiles = not self._done or plan.edge != self.plan.edge
        self.plan = plan
        self.fallbacks += notes
        self._tiles = plan_tiles(self._work.size, self._work.tiling, edge=plan.edge)
        self._pieces = self._work.count * len(self._tiles.tiles)
        if new_tiles:
            self._outputs.clear_from(slices)
            self._done = slices * len(self._tiles.tiles)
        self._network.place(plan.device, plan.precision)

    def _advance(self) -> None:
        """One batch, or one step down the ladder."""
        numbers = range(self._done, min(self._done + self.plan.batch, self._pieces))
        pieces = [self._piece(number) for number in numbers]
        self._batch = len(pieces)
        answers = self._answers(pieces)
        if answers is None:
            self._descend()
        elif all(map(_is_finite, answers.values())):
            self._outputs.write(pieces, answers, self._tiles)
            self._done += len(pieces)
            self._batch = 0
            self._step(0.0)
        else:
            self._sharpen()

    def _answers(self, pieces: list[Piece]) -> dict[str, Tensor] | None:
        """What the network says; None if memory ran out."""
        try:
            return self._network(self._inputs.batch(pieces, self._tiles))
        except (RuntimeError, MemoryError) as error:
            # The traceback holds the tensors of the call until this block is left: what comes next waits for that.
            if not is_out_of_memory(error):
                raise
        return None

    def _descend(self) -> None:
        free_cache(self.plan.device)
        step = next_plan(self.plan, self._work)
        if step is None:
            raise MemoryError("out of memory")
        self._start(*step)
        self._tracker.restart()

    def _sharpen(self) -> None:
        """Go on in float32 after numbers became too large for fewer bits."""
        if self.plan.precision == torch.float32:
            raise ModelError("the network gave NaN or Inf", hint="this model does not suit this image: try another one")
        note = f"{self.plan.settings()} gave NaN or Inf: float32 from here"
        self._start(replace(self.plan, precision=torch.float32), [note])
        self._tracker.restart()

    def _measure(self) -> None:
        try:
            measured = self._network.measure(self._inputs.probe())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return
        self._work = replace(self._work, bytes_per_voxel=measured)

    def _piece(self, number: int) -> Piece:
        slice_number, tile = divmod(number, len(self._tiles.tiles))
        return slice_number, self._tiles.tiles[tile]

    def _step(self, fraction: float) -> None:
        """Before each layer: stop if asked, and say how far the work is."""
        self._cancel.check()
        if self._batch or self._done:
            self._tracker.at((self._done + fraction * self._batch) / self._pieces)


def _is_finite(answer: Tensor) -> bool:
    """Whether no value is NaN or infinite: such a value shows in the sum, which is several times faster to make."""
    return bool(answer.sum(dtype=torch.float32).isfinite()) or bool(answer.isfinite().all())
