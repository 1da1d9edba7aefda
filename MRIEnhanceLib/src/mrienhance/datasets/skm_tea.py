"""SKM-TEA: knees in a double echo, raw data below ``files_recon_calib-24``, people, split and boxes in ``annotations``.

A file holds hybrid k-space (x, ky, kz, echo, coil), coil maps (x, y, z, coil, map) and the images of the full data
(x, y, z, echo, map), all complex64; slices to reconstruct are (ky, kz) planes along x, which runs from head to foot.
The raw data are described; the magnitude of each echo becomes an image, E1 and E2, and the boxes its label map.

Desai AD et al. (2021), SKM-TEA: a dataset for accelerated MRI reconstruction with dense image labels for quantitative
clinical evaluation, NeurIPS Datasets and Benchmarks; arXiv:2203.06823.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mrienhance.datasets.boxes import box_label, check_boxes
from mrienhance.datasets.scan import Found, RawScan, Scan, Split, only_first
from mrienhance.errors import DependencyError, ImageError, MRIEnhanceError
from mrienhance.evaluation.lesions import Box
from mrienhance.images import Grid, check_image
from mrienhance.kspace import hdf5

TITLE = "SKM-TEA"
_RAW = "files_recon_calib-24"
_NAME = re.compile(r"^MTR_\d+\.h5$")
_SPLITS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
_SPACING = (0.3125, 0.3125, 0.8)
_LARGEST = 2**26
# The direction of an axis in LPS, by where it runs from and to.
_TOWARDS = {
    "SI": (0.0, 0.0, -1.0),
    "IS": (0.0, 0.0, 1.0),
    "AP": (0.0, 1.0, 0.0),
    "PA": (0.0, -1.0, 0.0),
    "LR": (-1.0, 0.0, 0.0),
    "RL": (1.0, 0.0, 0.0),
}


@dataclass(frozen=True)
class _Entry:
    """What the annotations say of a scan."""

    subject: str
    split: Split
    spacing: tuple[float, ...] = _SPACING
    orientation: tuple[str, ...] = ("SI", "AP", "LR")
    boxes: tuple[Box, ...] = field(default=())
    inspected: bool = False


def recognises(folder: Path) -> bool:
    """Whether there are raw data with the names of SKM-TEA."""
    return bool(_files(folder))


def find(folder: Path) -> Found:
    """Find the scans; people, split and boxes come from the newest annotations.

    Raises
    ------
    DependencyError
        If h5py is missing.
    """
    found = Found()
    entries = _entries(found, folder)
    for path in _files(folder):
        entry = entries.get(path.stem, _Entry(path.stem, "train"))
        if path.stem not in entries and entries:
            found.skip(path, "the annotations do not name it")
            continue
        try:
            _take(found, path, entry)
        except DependencyError:
            raise
        except (MRIEnhanceError, OSError) as error:
            found.skip(path, getattr(error, "message", str(error)), broken=True)
    if entries:
        found.official = {entry.subject: entry.split for entry in entries.values()}
    return only_first(found)


def _files(folder: Path) -> list[Path]:
    patterns = (f"{_RAW}/*.h5", f"*/{_RAW}/*.h5", "*.h5")
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if _NAME.match(path.name))


def _entries(found: Found, folder: Path) -> dict[str, _Entry]:
    """Name of a scan to what is said of it."""
    versions = [path for pattern in ("annotations/v*", "*/annotations/v*") for path in folder.glob(pattern)]
    newest = max(versions, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)], default=None)
    entries: dict[str, _Entry] = {}
    for name, split in _SPLITS.items() if newest is not None else ():
        path = (newest or folder) / f"{name}.json"
        try:
            if path.stat().st_size > _LARGEST:
                raise ValueError("too large")
            values = json.loads(path.read_text(encoding="utf-8"))
            categories = {entry["id"]: str(entry["name"]) for entry in values["categories"]}
            boxes: dict[Any, list[Box]] = {}
            for note in values["annotations"]:
                boxes.setdefault(note["image_id"], []).extend(_boxes(note, categories))
            for image in values["images"]:
                entries[str(image["scan_id"])] = _Entry(
                    subject=f"subject-{int(image['subject_id']):03d}",
                    split=split,
                    spacing=tuple(float(step) for step in image["voxel_spacing"]),
                    orientation=tuple(str(axis) for axis in image["orientation"]),
                    boxes=tuple(boxes.get(image["id"], ())),
                    inspected=bool(image["inspected"]),
                )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            found.skip(path, "these annotations cannot be read", broken=True)
    return entries


def _boxes(note: Mapping[str, Any], categories: Mapping[Any, str]) -> list[Box]:
    """A box in three dimensions, (row, column, depth, and how many of each), as one in each (ky, kz) plane."""
    x, y, z, count, rows, columns = (round(float(number)) for number in note["bbox"])
    label = categories.get(note["category_id"], "")
    if not 0 < count <= 2**12:
        raise ValueError("a box of no size")
    return [Box(slice=k, row=y, column=z, rows=rows, columns=columns, label=label) for k in range(x, x + count)]


def _take(found: Found, path: Path, entry: _Entry) -> None:
    with hdf5.open_hdf5(path) as file:
        kspace, target = (hdf5.dataset(file, name, path) for name in ("kspace", "target"))
        if kspace is None or len(kspace.shape) != 5 or 0 in kspace.shape or kspace.dtype.kind != "c":
            raise hdf5.damaged(path)
        shape = tuple(int(size) for size in kspace.shape)
        images = () if target is None else tuple(int(size) for size in target.shape)
    facts = json.dumps((path.name, path.stat().st_size, shape, images, entry.spacing, entry.orientation))
    raw = RawScan(
        subject=entry.subject,
        visit=path.stem,
        contrast="E1",
        path=path,
        shape=shape,
        slices=shape[0],
        coils=shape[4],
        complete=True,
        facts=hashlib.sha256(facts.encode()).hexdigest(),
    )
    labels: dict[str, Any] = {}
    if len(images) == 5 and 0 not in images:
        grid = _grid(entry, images[:3])
        part = json.dumps(asdict(grid))
        if entry.inspected:
            check_boxes(entry.boxes, images[:3], path)
            numbers = tuple(sorted({box.slice for box in entry.boxes}))
            labels = {"labels": {"lesions": numbers}, "boxes": tuple(asdict(box) for box in entry.boxes)}
            found.labels.append(box_label(raw, entry.boxes, grid))
        found.scans += [
            Scan(
                subject=entry.subject,
                visit=path.stem,
                contrast=f"E{echo + 1}",
                path=path,
                read=read_echo,
                part=f"{echo} {part}",
                facts=raw.facts,
            )
            for echo in range(images[3])
        ]
    found.raw.append(RawScan(**{**vars(raw), **labels}))


def _grid(entry: _Entry, shape: Sequence[int]) -> Grid:
    """The grid of an image whose axes (k, j, i) are x, y and z of the file."""
    known = len(entry.spacing) == 3 and min(entry.spacing) > 0 and all(axis in _TOWARDS for axis in entry.orientation)
    axes = entry.orientation if known and len(set("".join(entry.orientation))) == 6 else ("SI", "AP", "LR")
    z, y, x = entry.spacing if known else _SPACING
    columns = np.array([_TOWARDS[axis] for axis in reversed(axes)]).T
    k, j, i = shape
    return Grid((i, j, k), (x, y, z), (0.0, 0.0, 0.0), tuple(columns.flatten().tolist()))


def read_echo(path: Path, part: str) -> sitk.Image:
    """Read the magnitude of the full data's image; `part` is the number of the echo, from 0, and the grid as JSON.

    Raises
    ------
    ImageError, KSpaceError
        If it cannot be read or used.
    """
    echo, _, text = part.partition(" ")
    grid = Grid(**{name: tuple(value) for name, value in json.loads(text).items()})
    with hdf5.open_hdf5(path) as file:
        source = hdf5.dataset(file, "target", path)
        if source is None or tuple(source.shape[:3]) != grid.shape or source.dtype.kind != "c":
            raise ImageError(f"the images in {path} are not as they were found", hint="prepare the data set again")
        with hdf5.guarded(path):
            values = np.empty(grid.shape, np.float32)
            for number in range(grid.shape[0]):  # a slice at a time: complex numbers of all take several times the room
                values[number] = np.abs(source[number, :, :, int(echo), 0])
    image = sitk.GetImageFromArray(values)
    grid.place(image)
    checked: sitk.Image = check_image(image, what=path.name)
    return checked
