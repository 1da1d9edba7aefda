"""How much memory there is, how much a network takes, and what running out of it looks like."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mrienhance.inference.allocator import give_back_freed_memory

# What an exception says when memory ran out, by allocator: CPU, ITK's, CUDA and MPS, cuDNN and cuBLAS.
_COMPLAINTS = (
    "not enough memory",
    "failed to allocate memory",
    "can't allocate memory",
    "out of memory",
    "alloc_failed",
)
_GIBIBYTE = 2**30


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch or SimpleITK means that memory ran out.

    Examples
    --------
    >>> from mrienhance.inference.memory import is_out_of_memory
    >>> is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"))
    True
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _COMPLAINTS)


def memory_budget(device: torch.device) -> int:
    """Bytes that a network may take on the device.

    On the CPU this is half of the memory of the machine (or of the control group), free or not: what happens to be free
    would make results depend on the hour. On CUDA it is what is free.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(0.8 * (free + cached))
    if device.type == "mps":
        return int(0.7 * torch.mps.recommended_max_memory())
    return machine_memory() // 2


def machine_memory() -> int:
    """Bytes of memory of the machine, or of the control group if that has less; 4 GiB if nothing can be found out."""
    found = [_physical_memory()]
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found.append(int(Path(place).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no control groups, or "max"
            continue
    return min(found)


def peak_memory(device: torch.device) -> int | None:
    """Largest memory in bytes: of the device since `reset_peak_memory`, or of this process since it began.

    None where it cannot be found out.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak_memory(device: torch.device) -> None:
    """Begin a new measurement where the device can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def free_cache(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def release_memory() -> None:
    """Give back all that nobody uses any more: to the devices, and to the operating system."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    give_back_freed_memory()


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of the tensors made while it is active: how much memory a network takes, on any device.

    Kernels' workspaces and the allocator's losses are not seen.

    Attributes
    ----------
    peak
        Largest number of bytes alive at one time.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.inference.memory import LiveTensors
    >>> with LiveTensors() as live:
    ...     y = torch.zeros(1000).add(1).sum()
    >>> live.peak
    8000
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._live: dict[int, int] = {}
        self._sum = 0

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._live:
            return
        self._live[key] = storage.nbytes()
        self._sum += storage.nbytes()
        self.peak = max(self.peak, self._sum)
        weakref.finalize(storage, self._drop, key).atexit = False

    def _drop(self, key: int) -> None:
        self._sum -= self._live.pop(key)


def _physical_memory() -> int:
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 4 * _GIBIBYTE


def _windows_memory() -> int:
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    # windll exists on Windows alone, which type checkers elsewhere do not know.
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009
    if not kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return 4 * _GIBIBYTE
    return kilobytes.value * 1024
