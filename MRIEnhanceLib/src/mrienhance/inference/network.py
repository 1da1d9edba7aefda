"""One call of a network: placed on its device, in its precision, watched while it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mrienhance.inference.devices import synchronize
from mrienhance.inference.memory import LiveTensors
from mrienhance.methods.base import Tiling

_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


class Runs(Protocol):
    """What is needed of a method to run its network: `mrienhance.methods.Method` has it all."""

    @property
    def title(self) -> str:
        """What users read."""

    def tiling(self, config: Any) -> Tiling:
        """Say how the network may be fed."""

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Call the network."""


class Network:
    """A method's module, ready to be called with batches from the CPU.

    Parameters
    ----------
    module, method
        The network, and how it is called. `place` moves the module.
    ndim
        Tiled axes: 2 or 3.

    Attributes
    ----------
    seconds
        Time that all calls took.
    """

    def __init__(self, module: nn.Module, method: Runs, *, ndim: int) -> None:
        self.seconds = 0.0
        self._module, self._method, self._ndim = module, method, ndim
        self._device, self._precision = torch.device("cpu"), torch.float32
        self._layers, self._layers_last_time = 0, 0

    def place(self, device: torch.device, precision: torch.dtype) -> None:
        """Move the module to the device, with channels last in memory where that is faster."""
        self._device, self._precision = device, precision
        self._module.to(device)
        if device.type != "mps":
            for parameter in self._module.parameters():
                if parameter.ndim == self._ndim + 2:
                    parameter.data = parameter.data.contiguous(memory_format=_CHANNELS_LAST[self._ndim])

    @contextmanager
    def working(self, step: Callable[[float], None]) -> Iterator[None]:
        """Evaluation mode until the end of the block, and each layer watched.

        Parameters
        ----------
        step
            Called before each layer with the fraction of this call that is done; may raise to stop.
        """

        def watch(layer: nn.Module, arguments: Any) -> None:
            self._layers += 1
            step(min(self._layers / self._layers_last_time, 1.0) if self._layers_last_time else 0.0)

        training = self._module.training
        self._module.eval()
        hooks = [layer.register_forward_pre_hook(watch) for layer in self._module.modules()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._module.train(training)

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the network on a batch of CPU tensors; the answers stay on the device."""
        began = time.perf_counter()
        self._layers = 0
        autocast = torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32)
        with torch.inference_mode(), autocast:
            answers = self._method.run(self._module, {name: part.to(self._device) for name, part in inputs.items()})
        synchronize(self._device)
        self._layers_last_time = self._layers
        self.seconds += time.perf_counter() - began
        return answers

    def measure(self, inputs: Mapping[str, Tensor]) -> float:
        """Peak bytes of the tensors of a call, per voxel of its image."""
        live = LiveTensors()
        with live:
            self(inputs)
        self.seconds = 0.0
        return live.peak / inputs["image"].numel()


def channels_last(shape: tuple[int, ...]) -> Tensor:
    """An empty tensor whose strides say "channels last" even for one channel, so that the first layer follows them."""
    return torch.empty(shape, memory_format=_CHANNELS_LAST[len(shape) - 2])
