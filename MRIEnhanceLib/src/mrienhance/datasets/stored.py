"""A manifest in its file, ``dataset.json``: read with care, because anybody may have written it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from mrienhance.datasets.cache import TYPES, CachedVolume
from mrienhance.datasets.manifest import Dataset, Image, Raw, Subject, Visit
from mrienhance.datasets.scan import Skipped, Split
from mrienhance.errors import UsageError
from mrienhance.images import Grid, atomic_path

NAME = "dataset.json"
FORMAT, VERSION = "mrienhance-dataset", 1
_LARGEST = 2**29
_HINT = "make it again with mrienhance prepare"


def is_prepared(folder: Path) -> bool:
    """Whether a folder holds a prepared data set; other programs have a file of that name too."""
    path = folder / NAME
    try:
        return path.stat().st_size <= _LARGEST and _json(path).get("format") == FORMAT
    except (OSError, UsageError):
        return False


def write_dataset(dataset: Dataset) -> Path:
    """Write ``dataset.json`` into the data set's folder.

    Raises
    ------
    OutputError
        If it cannot be written; the one that is there stays whole then.
    """
    values = {"format": FORMAT, "version": VERSION, **asdict(dataset)}
    values.pop("folder")
    path = dataset.folder / NAME
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_dataset(folder: Path) -> Dataset:
    """Read a prepared data set, without its voxels.

    Raises
    ------
    UsageError
        If there is none, if it was made by a later version, if it is damaged, or if a person is in it twice.
    """
    path = folder / NAME
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large to be a list of images", hint=_HINT)
    except OSError:
        raise UsageError(f"no prepared data set in {folder}: {NAME} is missing", hint=_HINT) from None
    values = _json(path)
    if values.get("format") != FORMAT:
        raise UsageError(f"{path} describes no data set that was prepared here", hint=_HINT)
    if values.get("version") != VERSION:
        hint = "update MRIEnhance, or prepare the data set again"
        raise UsageError(f"{path} has version {values.get('version')!r} and not {VERSION}", hint=hint)
    try:
        dataset = Dataset(
            folder=folder,
            layout=str(values["layout"]),
            source=str(values["source"]),
            options=dict(values["options"]),
            subjects=tuple(_subject(entry) for entry in values["subjects"]),
            skipped=tuple(skipped_from(entry) for entry in values["skipped"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f"{path} is damaged: {_reason(error)}", hint=_HINT) from None
    _check_people(dataset, path)
    return dataset


def _check_people(dataset: Dataset, path: Path) -> None:
    seen: dict[str, str] = {}
    for subject in dataset.subjects:
        if subject.subject in seen:
            both = " and ".join(dict.fromkeys((seen[subject.subject], subject.split)))
            raise UsageError(
                f"{path} has {subject.subject} twice, in {both}", hint="each person belongs to one part of the split"
            )
        seen[subject.subject] = subject.split


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise UsageError(f"{path} cannot be read as JSON", hint=_HINT) from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} describes no data set", hint=_HINT)
    return values


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())


def _subject(values: Mapping[str, Any]) -> Subject:
    if values["split"] not in get_args(Split):
        raise ValueError(f"{values['split']!r} is no part of a split")
    return Subject(
        subject=str(values["subject"]),
        split=values["split"],
        visits=tuple(visit_from(entry) for entry in values["visits"]),
    )


def skipped_from(values: Mapping[str, Any]) -> Skipped:
    """Something that was left out, from what JSON holds of it.

    Raises
    ------
    KeyError, TypeError
        If something is missing or of the wrong kind.
    """
    return Skipped(str(values["path"]), str(values["reason"]), bool(values["broken"]))


def visit_from(values: Mapping[str, Any]) -> Visit:
    """A visit from what JSON holds of it.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing or of the wrong kind.
    """
    return Visit(
        visit=str(values["visit"]),
        images=tuple(_image(entry) for entry in values["images"]),
        labels=tuple(_image(entry) for entry in values["labels"]),
        raw=tuple(_raw(entry) for entry in values["raw"]),
        notes=tuple(map(str, values["notes"])),
        figure=str(values["figure"]),
    )


def _image(values: Mapping[str, Any]) -> Image:
    return Image(
        name=str(values["name"]),
        volume=_volume(values["volume"]),
        source=str(values["source"]),
        source_sha256=str(values["source_sha256"]),
        registered=values["registered"],
    )


def _volume(values: Mapping[str, Any]) -> CachedVolume:
    file, grid = PurePosixPath(values["file"]), values["grid"]
    if file.is_absolute() or ".." in file.parts or "\\" in str(file):
        raise ValueError(f"{file} lies outside of the data set")
    if values["pixel_type"] not in TYPES:
        raise ValueError(f"{values['pixel_type']!r} is no pixel type")
    i, j, k = (int(size) for size in grid["size"])
    x, y, z = (float(step) for step in grid["spacing"])
    a, b, c = (float(place) for place in grid["origin"])
    direction = tuple(float(cosine) for cosine in grid["direction"])
    finite = all(math.isfinite(number) for number in (x, y, z, a, b, c, *direction))
    if not finite or min(i, j, k) < 1 or min(x, y, z) <= 0 or len(direction) != 9:
        raise ValueError(f"the grid of {file} is none")
    return CachedVolume(
        file=str(file),
        pixel_type=values["pixel_type"],
        grid=Grid((i, j, k), (x, y, z), (a, b, c), direction),
        sha256=str(values["sha256"]),
        bytes=int(values["bytes"]),
        modified_ns=int(values["modified_ns"]),
        scale=float(values["scale"]),
        lowest=float(values["lowest"]),
        tissue={str(axis): tuple(map(float, shares)) for axis, shares in values["tissue"].items()},
    )


def _raw(values: Mapping[str, Any]) -> Raw:
    return Raw(
        contrast=str(values["contrast"]),
        path=str(values["path"]),
        facts_sha256=str(values["facts_sha256"]),
        shape=tuple(map(int, values["shape"])),
        slices=int(values["slices"]),
        coils=int(values["coils"]),
        complete=bool(values["complete"]),
        labels={str(name): tuple(map(int, numbers)) for name, numbers in values["labels"].items()},
        boxes=tuple(dict(box) for box in values["boxes"]),
        tissue=tuple(map(float, values.get("tissue", ()))),
    )
