"""What running out of memory looks like, and how much there is."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from mrienhance.inference.memory import LiveTensors, is_out_of_memory, machine_memory, memory_budget, peak_memory

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("Exception thrown in SimpleITK Image_Image: Failed to allocate memory for image."),
        MemoryError(),
    ],
)
def test_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("memory")])
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_the_allocator_of_this_torch_is_recognised() -> None:
    with pytest.raises(RuntimeError) as failure:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(failure.value)


def test_there_is_memory() -> None:
    assert 2**28 < memory_budget(CPU) == machine_memory() // 2
    assert 2**24 < (peak_memory(CPU) or 0) < 2**42


def test_live_tensors_are_counted_while_they_live() -> None:
    net = nn.Sequential(nn.Conv2d(1, 16, 1), nn.ReLU(inplace=True), nn.Conv2d(16, 1, 1))
    x = torch.rand(1, 1, 64, 64)
    with torch.inference_mode(), LiveTensors() as live:
        y = net(x)
    assert y.shape == x.shape
    assert live.peak == (16 + 1) * x.nbytes


def test_views_are_not_counted_twice() -> None:
    with LiveTensors() as live:
        x = torch.zeros(1000)
        parts = [x.view(10, 100), x[1:], x.expand(5, 1000)]
    assert len(parts) == 3
    assert live.peak == x.nbytes


RELEASE = """
import sys, torch
from pathlib import Path
from mrienhance.inference.allocator import keep_freed_memory
from mrienhance.inference.memory import release_memory
keep_freed_memory()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
parts = [torch.ones(2**20) for _ in range(64)]
ring = [parts]
ring.append(ring)
del parts, ring
before = resident()
release_memory()
sys.stdout.write(str(before - resident()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nobody says how much memory is held")
def test_memory_is_given_back() -> None:
    """256 MiB in a cycle, which the allocator would keep."""
    command = [sys.executable, "-c", RELEASE]
    given_back = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert given_back > 200 * 2**20
