"""A scan of a phantom that tests of parallel imaging share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mrienhance.physics import CoilArray, Sense, shepp_logan, simulate_kspace, smooth_phase, to_centred_kspace


@dataclass(frozen=True)
class Scene:
    """What was scanned: image (H, W), maps (coil, H, W) and full k-space (coil, H, W) with noise, shift-free."""

    image: Tensor
    maps: Tensor
    kspace: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return self.image.shape[0], self.image.shape[1]


def scan(
    shape: tuple[int, int] = (96, 80),
    coils: int = 8,
    *,
    noise: float = 0.003,
    seed: int = 0,
    dtype: torch.dtype = torch.complex64,
) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    magnitude = shepp_logan().scan(shape)
    array = CoilArray.random(coils, generator=generator)
    phase = smooth_phase(shape, generator=generator).double()
    maps = array.on(shape, dtype=torch.complex128)
    kspace = simulate_kspace(magnitude, maps, phase=phase, noise=noise, generator=generator)
    image = torch.polar(magnitude.clamp(min=0), phase)
    return Scene(image.to(dtype), maps.to(dtype), kspace.to(dtype))


def lines(columns: int, *, every: int = 4, centre: int = 16) -> Tensor:
    """Every so-manieth line and the central ones: bool (columns,), shift-free."""
    at = torch.arange(columns)
    return (at % every == 0) | (at < (centre + 1) // 2) | (at >= columns - centre // 2)


def dots(shape: tuple[int, int], *, share: float = 0.3, centre: int = 16, seed: int = 0) -> Tensor:
    """A random 2-D mask with a square centre: bool (H, W), shift-free."""
    chance = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share
    inside = [(torch.arange(n) < (centre + 1) // 2) | (torch.arange(n) >= n - centre // 2) for n in shape]
    return chance | (inside[0][:, None] & inside[1])


def for_bart(array: Tensor) -> Tensor:
    """Put BART's third axis of space into (..., coil, H, W)."""
    return array.unsqueeze(-3)


def kspace_for_bart(kspace: Tensor) -> Tensor:
    """Centre k-space (coil, H, W), as BART has it."""
    return for_bart(to_centred_kspace(kspace))


def measure(scene: Scene, mask: Tensor) -> Tensor:
    """The scan's k-space as far as the mask goes."""
    return scene.kspace * Sense(scene.maps, mask)._mask.squeeze(-3)
