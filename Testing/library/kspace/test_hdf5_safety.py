"""HDF5 files that point elsewhere, claim what they do not hold, or need foreign code: refused before reading."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from kspace.makers import Header, noise, readouts, write_fastmri, write_mrd
from mrienhance import KSpaceError, read_kspace

SHAPE = (3, 4, 32, 20)
FASTMRI = ["kspace", "mask", "reconstruction_rss", "ismrmrd_header"]


@pytest.fixture
def fastmri(tmp_path: Path) -> Path:
    return write_fastmri(tmp_path / "a.h5", noise(*SHAPE), mask=np.ones(20, dtype=bool))


@pytest.fixture
def mrd(tmp_path: Path) -> Path:
    return write_mrd(tmp_path / "b.h5", Header(), readouts(noise(2, 3, 16, 24)))


def external(file: h5py.Group, name: str, other: Path) -> None:
    file[name] = h5py.ExternalLink(str(other), f"/{name}")


def soft(file: h5py.Group, name: str, other: Path) -> None:
    file["through"] = h5py.ExternalLink(str(other), "/")
    file[name] = h5py.SoftLink(f"/through/{name}")


def virtual(file: h5py.Group, name: str, other: Path) -> None:
    with h5py.File(other) as source:
        kind, shape = source[name].dtype, source[name].shape
    layout = h5py.VirtualLayout(shape=shape, dtype=kind)
    if shape:
        layout[...] = h5py.VirtualSource(str(other), name, shape=shape)
    file.create_virtual_dataset(name, layout)


def storage(file: h5py.Group, name: str, other: Path) -> None:
    """The samples are the bytes of any file."""
    file.create_dataset(name, shape=SHAPE, dtype=np.complex64, external=[(str(other), 0, h5py.h5f.UNLIMITED)])


@pytest.mark.parametrize("name", FASTMRI)
@pytest.mark.parametrize(("way", "why"), [(external, "external link"), (soft, "soft link")])
def test_links(fastmri: Path, tmp_path: Path, name: str, way: Callable[..., None], why: str) -> None:
    other = write_fastmri(tmp_path / "other.h5", noise(*SHAPE), mask=np.ones(20, dtype=bool))
    with h5py.File(fastmri, "a") as file:
        del file[name]
        way(file, name, other)
    with pytest.raises(KSpaceError, match=rf"'{name}' .* is an? {why} to somewhere else"):
        read_kspace(fastmri)


@pytest.mark.parametrize("name", ["kspace", "mask", "reconstruction_rss"])
@pytest.mark.parametrize(("way", "why"), [(virtual, "a virtual dataset"), (storage, "stored in other files")])
def test_data_of_other_files(fastmri: Path, tmp_path: Path, name: str, way: Callable[..., None], why: str) -> None:
    other = write_fastmri(tmp_path / "other.h5", noise(*SHAPE), mask=np.ones(20, dtype=bool))
    with h5py.File(fastmri, "a") as file:
        del file[name]
        way(file, name, other)
    with pytest.raises(KSpaceError, match=rf"'{name}' .* {why}"):
        read_kspace(fastmri)


@pytest.mark.parametrize(("parent", "name"), [("/", "dataset"), ("dataset", "data"), ("dataset", "xml")])
@pytest.mark.parametrize(("way", "why"), [(external, "external link"), (soft, "soft link")])
def test_links_in_ismrmrd(mrd: Path, parent: str, name: str, way: Callable[..., None], why: str) -> None:
    other = mrd.with_name("other.h5")
    other.write_bytes(mrd.read_bytes())
    with h5py.File(mrd, "a") as file:
        del file[parent][name]
        way(file[parent], name, other)
    with pytest.raises(KSpaceError, match=why):
        read_kspace(mrd)


def test_a_link_is_not_even_followed(fastmri: Path, tmp_path: Path) -> None:
    """The target does not exist: following the link would fail in another way."""
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        file["kspace"] = h5py.ExternalLink(str(tmp_path / "missing.h5"), "/kspace")
    with pytest.raises(KSpaceError, match="external link"):
        read_kspace(fastmri)


def test_foreign_filters(fastmri: Path) -> None:
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((1, 4, 32, 20))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())  # Zstandard
        space = h5py.h5s.create_simple(SHAPE)
        made = h5py.h5d.create(file.id, b"kspace", h5py.h5t.py_create(np.dtype(np.complex64)), space, plan)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, noise(*SHAPE))
    with pytest.raises(KSpaceError, match="HDF5 filter 32015") as refusal:
        read_kspace(fastmri)
    assert "h5repack" in refusal.value.hint


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (1, 1, 640, 640)}, {"chunks": (1, 1, 640, 640), "compression": "gzip"}]
)
def test_samples_that_are_promised_and_not_there(fastmri: Path, options: dict[str, object]) -> None:
    """A header can claim any size; HDF5 would fill it up with zeros."""
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        file.create_dataset("kspace", shape=(10000, 32, 640, 640), dtype=np.complex64, **options)
    assert fastmri.stat().st_size < 2**20
    with pytest.raises(KSpaceError, match=r"truncated or damaged|claims"):
        read_kspace(fastmri)


def test_samples_that_are_hardly_there(fastmri: Path) -> None:
    """Zeros pack a thousand times: 64 MiB of them in this file."""
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        file.create_dataset(
            "kspace", data=np.zeros((1, 8, 1024, 1024), dtype=np.complex64), compression="gzip", chunks=True
        )
    assert fastmri.stat().st_size < 2**20
    with pytest.raises(KSpaceError, match="claims 64 MiB of data, but holds only 0"):
        read_kspace(fastmri)


def test_an_undersampled_scan_may_pack_well(fastmri: Path) -> None:
    data = np.zeros((1, 8, 512, 512), dtype=np.complex64)
    data[..., ::32] = noise(1, 8, 512, 16)
    with h5py.File(fastmri, "a") as file:
        del file["kspace"], file["mask"], file["reconstruction_rss"]
        file.create_dataset("kspace", data=data, compression="gzip", chunks=(1, 1, 512, 512))
    assert read_kspace(fastmri).acceleration == 32


@pytest.mark.parametrize("matrix", [(65535, 16, 1), (24, 65535, 1), (60000, 60000, 1)])
def test_a_matrix_that_the_file_cannot_fill(tmp_path: Path, matrix: tuple[int, int, int]) -> None:
    header = Header(encoded=matrix, limits={"kspace_encoding_step_1": (0, 15, 8)})
    path = write_mrd(tmp_path / "a.h5", header, readouts(noise(2, 64, 16, 24)))
    with pytest.raises(KSpaceError, match="claims"):
        read_kspace(path)


def test_what_is_no_dataset_or_no_group(fastmri: Path, mrd: Path) -> None:
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        file.create_group("kspace")
    with pytest.raises(KSpaceError, match=r"'kspace' .* is no dataset"):
        read_kspace(fastmri)
    with h5py.File(mrd, "a") as file:
        del file["dataset/data"]
        file["dataset/data"] = np.zeros(4)
    with pytest.raises(KSpaceError, match="holds no acquisitions"):
        read_kspace(mrd)
    with h5py.File(mrd, "a") as file:
        del file["dataset"]
        file["dataset"] = np.zeros(4)
    with pytest.raises(KSpaceError, match="no ISMRMRD data"):
        read_kspace(mrd)


@pytest.mark.parametrize("array", [np.ones(SHAPE), np.ones(SHAPE, dtype=np.int16), np.full(SHAPE, b"x")])
def test_samples_that_are_not_complex(fastmri: Path, array: np.ndarray) -> None:
    with h5py.File(fastmri, "a") as file:
        del file["kspace"]
        file["kspace"] = array
    with pytest.raises(KSpaceError, match="not complex numbers"):
        read_kspace(fastmri)


@pytest.mark.parametrize("shape", [(4,), (32, 20), (0, 4, 32, 20), (3, 4, 0, 20), (1, 3, 4, 32, 20), (3, 4, 1, 20)])
def test_shapes_that_are_no_scan(fastmri: Path, shape: tuple[int, ...]) -> None:
    with h5py.File(fastmri, "a") as file:
        del file["kspace"], file["mask"]
        file["kspace"] = np.ones(shape, dtype=np.complex64)
    with pytest.raises(KSpaceError, match="has the shape"):
        read_kspace(fastmri)


def test_several_scans_in_one_file(mrd: Path) -> None:
    with h5py.File(mrd, "a") as file:
        file.move("dataset", "one")
        file.copy("one", "two")
    with pytest.raises(KSpaceError, match="several scans: one, two"):
        read_kspace(mrd)


def test_headers_of_another_kind(mrd: Path) -> None:
    with h5py.File(mrd, "a") as file:
        kind = np.dtype([("head", [("flags", "<f4")]), ("data", h5py.vlen_dtype(np.float32))])
        del file["dataset/data"]
        file.create_dataset("dataset/data", shape=(1,), dtype=kind)[0] = ((1.0,), np.ones(4, dtype=np.float32))
    with pytest.raises(KSpaceError, match="no headers of the standard"):
        read_kspace(mrd)


def test_a_readout_that_is_not_what_its_header_says(tmp_path: Path) -> None:
    path = write_mrd(tmp_path / "a.h5", Header(), readouts(noise(2, 3, 16, 24)))
    with h5py.File(path, "a") as file:
        lines = file["dataset/data"][()]
        lines[5]["head"]["number_of_samples"] = 20
        file["dataset/data"][...] = lines
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(path)
