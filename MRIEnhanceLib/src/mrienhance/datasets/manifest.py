"""What a prepared data set holds, whose it is, and which part of the split each person is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrienhance.datasets.cache import CachedVolume
from mrienhance.datasets.contrasts import in_order
from mrienhance.datasets.scan import Skipped, Split, visit_name


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image or a label map of the cache.

    Attributes
    ----------
    name
        The contrast, or what the label is called.
    volume
        Its voxels.
    source
        The file or folder that it was made from, relative to the data set that was prepared.
    source_sha256
        `Scan.digest` of it.
    registered
        How it was moved to the grid of another contrast, or None: ``{"to", "angle_deg", "shift_mm", "overlap"}``.
    """

    name: str
    volume: CachedVolume
    source: str
    source_sha256: str
    registered: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Raw k-space that stays where it is: see `mrienhance.datasets.scan.RawScan`; `path` is relative to the source.

    `tissue` is the share of tissue in each slice, as the image of the full data shows it; empty where there is none.
    """

    contrast: str
    path: str
    facts_sha256: str
    shape: tuple[int, ...]
    slices: int
    coils: int
    complete: bool
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    boxes: Sequence[Mapping[str, Any]] = ()
    tissue: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What one visit of a person has given; `figure` is relative to the data set's folder."""

    visit: str
    images: tuple[Image, ...] = ()
    labels: tuple[Image, ...] = ()
    raw: tuple[Raw, ...] = ()
    notes: tuple[str, ...] = ()
    figure: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person."""

    subject: str
    split: Split
    visits: tuple[Visit, ...]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A prepared data set.

    Attributes
    ----------
    folder
        Where it is.
    layout, source
        How the original is laid out, and where it was.
    options
        What it was prepared with.
    subjects, skipped
        Whose images it holds, and what was left out.
    """

    folder: Path
    layout: str
    source: str
    options: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    skipped: tuple[Skipped, ...] = ()

    def visits(self) -> Iterator[tuple[Subject, Visit]]:
        """All visits of all people."""
        for subject in self.subjects:
            for visit in subject.visits:
                yield subject, visit

    def split(self, name: Split) -> tuple[str, ...]:
        """The people of one part of the split."""
        return tuple(subject.subject for subject in self.subjects if subject.split == name)


def lacking(dataset: Dataset) -> list[Skipped]:
    """Visits that lack a contrast which at least half of the visits have."""
    visits = [
        (visit_name(subject.subject, visit.visit), {image.name for image in visit.images})
        for subject, visit in dataset.visits()
        if visit.images
    ]
    counts = Counter(name for _, has in visits for name in has)
    usual = in_order(name for name, count in counts.items() if 2 * count >= len(visits))
    lists = ((name, [contrast for contrast in usual if contrast not in has]) for name, has in visits)
    return [Skipped(name, f"it has no {' and no '.join(missing)}") for name, missing in lists if missing]
