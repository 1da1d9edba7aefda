"""What data sets call their contrasts, and what BIDS calls them; which files are images at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
"""Files that hold an image, the longer suffixes first."""
UNKNOWN = "unknown"
"""The contrast of an image whose name tells none."""
ORDER = ("T1w", "T1c", "T2w", "FLAIR", "PDw")
"""Contrasts as they are listed, and as they are asked for a grid: the first that a person has."""
_NAMES = {
    "T1w": ("t1", "t1w", "t1n", "t1pre"),
    "T1c": ("t1c", "t1ce", "t1gd", "t1cw", "t1post", "t1wce"),
    "T2w": ("t2", "t2w"),
    "FLAIR": ("flair", "t2f", "t2flair", "t2wflair"),
    "PDw": ("pd", "pdw"),
    "PDFS": ("pdfs", "pdwfs"),
}
CONTRASTS = {name: contrast for contrast, names in _NAMES.items() for name in names}
"""Names in lower case to those of BIDS; T1c is T1w after contrast agent."""
NOT_IMAGES = re.compile(r"lesion|mask|label|seg|tumou?r", re.IGNORECASE)
"""Names of files that lie beside images and are none: what they hold must not be learned from as if it were tissue."""
LABELS = {"lesions": re.compile(r"^(.*_)?lesions?$", re.IGNORECASE)}
"""Label maps that lie in a person's folder, by what methods call them."""


def contrast_of(name: str) -> str:
    """The contrast that a name stands for, such as ``t1ce``; `UNKNOWN` if none.

    Examples
    --------
    >>> contrast_of("t1ce"), contrast_of("Flair"), contrast_of("adc")
    ('T1c', 'FLAIR', 'unknown')
    """
    return CONTRASTS.get(re.sub(r"[\s_-]", "", name).lower(), UNKNOWN)


def is_image(path: Path) -> bool:
    """Whether a name is that of an image file; files that systems hide are not."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def stem(path: Path) -> str:
    """The name of an image file without its suffix.

    Examples
    --------
    >>> stem(Path("sub-01_T1w.nii.gz"))
    'sub-01_T1w'
    """
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), path.suffix)
    return path.name[: len(path.name) - len(suffix)]


def in_order(contrasts: Iterable[str]) -> list[str]:
    """Contrasts as `ORDER` has them, others behind by name, each once."""
    return sorted(set(contrasts), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
