"""Training images: a folder of images, or a folder of subjects with contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk
import torch
from torch import Tensor

from mrienhance.datasets.contrasts import SUFFIXES, is_image, stem
from mrienhance.datasets.plain import labels_in, plain_images
from mrienhance.datasets.stored import is_prepared
from mrienhance.errors import MRIEnhanceError, UsageError
from mrienhance.images import Grid, IntensityScale, check_image, read_image, to_tensor
from mrienhance.training.prepared import TISSUE, check_splits, open_volume, prepared_sources, tissue_of
from mrienhance.training.source import Source

SIMULATED = "simulated"
"""The contrast of a source that is a label map to simulate scans from."""


@dataclass(frozen=True)
class Volume:
    """A loaded image (k, j, i), brightest tissue about 1, the slices that hold enough tissue, and label maps.

    The voxels of a prepared data set are mapped from their file, perhaps in half precision; examples are float32.
    """

    source: Source
    values: Tensor
    slices: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Distance of samples along k, j and i in mm."""

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """One slice (H, W) with its labels, as `Objective.prepare` takes it; nothing about it is random."""
        maps = {name: label[index].float() for name, label in self.labels.items()}
        return {"image": self.values[index].float(), **maps}


def find_images(folders: Sequence[Path], *, simulate: Sequence[str] = (), measured: bool = False) -> list[Source]:
    """List the images of data folders.

    A folder of images names its subjects by file (up to the first ``_``, as in BIDS); a folder of subjects has one
    folder a subject, with files named by contrast. Masks and label maps beside them are left out. A folder that was
    prepared says itself what it holds.

    Parameters
    ----------
    folders
        Data folders.
    simulate
        Names of those that hold label maps, one file a subject, which is named as the file.
    measured
        Whether prepared folders with raw k-space give it in place of their images.

    Raises
    ------
    UsageError
        If a folder is missing or holds no image, there is none to simulate from, raw k-space is wanted and no folder
        has any, or two prepared folders have a person in different parts of their splits.
    """
    missing = sorted(set(simulate) - {folder.name for folder in folders})
    if missing:
        raise UsageError(f"no data folder {missing[0]!r} to simulate from", hint="data.simulate names data folders")
    found: list[Source] = []
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise UsageError(f"no data folder {folder}", hint="give a folder of images, or of subjects with contrasts")
        if folder.name in simulate:
            sources = [*_maps(folder, number)]
        else:
            prepared = is_prepared(folder)
            sources = prepared_sources(folder, number, measured=measured) if prepared else [*_plain(folder, number)]
        if not sources:
            raise UsageError(f"no images in {folder}", hint=f"images end in {', '.join(SUFFIXES)}")
        found += sources
    if measured and all(source.raw is None for source in found):
        hint = "scans.measured is for fastMRI and SKM-TEA, made ready with mrienhance prepare"
        raise UsageError("no raw k-space of full scans in the data folders", hint=hint)
    check_splits(found)
    return found


def _plain(folder: Path, number: int) -> Iterator[Source]:
    for path, subject, contrast in plain_images(folder):
        labels = labels_in(path.parent) if path.parent != folder else {}
        yield Source(path, subject, contrast, number, folder.name, labels)


def _maps(folder: Path, number: int) -> Iterator[Source]:
    for path in sorted(path for path in folder.iterdir() if is_image(path)):
        yield Source(path, stem(path), SIMULATED, number, folder.name)


def load_volume(source: Source, *, min_foreground: float, labels: Sequence[str] = ()) -> Volume:
    """Read, check and scale one image, and read those of its label maps that are asked for.

    Raises
    ------
    UsageError
        If a file cannot be used, or a label map is not on the image's grid; the message names the file.
    """
    if source.cache is not None:
        values = open_volume(source, source.cache)
        maps = {name: open_volume(source, cache) for name, cache in source.label_caches.items() if name in labels}
        slices = torch.nonzero(tissue_of(values, source.cache, "k") >= min_foreground).flatten()
        return Volume(source, values, slices, maps, source.cache.grid.spacing[::-1])
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
