"""How the processes of a training are started: plainly, by torchrun, or under SLURM.

Lightning Fabric starts the processes, or finds those that torchrun or SLURM started, and sets up torch.distributed.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import distributed, nn
from torch.distributed.tensor import DTensor

from mrienhance.errors import UsageError

STRATEGIES = ("auto", "ddp", "fsdp")


class Replicas(DDPStrategy):
    """Processes with a copy of each network, which Fabric leaves as it is."""

    def setup_module(self, module: nn.Module) -> Any:
        """The module, with the first process's weights and buffers."""
        for value in (*module.parameters(), *module.buffers()):
            if not isinstance(value, DTensor):
                distributed.broadcast(value.data, src=0)
        return module


def make_fabric(*, accelerator: str, devices: int | str, nodes: int, strategy: str, precision: str) -> Fabric:
    """Find the devices and the processes; nothing is started yet.

    Under torchrun and under SLURM their number is known, and need not be given.

    Parameters
    ----------
    accelerator, devices, nodes
        As in Lightning Fabric.
    strategy
        One of `STRATEGIES`.
    precision
        Fabric's name of one.

    Raises
    ------
    UsageError
        If what is asked for is not there, or contradicts what the processes were started with.
    """
    if strategy not in STRATEGIES:
        raise UsageError(f"there is no strategy {strategy!r}", hint=f"strategies: {', '.join(STRATEGIES)}")
    devices, nodes = _started(devices, nodes)
    count = devices if isinstance(devices, int) else _devices(accelerator)
    if precision == "16-mixed" and (accelerator == "cpu" or not torch.cuda.is_available()):
        raise UsageError("16-mixed needs a GPU", hint="use bf16-mixed or 32-true")
    if strategy == "fsdp" and precision == "16-mixed":
        raise UsageError("16-mixed does not go with sharding", hint="use bf16-mixed, or --strategy ddp")
    several = count * nodes > 1
    if several and hasattr(sys, "ps1"):
        raise UsageError("several devices need a program, not a console", hint="use the command mrienhance train")
    # Which process is which is no news to a user.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        return Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=Replicas() if several else "auto",
            precision=precision,  # type: ignore[arg-type]
        )
    except (ValueError, RuntimeError, MisconfigurationException) as error:
        raise UsageError(" ".join(str(error).split()), hint="check --accelerator, --devices and --nodes") from None


def _started(devices: int | str, nodes: int) -> tuple[int | str, int]:
    """Devices of a machine and machines, as torchrun or SLURM has started processes."""
    found = _torchrun() or _slurm()
    if found is None:
        return devices, nodes
    if isinstance(devices, int) and devices != found[0]:
        started = f"{found[0]} processes were started on each machine"
        raise UsageError(f"{started}, not {devices}", hint="leave out --devices, or start as many")
    if nodes not in (1, found[1]):
        raise UsageError(f"processes were started on {found[1]} machines, not {nodes}", hint="leave out --nodes")
    return found


def _torchrun() -> tuple[int, int] | None:
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return local, world // local


def _slurm() -> tuple[int, int] | None:
    # In an interactive shell of a job there is one process, whatever the job has been given.
    if "SLURM_NTASKS" not in os.environ or os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return None
    tasks, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ.get("SLURM_NNODES", 1))
    return tasks // nodes, nodes


def _devices(accelerator: str) -> int:
    """How many devices `"auto"` means."""
    on_gpu = accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    return 1 if not on_gpu or hasattr(sys, "ps1") else torch.cuda.device_count()
