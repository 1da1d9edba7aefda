"""Contrasts of MR scans: their names, and which one a volume probably has, by what it is called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import slicer

CONTRASTS = ("T1w", "T1c", "T2w", "FLAIR", "PDw")
"""As the library names them; T1c: T1-weighted after a contrast agent."""
_SERIES_DESCRIPTION, _PROTOCOL, _AGENT = "0008,103e", "0018,1030", "0018,0010"

_AFTER = re.compile(
    r"t1c|t1ce|t1gd|t1km|ce|gd|gado\w*|km|post\w*|kontrast\w*|enhanced|contrast|magnevist|gadovist|dotarem|omniscan"
)
_BEFORE = re.compile(r"pre\w*|without|no|non|nativ\w*|unenhanced|ohne|vor")
# The first that fits counts: a FLAIR is called T2 as well, and T2* is none of these.
_WORDS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("FLAIR", re.compile(r"\w*flair\w*|tirm|darkfluid")),
    ("", re.compile(r"t2star\w*|swi|dwi|adc|dti|bold|asl|tof|gre|medic|hemo\w*|flash2d|stir|fieldmap|phase")),
    ("T1w", re.compile(r"t1[a-z]{0,3}|\w*mprage\w*|mpr|bravo|spgr|fspgr|vibe|tfl3d\w*")),
    ("T2w", re.compile(r"t2[a-z]{0,3}")),
    ("PDw", re.compile(r"pdw?|protondensity")),
)


def guess(node: Any) -> str:
    """The contrast of a volume, by its name, its file's name, and its DICOM headers where they are at hand.

    Parameters
    ----------
    node
        A volume node, or None.

    Returns
    -------
    str
        One of `CONTRASTS`; empty if nothing tells.
    """
    agent = bool(node is not None and _header(node, _AGENT))
    for text in _texts(node):
        if found := contrast_of(text):
            return "T1c" if found == "T1w" and agent else found
    return ""


def contrast_of(text: str) -> str:
    """The contrast that a name speaks of, such as ``sub-01_ce-gadolinium_T1w`` or ``t2_tirm_tra_dark-fluid``.

    Returns
    -------
    str
        One of `CONTRASTS`; empty if it speaks of none, of another one, or of two.
    """
    text = re.sub(r"t2\s*\*", "t2star", text.lower().replace("t1+c", "t1c"))
    text = re.sub(r"(dark|proton)[\s_-]*(fluid|density)", r"\1\2", text)
    words = [word for word in re.split(r"[^a-z0-9]+", text) if word]
    found = next((name for name, pattern in _WORDS if any(map(pattern.fullmatch, words))), "")
    named = {name for name, pattern in _WORDS[2:] if any(map(pattern.fullmatch, words))}
    if found == "FLAIR":
        return "" if named & {"T1w", "PDw"} else found
    if len(named) > 1:
        return ""
    if found == "T1w" and any(map(_AFTER.fullmatch, words)) and not any(map(_BEFORE.fullmatch, words)):
        return "T1c"
    return found


def _texts(node: Any) -> Iterator[str]:
    """What a volume is called: the plainest name first."""
    if node is None:
        return
    yield node.GetName() or ""
    storage = node.GetStorageNode()
    if storage is not None and storage.GetFileName():
        yield os.path.basename(storage.GetFileName())
    yield _header(node, _SERIES_DESCRIPTION)
    yield _header(node, _PROTOCOL)


def _header(node: Any, tag: str) -> str:
    """A header of the volume's first DICOM file; empty if there is none, or it is not in Slicer's database."""
    files = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return str(database.instanceValue(files[0], tag) or "").strip() if files and database is not None else ""
