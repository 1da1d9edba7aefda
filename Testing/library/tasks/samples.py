"""Small images and a small model for the tests of tasks and of the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from mrienhance.methods import config_to_dict, get_method
from mrienhance.models import ModelCard, save_model

OBLIQUE = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.3, 0.5).GetMatrix()
LEFT_HANDED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def head(
    size: Sequence[int] = (20, 24, 3),
    *,
    pixel: int = sitk.sitkFloat32,
    spacing: Sequence[float] = (1.7, 1.7, 3.0),
    origin: Sequence[float] = (-31.0, 17.5, 4.25),
    direction: Sequence[float] = LEFT_HANDED,
    seed: int = 0,
) -> sitk.Image:
    """A smooth bright blob with texture, intensities 0 to about 1,000."""
    i, j, k = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size)
    radius = np.sqrt(k[:, None, None] ** 2 / 4 + j[:, None] ** 2 + i**2)
    texture = np.random.default_rng(seed).uniform(0.8, 1.0, radius.shape)
    image = sitk.Cast(sitk.GetImageFromArray(1000 * texture / (1 + np.exp(12 * (radius - 0.7)))), pixel)
    image.SetSpacing([float(value) for value in spacing])
    image.SetOrigin([float(value) for value in origin])
    image.SetDirection([float(value) for value in direction])
    return image


def voxels(image: sitk.Image) -> np.ndarray:
    """Voxels as float64, in the order (k, j, i)."""
    return sitk.GetArrayFromImage(image).astype(np.float64)


def corners(image: sitk.Image, indices: Sequence[Sequence[float]]) -> np.ndarray:
    """Physical places of continuous indices, by SimpleITK."""
    return np.array([image.TransformContinuousIndexToPhysicalPoint(tuple(map(float, index))) for index in indices])


def tiny_model(path: Path, *, scale: int = 2, seed: int = 0, **card: Any) -> Path:
    """Write a small model with weights that do something, for coarse images of 1 to 2 mm; `card` changes its card."""
    method = get_method("iconet")
    config = method.Config(scale=scale, channels=4, groups=1, blocks_per_group=1, heads=1)
    facts: dict[str, Any] = {
        "name": path.stem,
        "version": "1.0.0",
        "method": method.name,
        "task": "super-resolve",
        "summary": "A toy for tests.",
        "fidelity": method.paper.fidelity,
        "paper": {"citation": method.paper.citation, "doi": method.paper.doi},
        "contrasts_in": ("T1w",),
        "contrasts_out": ("T1w",),
        "scale": scale,
        "spacing_mm": (1.0, 2.0),
    }
    state = _weights(method.build(config), seed)
    save_model(path, method=method.name, config=config_to_dict(config), card=ModelCard(**facts | card), state=state)
    return path


def _weights(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """Random weights: at initialisation the network would only interpolate."""
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.1 * torch.randn(value.shape, generator=generator) for name, value in module.state_dict().items()}
