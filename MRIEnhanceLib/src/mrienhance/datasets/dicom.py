"""DICOM trees: any folders of files, as archives export them; people, visits and contrasts by the headers.

Names of people and their numbers are not kept: a subject is named by a hash of the patient's ID, a visit by one of the
study's. Contrasts are told by the series' description and, where that says nothing, by the numbers of the sequence.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import SimpleITK as sitk

from mrienhance.datasets.contrasts import UNKNOWN
from mrienhance.datasets.scan import Found, Scan, only_first
from mrienhance.images import check_image
from mrienhance.images.dicom import is_dicom, read_series, series_in

TITLE = "DICOM tree"
_DEPTH = 8
_LEAST = 4
"""Fewer slices are no volume to learn from, but a localizer."""
_OTHER = re.compile(
    r"local|scout|survey|stir|dwi|diff|dti|trace|perf|swi|t2\W?star|t2\*|bold|fmri|ep2d|angio|phase"
    r"|(?<![a-z])(?:loc|adc|mip|mra|asl|tof|b0|[rt]?[12]?_?map)(?![a-z])",
    re.IGNORECASE,
)
_NAMED = (
    ("T1w", re.compile(r"t1w?[\s_-]*flair", re.IGNORECASE)),
    ("FLAIR", re.compile(r"flair|dark.?fluid", re.IGNORECASE)),
    ("T1w", re.compile(r"t1|mprage|spgr|bravo|vibe|mp2rage|fspgr|tfl3d", re.IGNORECASE)),
    ("T2w", re.compile(r"t2", re.IGNORECASE)),
    ("PDw", re.compile(r"(?<![a-z])pd|proton", re.IGNORECASE)),
)
_AGENT = re.compile(r"\+ ?c\b|\bgd\b|gado|post(?!er)|contrast|(?<![a-z])ce(?![a-z])|[_ -]km\b", re.IGNORECASE)
_WITHOUT = re.compile(r"(?<![a-z])pre(?![a-z])|non.?contrast|without|nativ", re.IGNORECASE)
_NONE = ("", "NONE", "NO", "N/A")
# In milliseconds, generously, for 1 to 3 T.
_LONG_INVERSION, _SHORT_REPETITION, _SHORT_ECHO, _LONG_ECHO = 1500.0, 1200.0, 40.0, 60.0


def recognises(folder: Path) -> bool:
    """Whether there is a DICOM file."""
    return any(True for _ in _folders(folder))


def find(folder: Path) -> Found:
    """Find the series that are T1w, T1c, T2w, FLAIR or PDw volumes; others are listed."""
    found = Found()
    for place in _folders(folder):
        for series, (files, header) in series_in(place).items():
            description = _value(header, "0008|103e") or _value(header, "0018|1030") or "without description"
            what = place / description
            if (reason := _no_volume(header, files)) is not None:
                found.skip(what, reason)
                continue
            contrast = contrast_of_header(header)
            if contrast == UNKNOWN:
                found.skip(what, "its contrast is none of T1w, T1c, T2w, FLAIR and PDw, or cannot be told")
                continue
            person = _value(header, "0010|0020")
            found.scans.append(
                Scan(
                    subject=_hashed(person)
                    if person
                    else place.relative_to(folder).parts[0]
                    if place != folder
                    else folder.name,
                    visit=_hashed(_value(header, "0020|000d")),
                    contrast=contrast,
                    path=place,
                    read=_read,
                    part=series,
                    files=tuple(sorted(Path(file) for file in files)),
                )
            )
    return only_first(found)


def _folders(folder: Path) -> Iterator[Path]:
    """Folders that hold DICOM files themselves."""
    for place, below, names in os.walk(folder):
        below.sort()
        if len(Path(place).relative_to(folder).parts) >= _DEPTH:
            below.clear()
        if any(_is_dicom(Path(place) / name) for name in sorted(names)):
            yield Path(place)


def _is_dicom(path: Path) -> bool:
    try:
        return path.is_file() and path.name.upper() != "DICOMDIR" and is_dicom(path)
    except OSError:
        return False


def _read(path: Path, part: str) -> sitk.Image:
    image: sitk.Image = check_image(read_series(path, series=part), what=path.name)
    return image


def _no_volume(header: Mapping[str, str], files: tuple[str, ...]) -> str | None:
    """Why a series is no volume to learn from, or None."""
    modality, kind = _value(header, "0008|0060"), _value(header, "0008|0008").upper()
    if modality != "MR":
        return f"its modality is {modality or 'unknown'}, not MR"
    if "LOCALIZER" in kind or "PROJECTION" in kind:
        return "it is a localizer or a projection"
    frames = _value(header, "0028|0008")
    count = int(frames) if frames.isdigit() and len(frames) < 6 and int(frames) > 1 else len(files)
    return f"it has {count} slice(s)" if count < _LEAST else None


def contrast_of_header(header: Mapping[str, str]) -> str:
    """The contrast of a series by its description, then by its numbers; `UNKNOWN` if neither tells.

    Parameters
    ----------
    header
        DICOM tags in the form ``"0008|103e"`` to their values.

    Examples
    --------
    >>> contrast_of_header({"0008|103e": "t2_tirm_tra_dark-fluid"})
    'FLAIR'
    >>> contrast_of_header({"0008|103e": "AX 3D", "0018|0080": "9", "0018|0081": "3", "0018|0010": "Gadovist"})
    'T1c'
    """
    text = f"{_value(header, '0008|103e')} {_value(header, '0018|1030')}"
    if _OTHER.search(text):
        return UNKNOWN
    contrast = next((name for name, pattern in _NAMED if pattern.search(text)), None) or _by_numbers(header)
    agent = _value(header, "0018|0010").upper() not in _NONE or bool(_AGENT.search(text))
    return "T1c" if contrast == "T1w" and agent and not _WITHOUT.search(text) else contrast


def _by_numbers(header: Mapping[str, str]) -> str:
    tr, te, ti = (_number(header, tag) for tag in ("0018|0080", "0018|0081", "0018|0082"))
    if not (tr and te):
        return UNKNOWN
    if ti and ti > _LONG_INVERSION and te > _LONG_ECHO:
        return "FLAIR"
    if te < _SHORT_ECHO:
        # An MPRAGE has a long repetition time, and an inversion.
        return "T1w" if tr < _SHORT_REPETITION or (ti and te < 10) else "PDw"
    return "T2w" if te > _LONG_ECHO and tr > _SHORT_REPETITION else UNKNOWN


def _value(header: Mapping[str, str], tag: str) -> str:
    return header.get(tag, "").strip().strip("\0").strip()


def _number(header: Mapping[str, str], tag: str) -> float | None:
    try:
        return float(_value(header, tag).split("\\")[0])
    except ValueError:
        return None


def _hashed(text: str) -> str:
    """A name that tells nothing."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""
