"""Miniatures of data sets of raw k-space, and of DICOM archives; `replicas` gives them out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import SimpleITK as sitk

from images.makers import write_slice
from kspace.makers import PERSON, Header, fastmri_header, noise, rss, to_images

SLICES, COILS, ROWS, LINES, KEPT = 3, 2, 32, 20, 16


def fastmri_file(
    path: Path,
    acquisition: str,
    *,
    patient: str,
    seed: int,
    coils: int = COILS,
    complete: bool = True,
) -> Path:
    """A file as fastMRI's, of noise; its pixels are 0.5 mm and its slices 5 mm apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kspace = noise(SLICES, coils, ROWS, LINES, seed=seed)
    header: Header = fastmri_header(ROWS, LINES, (KEPT, KEPT))
    with h5py.File(path, "w") as file:
        file.create_dataset("ismrmrd_header", data=header.xml())
        if complete:
            images = rss(to_images(kspace))[:, (ROWS - KEPT) // 2 :][:, :KEPT, (LINES - KEPT) // 2 :][..., :KEPT]
            file["reconstruction_rss" if coils > 1 else "reconstruction_esc"] = images.astype(np.float32)
            file.attrs["max"], file.attrs["norm"] = images.max(), np.linalg.norm(images)
        else:
            mask = np.arange(LINES) % 4 == 0
            kspace = kspace * mask
            file["mask"] = mask
            file.attrs["acceleration"], file.attrs["num_low_frequency"] = 4, 2
        file["kspace"] = kspace if coils > 1 else kspace[:, 0]
        file.attrs["acquisition"], file.attrs["patient_id"] = acquisition, f"{PERSON} {patient}"
    return path


def fastmri_knee(folder: Path) -> Path:
    """Six scans of five people, two of one person; boxes on two of them, one read without findings, one not read."""
    for number, (part, acquisition, patient) in enumerate(
        (
            ("train", "CORPD_FBK", "a"),
            ("train", "CORPDFS_FBK", "a"),
            ("train", "CORPD_FBK", "b"),
            ("train", "CORPDFS_FBK", "c"),
            ("val", "CORPD_FBK", "d"),
        )
    ):
        path = folder / f"multicoil_{part}" / f"file100000{number}.h5"
        fastmri_file(path, acquisition, patient=patient, seed=number)
    fastmri_file(folder / "multicoil_test" / "file1000022.h5", "CORPD_FBK", patient="e", seed=9, complete=False)
    fastmri_file(folder / "singlecoil_train" / "file1000000.h5", "CORPD_FBK", patient="a", seed=0, coils=1)
    tables = folder / "Annotations"
    tables.mkdir()
    (tables / "knee.csv").write_text(
        "file,slice,study_level,x,y,width,height,label\n"
        "file1000000,1,No,3,2,5,4,Meniscus Tear\n"
        "file1000000,1,No,9,9,4,4,Joint Effusion\n"
        "file1000002,0,Yes,,,,,Artifact\n"
    )
    (tables / "knee_file_list.csv").write_text("file1000000\nfile1000001\nfile1000002\nKnee data\n")
    return folder


def fastmri_brain(folder: Path) -> Path:
    """Three contrasts of one person and one of another, in one folder without a part of the split."""
    for number, (name, patient) in enumerate((("AXT1", "a"), ("AXT2", "a"), ("AXFLAIR", "a"), ("AXT1POST", "b"))):
        path = folder / f"file_brain_{name}_200_600240{number}.h5"
        fastmri_file(path, name, patient=patient, seed=number, coils=4)
    (folder / "brain.csv").write_text(
        "file,slice,study_level,x,y,width,height,label\n"
        "file_brain_AXFLAIR_200_6002402,2,No,4,6,3,2,Nonspecific white matter lesion\n"
    )
    return folder


SKM_SHAPE = (6, 8, 5)
"""Along x (head to foot), y (front to back) and z (left to right)."""
_SKM = (
    ("MTR_001", 48, "train", 8),
    ("MTR_005", 99, "train", 8),
    ("MTR_013", 195, "val", 16),
    ("MTR_030", 12, "test", 8),
)


def skm_tea(folder: Path) -> Path:
    """Four scans, one in each part and two to train with; a box in the first, one scan that nobody looked at."""
    root = folder / "v1-release"
    parts: dict[str, dict[str, list[Any]]] = {
        part: {"images": [], "annotations": []} for part in ("train", "val", "test")
    }
    for number, (name, subject, part, coils) in enumerate(_SKM, start=1):
        path = root / "files_recon_calib-24" / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file.create_dataset("kspace", data=noise(*SKM_SHAPE, 2, coils, seed=number), compression="lzf")
            file.create_dataset("maps", data=noise(*SKM_SHAPE, coils, 1, seed=number + 10))
            file.create_dataset("target", data=noise(*SKM_SHAPE, 2, 1, seed=number + 20))
        parts[part]["images"].append(
            {
                "id": number,
                "file_name": f"{name}.h5",
                "msp_id": f"{subject:07d}_V00",
                "scan_id": name,
                "subject_id": subject,
                "timepoint": 0,
                "voxel_spacing": [0.3125, 0.3125, 0.8],
                "matrix_shape": list(SKM_SHAPE),
                "orientation": ["SI", "AP", "LR"],
                "num_echoes": 2,
                "inspected": name != "MTR_005",
            }
        )
    parts["train"]["annotations"].append(
        {
            "id": 1,
            "image_id": 1,
            "category_id": 16,
            "tissue_id": 1,
            "bbox": [2.0, 3.0, 1.0, 2.0, 4.0, 3.0],
            "confidence": 4.0,
        }
    )
    categories = [{"supercategory": "Effusion", "supercategory_id": 4, "id": 16, "name": "Effusion"}]
    for version in ("v0.0.1", "v1.0.0"):
        (root / "annotations" / version).mkdir(parents=True)
        for part, values in parts.items():
            values = values if version == "v1.0.0" else {"images": [], "annotations": []}
            text = json.dumps({"info": {"version": version}, "categories": categories, **values})
            (root / "annotations" / version / f"{part}.json").write_text(text)
    (root / "all_metadata.csv").write_text("scan_id\nMTR_001\n")
    return folder


def dicom_series(
    folder: Path, *, uid: int, patient: str, study: str, slices: int = 5, tags: Mapping[str, str] | None = None
) -> None:
    """A sagittal series of small slices, 2.5 mm apart, in the order in which nobody would read them."""
    folder.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(uid).integers(0, 900, (slices, 8, 6)).astype(np.int16)
    for place in reversed(range(slices)):
        file = folder / f"IM{uid:03d}{place:03d}.dcm"
        write_slice(
            file,
            values[place],
            position=(10 + 2.5 * place, -20, 30),
            series=f"1.2.826.5.{uid}",
            number=place + 1,
            tags={"0010|0020": patient, "0010|0010": PERSON, "0020|000d": f"1.2.826.{study}", **(tags or {})},
        )
        file.rename(file.with_suffix(""))


def dicom_tree(folder: Path) -> Path:
    """Two people, one twice, as archives export them: all series of a study in one folder, or one folder each."""
    numbers = {"0018|0080": "9000", "0018|0081": "120", "0018|0082": "2500"}
    study: Sequence[tuple[dict[str, str], int]] = (
        ({"0008|103e": "T1 MPRAGE sag"}, 5),
        ({"0008|103e": "T1 MPRAGE sag", "0018|0010": "GADOVIST"}, 5),
        ({"0008|103e": "Sag 3D", **numbers}, 5),
        ({"0008|103e": "ep2d_diff_3scan_trace"}, 5),
        ({"0008|103e": "Localizer", "0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"}, 3),
    )
    for uid, (tags, slices) in enumerate(study):
        dicom_series(folder / "PA000/ST000", uid=uid, patient="4711", study="1", slices=slices, tags=tags)
    dicom_series(folder / "PA000/ST001/SE000", uid=20, patient="4711", study="2", tags={"0008|103e": "t2_tse_sag"})
    dicom_series(folder / "PA001/ST000/SE000", uid=30, patient="4712", study="3", tags={"0008|103e": "PD tse"})
    dicom_series(folder / "PA001/ST000/SE001", uid=31, patient="4712", study="3", tags={"0008|0060": "CT"})
    (folder / "README.txt").write_text("exported")
    assert sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder / "PA000/ST000"))
    return folder
