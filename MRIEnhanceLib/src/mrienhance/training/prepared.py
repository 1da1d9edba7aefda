"""Data sets that ``mrienhance prepare`` made, as a training reads them: mapped into memory, with their split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mrienhance.datasets.cache import TISSUE, CachedVolume, axial
from mrienhance.datasets.manifest import Dataset, Image, Visit
from mrienhance.datasets.stored import read_dataset
from mrienhance.errors import UsageError
from mrienhance.images import Grid
from mrienhance.training.recipe import DataSettings
from mrienhance.training.source import Source


def prepared_sources(folder: Path, number: int, *, measured: bool = False) -> list[Source]:
    """The images of a prepared data set; its label maps belong to the images on their grid.

    Parameters
    ----------
    folder, number
        The data set's folder, and its number.
    measured
        Whether raw k-space of full scans is wanted, where there is some, in place of the images.

    Raises
    ------
    UsageError
        If the manifest cannot be read, or there are no images.
    """
    dataset = read_dataset(folder)
    scans = _scans(dataset, number) if measured else []
    if scans:
        return scans
    sources = [
        Source(
            path=folder / image.volume.file,
            subject=subject.subject,
            contrast=image.name,
            folder=number,
            root=folder.name,
            labels={label.name: folder / label.volume.file for label in _labels_of(image, visit)},
            visit=visit.visit,
            split=subject.split,
            prepared=folder,
            cache=image.volume,
            label_caches={label.name: label.volume for label in _labels_of(image, visit)},
            source_sha256=image.source_sha256,
        )
        for subject, visit in dataset.visits()
        for image in visit.images
    ]
    if not sources:
        hint = "set scans.measured, for a method that learns from it, or prepare a data set with images"
        raise UsageError(f"{folder} holds raw k-space only", hint=hint)
    return sources


def _scans(dataset: Dataset, number: int) -> list[Source]:
    """Raw k-space of full scans: of accelerated ones nobody knows the truth."""
    return [
        Source(
            path=Path(dataset.source) / raw.path,
            subject=subject.subject,
            contrast=raw.contrast,
            folder=number,
            root=dataset.folder.name,
            visit=visit.visit,
            split=subject.split,
            prepared=dataset.folder,
            source_sha256=raw.facts_sha256,
            raw=raw,
            layout=dataset.layout,
        )
        for subject, visit in dataset.visits()
        for raw in visit.raw
        if raw.complete
    ]


def _labels_of(image: Image, visit: Visit) -> list[Image]:
    return [label for label in visit.labels if label.volume.grid.matches(image.volume.grid)]


def check_splits(found: Sequence[Source]) -> None:
    """Refuse people, or images, whom two data folders have in different parts of their splits.

    Raises
    ------
    UsageError
        If there is one.
    """
    seen: dict[str, Source] = {}
    for source in found:
        if not source.split:
            continue
        for name in (source.subject, source.source_sha256):
            other = seen.setdefault(name, source)
            if other.split != source.split:
                raise _divided(other, source, by_name=name == source.subject)


def _divided(one: Source, two: Source, *, by_name: bool) -> UsageError:
    same, rename = ("have one name", ", or name them apart if they are two people") if by_name else ("are one scan", "")
    return UsageError(
        f"{one.subject} of {one.root} is in {one.split}, and {two.subject} of {two.root} in {two.split}: they {same}",
        hint=f"prepare both with one split file: mrienhance prepare ... --split FILE.csv{rename}",
    )


def with_split(settings: DataSettings, found: Sequence[Source]) -> DataSettings:
    """Settings with the split of the prepared folders, as far as the recipe does not say otherwise.

    Validation subjects of the recipe are those of the training, whatever the split; without any, those of the split
    are. People of the test part are held out, besides those whom the recipe holds out, unless they validate.
    """
    parts = {source.subject: source.split for source in found if source.split}
    validation = settings.validation or tuple(
        sorted(name for name, part in parts.items() if part == "validation" and name not in settings.held_out)
    )
    tested = {name for name, part in parts.items() if part == "test"} - set(validation)
    held_out = (*settings.held_out, *sorted(tested - set(settings.held_out)))
    return replace(settings, validation=validation, held_out=held_out)


def open_volume(source: Source, cache: CachedVolume) -> Tensor:
    """The voxels of a cached image (k, j, i), brightest tissue about 1, in the precision that they are stored with.

    Raises
    ------
    UsageError
        If the file is not as it was prepared.
    """
    return cache.open(source.prepared)


def tissue_of(values: Tensor, cache: CachedVolume, axis: str) -> Tensor:
    """The share of tissue in each slice of a cached image, float32: as it was found when the image was prepared."""
    shares = cache.tissue.get(axis, ())
    if len(shares) != len(values):
        return (values > TISSUE).float().mean((1, 2))
    return torch.tensor(shares)


def open_axial(source: Source, cache: CachedVolume) -> tuple[Tensor, Grid, Tensor]:
    """As axial slices in the order of LAS images: voxels, none below 0, their grid, and the share of tissue in each.

    Raises
    ------
    UsageError
        If the file is not as it was prepared.
    """
    values, grid = axial(open_volume(source, cache), cache.grid)
    shares = tissue_of(values, cache, "axial" if "axial" in cache.tissue else "k")
    return values if cache.lowest >= 0 else values.clamp_min(0), grid, shares
