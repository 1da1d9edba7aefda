"""BART (mrirecon.github.io/bart) as an oracle: a command run on arrays, through its files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def bart(command: str, *inputs: Tensor, outputs: int = 1) -> list[Tensor]:
    """Run ``bart COMMAND in0 in1 ... out0 ...`` on one thread and give its outputs as complex64.

    BART's first axis is the fastest in memory: its (x, y, z, coil, maps) are the axes (maps, coil, z, y, x) here, so
    that an image (H, W) has W along x. Axes of size 1 in front are left out, as BART itself has no number of axes.
    """
    program = shutil.which("bart")
    assert program, "BART is missing: sudo apt-get install bart"
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / f"in{number}") for number in range(len(inputs))]
        results = [str(Path(folder) / f"out{number}") for number in range(outputs)]
        for name, array in zip(names, inputs, strict=True):
            write_cfl(name, array)
        run = subprocess.run(
            [program, *command.split(), *names, *results],
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert run.returncode == 0, f"bart {command}: {run.stdout} {run.stderr}"
        return [read_cfl(name) for name in results]


def write_cfl(name: str, array: Tensor) -> None:
    values = np.ascontiguousarray(array.detach().resolve_conj().cpu().numpy(), dtype="<c8")
    Path(f"{name}.hdr").write_text("# Dimensions\n" + " ".join(map(str, values.shape[::-1])) + "\n")
    values.tofile(f"{name}.cfl")


def read_cfl(name: str) -> Tensor:
    shape = [int(word) for word in Path(f"{name}.hdr").read_text().splitlines()[1].split()]
    while len(shape) > 2 and shape[-1] == 1:
        shape.pop()
    return torch.from_numpy(np.fromfile(f"{name}.cfl", dtype="<c8").reshape(shape[::-1]))
