"""Training images: a folder of images, or a folder of subjects with contrasts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.errors import MRIEnhanceError, UsageError
from mrienhance.images import Grid, IntensityScale, check_image, read_image, to_tensor

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
CONTRASTS = {
    "t1": "T1w",
    "t1w": "T1w",
    "t1c": "T1c",
    "t2": "T2w",
    "t2w": "T2w",
    "flair": "FLAIR",
    "pd": "PDw",
    "pdw": "PDw",
}
# Label maps that lie in a subject's folder, by what methods call them.
LABELS = {"lesions": re.compile(r"^(.*_)?lesions?$", re.IGNORECASE)}
# Files that lie beside images and are no images: what they hold must not be learned from as if it were tissue.
NOT_IMAGES = re.compile(r"lesion|mask|label|seg|tumou?r", re.IGNORECASE)
SIMULATED = "simulated"
"""The contrast of a source that is a label map to simulate scans from."""
TISSUE = 0.05
"""Where an image is brighter than this, there is something."""


@dataclass(frozen=True)
class Source:
    """One image file: whose it is, which contrast, from which data folder (by number and name), and its label maps."""

    path: Path
    subject: str
    contrast: str
    folder: int
    root: str
    labels: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Volume:
    """A loaded image (k, j, i), brightest tissue about 1, the slices that hold enough tissue, and label maps."""

    source: Source
    values: Tensor
    slices: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Distance of samples along k, j and i in mm."""

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """One slice (H, W) with its labels, as `Objective.prepare` takes it; nothing about it is random."""
        return {"image": self.values[index], **{name: label[index] for name, label in self.labels.items()}}


def find_images(folders: Sequence[Path], *, simulate: Sequence[str] = ()) -> list[Source]:
    """List the images of data folders.

    A folder of images names its subjects by file (up to the first ``_``, as in BIDS); a folder of subjects has one
    folder a subject, with files named by contrast. Masks and label maps beside them are left out.

    Parameters
    ----------
    folders
        Data folders.
    simulate
        Names of those that hold label maps, one file a subject, which is named as the file.

    Raises
    ------
    UsageError
        If a folder is missing or holds no image, or there is none to simulate from.
    """
    missing = sorted(set(simulate) - {folder.name for folder in folders})
    if missing:
        raise UsageError(f"no data folder {missing[0]!r} to simulate from", hint="data.simulate names data folders")
    found: list[Source] = []
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise UsageError(f"no data folder {folder}", hint="give a folder of images, or of subjects with contrasts")
        maps = folder.name in simulate
        sources = [*_maps(folder, number)] if maps else [*_flat(folder, number), *_by_subject(folder, number)]
        if not sources:
            raise UsageError(f"no images in {folder}", hint=f"images end in {', '.join(SUFFIXES)}")
        found += sources
    return found


def _flat(folder: Path, number: int) -> Iterator[Source]:
    for path in _images_in(folder):
        name = _stem(path)
        subject, _, rest = name.partition("_")
        yield Source(path, subject, _contrast(rest.rpartition("_")[2] or name), number, folder.name)


def _maps(folder: Path, number: int) -> Iterator[Source]:
    for path in sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES)):
        yield Source(path, _stem(path), SIMULATED, number, folder.name)


def _by_subject(folder: Path, number: int) -> Iterator[Source]:
    for subject in sorted(path for path in folder.iterdir() if path.is_dir()):
        labels = _labels_in(subject)
        for path in _images_in(subject):
            contrast = _contrast(_stem(path).rpartition("_")[2])
            yield Source(path, subject.name, contrast, number, folder.name, labels)


def _labels_in(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    return {name: path for name, pattern in LABELS.items() for path in files if pattern.match(_stem(path))}


def _images_in(folder: Path) -> list[Path]:
    images = (path for path in folder.iterdir() if path.name.endswith(SUFFIXES) and not NOT_IMAGES.search(path.name))
    return sorted(images)


def _stem(path: Path) -> str:
    return path.name[
        : -len(next(suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(suffix)))
    ]


def _contrast(name: str) -> str:
    return CONTRASTS.get(name.lower(), "unknown")


def load_volume(source: Source, *, min_foreground: float, labels: Sequence[str] = ()) -> Volume:
    """Read, check and scale one image, and read those of its label maps that are asked for.

    Raises
    ------
    UsageError
        If a file cannot be used, or a label map is not on the image's grid; the message names the file.
    """
    image = _read(source.path)
    values = to_tensor(image)
    values = IntensityScale.of(values).apply(values)
    tissue = (values > TISSUE).float().mean((1, 2))
    grid = Grid.of(image)
    maps = {name: read_label(source.labels[name], grid) for name in labels if name in source.labels}
    slices = torch.nonzero(tissue >= min_foreground).flatten()
    return Volume(source, values, slices, maps, grid.spacing[::-1])


def read_axial(path: Path) -> sitk.Image:
    """Read and check an image, its axes permuted and flipped to axial slices in the order of LAS images.

    Raises
    ------
    UsageError
        If it cannot be used; the message names the file.
    """
    image: sitk.Image = sitk.DICOMOrient(_read(path), "LAS")
    return image


def read_label(path: Path, grid: Grid, *, axial: bool = False) -> Tensor:
    """Read a label map that belongs to images on a grid, which were read by `read_axial` or as they are.

    Raises
    ------
    UsageError
        If it is not on their grid.
    """
    label = read_axial(path) if axial else _read(path)
    if not Grid.of(label).matches(grid):
        raise UsageError(f"{path} is not on the grid of its images", hint="resample it, or move it elsewhere")
    return to_tensor(label)


def _read(path: Path) -> sitk.Image:
    try:
        return check_image(read_image(path), what=path.name)
    except MRIEnhanceError as error:
        raise UsageError(f"{path}: {error.message}", hint="mend it or move it out of the data folder") from None
