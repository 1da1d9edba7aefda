"""Texts and readouts of any length in HDF5 files: looked through before the HDF5 library reads them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from kspace.makers import Header, noise, readouts, write_fastmri, write_mrd
from mrienhance import KSpaceError, read_kspace


@pytest.fixture
def fastmri(tmp_path: Path) -> Path:
    return write_fastmri(tmp_path / "a.h5", noise(3, 4, 32, 20), mask=np.ones(20, dtype=bool))


@pytest.fixture
def mrd(tmp_path: Path) -> Path:
    return write_mrd(tmp_path / "b.h5", Header(), readouts(noise(2, 3, 16, 24)))


def replace_bytes(path: Path, place: int, new: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[place : place + len(new)] = new
    path.write_bytes(content)


@pytest.mark.parametrize("size", [0, 8, 2**62])
def test_a_heap_in_which_objects_do_not_follow_one_another(fastmri: Path, size: int) -> None:
    """The library itself looks for the next object for ever where free space has no size."""
    content = fastmri.read_bytes()
    start = content.index(b"GCOL\x01")
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    place = start + 16
    while int.from_bytes(content[place : place + 2], "little"):
        place += 16 + (int.from_bytes(content[place + 8 : place + 16], "little") + 7) // 8 * 8
    assert place < end
    replace_bytes(fastmri, place + 8, size.to_bytes(8, "little"))
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(fastmri)


def test_a_text_that_claims_to_be_longer_than_the_file(fastmri: Path) -> None:
    with h5py.File(fastmri) as file:
        place = file["ismrmrd_header"].id.get_offset()
    replace_bytes(fastmri, place, (2**32 - 1).to_bytes(4, "little"))
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(fastmri)


def test_a_readout_that_claims_to_be_longer_than_the_file(mrd: Path) -> None:
    with h5py.File(mrd) as file:
        data = file["dataset/data"].id
        offset = data.get_type().get_member_offset(data.get_type().get_member_index(b"data"))
        chunk = data.get_chunk_info(0)
    replace_bytes(mrd, chunk.byte_offset + offset, (2**32 - 1).to_bytes(4, "little"))
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(mrd)


def test_readouts_that_cannot_be_checked(mrd: Path) -> None:
    with h5py.File(mrd, "a") as file:
        data = file["dataset/data"]
        file.create_dataset("dataset/packed", data=data[()], dtype=data.dtype, compression="gzip", chunks=True)
        del file["dataset/data"]
        file.move("dataset/packed", "dataset/data")
    with pytest.raises(KSpaceError, match="cannot be checked"):
        read_kspace(mrd)
