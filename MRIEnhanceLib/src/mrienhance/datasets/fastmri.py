"""fastMRI: one HDF5 file a scan, in folders such as ``multicoil_train``, with boxes of fastMRI+ where they are there.

The raw data stay where they are and are described. The image of the full data, which the files bring, becomes an image
of its own, and the boxes its label map, so that methods which learn from images can learn from them.

Zbontar J et al. (2018), fastMRI: an open dataset and benchmarks for accelerated MRI, arXiv:1811.08839.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mrienhance.datasets.boxes import Tables, box_label
from mrienhance.datasets.contrasts import UNKNOWN
from mrienhance.datasets.scan import Found, RawScan, Scan, Split, only_first
from mrienhance.errors import DependencyError, MRIEnhanceError
from mrienhance.images import Grid, check_image
from mrienhance.kspace import hdf5
from mrienhance.kspace.header import parse_header
from mrienhance.kspace.heap import heaps_are_sound

TITLE = "fastMRI"
CONTRASTS = {
    "CORPD_FBK": "PDw",
    "CORPDFS_FBK": "PDFS",
    "AXT1": "T1w",
    "AXT1PRE": "T1w",
    "AXT1POST": "T1c",
    "AXT2": "T2w",
    "AXFLAIR": "FLAIR",
}
"""The attribute ``acquisition`` to the contrast; PDFS is PDw with fat suppressed, a contrast of its own here."""
_NAME = re.compile(r"^file(\d+|_\w+)\.h5$")
_SPLITS: dict[str, Split] = {"train": "train", "val": "test", "test": "test", "challenge": "test"}
# From whom nothing may be learned as soon as one of their scans says so.
_RANK: tuple[Split, ...] = ("train", "validation", "test")
_IMAGES = ("reconstruction_rss", "reconstruction_esc")
# The files do not say where the patient was. Stored slices are taken for axial ones from foot to head, their rows from
# back to front, as they are in the scans of brains: so they stay the slices that are learned from.
_DIRECTION = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class _Header:
    """What a file says of itself; `person` is never kept."""

    shape: tuple[int, ...]
    acquisition: str
    person: str
    image: str
    grid: Grid | None
    complete: bool
    facts: str


def recognises(folder: Path) -> bool:
    """Whether there are files with fastMRI's names."""
    return bool(_files(folder))


def find(folder: Path, tables: Sequence[Path] = ()) -> Found:
    """Find the scans; those of one person have one subject, which is named after the first of them.

    Official training scans are learned from; validation scans, whose truth is known, are the test, as everywhere in
    the literature on this data set.

    Raises
    ------
    DependencyError
        If h5py is missing.
    UsageError
        If a file of `tables` is none of fastMRI+.
    """
    found, boxes = Found(), Tables(folder, tables)
    people: dict[str, str] = {}
    parts: dict[str, list[Split]] = defaultdict(list)
    for path in _files(folder):
        try:
            header = _read_header(path)
        except DependencyError:
            raise
        except (MRIEnhanceError, OSError) as error:
            found.skip(path, getattr(error, "message", str(error)), broken=True)
            continue
        subject = people.setdefault(header.person or path.stem, path.stem)
        if (part := _part(path)) is not None:
            parts[subject].append(part)
        _take(found, path, subject, header, boxes)
    official = {subject: max(given, key=_RANK.index) for subject, given in parts.items()}
    if "train" in official.values() and "test" in official.values():
        found.official = official
    return only_first(found)


def _files(folder: Path) -> list[Path]:
    """Scans; of one that is there several times first the full one (``multicoil_test_full``), and several coils."""
    found = (path for pattern in ("*.h5", "*/*.h5", "*/*/*.h5") for path in folder.glob(pattern))
    scans = (path for path in found if _NAME.match(path.name))
    return sorted(scans, key=lambda path: (not path.parent.name.endswith("_full"), path))


def _part(path: Path) -> Split | None:
    """By the folder, such as ``multicoil_train`` or ``multicoil_test_v2``."""
    return next((_SPLITS[word] for word in path.parent.name.split("_") if word in _SPLITS), None)


def _read_header(path: Path) -> _Header:
    with hdf5.open_hdf5(path) as file:
        kspace = hdf5.dataset(file, "kspace", path)
        if kspace is None or len(kspace.shape) not in (3, 4) or 0 in kspace.shape:
            raise hdf5.damaged(path)
        image = next((name for name in _IMAGES if hdf5.dataset(file, name, path) is not None), "")
        text = hdf5.dataset(file, "ismrmrd_header", path)
        xml = "" if text is None else hdf5.read_text(text, path)
        large = [kspace] + ([hdf5.dataset(file, image, path)] if image else [])
        with hdf5.guarded(path):
            sound = heaps_are_sound(path, large)
            acquisition, person = (
                _text(file.attrs.get(name)) if sound else "" for name in ("acquisition", "patient_id")
            )
        shape = tuple(int(size) for size in kspace.shape)
        size = large[-1].shape if image else ()
        masked = hdf5.dataset(file, "mask", path) is not None
        facts = (
            path.name,
            path.stat().st_size,
            shape,
            str(kspace.dtype),
            acquisition,
            xml if isinstance(xml, str) else xml.decode(errors="replace"),
        )
    return _Header(
        shape=shape,
        acquisition=acquisition,
        person=person,
        image=image if len(size) == 3 and 0 not in size else "",
        grid=_grid(xml, shape, size, path) if len(size) == 3 else None,
        complete=not masked,
        facts=hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _grid(xml: bytes | str, shape: tuple[int, ...], size: Sequence[int], path: Path) -> Grid:
    """Voxels as large as the header says, 1 mm where it says nothing."""
    k, j, i = (int(side) for side in size)
    spacing = (1.0, 1.0, 1.0)
    if xml:
        encoding = parse_header(xml, path).encodings[0]
        (x, y, _), thickness = encoding.encoded.fov, encoding.recon.fov[2]
        if x and y and thickness:
            # Rows of the k-space are the readout, x.
            spacing = (y / shape[-1], x / shape[-2], thickness)
    return Grid((i, j, k), spacing, (0.0, 0.0, 0.0), _DIRECTION)


def _take(found: Found, path: Path, subject: str, header: _Header, tables: Tables) -> None:
    contrast = CONTRASTS.get(header.acquisition, UNKNOWN)
    raw = RawScan(
        subject=subject,
        visit=path.stem,
        contrast=contrast,
        path=path,
        shape=header.shape,
        slices=header.shape[0],
        coils=header.shape[1] if len(header.shape) == 4 else 1,
        complete=header.complete,
        facts=header.facts,
    )
    if any((other.visit, other.contrast) == (raw.visit, raw.contrast) for other in found.raw):
        found.skip(path, "another file of the same scan")
        return
    if header.image and header.grid is not None:
        boxes = None
        try:
            boxes = tables.boxes(path.stem, header.grid.size)
        except MRIEnhanceError as error:
            found.skip(path, f"its boxes are left out: {error.message}", broken=True)
        if boxes is not None:
            numbers = tuple(sorted({box.slice for box in boxes}))
            raw = replace(raw, labels={"lesions": numbers}, boxes=tuple(asdict(box) for box in boxes))
            found.labels.append(box_label(raw, boxes, header.grid))
        found.scans.append(
            Scan(
                subject=subject,
                visit=path.stem,
                contrast=contrast,
                path=path,
                read=read_reconstruction,
                part=header.image,
                facts=header.facts,
            )
        )
    found.raw.append(raw)


def read_reconstruction(path: Path, part: str) -> sitk.Image:
    """Read the image of the full data from a file; `part` is the name of the dataset.

    Raises
    ------
    ImageError, KSpaceError
        If it cannot be read or used.
    """
    header = _read_header(path)
    with hdf5.open_hdf5(path) as file:
        source = hdf5.dataset(file, part, path)
        if (
            source is None
            or header.grid is None
            or tuple(source.shape) != header.grid.shape
            or source.dtype.kind != "f"
        ):
            raise hdf5.damaged(path)
        with hdf5.guarded(path):
            values = np.asarray(source[()], dtype=np.float32)
    image = sitk.GetImageFromArray(values)
    header.grid.place(image)
    checked: sitk.Image = check_image(image, what=path.name)
    return checked
