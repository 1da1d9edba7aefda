"""Small raw data and small models for the tests of reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mrienhance.kspace import KSpace, Placement
from mrienhance.methods import config_to_dict, get_method
from mrienhance.models import ModelCard, save_model
from mrienhance.physics import (
    CoilArray,
    SmoothPhase,
    make_mask,
    shepp_logan,
    simulate_kspace,
    to_centred,
    to_centred_kspace,
)
from tasks.samples import OBLIQUE

SIZE = (48, 40)
"""Rows and columns of the scan below."""


def phantom(slices: int = 2, shape: Sequence[int] = SIZE) -> Tensor:
    """Magnitudes (slice, H, W); every slice is darker than the one before."""
    image = shepp_logan().scan((shape[0], shape[1])).abs().float()
    return torch.stack([image * 0.9**number for number in range(slices)])


def scan(
    slices: int = 2,
    *,
    coils: int = 6,
    acceleration: float = 3.0,
    noise: float = 0.002,
    shape: Sequence[int] = SIZE,
    geometry: bool = True,
    seed: int = 0,
    **changes: Any,
) -> KSpace:
    """An accelerated scan of the phantom, oblique in space; `changes` replaces fields."""
    rows, columns = shape[0], shape[1]
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(rows, columns)
    if acceleration > 1:
        drawn = make_mask(
            "random-lines", (rows, columns), acceleration=acceleration, generator=generator, center_fraction=0.25
        )
        mask = drawn.expand(rows, columns)
    array = CoilArray.random(coils, generator=generator)
    phase = SmoothPhase.random(0.5, generator=generator)
    kspace = simulate_kspace(
        phantom(slices, shape), array, phase=phase, noise=noise, mask=mask, generator=generator
    ).to(torch.complex64)
    place = Placement(
        size=(columns, rows, slices), spacing=(1.1, 0.9, 4.0), origin=(-20.0, 31.5, 7.25), direction=OBLIQUE
    )
    made = KSpace(
        samples=to_centred_kspace(kspace),
        mask=to_centred(mask).bool(),
        crop=(rows, columns),
        geometry=place if geometry else None,
        source="phantom",
    )
    return replace(made, **changes)


def tiny_reconstructor(path: Path, *, variant: str = "plain", seed: int = 0, trained: bool = True, **card: Any) -> Path:
    """Write a small model to reconstruct with; `card` changes its card."""
    method = get_method("lf_mri")
    config = method.variants()[variant]
    facts: dict[str, Any] = {
        "name": path.stem,
        "version": "1.0.0",
        "method": method.name,
        "task": "reconstruct",
        "summary": "A toy for tests.",
        "fidelity": method.paper.fidelity,
        "paper": {"citation": method.paper.citation, "doi": method.paper.doi},
        "contrasts_in": ("T1w",),
        "contrasts_out": ("T1w",),
        "spacing_mm": (0.5, 2.0),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = method.build(config).state_dict()
    if trained:  # at initialisation the denoisers change nothing
        generator = torch.Generator().manual_seed(seed)
        state = {
            name: value + 0.05 * torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
            for name, value in state.items()
        }
    save_model(path, method=method.name, config=config_to_dict(config), card=ModelCard(**facts | card), state=state)
    return path
