"""Images to files and back."""

import gzip
import os

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from images.makers import OBLIQUE, SCALAR_TYPES, grids, noise
from mrienhance.errors import OutputError
from mrienhance.images import IMAGE_SUFFIXES, Grid, check_image_output, read_image, write_image

LARGE = Grid((64, 64, 64))


def names(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(grid=grids(), kind=st.sampled_from(SCALAR_TYPES))
def test_voxels_and_geometry_come_back(tmp_path, suffix, grid, kind):
    image = noise(grid, kind)
    back = read_image(write_image(image, tmp_path / f"image{suffix}", overwrite=True))
    assert back.GetPixelID() == kind
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    if suffix.startswith(".nii"):  # single precision
        assert Grid.of(back).matches(grid)
    else:
        assert Grid.of(back).matches(grid, tolerance=1e-12)
    assert names(tmp_path) == [f"image{suffix}"]


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_the_window_comes_back(tmp_path, suffix):
    image = noise(OBLIQUE)
    image.SetMetaData("0028|1050", "40")
    image.SetMetaData("0028|1051", "400")
    back = read_image(write_image(image, tmp_path / f"image{suffix}"))
    assert (back.GetMetaData("0028|1050"), back.GetMetaData("0028|1051")) == ("40", "400")


@pytest.mark.parametrize("name", ["IMAGE.NII.GZ", "Bild mit Umlaut äöü.nrrd", "a.b.c.mha"])
def test_names_of_any_kind(tmp_path, name):
    image = noise(OBLIQUE)
    assert sitk.Hash(read_image(write_image(image, tmp_path / name))) == sitk.Hash(image)


def test_the_suffix_says_whether_it_is_compressed(tmp_path):
    image = noise(OBLIQUE)
    plain = write_image(image, tmp_path / "image.nii").read_bytes()
    assert gzip.decompress(write_image(image, tmp_path / "image.nii.gz").read_bytes()) == plain


@pytest.mark.parametrize("attempt", [lambda path: write_image(noise(OBLIQUE), path), check_image_output])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out.jpg", "no format for volumes"),
        ("out", "no format for volumes"),
        ("out.gz", "no format for volumes"),
        ("out.mhd", "two files"),
        ("out.nhdr", "two files"),
        ("out.img", "two files"),
        ("missing/out.nii", "does not exist"),
        ("there.nii", "exists already"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path, attempt, name, reason):
    (tmp_path / "there.nii").write_bytes(b"old")
    with pytest.raises(OutputError, match=reason) as refusal:
        attempt(tmp_path / name)
    assert refusal.value.hint
    assert names(tmp_path) == ["there.nii"]
    assert (tmp_path / "there.nii").read_bytes() == b"old"


def test_the_input_is_no_output(tmp_path):
    path = write_image(noise(OBLIQUE), tmp_path / "scan.nii")
    with pytest.raises(OutputError, match="it is the input"):
        check_image_output(path, overwrite=True, sources=(path,))


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
@pytest.mark.parametrize("limit", [1_000, 200_000, 700_000])
def test_a_full_disk_is_noticed_and_leaves_nothing(tmp_path, capfd, suffix, limit):
    """The system's own limit on the size of a file stands for the full disk: ITK's NIfTI writer notices neither."""
    resource = pytest.importorskip("resource")
    image = noise(LARGE, sitk.sitkFloat32)
    path = write_image(noise(OBLIQUE), tmp_path / f"out{suffix}")
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match="could not be completed") as refusal:
            write_image(image, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "space" in refusal.value.hint
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == before
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_the_end_leaves_nothing(tmp_path, monkeypatch, suffix, step):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match="no space left"):
        write_image(noise(OBLIQUE), tmp_path / f"out{suffix}")
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_a_writer_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch, suffix):
    def interrupted(image, name, *arguments):
        with open(name, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(sitk, "WriteImage", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(noise(OBLIQUE), tmp_path / f"out{suffix}")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (sitk.Image([2, 2, 2, 2, 2], sitk.sitkVectorFloat32, 2), "out.nii"),
        (sitk.Image([4, 4, 4], sitk.sitkLabelUInt8), "out.mha"),
    ],
)
def test_an_image_that_the_format_does_not_hold_is_refused(tmp_path, image, name):
    with pytest.raises(OutputError, match=r"this format does not hold a \d-D image of"):
        write_image(image, tmp_path / name)
    assert names(tmp_path) == []
