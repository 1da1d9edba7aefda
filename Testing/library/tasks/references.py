"""Toy models that show where a reference lies, and images that are functions of the place in space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from inference.toys import Toy, ToyConfig
from mrienhance.images import Grid
from mrienhance.methods import ReferenceUse, Tiling
from mrienhance.models import Model, ModelCard


class Repeat(nn.Module):
    """Repeats voxels, and gives the reference back where there is one; adds what no measurement agrees with."""

    def __init__(self, scales: Sequence[int], extra: float) -> None:
        super().__init__()
        self.scales, self.extra = scales, extra

    def forward(self, image: Tensor, reference: Tensor | None = None) -> Tensor:
        """Repeat along each axis."""
        for axis, scale in enumerate(self.scales):
            image = image.repeat_interleave(scale, dim=axis - len(self.scales))
        return reference.clone() if reference is not None else image + self.extra * image.cumsum(-1).sin()


class RepeatMethod(Toy):
    """Runs `Repeat`, and says how it uses a reference."""

    def __init__(self, tiling: Tiling, use: ReferenceUse, extra: float) -> None:
        super().__init__(lambda: Repeat(tiling.scales, extra), tiling)
        self._use: ReferenceUse = use

    def reference(self, config: Any) -> ReferenceUse:
        """As it was made."""
        return self._use


def card_of(**changes: Any) -> ModelCard:
    """A card of a toy."""
    facts: dict[str, Any] = {
        "name": "toy",
        "method": "toy",
        "task": "super-resolve",
        "summary": "A toy.",
        "fidelity": "none",
        "paper": {"citation": "none", "doi": "none"},
        "contrasts_in": ("T2w",),
        "contrasts_out": ("T2w",),
        "scale": 2,
    }
    return ModelCard(**facts | changes)


def repeating(use: ReferenceUse = "optional", *, extra: float = 0.0, **card: Any) -> Model:
    """A model ready to run, with the tiling that its card tells."""
    told = card_of(reference_contrasts=() if use == "none" else ("T1w",), reference_required=use == "required", **card)
    tiling = Tiling(ndim=told.dimensions, scale=told.factors[::-1][-told.dimensions :], halo=0 if not extra else None)
    method = RepeatMethod(tiling, use, extra)
    return Model(told.name, method, ToyConfig(), told, method.build(None), "0" * 64, Path("toy.safetensors"))


def field(grid: Grid, *, shift: Sequence[float] = (0.0, 0.0, 0.0)) -> sitk.Image:
    """A head of three smooth blobs in space, around the origin, as it is sampled on a grid; about 0 to 1,000."""
    k, j, i = np.indices(grid.shape)
    places = grid.points(np.stack([i, j, k], axis=-1)) - np.asarray(shift)
    blobs = (((0, 0, 0), 14.0, 600.0), ((9, 4, -6), 6.0, 500.0), ((-6, -9, 7), 5.0, -300.0))
    values = sum(
        peak * np.exp(-((places - np.array(middle)) ** 2).sum(-1) / (2 * width**2)) for middle, width, peak in blobs
    )
    image = sitk.GetImageFromArray(values.astype(np.float32))
    grid.place(image)
    return image


def box(size: Sequence[int], spacing: Sequence[float], direction: Sequence[float]) -> Grid:
    """A grid centred at the origin of space."""
    axes = np.reshape(direction, (3, 3)) * np.asarray(spacing)
    origin = tuple((-axes @ ((np.asarray(size) - 1) / 2)).tolist())
    i, j, k = (int(n) for n in size)
    x, y, z = (float(s) for s in spacing)
    return Grid((i, j, k), (x, y, z), origin, tuple(float(v) for v in np.ravel(direction)))


def noise(shape: Sequence[int], seed: int = 0) -> Tensor:
    """Reproducible noise."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
