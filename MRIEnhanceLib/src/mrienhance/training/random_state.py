"""The random generators that a process has of its own, as tensors: Python's, NumPy's, torch's, the GPU's.

The library draws from generators of its own (`draw.step_generator`); these are for methods that draw elsewhere, such as
dropout.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_PYTHON_VERSION = 3
"""Of what `random.getstate` gives."""


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of all of them; the GPU's only where `device` is one."""
    version, words, normal = random.getstate()
    assert version == _PYTHON_VERSION
    _, keys, place, has_normal, cached = np.random.get_state(legacy=True)
    state = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python/normal": torch.tensor(math.nan if normal is None else normal, dtype=torch.float64),
        "numpy": torch.tensor([*np.asarray(keys).tolist(), place, has_normal], dtype=torch.int64),
        "numpy/normal": torch.tensor(cached, dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    return state | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def restore_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Set them to what `random_state` gave; a GPU's state is left out where there is no GPU, and the other way round.

    Raises
    ------
    KeyError, ValueError
        If it is not such a state.
    """
    normal = float(state["python/normal"])
    words = tuple(state["python"].tolist())
    random.setstate((_PYTHON_VERSION, words, None if math.isnan(normal) else normal))
    *keys, place, has_normal = state["numpy"].tolist()
    cached = float(state["numpy/normal"])
    np.random.set_state(("MT19937", np.array(keys, np.uint32), place, has_normal, cached))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
