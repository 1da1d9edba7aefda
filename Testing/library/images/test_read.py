"""Reading: what is there is read, what is not whole is refused, and the user's terminal stays clean."""

import gzip
import os

import numpy as np
import pytest
import SimpleITK as sitk

from images.makers import OBLIQUE, noise
from mrienhance.errors import ImageError
from mrienhance.images import Grid, read_image

VOLUMES = [
    "scan.nii",
    "scan.nii.gz",
    "scan.nrrd",
    "scan.mha",
    "scan.mhd",
    "scan.nhdr",
    "scan.hdr",
    "scan.vtk",
    "scan.gipl",
]


def store(path, *, compress=False):
    image = noise(OBLIQUE)
    sitk.WriteImage(image, str(path), compress)
    return image


def refused(path):
    """The refusal of a file, after checking that it is one line and a hint."""
    with pytest.raises(ImageError) as refusal:
        read_image(path)
    message = refusal.value.message
    assert str(path.parent) in message
    assert refusal.value.hint
    assert "\n" not in message + refusal.value.hint
    return message


@pytest.mark.parametrize("name", VOLUMES)
def test_formats_are_read(tmp_path, name):
    image = store(tmp_path / name)
    back = read_image(tmp_path / name)
    assert back.GetPixelID() == sitk.sitkInt16
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    if name != "scan.gipl" and name != "scan.vtk" and name != "scan.hdr":  # these keep no direction
        assert Grid.of(back).matches(OBLIQUE)


def test_a_flat_picture_is_read_as_it_is(tmp_path):
    sitk.WriteImage(sitk.Image([6, 5], sitk.sitkVectorUInt8, 3), str(tmp_path / "picture.png"))
    assert read_image(tmp_path / "picture.png").GetNumberOfComponentsPerPixel() == 3


def test_the_path_may_be_text(tmp_path):
    image = store(tmp_path / "scan.nii")
    assert sitk.Hash(read_image(str(tmp_path / "scan.nii"))) == sitk.Hash(image)


@pytest.mark.parametrize("name", ["missing.nii.gz", "missing/scan.nii"])
def test_a_file_that_is_not_there(tmp_path, name):
    assert "no such file" in refused(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["text.nii", "text.nii.gz", "text.nrrd", "text.mha", "text.dcm", "text.png", "text.json"]
)
def test_a_text_is_no_image(tmp_path, capfd, name):
    (tmp_path / name).write_text("This is no image.\n" * 40, encoding="utf-8")
    assert "cannot read" in refused(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.nii.gz").touch()
    assert "empty" in refused(tmp_path / "empty.nii.gz")


def test_a_file_below_a_file(tmp_path):
    store(tmp_path / "scan.nii")
    assert "not a directory" in refused(tmp_path / "scan.nii" / "scan.nii").lower()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "scan.nii")
    assert "not a file" in refused(tmp_path / "scan.nii")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.mha", "scan.gipl", "scan.vtk"])
def test_wherever_a_file_is_cut_it_is_refused(tmp_path, capfd, name, compress):
    """ITK reads a truncated NIfTI as if the missing voxels were 0."""
    path = tmp_path / name
    store(path, compress=compress)
    whole = path.read_bytes()
    for length in sorted({*np.linspace(1, len(whole) - 1, 25).astype(int), len(whole) - 9, len(whole) - 2}):
        path.write_bytes(whole[:length])
        refused(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["scan.hdr", "scan.mhd", "scan.nhdr"])
def test_a_pair_whose_voxels_are_cut_is_refused(tmp_path, name):
    store(tmp_path / name)
    (voxels,) = [file for file in tmp_path.iterdir() if file.name != name]
    voxels.write_bytes(voxels.read_bytes()[:-1])
    refused(tmp_path / name)


@pytest.mark.parametrize(("name", "begins"), [("scan.nii.gz", b""), ("scan.nrrd", b"\n\n"), ("scan.mha", b"LOCAL\n")])
def test_a_damaged_byte_never_becomes_a_wrong_voxel(tmp_path, capfd, name, begins):
    """Compressed data carry a checksum, which ITK does not look at; a byte of gzip's own header does no harm."""
    path = tmp_path / name
    image = store(path, compress=True)
    whole = path.read_bytes()
    start = whole.index(begins) + len(begins)
    for place in range(start, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            back = read_image(path)
        except ImageError:
            continue
        assert sitk.Hash(back) == sitk.Hash(image), f"byte {place}"
    assert capfd.readouterr().err == ""


def test_a_file_that_was_compressed_in_parts_is_read(tmp_path):
    """As bgzip and parallel compressors do, with padding at the end."""
    path = tmp_path / "scan.nii.gz"
    image = store(tmp_path / "scan.nii")
    plain = (tmp_path / "scan.nii").read_bytes()
    parts = gzip.compress(plain[:100]) + gzip.compress(plain[100:])
    path.write_bytes(parts + bytes(512))
    assert sitk.Hash(read_image(path)) == sitk.Hash(image)
    path.write_bytes(parts[:-5])
    refused(path)
    path.write_bytes(gzip.compress(plain[:400]))
    refused(path)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nrrd"])
def test_a_header_that_promises_too_much_takes_no_memory(tmp_path, name):
    path = tmp_path / name
    store(path)
    whole = path.read_bytes()
    if name == "scan.nii":
        huge = whole[:42] + b"\x30\x75" * 3 + whole[48:]  # 30,000 voxels along each axis
    else:
        huge = whole.replace(b"sizes: 5 4 3", b"sizes: 30000 30000 30000")
    assert huge != whole
    path.write_bytes(huge)
    refused(path)


def test_axes_that_are_not_perpendicular_are_named(tmp_path):
    path = tmp_path / "scan.nii"
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    sitk.WriteImage(image, str(path))
    header = bytearray(path.read_bytes())
    header[252:254] = b"\0\0"  # no qform
    header[280:296] = np.array([1, 0.5, 0, 0], dtype=np.float32).tobytes()  # a sheared sform
    path.write_bytes(header)
    assert "perpendicular" in refused(path)


def test_the_other_byte_order_is_read(tmp_path):
    """The fields of a NIfTI-1 header by width: the voxels and all of them turned around."""
    path = tmp_path / "scan.nii"
    image = store(path)
    whole = path.read_bytes()
    widths = [4, *[1] * 28, 4, 2, 1, 1, *[2] * 8, *[4] * 3, *[2] * 4, *[4] * 11, 2, 1, 1, *[4] * 4, 4, 4]
    widths += [*[1] * 104, 2, 2, *[4] * 18, *[1] * 20]
    assert sum(widths) == 348
    ends = np.cumsum(widths)
    turned = b"".join(whole[end - width : end][::-1] for end, width in zip(ends, widths, strict=True))
    voxels = np.frombuffer(whole[352:], dtype=np.int16).byteswap().tobytes()
    path.write_bytes(turned + whole[348:352] + voxels)
    assert sitk.Hash(read_image(path)) == sitk.Hash(image)
