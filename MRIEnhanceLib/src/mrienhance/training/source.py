"""One image that a training may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mrienhance.datasets.cache import CachedVolume
from mrienhance.datasets.manifest import Raw


@dataclass(frozen=True)
class Source:
    """One image file: whose it is, which contrast, from which data folder (by number and name), and its label maps.

    Attributes
    ----------
    path, subject, contrast, folder, root, labels
        As the summary says.
    visit
        Which visit of the person; images of different visits are never put together.
    split
        The person's part of the split where the folder was prepared with one, else empty.
    cache, label_caches
        Where the folder was prepared: the volumes themselves, which lie in the folder `prepared`.
    source_sha256
        What the image was prepared from.
    raw, layout
        Of raw k-space in the place of an image: what the data set that was prepared says of it, and the data set's
        layout.
    """

    path: Path
    subject: str
    contrast: str
    folder: int
    root: str
    labels: Mapping[str, Path] = field(default_factory=dict)
    visit: str = ""
    split: str = ""
    prepared: Path = Path()
    cache: CachedVolume | None = None
    label_caches: Mapping[str, CachedVolume] = field(default_factory=dict)
    source_sha256: str = ""
    raw: Raw | None = None
    layout: str = ""
