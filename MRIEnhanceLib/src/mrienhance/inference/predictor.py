"""Running a network on a whole volume, whatever its size and the machine's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from mrienhance.errors import OutOfMemory
from mrienhance.inference.devices import describe_device
from mrienhance.inference.ladder import Work
from mrienhance.inference.memory import is_out_of_memory, peak_memory, reset_peak_memory
from mrienhance.inference.network import Network, Runs
from mrienhance.inference.progress import Cancel, Progress, ProgressTracker
from mrienhance.inference.stream import Stream
from mrienhance.inference.volumes import Inputs

_OUT_OF_MEMORY_HINT = "close other programs, or crop the image"


@dataclass(frozen=True, kw_only=True)
class Notes:
    """How a prediction was made.

    Attributes
    ----------
    device, precision
        Where and in which arithmetic the last part ran: ``"cuda:0 (NVIDIA H200)"``, ``"bfloat16"``.
    batch
        Slices or tiles of a call, at the end.
    tile
        Longest side of the tiles in input voxels, at the end; None for whole slices or volumes.
    seconds_network, seconds_total
        Time of the network, and of all.
    peak_memory_bytes
        Peak of the GPU's memory during the work, or of the process since it began; None if unknown.
    fallbacks
        What was given up when memory was short, and what that may have changed.
    """

    device: str
    precision: str
    batch: int
    tile: int | None
    seconds_network: float
    seconds_total: float
    peak_memory_bytes: int | None
    fallbacks: tuple[str, ...]


class Prediction(NamedTuple):
    """Volumes (k, j, i) by name, float32 on the CPU, and how they were made."""

    volumes: dict[str, Tensor]
    notes: Notes


class Predictor:
    """Runs a method's network on volumes.

    Slices (or a volume) are streamed through the network in batches. Tiles of a local network give what the whole
    would; a network that looks at the whole image is given it whole unless memory is short. When memory runs out, the
    batch is halved, then tiles are made and halved, then the CPU takes over; `Notes.fallbacks` tells.

    Parameters
    ----------
    module, method, config
        What was built, by what (a `Method`, or what runs its network in another way), from what. The module is moved to
        the device and left there.
    device, precision
        As `choose_device` and `choose_precision` give them.
    batch
        Slices or tiles of a call; ``"auto"`` or None to choose.
    tile
        Largest side of a tile in input voxels, overlap included; None for whole images while they fit.
    progress
        Who is told how far the work is.
    cancel
        Stops the work before its next layer.
    text
        What progress says is being done; the method's title if empty.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.inference import Predictor
    >>> from mrienhance.methods import get_method
    >>> method = get_method("iconet")
    >>> config = method.Config(scale=2, channels=8, groups=1, blocks_per_group=1)
    >>> predictor = Predictor(method.build(config), method, config, torch.device("cpu"), torch.float32)
    >>> predictor.run(torch.rand(3, 20, 24)).volumes["image"].shape
    torch.Size([3, 40, 48])
    """

    def __init__(
        self,
        module: nn.Module,
        method: Runs,
        config: Any,
        device: torch.device,
        precision: torch.dtype,
        *,
        batch: int | Literal["auto"] | None = "auto",
        tile: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        text: str = "",
    ) -> None:
        self._module, self._method, self._tiling = module, method, method.tiling(config)
        self._device, self._precision = device, precision
        self._batch, self._edge = None if batch == "auto" else batch, tile
        self._progress, self._cancel, self._text = progress, cancel or Cancel(), text or method.title

    def run(self, volume: Tensor | Mapping[str, Tensor]) -> Prediction:
        """Run the network.

        Parameters
        ----------
        volume
            The image (k, j, i), brightest tissue about 1; or several inputs by name, ``"image"`` among them.

        Raises
        ------
        Cancelled
            If somebody asked to stop.
        UsageError
            If the tile is too small for the network.
        ModelError
            If the network gives NaN or Inf in float32.
        OutOfMemory
            If memory does not suffice, whatever is given up.
        ValueError
            If shapes do not fit.
        """
        try:
            return self._run({"image": volume} if isinstance(volume, Tensor) else volume)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        raise OutOfMemory("not enough memory, even for small tiles on the CPU", hint=_OUT_OF_MEMORY_HINT)

    def _run(self, volumes: Mapping[str, Tensor]) -> Prediction:
        began = time.perf_counter()
        reset_peak_memory(self._device)
        inputs = Inputs(volumes, self._tiling)
        network = Network(self._module, self._method, ndim=self._tiling.ndim)
        tracker = ProgressTracker(1.0, self._progress, self._text)
        work = Work(count=inputs.count, size=inputs.size, tiling=self._tiling, batch=self._batch, edge=self._edge)
        stream = Stream(network, inputs, work, tracker, self._cancel)
        volumes = stream.run(self._device, self._precision)
        tracker.finish()
        edge = stream.plan.edge
        notes = Notes(
            device=describe_device(stream.plan.device),
            precision=str(stream.plan.precision).removeprefix("torch."),
            batch=stream.plan.batch,
            tile=edge if edge is None or isinstance(edge, int) else max(edge),
            seconds_network=network.seconds,
            seconds_total=time.perf_counter() - began,
            peak_memory_bytes=peak_memory(self._device),
            fallbacks=tuple(stream.fallbacks),
        )
        return Prediction(volumes, notes)
