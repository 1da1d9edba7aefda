"""A small head as a label map, and people with several contrasts."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk
import torch

from mrienhance.images import write_image

from .conftest import object_image

# Labels and radii, as shares of half the field of view, from outside inwards.
SHELLS = ((511, 0.95), (507, 0.9), (515, 0.8), (24, 0.72), (3, 0.58), (2, 0.48), (4, 0.2))


def label_map(*, size: int = 48, slices: int = 24) -> sitk.Image:
    """Shells around the middle, a lesion in the right half, an eye in front; stored as scanners' sagittal slices."""
    k, j, i = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in (slices, size, size)), indexing="ij")
    labels = torch.zeros(slices, size, size)
    for label, radius in SHELLS:
        labels[k.square() + j.square() + i.square() < radius**2] = label
    labels[(k.square() + (j - 0.1).square() + (i + 0.38).square()) < 0.1**2] = 25
    labels[(k.square() + (j - 0.85).square() + (i - 0.2).square()) < 0.1**2] = 506
    image = sitk.GetImageFromArray(labels.short().numpy())
    image.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))  # LAS, as the axes above are meant
    return sitk.DICOMOrient(image, "PIR")


def write_heads(folder: Path, count: int = 1) -> Path:
    """A data folder of label maps."""
    folder.mkdir()
    for number in range(1, count + 1):
        write_image(label_map(), folder / f"head_seg_{number:02d}.nii.gz")
    return folder


def write_people(folder: Path) -> Path:
    """One person with three contrasts, two of them on one grid, and lesions; another with one contrast."""
    for person, contrast, seed, slices in (
        ("a", "t1", 1, 4),
        ("a", "flair", 2, 4),
        ("a", "t2", 3, 5),
        ("b", "t2", 4, 4),
    ):
        (folder / person).mkdir(parents=True, exist_ok=True)
        write_image(object_image(seed, slices=slices), folder / person / f"{contrast}.nii.gz")
    return folder
