"""Which cases there are in a folder, and the volume of each."""

import gzip
import os

import numpy as np
import pytest
import SimpleITK as sitk

import scans


@pytest.fixture
def cases(host):
    from MRIEnhanceBridge import cases

    return cases


@pytest.fixture
def refusal(host):
    from MRIEnhanceBridge.errors import BridgeError

    return BridgeError


def names(found):
    return [case.name for case in found]


def read(cases, path):
    (case,) = cases.find_cases(path)
    return case.read()


def test_image_files_of_all_known_kinds(cases, tmp_path):
    for name in ("b.nii.gz", "a.nrrd", "C.MHA", "d.nhdr", "e.mhd", "f.nii"):
        scans.write(tmp_path / name)
    for name in ("notes.txt", ".hidden.nrrd", "b.json", "x.seg.nrrd"):
        (tmp_path / name).write_text("no volume")
    found = cases.find_cases(tmp_path)
    assert names(found) == ["a", "b", "C", "d", "e", "f"]
    assert all(scans.same(scans.volume(), case.read()) for case in found)


def test_a_pattern_chooses_also_by_other_endings(cases, tmp_path):
    image = scans.volume()
    for name in ("one_T1w.nrrd", "one_T2w.nrrd", "two_T1w.vtk"):
        sitk.WriteImage(image, str(tmp_path / name))
    assert names(cases.find_cases(tmp_path, pattern="*_T1w.*")) == ["one_T1w", "two_T1w"]


def test_a_single_file_is_a_case(cases, tmp_path):
    scans.write(tmp_path / "my.scan.nii.gz")
    assert names(cases.find_cases(tmp_path / "my.scan.nii.gz")) == ["my.scan"]


@pytest.mark.parametrize("direction", [scans.OBLIQUE, scans.LEFT_HANDED])
@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_the_geometry_is_that_of_the_file(cases, tmp_path, direction, ending):
    image = scans.write(tmp_path / f"scan{ending}", direction=direction)
    assert scans.same(image, read(cases, tmp_path))


def test_a_fourth_dimension_of_length_one_is_dropped(cases, tmp_path):
    image = scans.volume()
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "scan.nii.gz"))
    assert scans.same(image, read(cases, tmp_path), tolerance=1e-5)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.mha"])
@pytest.mark.parametrize("part", [0.6, 0.001, 0])
def test_a_file_that_was_cut_short_is_refused(cases, refusal, tmp_path, name, part):
    path = tmp_path / name
    scans.write(path, size=(64, 64, 20))
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(refusal, match="cannot be read: the file is damaged") as caught:
        read(cases, tmp_path)
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.details


def test_a_nifti_file_whose_voxels_are_too_few_is_refused(cases, refusal, tmp_path):
    """Packed well, but what was packed was cut short already: ITK would read zeros."""
    scans.write(tmp_path / "scan.nii")
    content = (tmp_path / "scan.nii").read_bytes()
    (tmp_path / "scan.nii").unlink()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(content[:-2]))
    with pytest.raises(refusal, match="cannot be read"):
        read(cases, tmp_path)


def test_a_link_to_nowhere_is_a_case_that_fails(cases, refusal, tmp_path):
    (tmp_path / "scan.nrrd").symlink_to(tmp_path / "gone.nrrd")
    with pytest.raises(refusal, match="the file is not there"):
        read(cases, tmp_path)


def test_nothing_there(cases, refusal, tmp_path):
    (tmp_path / "folder").mkdir()
    scans.write(tmp_path / "folder" / "deep.nrrd")
    with pytest.raises(refusal, match=r"no case .* no \*\.nii\.gz"):
        cases.find_cases(tmp_path)
    with pytest.raises(refusal, match=r"no \*_T2w\*"):
        cases.find_cases(tmp_path, pattern="*_T2w*")
    with pytest.raises(refusal, match="cannot be read: no such file"):
        cases.find_cases(tmp_path / "none")


@pytest.mark.parametrize("direction", [scans.OBLIQUE, scans.LEFT_HANDED])
@pytest.mark.parametrize("file_names", ["slice{:03d}.dcm", "IM{:d}"])
def test_folders_with_a_dicom_series(cases, tmp_path, direction, file_names):
    images = {name: scans.volume(seed=seed, direction=direction) for seed, name in enumerate(["anna", "bert"])}
    for number, (name, image) in enumerate(images.items()):
        scans.write_series(tmp_path / name, image, number=number, names=file_names)
    scans.write(tmp_path / "carl.nrrd")
    (tmp_path / "empty").mkdir()
    found = cases.find_cases(tmp_path)
    assert names(found) == ["anna", "bert", "carl"]
    for case, image in zip(found, images.values(), strict=False):
        assert scans.same(image, case.read(), tolerance=1e-5)


def test_a_folder_that_is_a_series_is_one_case(cases, tmp_path):
    image = scans.volume()
    scans.write_series(tmp_path / "anna", image)
    for pattern in (None, "*.dcm"):
        (case,) = cases.find_cases(tmp_path / "anna", pattern=pattern)
        assert (case.name, case.path) == ("anna", tmp_path / "anna")
    assert scans.same(image, case.read(), tolerance=1e-5)


def test_slices_are_sorted_by_place_and_not_by_name(cases, tmp_path):
    """`write_series` names and numbers them backwards."""
    image = scans.volume()
    scans.write_series(tmp_path, image)
    first = sitk.ReadImage(str(tmp_path / "slice001.dcm"))
    assert np.array_equal(sitk.GetArrayFromImage(first)[0], sitk.GetArrayFromImage(image)[-1])
    assert scans.same(image, read(cases, tmp_path), tolerance=1e-5)


def test_one_slice(cases, tmp_path):
    image = scans.volume(size=(8, 8, 1))
    scans.write_series(tmp_path, image)
    assert read(cases, tmp_path).GetSize() == (8, 8, 1)


def test_several_series_are_listed(cases, refusal, tmp_path):
    scans.write_series(tmp_path, scans.volume(), number=1, names="a{}.dcm", description="t1 tse")
    scans.write_series(tmp_path, scans.volume(size=(8, 8, 3)), number=2, names="b{}.dcm", description="t2 flair")
    with pytest.raises(refusal, match="holds 2 DICOM series") as caught:
        read(cases, tmp_path)
    assert "t1 tse (4 files)" in caught.value.message
    assert "t2 flair (3 files)" in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ([0, 4, 8, 16], "4 to 8 mm apart"),
        ([0, 0, 4, 4], "in the same place"),
        ([3, 3, 3, 3], "in the same place"),
    ],
)
def test_slices_that_are_no_even_stack_are_refused(cases, refusal, tmp_path, places, problem):
    scans.write_series(tmp_path, scans.volume(), places=places)
    with pytest.raises(refusal, match="form no volume") as caught:
        read(cases, tmp_path)
    assert problem in caught.value.message


def test_a_damaged_slice_is_not_left_out(cases, refusal, tmp_path):
    scans.write_series(tmp_path, scans.volume())
    os.truncate(tmp_path / "slice004.dcm", 200)
    with pytest.raises(refusal, match=r"1 DICOM file\(s\) .* slice004\.dcm"):
        read(cases, tmp_path)


def test_the_folder_of_the_results_is_no_case(cases, tmp_path):
    scans.write(tmp_path / "a.nrrd")
    scans.write_series(tmp_path / "results", scans.volume())
    assert names(cases.find_cases(tmp_path)) == ["a", "results"]
    assert names(cases.find_cases(tmp_path, leave_out=[tmp_path / "results"])) == ["a"]


@pytest.fixture
def raw(cases, tmp_path):
    """Write files; find those that are raw data."""

    def find(*files, **options):
        for name in files:
            (tmp_path / name).write_bytes(b"raw")
        return cases.find_cases(tmp_path, kind=cases.KSPACE, **options)

    return find


def test_raw_data_of_all_known_kinds(raw, tmp_path):
    (tmp_path / "folder.h5").mkdir()
    scans.write_series(tmp_path / "series", scans.volume())
    scans.write(tmp_path / "volume.nrrd")
    found = raw("b.h5", "a.HDF5", "c.mrd", "d.npy", "e.v2.npz", "f.cfl", "f.hdr", ".g.h5", "notes.txt")
    assert names(found) == ["a", "b", "c", "d", "e.v2", "f"]
    assert [case.path.name for case in found][-1] == "f.cfl"


def test_a_pair_is_one_case_and_half_a_pair_too(raw):
    found = raw("a.hdr", "b.cfl", "c.cfl", "c.hdr", "d.x.hdr", "d.cfl")
    assert [case.path.name for case in found] == ["a.hdr", "b.cfl", "c.cfl", "d.cfl", "d.x.hdr"]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [("c*", ["c.cfl"]), ("*.hdr", ["c.hdr"]), ("*.dat", ["x.dat"]), ("folder", None), ("*.cfl", ["c.cfl"])],
)
def test_a_pattern_chooses_raw_data(raw, refusal, tmp_path, pattern, files):
    (tmp_path / "folder").mkdir()
    if files is None:
        with pytest.raises(refusal, match=r"there is no case in .*: no folder"):
            raw("c.cfl", pattern=pattern)
    else:
        assert [case.path.name for case in raw("c.cfl", "c.hdr", "x.dat", "y.npy", pattern=pattern)] == files


@pytest.mark.parametrize("mask", ["mask.npy", "mask.cfl", "mask.hdr"])
def test_files_that_are_used_for_all_cases_are_none(raw, tmp_path, mask):
    assert names(raw("a.npy", "mask.npy", "mask.cfl", "mask.hdr", pattern=f"*{mask[-4:]}")) == (
        ["a", "mask"] if mask == "mask.npy" else ["mask"]
    )
    left = [case.path.name for case in raw(leave_out=[(tmp_path / mask).resolve()])]
    assert left == (["a.npy", "mask.cfl"] if mask == "mask.npy" else ["a.npy", "mask.npy"])


def test_a_single_file_of_raw_data_is_a_case(cases, tmp_path):
    (tmp_path / "my.scan.cfl").write_bytes(b"raw")
    (case,) = cases.find_cases(tmp_path / "my.scan.cfl", kind=cases.KSPACE)
    assert (case.name, case.path) == ("my.scan", tmp_path / "my.scan.cfl")


def test_no_raw_data(raw, refusal):
    with pytest.raises(refusal, match=r"no \*\.h5 .* \*\.npz ") as caught:
        raw("a.nrrd")
    assert "DICOM" not in caught.value.message
    assert "--simulate" in caught.value.hint
