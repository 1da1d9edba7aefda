"""Slices of raw data through a reconstruction, batch after batch, whatever the machine's memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mrienhance.errors import ModelError, OutOfMemory
from mrienhance.inference.devices import describe_device, synchronize
from mrienhance.inference.ladder import MARGIN, USEFUL_VOXELS, Plan
from mrienhance.inference.memory import (
    LiveTensors,
    free_cache,
    is_out_of_memory,
    machine_memory,
    memory_budget,
    peak_memory,
    reset_peak_memory,
)
from mrienhance.inference.predictor import Notes
from mrienhance.inference.progress import Cancel, Progress, ProgressTracker

Tensors: TypeAlias = Mapping[str, Tensor]

# Copies of a slice's data that any reconstruction holds at least: samples, maps, coil images, their spectra.
_LEAST_COPIES = 4
_HINT = "close other programs, or give fewer coils"


class Watch(TorchFunctionMode):
    """Calls a function before every operation of torch, in any code and on any device.

    Parameters
    ----------
    step
        Called with the number of operations so far; may raise to stop.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.inference.slices import Watch
    >>> seen = []
    >>> with Watch(seen.append):
    ...     x = torch.ones(3).add(1).sum()
    >>> seen
    [1, 2, 3]
    """

    def __init__(self, step: Callable[[int], None]) -> None:
        super().__init__()
        self._step, self._count = step, 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._count += 1
        self._step(self._count)
        return func(*args, **(kwargs or {}))


class SliceRunner:
    """Runs a reconstruction on slices.

    Whole slices alone make sense here, since each sample of k-space sees all of one: when memory runs out, the batch is
    halved, then the CPU takes over; `Notes.fallbacks` tells.

    Parameters
    ----------
    call
        Makes answers (batch, ...) by name, real, of inputs (batch, ...) by name.
    module
        The network inside, which follows from device to device and is left there; None without one.
    device, precision
        As `choose_device` and `choose_precision` give them.
    batch
        Slices of a call; None to choose.
    progress, cancel
        Told how far the work is; stops it before the next operation.
    text
        What progress says is being done.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.inference.slices import SliceRunner
    >>> data, sums = torch.ones(3, 4, 8, 8), []
    >>> runner = SliceRunner(lambda inputs: {"sum": inputs["x"].sum(1)}, device=torch.device("cpu"))
    >>> notes = runner.run(3, lambda at: {"x": data[at]}, lambda at, found: sums.append(found["sum"].shape))
    >>> sums
    [torch.Size([3, 8, 8])]
    """

    def __init__(
        self,
        call: Callable[[Tensors], Tensors],
        *,
        module: nn.Module | None = None,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        batch: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        text: str = "",
    ) -> None:
        self._call, self._module, self._asked = call, module, batch
        self._plan = Plan(device=device, precision=precision, batch=batch or 1, edge=None)
        self._progress, self._cancel, self._text = progress, cancel or Cancel(), text
        self._fallbacks: list[str] = []
        self._seconds, self._operations = 0.0, 0

    def run(self, count: int, take: Callable[[slice], Tensors], give: Callable[[slice, Tensors], None]) -> Notes:
        """Run all slices.

        Parameters
        ----------
        count
            How many there are.
        take
            Gives the inputs of some slices, on the CPU, its last two axes those of a slice.
        give
            Takes the answers on these slices, on the device.

        Raises
        ------
        Cancelled
            If somebody asked to stop.
        ModelError
            If the answers are NaN or infinite in float32.
        OutOfMemory
            If memory does not suffice for one slice on the CPU.
        """
        began = time.perf_counter()
        device = self._plan.device
        reset_peak_memory(device)
        training = self._module is not None and self._module.training
        try:
            self._all(count, take, give)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory("not enough memory, even for one slice on the CPU", hint=_HINT) from None
        finally:
            if self._module is not None:
                self._module.train(training)
        return Notes(
            device=describe_device(self._plan.device),
            precision=str(self._plan.precision).removeprefix("torch."),
            batch=self._plan.batch,
            tile=None,
            seconds_network=self._seconds,
            seconds_total=time.perf_counter() - began,
            peak_memory_bytes=peak_memory(device),
            fallbacks=tuple(self._fallbacks),
        )

    def _all(self, count: int, take: Callable[[slice], Tensors], give: Callable[[slice, Tensors], None]) -> None:
        tracker = ProgressTracker(count, self._progress, self._text)
        self._place()
        done = 0
        # On a GPU the first slice shows what one takes; on the CPU its caches say how many are useful.
        measure = self._asked is None and self._plan.device.type != "cpu"
        while done < count:
            self._cancel.check()
            at = slice(done, min(done + self._plan.batch, count))
            inputs = take(at)
            if done == 0 and not self._fallbacks:
                _refuse_giant(inputs)
                if self._asked is None and not measure:
                    self._plan = replace(self._plan, batch=_useful(self._plan.device, inputs))
                    at = slice(0, min(self._plan.batch, count))
                    inputs = take(at)
            live = LiveTensors() if measure else None
            answers = self._answers(inputs, at, tracker, live)
            if answers is None:
                self._descend()
                tracker.restart()
            elif all(bool(answer.isfinite().all()) for answer in answers.values()):
                give(at, answers)
                done = at.stop
                tracker.at(done)
                if live is not None:
                    self._plan = replace(self._plan, batch=_affordable(self._plan.device, inputs, live.peak))
                    measure = False
            else:
                self._sharpen()
                tracker.restart()
        tracker.finish()

    def _answers(
        self, inputs: Tensors, at: slice, tracker: ProgressTracker, live: LiveTensors | None
    ) -> Tensors | None:
        """What comes out; None if memory ran out."""
        began, seen = time.perf_counter(), 0

        def step(operations: int) -> None:
            nonlocal seen
            self._cancel.check()
            seen = operations
            if self._operations:
                tracker.at(at.start + min(operations / self._operations, 1.0) * (at.stop - at.start))

        device, precision = self._plan.device, self._plan.precision
        autocast = nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)
        try:
            with torch.inference_mode(), autocast, Watch(step), live or nullcontext():
                answers = self._call({name: part.to(device) for name, part in inputs.items()})
            synchronize(device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        self._operations = seen
        self._seconds += time.perf_counter() - began
        return answers

    def _descend(self) -> None:
        plan = self._plan
        said = f"memory ran out ({_settings(plan)})"
        free_cache(plan.device)
        if plan.batch > 1:
            self._plan = replace(plan, batch=plan.batch // 2)
            self._fallbacks.append(f"{said}: batch {self._plan.batch}")
        elif plan.device.type != "cpu":
            self._plan = Plan(device=torch.device("cpu"), precision=torch.float32, batch=1, edge=None)
            self._fallbacks.append(f"{said}: on the CPU from here")
            self._place()
        else:
            raise MemoryError("out of memory")

    def _sharpen(self) -> None:
        if self._plan.precision == torch.float32:
            raise ModelError("the reconstruction gave NaN or Inf", hint="it does not suit these data: try another one")
        self._fallbacks.append(f"{_settings(self._plan)} gave NaN or Inf: float32 from here")
        self._plan = replace(self._plan, precision=torch.float32)

    def _place(self) -> None:
        if self._module is not None:
            self._module.to(self._plan.device).eval()


def _settings(plan: Plan) -> str:
    return f"{plan.device.type}, {str(plan.precision).removeprefix('torch.')}, batch {plan.batch}"


def _pixels(inputs: Tensors) -> tuple[int, int]:
    """Slices, and pixels of one."""
    largest = max(inputs.values(), key=Tensor.numel)
    return len(largest), largest.shape[-2] * largest.shape[-1]


def _refuse_giant(inputs: Tensors) -> None:
    """Refuse what the system would end the process for, rather than raise an error."""
    count, _ = _pixels(inputs)
    needed = _LEAST_COPIES * sum(part.nbytes for part in inputs.values()) // (2 * count)
    if needed > machine_memory():
        raise OutOfMemory(f"one slice takes {needed / 2**30:.0f} GiB at least, more than there is", hint=_HINT)


def _useful(device: torch.device, inputs: Tensors) -> int:
    return max(1, USEFUL_VOXELS[device.type] // _pixels(inputs)[1])


def _affordable(device: torch.device, inputs: Tensors, peak: int) -> int:
    """Slices of a call that fit into memory, and of which more gain nothing."""
    count, _ = _pixels(inputs)
    return max(1, min(_useful(device, inputs), int(memory_budget(device) / (MARGIN * max(peak, 1) / count))))
