"""Whose scans, of which visit and contrast: found by the names that data sets are distributed with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk

from datasets import replicas
from mrienhance.datasets.layouts import NAMES, get_layout, layout_of
from mrienhance.datasets.scan import Found
from mrienhance.errors import UsageError

FOUR = ("FLAIR", "T1c", "T1w", "T2w")
REPLICAS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "plain": ("plain", replicas.plain),
    "bids": ("bids", replicas.bids),
    "ixi": ("ixi", replicas.ixi),
    **{f"brats {year}": ("brats", make) for year, make in replicas.BRATS.items()},
}


def scans(found: Found) -> dict[tuple[str, str], tuple[str, ...]]:
    visits = {(scan.subject, scan.visit) for scan in found.scans}
    return {
        visit: tuple(sorted(scan.contrast for scan in found.scans if (scan.subject, scan.visit) == visit))
        for visit in visits
    }


def labels(found: Found) -> list[tuple[str, str]]:
    return sorted((label.subject, label.visit) for label in found.labels)


@pytest.mark.parametrize(("name", "make"), REPLICAS.values(), ids=REPLICAS)
def test_a_layout_is_recognised(tmp_path: Path, name: str, make: Callable[[Path], Path]) -> None:
    assert layout_of(make(tmp_path / "data")).name == name


def test_an_empty_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no images in"):
        layout_of(tmp_path)
    for name in NAMES:
        assert not get_layout(name).find(tmp_path)


def test_unknown_layout_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no layout 'adni'") as refusal:
        layout_of(tmp_path, "adni")
    assert "bids" in refusal.value.hint
    with pytest.raises(UsageError, match="no folder"):
        layout_of(tmp_path / "missing")


def test_bids(tmp_path: Path) -> None:
    found = get_layout("bids").find(replicas.bids(tmp_path))
    assert scans(found) == {
        ("sub-01", "1"): ("FLAIR", "T1w"),
        ("sub-01", "2"): ("T1w",),
        ("sub-02", ""): ("T1c", "T1w", "T2w"),
        ("sub-03", ""): ("T1w",),
        ("sub-04", ""): ("T1c",),  # by its sidecar
    }
    assert labels(found) == [("sub-01", "1"), ("sub-02", "")]
    reasons = {Path(entry.path).name: entry.reason for entry in found.skipped}
    assert "inplaneT2" in reasons["sub-03_inplaneT2.nii.gz"]
    assert "another T1w" in reasons["sub-03_acq-mprage_run-2_T1w.nii.gz"]


def test_a_sidecar_that_is_no_json_is_no_agent(tmp_path: Path) -> None:
    replicas.bids(tmp_path)
    (tmp_path / "sub-04/anat/sub-04_T1w.json").write_text("[" * 100_000)
    assert scans(get_layout("bids").find(tmp_path))["sub-04", ""] == ("T1w",)


def test_ixi(tmp_path: Path) -> None:
    found = get_layout("ixi").find(replicas.ixi(tmp_path))
    three = ("PDw", "T1w", "T2w")
    assert scans(found) == {("IXI002", "0828"): three, ("IXI012", "1211"): three, ("IXI035", "0873"): three}
    assert sorted(entry.reason for entry in found.skipped) == [
        "3 file(s) of DTI, which is none of T1, T2 and PD",
        "3 file(s) of MRA, which is none of T1, T2 and PD",
    ]


def test_ixi_in_one_folder(tmp_path: Path) -> None:
    for kind in ("T1", "T2"):
        replicas.save(replicas.head(replicas.axial(), "T1w"), tmp_path / f"IXI431-Guys-1083-{kind}.nii.gz")
    assert scans(get_layout("ixi").find(tmp_path)) == {("IXI431", "1083"): ("T1w", "T2w")}


EXPECTED = {
    "2015": [
        ("HGG_brats_2013_pat0001", "1"),
        ("LGG_brats_2013_pat0001", "1"),
        ("brats_tcia_pat153", "0109"),
        ("brats_tcia_pat153", "0181"),
    ],
    "2018": [("Brats18_2013_2", "1"), ("Brats18_TCIA01_131", "1"), ("Brats18_TCIA01_131", "2")],
    "2020": [("BraTS20_Training_001", ""), ("BraTS20_Training_002", ""), ("BraTS20_Training_355", "")],
    "2021": [("BraTS2021_00000", ""), ("BraTS2021_00002", ""), ("BraTS2021_00003", "")],
    "2023": [("BraTS-GLI-00005", "000"), ("BraTS-GLI-00005", "001"), ("BraTS-GLI-00008", "000")],
    "Reg": [("BraTSReg_001", "00_0000"), ("BraTSReg_001", "01_0106"), ("BraTSReg_002", "00_0000")],
}


@pytest.mark.parametrize("year", replicas.BRATS)
def test_brats(tmp_path: Path, year: str) -> None:
    """Visits of one person have one subject; persons with the same number in either grade of 2013 do not."""
    found = get_layout("brats").find(replicas.BRATS[year](tmp_path))
    assert scans(found) == dict.fromkeys(EXPECTED[year], FOUR)
    assert labels(found) == ([] if year == "Reg" else EXPECTED[year])
    assert not found.skipped


def test_tumours_are_lesions_whatever_their_class(tmp_path: Path) -> None:
    found = get_layout("brats").find(replicas.brats2023(tmp_path))
    label = found.labels[0].image()
    stored = sitk.ReadImage(str(found.labels[0].path))
    assert set(sitk.GetArrayFromImage(stored).ravel()) == {0, 1, 2, 3}
    assert (sitk.GetArrayFromImage(label) == (sitk.GetArrayFromImage(stored) > 0)).all()


def test_a_file_of_another_name_is_listed(tmp_path: Path) -> None:
    replicas.brats2021(tmp_path)
    replicas.save(replicas.head(replicas.axial(), "T1w"), tmp_path / "BraTS2021_00000" / "atlas.nii.gz")
    (entry,) = get_layout("brats").find(tmp_path).skipped
    assert entry.path.endswith("atlas.nii.gz")


def test_plain(tmp_path: Path) -> None:
    found = get_layout("plain").find(replicas.plain(tmp_path, people=2))
    assert scans(found) == {("patient01", ""): FOUR, ("patient02", ""): FOUR}
    assert labels(found) == [("patient01", ""), ("patient02", "")]


def test_plain_images_in_one_folder(tmp_path: Path) -> None:
    for name in ("a_T1w.nii.gz", "a_flair.mha", "b_t1gd.nrrd", "b_mask.nii.gz"):
        replicas.save(replicas.head(replicas.axial(), "T1w"), tmp_path / name)
    assert scans(get_layout("plain").find(tmp_path)) == {("a", ""): ("FLAIR", "T1w"), ("b", ""): ("T1c",)}
