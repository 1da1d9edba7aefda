"""Several processes that train as one: what they tell one another, through torch.distributed.

Gradients are averaged here, not by `DistributedDataParallel`: its reducer expects one forward call for one backward
pass that reaches every parameter. The methods here call a module several times a step, take the gradient of a gradient,
let a discriminator rest while its verdict is passed on, and take several optimisation steps from one forward pass.
Averaging what is there once a loss has gone backward is right for all of these, and gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.rank_zero import rank_zero_only
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from mrienhance.errors import MRIEnhanceError

T = TypeVar("T")
_BUCKET = 25 * 2**20
"""Bytes of gradients that are sent at once."""


class Elsewhere(MRIEnhanceError):
    """Another process of this training has stopped.

    Parameters
    ----------
    said
        Whether it says why.
    """

    def __init__(self, *, said: bool = False) -> None:
        super().__init__("another process of this training has stopped", hint="see what it says, or why it was ended")
        self.said = said


class Team:
    """The processes of a training; alone, everything here does nothing.

    Parameters
    ----------
    fabric
        Launched Fabric.
    sharded
        Whether networks are sharded: their gradients are then averaged as they arise.

    Attributes
    ----------
    size, rank, local
        How many processes there are, which one this is, and how many are on this machine.
    """

    def __init__(self, fabric: Fabric, *, sharded: bool = False) -> None:
        self.size, self.rank, self.device = fabric.world_size, fabric.global_rank, fabric.device
        self.local: int = getattr(fabric.strategy, "num_processes", 1)
        self.sharded = sharded and self.size > 1
        # What is agreed upon step by step goes from CPU to CPU: a GPU would have to be waited for.
        on_gpu = self.size > 1 and distributed.get_backend() != "gloo"
        self._talk = distributed.new_group(backend="gloo") if on_gpu else None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def agreed(self, numbers: Sequence[float]) -> list[float]:
        """Numbers that all processes give, added up.

        Raises
        ------
        Elsewhere
            If another process is gone.
        """
        if self.size == 1:
            return list(numbers)
        told = torch.tensor(numbers, dtype=torch.float64)
        _send(told, self._talk)
        return told.tolist()

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        return self.agreed([float(flag)])[0] > 0

    def together(self, work: Callable[[], T]) -> T:
        """Do something in each process and wait for all; if it is refused in any of them, all stop.

        Raises
        ------
        Exception
            In the first process where something was raised, that; in the others, `Elsewhere`.
        """
        refused: Exception | None = None
        try:
            result = work()
        except Exception as error:
            refused = error
        if self.size > 1:
            refusals = self.agreed([float(refused is not None and rank == self.rank) for rank in range(self.size)])
            if any(refusals) and refusals.index(1) != self.rank:
                raise Elsewhere(said=True)
        if refused is not None:
            raise refused
        return result

    def on_first(self, work: Callable[[], T]) -> T | None:
        """Do something in the first process alone, `together` with the others, which wait for it."""
        return self.together(lambda: work() if self.first else None)

    def total(self, values: Tensor) -> Tensor:
        """A tensor that all processes give, added up, on its device; the same one alone."""
        if self.size > 1:
            values = values.clone()
            _send(values, None)
        return values

    def average(self, values: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, which all have tensors of the same shapes."""
        if self.size == 1:
            return
        for bucket in _buckets(values):
            flat = torch.cat([value.reshape(-1) for value in bucket])
            _send(flat, None)
            flat /= self.size
            for value, part in zip(bucket, flat.split([value.numel() for value in bucket]), strict=True):
                value.copy_(part.view(value.shape))

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average gradients; a process to whose part of a step a parameter says nothing counts with 0."""
        if self.size == 1 or self.sharded:
            return
        there = self.agreed([float(parameter.grad is not None) for parameter in parameters])
        used = [parameter for parameter, count in zip(parameters, there, strict=True) if count]
        for parameter in used:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.average([parameter.grad for parameter in used if parameter.grad is not None])

    def gathered(self, values: Tensor) -> Tensor:
        """What each process gives, stacked in the order of ranks, on the CPU."""
        if self.size == 1:
            return values.cpu()[None]
        # Bytes are added to nothing: no collective but the sum is needed, and every backend has it.
        every = torch.zeros((self.size, *values.shape), dtype=values.dtype)
        every[self.rank] = values.cpu()
        _send(every, self._talk)
        return every

    def close(self) -> None:
        """End the processes' connection, once all have come here."""
        if self.size > 1 and distributed.is_initialized():
            self.any(False)
            distributed.destroy_process_group()


def _send(values: Tensor, group: Any) -> None:
    """Add up over the processes, in place."""
    try:
        distributed.all_reduce(values, group=group)
    except RuntimeError as error:
        raise Elsewhere() from error


def _buckets(values: Iterable[Tensor]) -> Iterable[list[Tensor]]:
    bucket: list[Tensor] = []
    room = _BUCKET
    for value in values:
        if bucket and (bucket[0].dtype != value.dtype or value.nbytes > room):
            yield bucket
            bucket, room = [], _BUCKET
        bucket.append(value)
        room -= value.nbytes
    if bucket:
        yield bucket


def is_first() -> bool:
    """Whether this process is the first of those that train, or the only one."""
    return not getattr(rank_zero_only, "rank", 0)


def whole(value: Tensor) -> Tensor:
    """All of a tensor of which each process may have a shard; all processes together."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def distributed_like(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, sharded as another one is, if that is; a scalar stays as it is."""
    if isinstance(like, DTensor) and value.ndim:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return value
