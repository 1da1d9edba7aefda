"""A folder with a DICOM series."""

import numpy as np
import pytest
import SimpleITK as sitk

from images.makers import write_series, write_slice
from mrienhance.errors import ImageError
from mrienhance.images import Grid, read_image, to_image, to_tensor

SAGITTAL = Grid((6, 8, 5), (0.5, 0.75, 2.5), (10.0, -20.0, 30.0), (0, 0, 1, 1, 0, 0, 0, 1, 0))


def refusal_of(folder, capfd):
    with pytest.raises(ImageError) as refusal:
        read_image(folder)
    assert str(folder) in refusal.value.message
    assert refusal.value.hint
    assert "\n" not in refusal.value.message + refusal.value.hint
    assert capfd.readouterr().err == ""
    return refusal.value.message


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (3, 1, 0, 4, 2)])
def test_slices_come_in_the_order_of_their_places(tmp_path, capfd, order):
    volume = write_series(tmp_path, order=order)
    image = read_image(tmp_path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume)
    assert Grid.of(image).matches(SAGITTAL, tolerance=1e-9)
    assert image.GetPixelID() == sitk.sitkInt16
    assert capfd.readouterr().err == ""


def test_what_the_slices_share_is_kept(tmp_path):
    write_series(tmp_path)
    image = read_image(str(tmp_path))
    kept = {key: image.GetMetaData(key).strip() for key in image.GetMetaDataKeys()}
    assert (kept["0028|1050"], kept["0028|1051"], kept["0008|0060"]) == ("40", "400", "MR")
    assert kept["0020|000e"] == "1.2.826.5"
    assert not {"0008|0018", "0020|0013", "0020|0032"} & kept.keys()  # these differ between slices


def test_the_window_survives_the_way_through_a_tensor(tmp_path):
    write_series(tmp_path)
    image = read_image(tmp_path)
    result = to_image(to_tensor(image) + 0.3, Grid.of(image), like=image)
    assert result.GetPixelID() == sitk.sitkInt16
    assert result.GetMetaData("0028|1050").strip() == "40"
    assert not result.HasMetaDataKey("0020|000e")


def test_a_window_of_each_slice_is_that_of_the_middle(tmp_path):
    for k in range(5):
        write_series(tmp_path, order=[k], name=f"slice{k}_", tags={"0028|1050": str(100 + k), "0008|0018": f"1.2.{k}"})
    assert read_image(tmp_path).GetMetaData("0028|1050").strip() == "102"


def test_slopes_may_differ_between_slices(tmp_path):
    """The values of a slice with a slope of 0.5 are not rounded because the first slice has whole ones."""
    for k in range(5):
        write_series(tmp_path, order=[k], name=f"slice{k}_", tags={"0028|1052": "0", "0028|1053": "2"})
    files = sorted(tmp_path.iterdir())
    slope = b"\x28\x00\x53\x10\x02\x00\x00\x00"
    for file in files[1:4]:  # GDCM writes whole slopes only
        content = file.read_bytes()
        assert content.count(slope + b"2 ") == 1
        file.write_bytes(content.replace(slope + b"2 ", slope + b".5"))
    expected = [sitk.GetArrayFromImage(sitk.ReadImage(str(file)))[0] for file in files]
    assert expected[1].dtype == np.float64
    assert np.any(expected[1] % 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(tmp_path)), np.stack(expected))


def test_a_single_slice_is_a_volume_of_one(tmp_path):
    volume = write_series(tmp_path, order=[2])
    image = read_image(tmp_path)
    assert image.GetSize() == (6, 8, 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], volume[2])
    assert image.GetMetaData("0028|1050").strip() == "40"


def test_other_files_do_not_disturb(tmp_path):
    volume = write_series(tmp_path)
    (tmp_path / "notes.txt").write_text("seen by AB", encoding="utf-8")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "subfolder").mkdir()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(tmp_path)), volume)


def test_two_series_are_listed(tmp_path, capfd):
    write_series(tmp_path, series="1.2.826.5", name="a")
    write_series(tmp_path, series="1.2.826.6", name="b", order=[0, 1, 2])
    message = refusal_of(tmp_path, capfd)
    assert "2 DICOM series" in message
    assert "T1w sag 5 (5 files, 1.2.826.5)" in message
    assert "T1w sag 6 (3 files, 1.2.826.6)" in message


def test_many_series_are_not_listed_for_pages(tmp_path, capfd):
    for number in range(10, 20):
        write_series(tmp_path, series=f"1.2.{number}", name=f"{number}_", order=[0])
    message = refusal_of(tmp_path, capfd)
    assert "10 DICOM series" in message
    assert message.count("1 files") == 8
    assert message.endswith(", ...")


def test_a_folder_without_images(tmp_path, capfd):
    assert "no DICOM images" in refusal_of(tmp_path, capfd)
    (tmp_path / "notes.txt").write_text("none here", encoding="utf-8")
    (tmp_path / "deeper").mkdir()
    write_series(tmp_path / "deeper")
    assert "no DICOM images" in refusal_of(tmp_path, capfd)


@pytest.mark.parametrize("order", [(0, 1, 3, 4), (0, 4, 1), (0, 3, 4)])
def test_a_missing_slice_is_noticed(tmp_path, capfd, order):
    """ITK would spread the rest evenly, in the wrong places."""
    write_series(tmp_path, order=order)
    assert "not evenly spaced: 2.5 to" in refusal_of(tmp_path, capfd)


def test_echoes_in_one_series_are_noticed(tmp_path, capfd):
    write_series(tmp_path, name="echo1_")
    write_series(tmp_path, name="echo2_", tags={"0008|0018": "1.2.99"})
    assert "in the same place" in refusal_of(tmp_path, capfd)


def test_slices_at_an_angle_are_noticed(tmp_path, capfd):
    write_series(tmp_path, order=[0, 1, 2])
    write_series(tmp_path, order=[4], name="other", tags={"0020|0037": "1\\0\\0\\0\\1\\0"})
    assert "not parallel" in refusal_of(tmp_path, capfd)


@pytest.mark.parametrize("element", [b"\x32\x00", b"\x37\x00"])
def test_slices_that_do_not_say_where_they_are(tmp_path, capfd, element):
    write_series(tmp_path)
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert content.count(b"\x20\x00" + element) == 1
        file.write_bytes(content.replace(b"\x20\x00" + element, b"\x20\x00\x31\x00"))
    assert "do not say where they are" in refusal_of(tmp_path, capfd)


@pytest.mark.parametrize("left", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("victim", ["slice0.dcm", "slice2.dcm", "slice3.dcm"])
def test_a_truncated_slice_is_noticed(tmp_path, capfd, victim, left):
    """GDCM leaves it out without a word, also where it is the first or the last."""
    write_series(tmp_path)
    file = tmp_path / victim
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * left)])
    assert victim in refusal_of(tmp_path, capfd)


def test_slices_of_different_sizes_do_not_form_a_volume(tmp_path, capfd):
    write_series(tmp_path, order=[0, 1, 2, 3])
    write_slice(
        tmp_path / "wide.dcm",
        np.zeros((8, 9), np.int16),
        position=(20, -20, 30),
        series="1.2.826.5",
        number=9,
        tags={},
    )
    assert "do not form one volume" in refusal_of(tmp_path, capfd)
