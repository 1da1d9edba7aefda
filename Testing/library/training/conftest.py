"""A data folder of small brain-like images, and a recipe that trains in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch
import yaml
from safetensors.torch import load_file

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


def write_images(folder: Path) -> Path:
    """Make a folder of images of three subjects."""
    folder.mkdir()
    for number in (1, 2, 3):
        write_image(object_image(number), folder / f"sub-{number:02d}_T1w.nii.gz")
    return folder


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """As in the processes that tests start: sums over several threads are rounded otherwise, and bits are compared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images of three subjects."""
    return write_images(tmp_path / "images")


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


def same(one: Path, other: Path) -> None:
    """Two model files, or two states, hold the same tensors, bit for bit."""
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key].nan_to_num(), second[key].nan_to_num())] == []


def log_of(run: Path) -> list[str]:
    """The lines of a log that do not say how long something took."""
    return [line for line in (run / "log.csv").read_text().splitlines() if "seconds/" not in line]


RUN_FILES = ("best.safetensors", "last.safetensors", "states/step-0000006.safetensors")
