"""Voxels through files: in small steps, little-endian, in C order, and clear words when it fails."""

import errno
import os
import sys
import threading
import tracemalloc

import numpy as np
import pytest

MIB = 2**20


@pytest.fixture(scope="module")
def voxels(slicer_application):
    from MRIEnhanceBridge import voxels

    return voxels


@pytest.fixture
def small_steps(voxels, monkeypatch):
    monkeypatch.setattr(voxels, "STEP_BYTES", 100)


def cube(dtype="float32"):
    return np.random.default_rng(0).integers(0, 120, (7, 6, 5)).astype(dtype)


LAYOUTS = {
    "plain": lambda array: array,
    "transposed": lambda array: array.T,
    "every second": lambda array: array[::2, :, ::-1],
    "fortran": np.asfortranarray,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "one number": lambda array: array[:1, :1, :1],
    "nothing": lambda array: array[:0],
}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_file_holds_the_numbers_and_gives_them_back(voxels, small_steps, tmp_path, dtype, layout):
    array, path = LAYOUTS[layout](cube(dtype)), tmp_path / "a.raw"
    fractions = list(voxels.write_voxels(array, path))
    assert path.read_bytes() == np.ascontiguousarray(array).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] == 1
    back = LAYOUTS[layout](np.zeros_like(cube(dtype)))
    assert list(voxels.read_voxels(path, back)) == fractions
    np.testing.assert_array_equal(back, array)


def test_a_step_moves_at_most_16_mib(voxels, tmp_path):
    array, path = np.zeros((3, 5 * MIB), np.float64), tmp_path / "a.raw"
    before = 0
    for fraction in voxels.write_voxels(array, path):
        size = path.stat().st_size
        assert 0 < size - before <= 16 * MIB
        assert size == round(fraction * array.nbytes), "a step is on the disk before the next begins"
        before = size
    assert before == array.nbytes


@pytest.mark.parametrize("layout", ["plain", "transposed", "big-endian"])
def test_no_copy_of_the_whole_is_made(voxels, tmp_path, layout):
    array, path = LAYOUTS[layout](np.ones((48, 1024, 256), np.float32)), tmp_path / "a.raw"
    tracemalloc.start()
    try:
        voxels.exhaust(voxels.write_voxels(array, path))
        voxels.exhaust(voxels.read_voxels(path, array))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert array.nbytes == 48 * MIB
    assert peak < 40 * MIB


def test_an_old_file_is_replaced(voxels, tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"x" * 10_000)
    voxels.exhaust(voxels.write_voxels(cube(), path))
    assert path.stat().st_size == cube().nbytes


# Ended early


@pytest.fixture
def files(voxels, monkeypatch):
    """The files that the module has opened."""
    opened = []

    def spy(*args, **kwargs):
        opened.append(open(*args, **kwargs))  # noqa: SIM115
        return opened[-1]

    monkeypatch.setattr(voxels, "open", spy, raising=False)
    return opened


def test_a_generator_that_is_closed_leaves_no_file_open(voxels, small_steps, files, tmp_path):
    path = tmp_path / "a.raw"
    writing = voxels.write_voxels(cube(), path)
    assert next(writing) < 1
    writing.close()
    voxels.exhaust(voxels.write_voxels(cube(), path))
    reading = voxels.read_voxels(path, cube())
    assert next(reading) < 1
    reading.close()
    assert [file.closed for file in files] == [True] * 3


# Refusals


class FullDisk:
    """A file on a disk with room for a little."""

    def __init__(self, file, code, room):
        self._file, self._code, self.room = file, code, room

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        self.room -= data.nbytes
        if self.room < 0:
            raise OSError(self._code, os.strerror(self._code))

    def flush(self):
        pass


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_in_words(voxels, small_steps, monkeypatch, tmp_path, code):
    file = open(tmp_path / "a.raw", "wb")  # noqa: SIM115
    monkeypatch.setattr(voxels, "open", lambda *_: FullDisk(file, code, 500), raising=False)
    writing = voxels.write_voxels(cube(), tmp_path / "a.raw")
    assert next(writing) < 1
    with pytest.raises(voxels.BridgeError) as refusal:
        voxels.exhaust(writing)
    assert "disk is full" in refusal.value.message
    assert str(tmp_path) in refusal.value.message
    assert "free some space" in refusal.value.hint
    assert file.closed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
@pytest.mark.parametrize("count", [10, 40 * MIB])
def test_a_device_that_is_full_is_told_in_words(voxels, count):
    with pytest.raises(voxels.BridgeError, match="disk is full"):
        next(voxels.write_voxels(np.zeros(count, np.uint8), "/dev/full"))


def test_a_folder_that_is_not_there_is_told_in_words(voxels, tmp_path):
    with pytest.raises(voxels.BridgeError, match="cannot be written") as refusal:
        voxels.exhaust(voxels.write_voxels(cube(), tmp_path / "gone" / "a.raw"))
    assert "temporary folder" in refusal.value.hint
    with pytest.raises(voxels.BridgeError, match="cannot be read"):
        voxels.exhaust(voxels.read_voxels(tmp_path / "gone" / "a.raw", cube()))


@pytest.mark.parametrize("change", [-1, 1, 4000])
def test_a_file_of_another_size_is_refused_before_anything_is_read(voxels, tmp_path, change):
    path, array = tmp_path / "a.raw", cube()
    path.write_bytes(bytes(array.nbytes + change))
    with pytest.raises(voxels.BridgeError, match=f"{array.nbytes + change} bytes, not the {array.nbytes}"):
        next(voxels.read_voxels(path, array))
    np.testing.assert_array_equal(array, cube())


def test_a_file_that_shrinks_meanwhile_is_refused(voxels, tmp_path):
    path, array = tmp_path / "a.raw", np.zeros(40 * MIB, np.uint8)
    path.write_bytes(bytes(array.nbytes))
    reading = voxels.read_voxels(path, array)
    next(reading)
    os.truncate(path, 20 * MIB)
    with pytest.raises(voxels.BridgeError, match="ends too early"):
        voxels.exhaust(reading)


def test_a_folder_is_no_file(voxels, tmp_path):
    with pytest.raises(voxels.BridgeError, match="is not a file"):
        voxels.exhaust(voxels.read_voxels(tmp_path, cube()))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_nobody_waits_for_a_pipe(voxels, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused = []

    def read():
        with pytest.raises(voxels.BridgeError, match="is not a file"):
            voxels.exhaust(voxels.read_voxels(tmp_path / "pipe", cube()))
        refused.append(True)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert refused


@pytest.mark.parametrize("dtype", ["complex64", "bool", "object", "S4"])
def test_what_is_no_number_is_refused(voxels, tmp_path, dtype):
    with pytest.raises(voxels.BridgeError, match="cannot be handed over"):
        voxels.exhaust(voxels.write_voxels(np.zeros(3, dtype), tmp_path / "a.raw"))
    assert not (tmp_path / "a.raw").exists()


def test_a_file_is_removed_a_little_at_a_time(voxels, tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(5 * voxels.STEP_BYTES // 2))
    assert list(voxels.discard(path)) == pytest.approx([0.6, 0.2])
    assert not path.exists()
    path.write_bytes(b"few")
    assert list(voxels.discard(path)) == []
    assert not path.exists()
