"""BraTS, as the years name it; the same person's visits stay together.

=========  ==================================================================  ==============================
2015       ``HGG/brats_tcia_pat153_0109/VSD.Brain.XX.O.MR_T1c.NNNNN/….mha``      label ``VSD.Brain_3more.XX.O.OT``
2017-2019  ``HGG/Brats18_TCIA01_131_1/Brats18_TCIA01_131_1_t1ce.nii.gz``         label ``…_seg.nii.gz``
2020       ``BraTS20_Training_001/BraTS20_Training_001_t1ce.nii``                label ``…_seg.nii``
2021       ``BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz``                       label ``…_seg.nii.gz``
2022, Reg  ``BraTSReg_001/BraTSReg_001_01_0106_t1ce.nii.gz``                     none
2023       ``BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1c.nii.gz``                label ``…-seg.nii.gz``
=========  ==================================================================  ==============================

Menze BH et al. (2015), The multimodal brain tumor image segmentation benchmark (BRATS), IEEE Transactions on Medical
Imaging 34(10); https://www.synapse.org/brats
"""

from __future__ import annotations

import re
from pathlib import Path

from mrienhance.datasets.contrasts import UNKNOWN, contrast_of, is_image, stem
from mrienhance.datasets.scan import Found, Scan, only_first, read_label_file

TITLE = "BraTS"
_DEPTH = 5
_LABELS = ("seg", "segm", "ot")
_2015 = re.compile(r"^VSD\.Brain\w*\.XX\.O\.(?:MR_)?(Flair|T1c|T1|T2|OT)\.\d+$", re.IGNORECASE)
# A case, then what it shows; of a case, the person comes first.
_CASES = (
    re.compile(r"^(?P<person>BraTSReg_\d+)_(?P<visit>\d+_\d+)_(?P<kind>\w+?)$", re.IGNORECASE),
    re.compile(r"^(?P<person>BraTS-[A-Za-z]+-\d+)-(?P<visit>\d+)-(?P<kind>\w+)$", re.IGNORECASE),
    re.compile(r"^(?P<person>BraTS20_[A-Za-z]+_\d+)(?P<visit>)_(?P<kind>[a-z0-9]+)$", re.IGNORECASE),
    re.compile(r"^(?P<person>BraTS2021_\d+)(?P<visit>)_(?P<kind>[a-z0-9]+)$", re.IGNORECASE),
    re.compile(r"^(?P<person>Brats1[789]_\w+)_(?P<visit>\d+)_(?P<kind>[a-z][a-z0-9]*)$", re.IGNORECASE),
)
# The one label map of 2020 that is not named after its case (BraTS20_Training_355).
_MISNAMED = re.compile(r"_segm$", re.IGNORECASE)


def recognises(folder: Path) -> bool:
    """Whether there are images with names of BraTS."""
    return any(_case(path) is not None for path in _files(folder))


def find(folder: Path) -> Found:
    """Find the four contrasts, and as ``lesions`` all that is labelled as tumour, whatever its class."""
    found = Found()
    for path in _files(folder):
        case = _case(path) or _misnamed(path)
        if case is None:
            found.skip(path, "its name is not one of BraTS's")
            continue
        subject, visit, kind = case
        if kind.lower() in _LABELS:
            label = Scan(subject=subject, visit=visit, contrast="lesions", path=path, read=read_label_file)
            found.labels.append(label)
        elif (contrast := contrast_of(kind)) != UNKNOWN:
            found.scans.append(Scan(subject=subject, visit=visit, contrast=contrast, path=path))
        else:
            found.skip(path, f"{kind} is no contrast of BraTS")
    return only_first(found)


def _files(folder: Path) -> list[Path]:
    patterns = ("/".join(["*"] * depth) for depth in range(1, _DEPTH + 1))
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if is_image(path))


def _case(path: Path) -> tuple[str, str, str] | None:
    """Person, visit and what is shown, by a file's name and, in 2015, by its folders."""
    name = stem(path)
    if old := _2015.match(name):
        return (*_case_of_2015(path), old[1])
    match = next((match for pattern in _CASES if (match := pattern.match(name))), None)
    return None if match is None else (match["person"], match["visit"], match["kind"])


def _case_of_2015(path: Path) -> tuple[str, str]:
    folders = [folder for folder in path.parents if not folder.name.upper().startswith("VSD.")]
    case, grade = folders[0].name, folders[1].name if len(folders) > 1 else ""
    person, _, visit = case.rpartition("_")
    # The patients of 2013 are numbered from 1 in either grade; all others are one person whatever the grade.
    if person.lower().startswith("brats_2013_") and grade.upper() in ("HGG", "LGG"):
        person = f"{grade.upper()}_{person}"
    return (person, visit) if person else (case, "")


def _misnamed(path: Path) -> tuple[str, str, str] | None:
    """The case of a label map that is named otherwise, by the images beside it."""
    if not _MISNAMED.search(stem(path)):
        return None
    beside = (_case(other) for other in sorted(path.parent.iterdir()) if is_image(other) and other != path)
    case = next((case for case in beside if case is not None), None)
    return None if case is None else (case[0], case[1], "seg")
