"""IXI: folders of contrasts, names such as ``IXI002-Guys-0828-T1.nii.gz``: person, hospital, scan, contrast.

Hospitals are Guys, HH (Hammersmith) and IOP (Institute of Psychiatry); https://brain-development.org/ixi-dataset
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from mrienhance.datasets.contrasts import UNKNOWN, contrast_of, is_image
from mrienhance.datasets.scan import Found, Scan, only_first

TITLE = "IXI"
_NAME = re.compile(r"^(IXI\d{3})-([A-Za-z]+)-(\d{4})-([A-Za-z0-9]+)(?:-\d+)?\.nii(?:\.gz)?$")


def recognises(folder: Path) -> bool:
    """Whether there are images with IXI's names."""
    return any(_NAME.match(path.name) for path in _files(folder))


def find(folder: Path) -> Found:
    """Find the T1w, T2w and PDw images; a person who was scanned under two numbers has two visits."""
    found = Found()
    others: Counter[tuple[Path, str]] = Counter()
    for path in _files(folder):
        match = _NAME.match(path.name)
        if match is None:
            found.skip(path, "its name is not one of IXI's")
            continue
        subject, _, number, kind = match.groups()
        contrast = contrast_of(kind)
        if contrast == UNKNOWN:
            others[path.parent, kind] += 1
        else:
            found.scans.append(Scan(subject=subject, visit=number, contrast=contrast, path=path))
    for (place, kind), count in others.items():
        found.skip(place, f"{count} file(s) of {kind}, which is none of T1, T2 and PD")
    return only_first(found)


def _files(folder: Path) -> list[Path]:
    """Image files in the folder, and in the folders of contrasts."""
    return sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern) if is_image(path))
