"""A data folder of small brain-like images, and a recipe that trains in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk
import torch
import yaml

from mrienhance.images import write_image


def object_image(seed: int, *, size: int = 48, slices: int = 4) -> sitk.Image:
    """Ellipses with texture, another one for each seed."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, size)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    volume = torch.zeros(slices, size, size)
    for _ in range(6):
        centre, radius = torch.rand(2, generator=generator) - 0.5, 0.1 + 0.5 * torch.rand((), generator=generator)
        inside = (rows - centre[0]).square() + (columns - centre[1]).square() < radius.square()
        volume += inside * (100 + 200 * torch.rand((), generator=generator))
    image = sitk.GetImageFromArray(volume.numpy())
    image.SetSpacing((0.9, 0.9, 2.0))
    return image


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images of three subjects."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (1, 2, 3):
        write_image(object_image(number), folder / f"sub-{number:02d}_T1w.nii.gz")
    return folder


RECIPE = {
    "method": "iconet",
    "model": {"scale": 2, "channels": 8, "groups": 1, "blocks_per_group": 1, "heads": 2},
    "training": {
        "steps": 6,
        "learning_rate": 1e-3,
        "warmup": 2,
        "ema": 0.9,
        "precision": "32-true",
        "validate_every": 3,
        "checkpoint_every": 2,
        "log_every": 1,
        "validation_slices": 2,
    },
    "sampling": {"images": 2, "patches": 1, "patch": 12},
    "data": {"validation": ["sub-03"]},
    "card": {"name": "iconet-test", "summary": "A test."},
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe file."""
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path
