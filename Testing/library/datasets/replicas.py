"""Miniatures of public data sets: their names, folders, axes, orientations and pixel types; few and coarse voxels.

What is in them is a head of ellipsoids, by its place in space, so that scans on different grids show the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from datasets.raw_replicas import dicom_tree, fastmri_brain, fastmri_knee, skm_tea
from mrienhance.images import Grid, write_image

__all__ = ["dicom_tree", "fastmri_brain", "fastmri_knee", "skm_tea"]

# Centre and half axes in mm (LPS), and the brightness that it adds in T1w, T1c, T2w, FLAIR and PDw.
PARTS = (
    ((0, 0, 0), (70, 90, 80), (700, 700, 400, 500, 800)),
    ((0, 0, 5), (60, 78, 66), (-300, -300, 100, 200, 100)),
    ((-22, -15, 10), (14, 30, 16), (400, 400, 500, -300, -200)),
    ((24, 20, 0), (18, 14, 22), (250, 250, -200, 200, 150)),
    ((5, 45, -20), (25, 16, 14), (-150, -150, 350, 250, -250)),
)
TUMOUR = ((30, -30, 20), (18, 15, 15), (-200, 500, 500, 600, 100))
CONTRASTS = ("T1w", "T1c", "T2w", "FLAIR", "PDw")
SAGITTAL = (0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Columns to the front, rows to the head, slices to the right, as MPRAGE scans are stored."""


def inside(grid: Grid, centre: Sequence[float], half: Sequence[float]) -> np.ndarray:
    """1 inside an ellipsoid, falling to 0 within some millimetres, (k, j, i)."""
    k, j, i = np.indices(grid.shape)
    distance = np.linalg.norm((grid.points(np.stack([i, j, k], -1)) - centre) / half, axis=-1)
    return 1 / (1 + np.exp((distance - 1) * 0.5 * min(half)))


def head(grid: Grid, contrast: str, *, person: int = 0, shift: Sequence[float] = (0, 0, 0)) -> sitk.Image:
    """A scan of a person, int16; `shift` is where the person lay, in mm."""
    column, rng = CONTRASTS.index(contrast), np.random.default_rng(person)
    values = np.zeros(grid.shape)
    for centre, half, brightness in (*PARTS, TUMOUR):
        scale = rng.uniform(0.85, 1.15, 3)
        values += brightness[column] * inside(grid, np.add(centre, shift), np.multiply(half, scale))
    values += rng.normal(0, 5, grid.shape)
    return placed(values.clip(0).round().astype(np.int16), grid)


def tumour(grid: Grid, *, classes: Sequence[int] = (1, 2, 4)) -> sitk.Image:
    """The tumour's label map, uint8, in shells of classes from outside to inside."""
    labels = np.zeros(grid.shape, np.uint8)
    for shell, label in zip((1.0, 0.7, 0.4), classes, strict=True):
        labels[inside(grid, TUMOUR[0], np.multiply(TUMOUR[1], shell)) > 0.5] = label
    return placed(labels, grid)


def placed(values: np.ndarray, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    grid.place(image)
    return image


def axial(size: Sequence[int] = (30, 36, 24), spacing: Sequence[float] = (7.0, 7.0, 9.0)) -> Grid:
    """A grid about the middle, rows to the back, slices to the head."""
    origin = tuple(-(n - 1) * step / 2 for n, step in zip(size, spacing, strict=True))
    return Grid(tuple(size), tuple(spacing), origin)


def sagittal(size: Sequence[int] = (34, 32, 20), spacing: Sequence[float] = (7.5, 7.5, 9.6)) -> Grid:
    """A grid about the middle as MPRAGE scans are stored."""
    grid = Grid(tuple(size), tuple(spacing), (0.0, 0.0, 0.0), SAGITTAL)
    middle = grid.points([(n - 1) / 2 for n in size])
    return Grid(grid.size, grid.spacing, tuple((-middle).tolist()), SAGITTAL)


def save(image: sitk.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_image(image, path)


def plain(folder: Path, people: int = 3) -> Path:
    """A folder a person with t1, t1c, t2, flair and lesions."""
    grid = axial()
    for number in range(1, people + 1):
        for contrast, name in (("T1w", "t1"), ("T1c", "t1c"), ("T2w", "t2"), ("FLAIR", "flair")):
            save(head(grid, contrast, person=number), folder / f"patient{number:02d}" / f"{name}.nii.gz")
        save(tumour(grid), folder / f"patient{number:02d}" / "lesions.nii.gz")
    return folder


def bids(folder: Path) -> Path:
    """Four people: one in two sessions, one with an agent by its name, one by its sidecar, and files of no use."""
    grid = axial()
    for stem, contrast in (
        ("sub-01/ses-1/anat/sub-01_ses-1_T1w", "T1w"),
        ("sub-01/ses-1/anat/sub-01_ses-1_FLAIR", "FLAIR"),
        ("sub-01/ses-2/anat/sub-01_ses-2_T1w", "T1w"),
        ("sub-02/anat/sub-02_T1w", "T1w"),
        ("sub-02/anat/sub-02_ce-gadolinium_T1w", "T1c"),
        ("sub-02/anat/sub-02_T2w", "T2w"),
        ("sub-03/anat/sub-03_acq-mprage_run-1_T1w", "T1w"),
        ("sub-03/anat/sub-03_acq-mprage_run-2_T1w", "T1w"),
        ("sub-03/anat/sub-03_inplaneT2", "T2w"),
        ("sub-04/anat/sub-04_T1w", "T1c"),
    ):
        person = int(stem[4:6]) + 10 * ("ses-2" in stem or "run-2" in stem)
        save(head(grid, contrast, person=person), folder / f"{stem}.nii.gz")
    (folder / "sub-04/anat/sub-04_T1w.json").write_text('{"ContrastBolusIngredient": "GADOLINIUM"}')
    save(tumour(grid), folder / "derivatives/manual/sub-02/anat/sub-02_label-lesion_mask.nii.gz")
    save(tumour(grid), folder / "sub-01/ses-1/anat/sub-01_ses-1_desc-T1lesion_mask.nii.gz")
    (folder / "dataset_description.json").write_text('{"Name": "Replica", "BIDSVersion": "1.8.0"}')
    (folder / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\nsub-03\nsub-04\n")
    return folder


def ixi(folder: Path, people: int = 3) -> Path:
    """T1w as sagittal slices, T2w and PDw as axial ones on one grid, 4 mm away; MRA and DTI are no use."""
    moved = (0.0, 4.0, -3.0)
    names = ("IXI002-Guys-0828", "IXI012-HH-1211", "IXI035-IOP-0873", "IXI040-Guys-0724", "IXI044-HH-0932")
    for number, name in enumerate(names[:people]):
        scans = {
            "T1": head(sagittal(), "T1w", person=number),
            "T2": head(axial(), "T2w", person=number, shift=moved),
            "PD": head(axial(), "PDw", person=number, shift=moved),
            "MRA": head(axial(), "T1w", person=number),
            "DTI-00": head(axial(), "T2w", person=number),
        }
        for kind, image in scans.items():
            save(image, folder / f"IXI-{kind[:3].rstrip('-')}" / f"{name}-{kind}.nii.gz")
    (folder / "IXI.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    return folder


def _brats(case: Path, names: dict[str, str], seg: str, *, person: int, classes: Sequence[int] = (1, 2, 4)) -> None:
    grid = axial()
    for contrast, name in names.items():
        save(head(grid, contrast, person=person), case / name)
    if seg:
        save(tumour(grid, classes=classes), case / seg)


def brats2015(folder: Path) -> Path:
    """One person of 2013 of either grade with the same number, and one of TCIA in two visits."""
    cases = (
        ("HGG/brats_2013_pat0001_1", 54512),
        ("LGG/brats_2013_pat0001_1", 54630),
        ("HGG/brats_tcia_pat153_0109", 42320),
        ("HGG/brats_tcia_pat153_0181", 42326),
    )
    for person, (case, number) in enumerate(cases):
        kinds = dict(zip(("FLAIR", "T1w", "T1c", "T2w"), ("Flair", "T1", "T1c", "T2"), strict=True))
        stems = {name: f"VSD.Brain.XX.O.MR_{kind}.{number + n}" for n, (name, kind) in enumerate(kinds.items())}
        names = {name: f"{stem}/{stem}.mha" for name, stem in stems.items()}
        label = f"VSD.Brain_3more.XX.O.OT.{number + 5}"
        root = folder / "BRATS2015_Training"
        _brats(root / case, names, f"{label}/{label}.mha", person=person, classes=(2, 1, 4))
    return folder


def _names(case: str, suffix: str, separator: str, kinds: Sequence[str]) -> dict[str, str]:
    return {
        name: f"{case}{separator}{kind}{suffix}"
        for name, kind in zip(("T1w", "T1c", "T2w", "FLAIR"), kinds, strict=True)
    }


_KINDS = ("t1", "t1ce", "t2", "flair")


def brats2018(folder: Path) -> Path:
    """Two visits of one person."""
    for person, case in enumerate(("Brats18_TCIA01_131_1", "Brats18_TCIA01_131_2", "Brats18_2013_2_1")):
        _brats(folder / "HGG" / case, _names(case, ".nii.gz", "_", _KINDS), f"{case}_seg.nii.gz", person=person)
    return folder


def brats2020(folder: Path) -> Path:
    """With the label map of case 355, which is misnamed in what is distributed, and the tables beside the cases."""
    root = folder / "MICCAI_BraTS2020_TrainingData"
    for person, case in enumerate(("BraTS20_Training_001", "BraTS20_Training_002", "BraTS20_Training_355")):
        seg = "W39_1998.09.19_Segm.nii" if case.endswith("355") else f"{case}_seg.nii"
        _brats(root / case, _names(case, ".nii", "_", _KINDS), seg, person=person)
    (root / "name_mapping.csv").write_text("Grade,BraTS_2020_subject_ID\nHGG,BraTS20_Training_001\n")
    return folder


def brats2021(folder: Path) -> Path:
    for person, case in enumerate(("BraTS2021_00000", "BraTS2021_00002", "BraTS2021_00003")):
        _brats(folder / case, _names(case, ".nii.gz", "_", _KINDS), f"{case}_seg.nii.gz", person=person)
    return folder


def brats2023(folder: Path) -> Path:
    """Two time points of one person, and one of another."""
    root = folder / "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData"
    for person, case in enumerate(("BraTS-GLI-00005-000", "BraTS-GLI-00005-001", "BraTS-GLI-00008-000")):
        names = _names(case, ".nii.gz", "-", ("t1n", "t1c", "t2w", "t2f"))
        _brats(root / case, names, f"{case}-seg.nii.gz", person=person, classes=(2, 1, 3))
    return folder


def brats_reg(folder: Path) -> Path:
    """Before an operation and after it; no label maps."""
    for person, case in enumerate(("BraTSReg_001_00_0000", "BraTSReg_001_01_0106", "BraTSReg_002_00_0000")):
        _brats(folder / case[:12], _names(case, ".nii.gz", "_", _KINDS), "", person=person)
    (folder / "BraTSReg_001" / "BraTSReg_001_01_0106_landmarks.csv").write_text("Landmark,X,Y,Z\n1,1.0,2.0,3.0\n")
    return folder


BRATS = {
    "2015": brats2015,
    "2018": brats2018,
    "2020": brats2020,
    "2021": brats2021,
    "2023": brats2023,
    "Reg": brats_reg,
}
