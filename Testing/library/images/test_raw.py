"""Bare voxels in files: what is written is read, what does not fit is refused before anything is allocated."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from mrienhance.errors import Cancelled, ImageError, OutputError
from mrienhance.images import PIXEL_BYTES, Grid, check_room, read_raw, write_raw
from tasks.samples import OBLIQUE, head, voxels


@pytest.mark.parametrize("pixel_type", PIXEL_BYTES)
def test_what_is_written_is_read(tmp_path: Path, pixel_type: str):
    values = np.arange(24).reshape(2, 3, 4).astype(pixel_type)
    image = sitk.GetImageFromArray(values)
    path = write_raw(image, tmp_path, name="image")
    assert path.read_bytes() == values.astype(np.dtype(pixel_type).newbyteorder("<")).tobytes()
    assert path.stat().st_size == 24 * PIXEL_BYTES[pixel_type]
    again = read_raw(path, grid=Grid.of(image), pixel_type=pixel_type)
    assert again.GetPixelID() == image.GetPixelID()
    assert np.array_equal(voxels(again), voxels(image))


def test_the_place_is_kept(tmp_path: Path):
    image = head(direction=OBLIQUE)
    again = read_raw(write_raw(image, tmp_path, name="image"), grid=Grid.of(image), pixel_type="float32")
    assert Grid.of(again) == Grid.of(image)


def test_no_file_is_overwritten(tmp_path: Path):
    paths = {write_raw(head(), tmp_path, name="image") for _ in range(3)}
    assert len(paths) == len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("size", [(20, 24, 2), (20, 24, 4), (2**20, 2**20, 2**20)])
def test_another_size_is_refused(tmp_path: Path, size: tuple[int, int, int]):
    path = write_raw(head(), tmp_path, name="image")
    with pytest.raises(ImageError, match="the file of the mask has 5760 bytes") as refusal:
        read_raw(path, grid=Grid(size), pixel_type="float32", what="mask")
    assert refusal.value.hint


def test_what_is_no_file_is_refused(tmp_path: Path):
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero")):
        with pytest.raises(ImageError, match=r"voxels of the image"):
            read_raw(path, grid=Grid((2, 2, 2)), pixel_type="uint8")


def test_an_unknown_pixel_type_is_a_mistake(tmp_path: Path):
    with pytest.raises(ValueError, match="float16"):
        read_raw(tmp_path, grid=Grid((2, 2, 2)), pixel_type="float16")


def test_what_is_stopped_leaves_nothing(tmp_path: Path):
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_raw(head(), tmp_path, name="image", step=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path):
    for fail in (lambda: write_raw(head(), tmp_path / "no", name="image"), lambda: check_room(tmp_path / "no", 1)):
        with pytest.raises(OutputError, match="no such file or directory"):
            fail()


def test_too_little_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_room(tmp_path, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**21))
    check_room(tmp_path, 2**21)
    with pytest.raises(OutputError, match=r"3 MiB are needed in .*, 2 are free"):
        check_room(tmp_path, 3 * 2**20)
