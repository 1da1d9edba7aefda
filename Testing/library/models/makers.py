"""Small model files, whole and broken."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mrienhance.methods import config_to_dict, get_method
from mrienhance.models import ModelCard, save_model

METHOD = get_method("iconet")
CONFIG = METHOD.Config(scale=2, channels=4, groups=1, blocks_per_group=1, heads=1)


def card(**changes: Any) -> ModelCard:
    """A complete card."""
    values: dict[str, Any] = {
        "name": "toy-x2",
        "version": "1.2.0",
        "method": METHOD.name,
        "task": "super-resolve",
        "summary": "A toy: é and µ are letters too.",
        "fidelity": "none",
        "paper": {"citation": "Nobody: Nothing. Nowhere, 2025", "doi": "10.0/0"},
        "contrasts_in": ["T1w"],
        "contrasts_out": ["T1w"],
        "scale": 2,
        "axes": "in-plane",
        "degradation": "k-space",
        "spacing_mm": [1, 2.5],
        "training": {"data": [{"name": "t1_brain", "licence": "CC0", "subjects": ["sub-01"]}], "steps": 3},
        "results": [
            {
                "data": "t1_brain",
                "subjects": ["sub-26"],
                "rows": [{"method": "toy-x2", "psnr_db": 33.5, "ssim": 0.95, "nmae": 0.01}],
            }
        ],
        "limits": ["It is a toy."],
        "intended_use": "Tests.",
        "licence": "Apache-2.0",
    }
    return ModelCard.from_dict({**values, **changes})


def state(*, seed: int = 0) -> dict[str, Tensor]:
    """Random weights that fit `CONFIG`."""
    torch.manual_seed(seed)
    module = METHOD.build(CONFIG)
    return {name: 0.1 * torch.randn_like(tensor) for name, tensor in module.state_dict().items()}


def write(path: Path, **changes: Any) -> Path:
    """Write a whole model file, whose card may differ."""
    save_model(path, method=METHOD.name, config=config_to_dict(CONFIG), card=card(**changes), state=state())
    return path


def take_apart(path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and weights."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def put_together(path: Path, header: Any, weights: bytes, *, length: int | None = None) -> Path:
    """Write a file of a header (text, or what becomes JSON) and weights."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + weights)
    return path


def change_about(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change what MRIEnhance wrote into the header."""
    header, weights = take_apart(path)
    about = json.loads(header["__metadata__"]["mrienhance"])
    change(about)
    header["__metadata__"]["mrienhance"] = json.dumps(about)
    return put_together(path, header, weights)
