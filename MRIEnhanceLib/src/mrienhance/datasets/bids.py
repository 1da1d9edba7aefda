"""BIDS: ``sub-*/[ses-*/]anat/sub-*_T1w.nii.gz``, lesion masks beside the images or below ``derivatives``.

Gorgolewski KJ et al. (2016), The brain imaging data structure, Scientific Data 3, 160044; https://bids.neuroimaging.io
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mrienhance.datasets.contrasts import UNKNOWN, contrast_of, is_image, stem
from mrienhance.datasets.scan import Found, Scan, only_first, read_label_file

TITLE = "BIDS"
_SUFFIXES = ("T1w", "T2w", "PDw", "FLAIR")
_LESION = re.compile(r"lesion", re.IGNORECASE)
_LABEL = re.compile(r"_(mask|roi|dseg|lesions?)$|_label-", re.IGNORECASE)
_LARGEST_SIDECAR = 2**22


def recognises(folder: Path) -> bool:
    """Whether there are people's folders with anatomical images."""
    return any(True for _ in _anatomies(folder))


def find(folder: Path) -> Found:
    """Find the anatomical images of a BIDS data set; sessions are visits."""
    found = Found()
    for anatomy in _anatomies(folder):
        for path in sorted(path for path in anatomy.iterdir() if is_image(path)):
            _take(found, path)
    for anatomy in _anatomies(folder, "derivatives/*/", "derivatives/*/*/"):
        for path in sorted(path for path in anatomy.iterdir() if is_image(path)):
            if _is_lesion(path):
                _take(found, path)
    return only_first(found)


def _anatomies(folder: Path, *below: str) -> list[Path]:
    """Folders of anatomical images, of people who have one session and of those who have several."""
    patterns = [f"{prefix}sub-*/{session}anat" for prefix in below or ("",) for session in ("", "ses-*/")]
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_dir()})


def _take(found: Found, path: Path) -> None:
    name = stem(path)
    entities = dict(part.partition("-")[::2] for part in name.split("_")[:-1])
    subject, visit = f"sub-{entities.get('sub', '')}", entities.get("ses", "")
    if not entities.get("sub"):
        found.skip(path, "its name does not begin with sub-")
    elif _is_lesion(path):
        found.labels.append(Scan(subject=subject, visit=visit, contrast="lesions", path=path, read=read_label_file))
    elif (contrast := _contrast(path, entities)) != UNKNOWN:
        found.scans.append(Scan(subject=subject, visit=visit, contrast=contrast, path=path))
    else:
        found.skip(path, f"{name.rpartition('_')[2]} is none of {', '.join(_SUFFIXES)}")


def _is_lesion(path: Path) -> bool:
    return bool(_LESION.search(path.name) and _LABEL.search(stem(path)))


def _contrast(path: Path, entities: dict[str, str]) -> str:
    suffix = stem(path).rpartition("_")[2]
    if suffix not in _SUFFIXES or _LABEL.search(stem(path)):
        return UNKNOWN
    return "T1c" if suffix == "T1w" and ("ce" in entities or _agent(path)) else contrast_of(suffix)


def _agent(path: Path) -> bool:
    """Whether the file beside the image names a contrast agent."""
    sidecar = path.with_name(stem(path) + ".json")
    try:
        if sidecar.stat().st_size > _LARGEST_SIDECAR:
            return False
        facts = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    agent = facts.get("ContrastBolusIngredient") if isinstance(facts, dict) else None
    return bool(agent) and str(agent).strip().upper() not in ("NONE", "N/A")
