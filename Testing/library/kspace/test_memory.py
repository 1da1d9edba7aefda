"""Samples are read into the memory where they stay."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

SHAPE = (2, 15, 640, 368)

READ = """
import re, sys
from pathlib import Path
import h5py, numpy, torch
from mrienhance.kspace import read_kspace

def memory(what):
    return 1024 * int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = memory("VmRSS")
for path in sys.argv[1:]:
    kspace = read_kspace(path)
    size = kspace.samples.numel() * 8
    del kspace
    print((memory("VmHWM") - before) / size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak memory since it began")
def test_samples_are_in_memory_once(tmp_path: Path) -> None:
    """Two slices of 15 coils, 56 MB: the most memory ever taken is little more than that; a copy would double it."""
    data = np.ones(SHAPE, dtype=np.complex64)
    data.real += np.random.default_rng(0).random(SHAPE[-1])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = data
    np.save(tmp_path / "b.npy", data)
    np.savez(tmp_path / "c.npz", kspace=data)
    command = [sys.executable, "-c", READ, *sorted(map(str, tmp_path.iterdir()))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peaks = [float(line) for line in done.stdout.split()]
    assert 1 < peaks[0] <= peaks[-1] < 1.5
