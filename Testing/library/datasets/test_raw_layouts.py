"""Raw k-space described, its images and boxes taken; DICOM series sorted by their headers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

from datasets import raw_replicas as replicas
from kspace.makers import PERSON
from mrienhance.datasets.contrasts import UNKNOWN
from mrienhance.datasets.dicom import contrast_of_header
from mrienhance.datasets.layouts import get_layout, layout_of
from mrienhance.errors import ImageError, UsageError
from mrienhance.images import Grid

from .conftest import prepare


@pytest.fixture(scope="module")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replicas.fastmri_knee(tmp_path_factory.mktemp("knee"))


@pytest.fixture(scope="module")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replicas.skm_tea(tmp_path_factory.mktemp("skm"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replicas.dicom_tree(tmp_path_factory.mktemp("dicom"))


def test_they_are_recognised(knees: Path, doubles: Path, archive: Path, tmp_path: Path) -> None:
    assert layout_of(knees).name == "fastmri"
    assert layout_of(replicas.fastmri_brain(tmp_path / "brain")).name == "fastmri"
    assert layout_of(doubles).name == "skm-tea"
    assert layout_of(archive).name == "dicom"


def test_fastmri_scans_of_a_person_stay_together(knees: Path) -> None:
    found = get_layout("fastmri").find(knees)
    assert [(raw.subject, raw.visit, raw.contrast, raw.complete) for raw in found.raw] == [
        ("file1000022", "file1000022", "PDw", False),
        ("file1000000", "file1000000", "PDw", True),
        ("file1000000", "file1000001", "PDFS", True),
        ("file1000002", "file1000002", "PDw", True),
        ("file1000003", "file1000003", "PDFS", True),
        ("file1000004", "file1000004", "PDw", True),
    ]
    assert {raw.shape for raw in found.raw} == {(3, 2, 32, 20)}
    assert {(raw.slices, raw.coils) for raw in found.raw} == {(3, 2)}
    assert len({raw.facts for raw in found.raw}) == 6
    assert found.official == {
        "file1000022": "test",
        "file1000000": "train",
        "file1000002": "train",
        "file1000003": "train",
        "file1000004": "test",
    }
    assert "another file of the same scan" in [entry.reason for entry in found.skipped]


@pytest.mark.parametrize("folder", ["multicoil_test_v2", "multicoil_test_full", "multicoil_challenge"])
def test_nobody_in_a_folder_of_fastmri_to_test_with_is_learned_from(tmp_path: Path, folder: str) -> None:
    replicas.fastmri_file(tmp_path / "multicoil_train" / "file1.h5", "CORPD_FBK", patient="a", seed=1)
    replicas.fastmri_file(tmp_path / folder / "file2.h5", "CORPD_FBK", patient="b", seed=2)
    assert get_layout("fastmri").find(tmp_path).official == {"file1": "train", "file2": "test"}


def test_of_a_scan_of_fastmri_to_test_with_the_full_one_is_taken(tmp_path: Path) -> None:
    for part, complete in (("test", False), ("test_full", True)):
        path = tmp_path / f"multicoil_{part}" / "file1.h5"
        replicas.fastmri_file(path, "CORPD_FBK", patient="a", seed=1, complete=complete)
    found = get_layout("fastmri").find(tmp_path)
    assert [(raw.path.parent.name, raw.complete) for raw in found.raw] == [("multicoil_test_full", True)]


def test_no_person_is_named(knees: Path, tmp_path: Path) -> None:
    dataset = prepare(knees, tmp_path / "out").dataset
    text = (dataset.folder / "dataset.json").read_text()
    assert not any(name in text for name in (*PERSON.split("^"), "patient"))


def test_boxes_of_fastmri_are_upside_down(knees: Path, tmp_path: Path) -> None:
    """Box (x 3, y 2, 5 x 4) in an image of 16 rows: columns 3 to 7, rows 10 to 13 of the stored image."""
    dataset = prepare(knees, tmp_path / "out").dataset
    visits = {visit.visit: visit for _, visit in dataset.visits()}
    raw = visits["file1000000"].raw[0]
    assert dict(raw.labels) == {"lesions": (1,)}
    assert [(box["row"], box["column"], box["label"]) for box in raw.boxes] == [
        (10, 3, "Meniscus Tear"),
        (3, 9, "Joint Effusion"),
    ]
    (label,) = visits["file1000000"].labels
    expected = np.zeros((3, 16, 16), np.uint8)
    expected[1, 10:14, 3:8] = 1
    expected[1, 3:7, 9:13] = 1
    assert (label.volume.open(dataset.folder).numpy() == expected).all()
    assert dict(visits["file1000001"].raw[0].labels) == {"lesions": ()}  # read, nothing found
    assert not visits["file1000001"].labels[0].volume.open(dataset.folder).any()
    assert dict(visits["file1000002"].raw[0].labels) == {"lesions": ()}  # a row on the whole study
    assert dict(visits["file1000003"].raw[0].labels) == {}  # nobody read it
    assert not visits["file1000003"].labels


def test_the_image_of_a_fastmri_file_is_that_of_the_full_data(knees: Path, tmp_path: Path) -> None:
    dataset = prepare(knees, tmp_path / "out").dataset
    visits = {visit.visit: visit for _, visit in dataset.visits()}
    (image,) = visits["file1000000"].images
    assert image.name == "PDw"
    assert image.volume.grid.spacing == (0.5, 0.5, 5.0)
    with h5py.File(knees / "multicoil_train" / "file1000000.h5") as file:
        stored = file["reconstruction_rss"][()]
    np.testing.assert_allclose(image.volume.open(dataset.folder).numpy() * image.volume.scale, stored, rtol=1e-6)
    assert not visits["file1000022"].images
    assert {subject.subject: subject.split for subject in dataset.subjects}["file1000004"] == "test"
    assert len(dataset.split("validation")) == 1


def test_tables_that_lie_elsewhere(knees: Path, tmp_path: Path) -> None:
    brain = replicas.fastmri_brain(tmp_path / "brain")
    (brain / "brain.csv").replace(tmp_path / "brain.csv")
    layout = get_layout("fastmri")
    assert not layout.find(brain).labels
    (label,) = layout.find(brain, [tmp_path / "brain.csv"]).labels
    assert label.path.name == "file_brain_AXFLAIR_200_6002402.h5"
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"wrong\.csv is no file of fastMRI\+"):
        layout.find(brain, [tmp_path / "wrong.csv"])
    with pytest.raises(UsageError, match="labels are for fastMRI"):
        get_layout("ixi").find(brain, [tmp_path / "brain.csv"])


def test_brains_of_one_person(tmp_path: Path) -> None:
    """The subject is named after the first of the person's files."""
    found = get_layout("fastmri").find(replicas.fastmri_brain(tmp_path))
    assert {(scan.subject, scan.contrast) for scan in found.scans} == {
        ("file_brain_AXFLAIR_200_6002402", "FLAIR"),
        ("file_brain_AXFLAIR_200_6002402", "T1w"),
        ("file_brain_AXFLAIR_200_6002402", "T2w"),
        ("file_brain_AXT1POST_200_6002403", "T1c"),
    }
    assert len({scan.visit for scan in found.scans}) == 4
    assert not found.official


def test_boxes_outside_the_image_are_left_out(knees: Path, tmp_path: Path) -> None:
    path = replicas.fastmri_file(tmp_path / "file1.h5", "CORPD_FBK", patient="x", seed=1)
    (tmp_path / "knee.csv").write_text("file,slice,study_level,x,y,width,height,label\nfile1,1,No,300,2,5,4,Tear\n")
    found = get_layout("fastmri").find(path.parent)
    assert not found.labels
    assert not found.raw[0].labels
    assert "outside the image" in found.skipped[0].reason


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + b"\x00" * 500, b"no HDF5"])
def test_a_damaged_file_is_listed(tmp_path: Path, content: bytes) -> None:
    replicas.fastmri_file(tmp_path / "file1.h5", "CORPD_FBK", patient="x", seed=1)
    (tmp_path / "file2.h5").write_bytes(content)
    (entry,) = get_layout("fastmri").find(tmp_path).skipped
    assert entry.path.endswith("file2.h5")
    with pytest.raises(ImageError, match=r"file2\.h5"):
        prepare(tmp_path, tmp_path.parent / f"{tmp_path.name}-out", strict=True)


def test_skm_tea(doubles: Path) -> None:
    found = get_layout("skm-tea").find(doubles)
    assert [(raw.subject, raw.visit, raw.slices, raw.coils) for raw in found.raw] == [
        ("subject-048", "MTR_001", 6, 8),
        ("subject-099", "MTR_005", 6, 8),
        ("subject-195", "MTR_013", 6, 16),
        ("subject-012", "MTR_030", 6, 8),
    ]
    assert found.raw[0].shape == (6, 8, 5, 2, 8)
    assert found.official == {
        "subject-048": "train",
        "subject-099": "train",
        "subject-195": "validation",
        "subject-012": "test",
    }
    assert [dict(raw.labels) for raw in found.raw] == [{"lesions": (2, 3)}, {}, {"lesions": ()}, {"lesions": ()}]
    assert not found.skipped


def test_the_images_of_skm_tea_lie_as_the_annotations_say(doubles: Path, tmp_path: Path) -> None:
    dataset = prepare(doubles, tmp_path / "out").dataset
    visits = {visit.visit: visit for _, visit in dataset.visits()}
    images = visits["MTR_001"].images
    assert [image.name for image in images] == ["E1", "E2"]
    assert images[0].volume.grid.spacing == (0.8, 0.3125, 0.3125)
    with h5py.File(doubles / "v1-release/files_recon_calib-24/MTR_001.h5") as file:
        echo = np.abs(file["target"][..., 1, 0])
    # Head to foot, front to back, left to right in the file; foot to head, back to front, right to left in the cache.
    values = images[1].volume.open(dataset.folder).numpy() * images[1].volume.scale
    np.testing.assert_allclose(values, echo[::-1, ::-1, ::-1], rtol=1e-5)
    expected = np.zeros(replicas.SKM_SHAPE, np.uint8)
    expected[2:4, 3:7, 1:4] = 1
    label = visits["MTR_001"].labels[0].volume.open(dataset.folder).numpy()
    assert (label == expected[::-1, ::-1, ::-1]).all()
    assert [len(dataset.split(part)) for part in ("train", "validation", "test")] == [2, 1, 1]


@pytest.mark.parametrize("size", [1e12, float("inf"), float("nan"), 0, "two"])
def test_skm_tea_with_damaged_annotations(doubles: Path, tmp_path: Path, size: object) -> None:
    folder = shutil.copytree(doubles, tmp_path / "skm")
    train = folder / "v1-release" / "annotations" / "v1.0.0" / "train.json"
    values = json.loads(train.read_text())
    values["annotations"][0]["bbox"] = [0, 0, 0, size, 1, 1]
    train.write_text(json.dumps(values))
    found = get_layout("skm-tea").find(folder)
    assert "these annotations cannot be read" in [entry.reason for entry in found.skipped]


def test_dicom(archive: Path) -> None:
    found = get_layout("dicom").find(archive)
    people = sorted({scan.subject for scan in found.scans})
    assert len(people) == 2
    assert not any("471" in scan.subject or "471" in scan.visit for scan in found.scans)
    visits = {(scan.subject, scan.visit): set() for scan in found.scans}
    for scan in found.scans:
        visits[scan.subject, scan.visit].add(scan.contrast)
    assert sorted(map(sorted, visits.values())) == [["FLAIR", "T1c", "T1w"], ["PDw"], ["T2w"]]
    reasons = sorted(entry.reason for entry in found.skipped)
    assert "its modality is CT, not MR" in reasons
    assert "it is a localizer or a projection" in reasons
    assert sum("cannot be told" in reason for reason in reasons) == 1
    assert len(reasons) == 3


def test_one_series_of_a_folder_of_several_is_read(archive: Path) -> None:
    found = get_layout("dicom").find(archive)
    scan = next(scan for scan in found.scans if scan.contrast == "T1c")
    expected = np.random.default_rng(1).integers(0, 900, (5, 8, 6)).astype(np.int16)
    image = scan.image()
    assert (sitk.GetArrayFromImage(image) == expected).all()
    assert Grid.of(image).spacing == pytest.approx((0.5, 0.75, 2.5))
    assert len(scan.files) == 5


def test_a_dicom_tree_is_prepared(archive: Path, tmp_path: Path) -> None:
    dataset = prepare(archive, tmp_path / "out").dataset
    assert len(dataset.subjects) == 2
    assert PERSON.split("^")[0] not in (dataset.folder / "dataset.json").read_text()


@pytest.mark.parametrize(
    ("tags", "contrast"),
    [
        ({"0008|103e": "Ax T2 FLAIR FS"}, "FLAIR"),
        ({"0008|103e": "Ax T1 FLAIR"}, "T1w"),
        ({"0008|103e": "t1_mpr_sag_p2_iso"}, "T1w"),
        ({"0008|103e": "T1 posterior fossa"}, "T1w"),
        ({"0008|103e": "t1_mprage_pre", "0018|0010": "GADOVIST"}, "T1w"),
        ({"0008|103e": "Sag STIR", "0018|0080": "4500", "0018|0081": "70", "0018|0082": "150"}, UNKNOWN),
        ({"0008|103e": "AX T1 SE +C"}, "T1c"),
        ({"0008|103e": "T1 post gado"}, "T1c"),
        ({"0008|103e": "T1 pre contrast"}, "T1w"),
        ({"0008|103e": "AX T1", "0018|0010": "NONE"}, "T1w"),
        ({"0008|103e": "AX T2* GRE"}, UNKNOWN),
        ({"0008|103e": "ADC (10^-6 mm/s)"}, UNKNOWN),
        ({"0008|103e": "T1 map"}, UNKNOWN),
        ({"0018|1030": "pd_tse_tra"}, "PDw"),
        ({"0018|0080": "500", "0018|0081": "12"}, "T1w"),
        ({"0018|0080": "2300", "0018|0081": "2.9", "0018|0082": "900"}, "T1w"),
        ({"0018|0080": "4500", "0018|0081": "95"}, "T2w"),
        ({"0018|0080": "3000", "0018|0081": "20"}, "PDw"),
        ({"0018|0080": "much"}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_contrasts_of_series(tags: dict[str, str], contrast: str) -> None:
    assert contrast_of_header(tags) == contrast
