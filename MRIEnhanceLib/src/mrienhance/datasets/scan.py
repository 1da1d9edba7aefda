"""What a layout finds in a folder: whose scans, of which visit and contrast, and how each is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import SimpleITK as sitk

from mrienhance.images import check_image, read_image

Split: TypeAlias = Literal["train", "validation", "test"]
Reader: TypeAlias = Callable[[Path, str], sitk.Image]
_CHUNK = 2**22


def visit_name(subject: str, visit: str) -> str:
    """What people read: who, and which visit, if the name of the visit says anything more."""
    return subject if visit in ("", subject) else f"{subject} {visit}"


def read_file(path: Path, part: str = "") -> sitk.Image:
    """Read an image file as one volume.

    Raises
    ------
    ImageError
        If it cannot be read or used.
    """
    image: sitk.Image = check_image(read_image(path), what=path.name)
    return image


def read_label_file(path: Path, part: str = "") -> sitk.Image:
    """Read a label map: uint8, 1 where the file is not 0. A map without anything in it is one too.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    label: sitk.Image = sitk.Cast(read_image(path) != 0, sitk.sitkUInt8)
    return label


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One image of one visit of one person, or one label map.

    Attributes
    ----------
    subject
        The person, by the name that stays together in a split.
    visit
        Which session or time point of the person; empty if there is only one.
    contrast
        As BIDS names it; of a label map, what methods call it, such as ``"lesions"``.
    path
        The file or folder.
    read
        Gives the image; called with `path` and `part`. A function of a module, so that other processes can call it.
    part
        Which part of the file or folder it is: a series, an echo, boxes.
    files
        All files whose bytes make the image; empty: `path` alone.
    facts
        What stands for the bytes of files that are too large to be read for a hash; empty: the bytes count.
    """

    subject: str
    visit: str = ""
    contrast: str
    path: Path
    read: Reader = read_file
    part: str = ""
    files: tuple[Path, ...] = ()
    facts: str = ""

    def image(self) -> sitk.Image:
        """Read it.

        Raises
        ------
        ImageError, KSpaceError
            If it cannot be read or used.
        """
        return self.read(self.path, self.part)

    def digest(self) -> str:
        """SHA-256 of all that makes the image: the bytes of its files, or the facts about them, and the part.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        found = hashlib.sha256(f"{self.part}\0{self.facts}\0".encode())
        if not self.facts:
            for file in self.files or (self.path,):
                found.update(bytes.fromhex(file_digest(file)))
        return found.hexdigest()


@dataclass(frozen=True, kw_only=True)
class RawScan:
    """Raw k-space of one scan, which stays where it is.

    Attributes
    ----------
    subject, visit, contrast, path
        As in `Scan`.
    shape
        The shape of its samples, in the file's order of axes.
    slices, coils
        How many.
    complete
        Whether it is fully sampled, so that its truth is known.
    facts
        SHA-256 of what its header says.
    labels
        Label to the numbers of the slices that show it; a label that nobody looked for is not there.
    boxes
        ``{"slice", "row", "column", "rows", "columns", "label"}`` in voxels of the image of the full data.
    """

    subject: str
    visit: str = ""
    contrast: str
    path: Path
    shape: tuple[int, ...]
    slices: int
    coils: int
    complete: bool
    facts: str
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    boxes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Skipped:
    """What was not taken, and why, in one line; `broken` if it should have been, but could not be used."""

    path: str
    reason: str
    broken: bool = False


@dataclass(kw_only=True)
class Found:
    """All that a layout finds.

    Attributes
    ----------
    scans, labels, raw
        What there is.
    skipped
        What was left out.
    official
        Subject to its part of the split that the data set comes with.
    """

    scans: list[Scan] = field(default_factory=list)
    labels: list[Scan] = field(default_factory=list)
    raw: list[RawScan] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    official: dict[str, Split] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.scans or self.raw)

    def skip(self, path: Path, reason: str, *, broken: bool = False) -> None:
        """Take note of something that is left out."""
        self.skipped.append(Skipped(str(path), " ".join(reason.split()), broken))


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def only_first(found: Found) -> Found:
    """Keep one scan of each contrast of a visit, the first by name, and list the others as skipped."""
    kept: dict[tuple[str, str, str], Scan] = {}
    for scan in sorted(found.scans, key=lambda scan: (str(scan.path), scan.part)):
        first = kept.setdefault((scan.subject, scan.visit, scan.contrast), scan)
        if first is not scan:
            found.skip(scan.path, f"another {scan.contrast} scan of the same visit as {first.path.name}")
    found.scans = list(kept.values())
    return found
