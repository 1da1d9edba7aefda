"""The XML header of ISMRMRD, which fastMRI files carry too."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from mrienhance.errors import KSpaceError
from mrienhance.kspace.types import Facts

_LONGEST = 2**22
_LARGEST_MATRIX = 2**16
# A matrix that is so near to the acquired one with the same field of view was rounded, not interpolated.
_ROUNDED = 0.02


@dataclass(frozen=True)
class Space:
    """A matrix and its field of view in mm, along x (readout), y and z; a field of view of 0 is unknown."""

    matrix: tuple[int, int, int]
    fov: tuple[float, float, float]


@dataclass(frozen=True)
class Limit:
    """Lowest and highest value of a counter, and the one of the centre of k-space (None if unsaid)."""

    minimum: int
    maximum: int
    center: int | None


@dataclass(frozen=True)
class Encoding:
    """One encoding space of the header."""

    trajectory: str
    encoded: Space
    recon: Space
    limits: dict[str, Limit] = field(default_factory=dict)
    calibration_mode: str = ""

    def kept(self, axis: int, size: int) -> int:
        """How many of `size` voxels along x, y or z (0, 1, 2) are in the field of view of the reconstruction.

        The voxels stay as they were acquired: a header that asks for a finer matrix of the same field of view asks for
        interpolation, which is no matter of reading.
        """
        full, wanted = self.encoded.fov[axis], self.recon.fov[axis]
        matrix = self.recon.matrix[axis]
        if not (full and wanted):
            return min(matrix, size)
        exact = wanted / full * size
        kept = matrix if abs(exact - matrix) <= max(1, _ROUNDED * matrix) else round(exact)
        return min(max(kept, 1), size)


@dataclass(frozen=True)
class Header:
    """What is used of the header."""

    encodings: tuple[Encoding, ...]
    facts: Facts
    echo_times_ms: tuple[float, ...] = ()


def parse_header(data: bytes | str, path: Path) -> Header:
    """Read an XML header. What it says about people and places is not kept.

    Raises
    ------
    KSpaceError
        If it is no such header, or declares a document type or entities, which no ISMRMRD header does and which
        could make a short text expand without end.
    """
    root = _root(data, path)
    if _name(root) != "ismrmrdHeader":
        raise KSpaceError(f"the XML header in {path} is a {_name(root)[:40]!r}, not an ismrmrdHeader", hint=_HINT)
    encodings = tuple(_encoding(element, path) for element in root if _name(element) == "encoding")
    if not encodings:
        raise KSpaceError(f"the XML header in {path} describes no encoding", hint=_HINT)
    sequence = _child(root, "sequenceParameters")
    echo_times = tuple(_numbers(sequence, "TE"))
    facts = Facts(
        field_strength_tesla=_first(_child(root, "acquisitionSystemInformation"), "systemFieldStrength_T"),
        tr_ms=_first(sequence, "TR"),
        te_ms=echo_times[0] if echo_times else None,
        ti_ms=_first(sequence, "TI"),
        flip_angle_degrees=_first(sequence, "flipAngle_deg"),
    )
    return Header(encodings, facts, echo_times)


_HINT = "convert the raw data again with the tools of ISMRMRD"


def _root(data: bytes | str, path: Path) -> ElementTree.Element:
    if len(data) > _LONGEST:
        raise KSpaceError(f"the XML header in {path} has {len(data):,} characters", hint=_HINT)
    try:
        # As text, so that no encoding that the XML itself declares can hide what is looked for below.
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise KSpaceError(f"the XML header in {path} is not in UTF-8", hint=_HINT) from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise KSpaceError(
            f"the XML header in {path} declares a document type (DTD), which is not safe to read",
            hint="no ISMRMRD header needs one: take the file from a source that you trust",
        )
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise KSpaceError(f"the XML header in {path} is damaged: {error}", hint=_HINT) from error


def _encoding(element: ElementTree.Element, path: Path) -> Encoding:
    limits = {}
    for entry in _children(_child(element, "encodingLimits")):
        center = _child(entry, "center")
        limits[_name(entry)] = Limit(
            minimum=_whole(entry, "minimum", path, 0),
            maximum=_whole(entry, "maximum", path, 0),
            center=None if center is None else _whole(entry, "center", path, 0),
        )
    trajectory = _child(element, "trajectory")
    mode = _child(_child(element, "parallelImaging"), "calibrationMode")
    return Encoding(
        trajectory=_text(trajectory).lower(),
        encoded=_space(_child(element, "encodedSpace"), path),
        recon=_space(_child(element, "reconSpace"), path),
        limits=limits,
        calibration_mode=_text(mode).lower(),
    )


def _space(element: ElementTree.Element | None, path: Path) -> Space:
    matrix = _child(element, "matrixSize")
    x, y, z = (_whole(matrix, axis, path, 1) for axis in "xyz")
    if not all(1 <= size < _LARGEST_MATRIX for size in (x, y, z)):
        raise KSpaceError(f"the XML header in {path} has a matrix of {x} x {y} x {z}", hint=_HINT)
    fov = _child(element, "fieldOfView_mm")
    a, b, c = (_first(fov, axis) or 0.0 for axis in "xyz")
    return Space((x, y, z), (max(a, 0.0), max(b, 0.0), max(c, 0.0)))


def _name(element: ElementTree.Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _child(element: ElementTree.Element | None, name: str) -> ElementTree.Element | None:
    return next((child for child in _children(element) if _name(child) == name), None)


def _children(element: ElementTree.Element | None) -> list[ElementTree.Element]:
    return list(element) if element is not None else []


def _text(element: ElementTree.Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _whole(element: ElementTree.Element | None, name: str, path: Path, default: int) -> int:
    text = _text(_child(element, name))
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise KSpaceError(f"the XML header in {path} says {name} = {text[:40]!r}", hint=_HINT)
    return int(text)


def _numbers(element: ElementTree.Element | None, name: str) -> list[float]:
    numbers = []
    for child in _children(element):
        if _name(child) == name:
            try:
                number = float(_text(child))
            except ValueError:
                continue
            if math.isfinite(number):
                numbers.append(number)
    return numbers


def _first(element: ElementTree.Element | None, name: str) -> float | None:
    numbers = _numbers(element, name)
    return numbers[0] if numbers else None
