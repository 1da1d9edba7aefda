"""One visit of one person: its images read, brought to one grid, and written into the cache."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import SimpleITK as sitk

from mrienhance.datasets.aligned import Placed, on_one_grid
from mrienhance.datasets.cache import PixelType, write_volume
from mrienhance.datasets.contrasts import in_order
from mrienhance.datasets.manifest import Image, Raw, Visit
from mrienhance.datasets.measured import shares
from mrienhance.datasets.qc import visit_figure
from mrienhance.datasets.scan import RawScan, Scan, Skipped, visit_name
from mrienhance.datasets.stored import skipped_from, visit_from
from mrienhance.errors import ImageError, MRIEnhanceError, UsageError
from mrienhance.images import atomic_path

_RECORD, _RECORD_VERSION = "record.json", 1
_LARGEST_RECORD = 2**26
WITHOUT = "mend it or take it away, or go on without it: leave out --strict"
"""What to do about a file that stops the work."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class VisitOptions:
    """What the volumes of a visit depend on.

    Attributes
    ----------
    grid
        The contrast whose grid all others are brought to; ``"auto"`` for the first there is of `ORDER`, ``"none"`` to
        leave all where they are.
    pixel_type
        Of the cached images.
    require
        Contrasts without which a visit is dropped.
    strict
        Whether what cannot be used stops the work instead of being listed.
    figures
        Whether figures are drawn.
    """

    grid: str = "auto"
    pixel_type: PixelType = "float32"
    require: tuple[str, ...] = ()
    strict: bool = False
    figures: bool = True


@dataclass(frozen=True, kw_only=True)
class Job:
    """The visit to make, from the folder `source` into the folder `output`."""

    subject: str
    visit: str
    source: Path
    output: Path
    scans: tuple[Scan, ...]
    labels: tuple[Scan, ...] = ()
    raw: tuple[RawScan, ...] = ()
    options: VisitOptions = field(default_factory=VisitOptions)

    @property
    def place(self) -> str:
        """Where its files are below ``cache`` and ``qc``: a name that every file system takes."""
        return "/".join(_plain_name(part) for part in (self.subject, self.visit) if part)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A visit that was made, or found as it should be (`made` is False), and what was left out."""

    subject: str
    visit: Visit
    skipped: tuple[Skipped, ...]
    made: bool


def make_visit(job: Job, check: Callable[[], None] = lambda: None) -> Outcome:
    """Make the files of a visit, unless they are there and their sources and the options are what they were.

    Parameters
    ----------
    job
        What to make.
    check
        Called often; raises to stop the work.

    Raises
    ------
    ImageError
        If something cannot be used and `VisitOptions.strict` says so.
    OutputError
        If a file cannot be written.
    """
    skipped = _Skipped(job)
    digests = {scan: digest for scan in (*job.scans, *job.labels) if (digest := skipped.unless(scan, scan.digest))}
    key = _key(job, digests)
    earlier = _read_record(job, key)
    if earlier is not None and not (job.options.strict and earlier.skipped):
        return earlier
    images = {}
    for scan in job.scans:
        check()
        image = skipped.unless(scan, scan.image) if scan in digests else None
        if image is not None:
            images[scan] = image
    missing = [name for name in job.options.require if name not in {scan.contrast for scan in images}]
    if missing:
        skipped.add(job.place, f"{' and '.join(missing)} cannot be used, without which it is not wanted")
        images = {}
    labels = {
        scan: label for scan in job.labels if images and scan in digests and (label := skipped.unless(scan, scan.image))
    }
    placed = on_one_grid(images, labels, grid=job.options.grid, refuse=skipped.refuse, check=check)
    if placed.uneven and job.options.strict:
        raise ImageError(f"{job.place}: {placed.notes[-1]}", hint="choose one with --grid, or leave out --strict")
    visit = _write(job, placed, digests)
    outcome = Outcome(subject=job.subject, visit=visit, skipped=tuple(skipped.found), made=True)
    if visit.images:
        _write_record(job, key, outcome)
    return outcome


class _Skipped:
    """Takes note of what is left out, or stops the work over it."""

    def __init__(self, job: Job) -> None:
        self._job, self.found = job, list[Skipped]()

    def add(self, path: Path | str, reason: str) -> None:
        self.found.append(Skipped(relative(Path(path), self._job.source), " ".join(reason.split()), True))

    def refuse(self, scan: Scan, reason: str) -> None:
        if self._job.options.strict:
            path = relative(scan.path, self._job.source)
            raise ImageError(f"{path}: {reason}", hint=WITHOUT)
        self.add(scan.path, reason)

    def unless(self, scan: Scan, get: Callable[[], T]) -> T | None:
        """What `get` gives, or None where it cannot."""
        try:
            return get()
        except UsageError:
            raise
        except MRIEnhanceError as error:
            self.refuse(scan, error.message)
        except OSError as error:
            self.refuse(scan, f"cannot be read: {(error.strerror or str(error)).lower()}")
        return None


def _write(job: Job, placed: Placed, digests: dict[Scan, str]) -> Visit:
    """Write volumes and figure."""

    def stored(scan: Scan, image: sitk.Image, pixel_type: PixelType, number: int = 0) -> Image:
        name = _plain_name(scan.contrast) + (f"-{number + 1}" if number else "")
        file = f"cache/{job.place}/{name}.raw"
        return Image(
            name=scan.contrast,
            volume=write_volume(image, job.output, file, pixel_type=pixel_type),
            source=relative(scan.path, job.source),
            source_sha256=digests[scan],
            registered=placed.moved.get(scan),
        )

    order = in_order(scan.contrast for scan in placed.images)
    scans = sorted(placed.images, key=lambda scan: order.index(scan.contrast))
    images = tuple(stored(scan, placed.images[scan], job.options.pixel_type) for scan in scans)
    labels = tuple(stored(scan, image, "uint8", n) for n, (scan, image) in enumerate(placed.labels.items()))
    figure = ""
    if images and job.options.figures:
        figure = f"qc/{job.place.replace('/', '_')}.png"
        visit_figure(
            {scan.contrast: placed.images[scan] for scan in scans},
            {scan.contrast: image for scan, image in placed.labels.items()},
            job.output / figure,
            heading=visit_name(job.subject, job.visit),
            notes=placed.notes,
        )
    raw = tuple(replace(_raw(scan, job.source), tissue=shares(scan, placed.images, images)) for scan in job.raw)
    return Visit(visit=job.visit, images=images, labels=labels, raw=raw, notes=tuple(placed.notes), figure=figure)


def _raw(scan: RawScan, source: Path) -> Raw:
    return Raw(
        contrast=scan.contrast,
        path=relative(scan.path, source),
        facts_sha256=scan.facts,
        shape=scan.shape,
        slices=scan.slices,
        coils=scan.coils,
        complete=scan.complete,
        labels=dict(scan.labels),
        boxes=tuple(scan.boxes),
    )


def relative(path: Path, folder: Path) -> str:
    """A path as seen from a folder, with forward slashes; as it is where it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _plain_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _key(job: Job, digests: dict[Scan, str]) -> str:
    """What a record must have been made from to be used again."""
    sources = [(relative(scan.path, job.source), scan.contrast, digest) for scan, digest in digests.items()]
    options = {name: value for name, value in asdict(job.options).items() if name not in ("strict", "figures")}
    raw = [asdict(_raw(scan, job.source)) for scan in job.raw]
    facts = {"version": _RECORD_VERSION, "sources": sorted(sources), "options": options, "raw": raw}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write_record(job: Job, key: str, outcome: Outcome) -> None:
    values: dict[str, Any] = {"key": key, "visit": asdict(outcome.visit), "skipped": [*map(asdict, outcome.skipped)]}
    with atomic_path(job.output / "cache" / job.place / _RECORD, overwrite=True) as temporary:
        temporary.write_text(json.dumps(values), encoding="utf-8")


def _read_record(job: Job, key: str) -> Outcome | None:
    """The visit as it was made before, if it is all there."""
    path = job.output / "cache" / job.place / _RECORD
    try:
        if path.stat().st_size > _LARGEST_RECORD:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["key"] != key:
            return None
        visit = visit_from(values["visit"])
        for image in (*visit.images, *visit.labels):
            image.volume.check(job.output / image.volume.file)
        skipped = tuple(skipped_from(entry) for entry in values["skipped"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError, UsageError):
        return None
    if job.options.figures and not (visit.figure and (job.output / visit.figure).is_file()):
        return None
    return Outcome(subject=job.subject, visit=visit, skipped=skipped, made=False)
