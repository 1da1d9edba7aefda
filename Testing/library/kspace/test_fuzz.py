"""Files cut short or changed anywhere: refused, or read; nothing else, and never much memory for it."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kspace.makers import Header, noise, readouts, write_cfl, write_fastmri, write_mrd
from mrienhance import KSpaceError, read_kspace
from mrienhance.kspace import KSpace

MOST = 2**26  # bytes; the files have some thousands


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Name of a file to its bytes."""
    folder = tmp_path_factory.mktemp("whole")
    data = noise(2, 3, 16, 12)
    write_fastmri(folder / "a.h5", data, recon=(8, 8), mask=np.ones(12, dtype=np.float32))
    write_fastmri(folder / "b.h5", data, recon=(8, 8), compression="gzip", chunks=(1, 3, 16, 12), shuffle=True)
    write_mrd(folder / "c.h5", Header(encoded=(12, 16, 1), recon=(6, 16, 1)), readouts(data))
    np.save(folder / "d.npy", data)
    np.savez(folder / "e.npz", kspace=data, mask=np.ones((16, 12), dtype=bool))
    np.savez_compressed(folder / "f.npz", kspace=data, maps=data)
    write_cfl(folder / "g", data[0].transpose(2, 1, 0)[:, :, None])
    return {path.name: path.read_bytes() for path in folder.iterdir()}


HDF5 = ["a.h5", "b.h5", "c.h5"]
OTHERS = ["d.npy", "e.npz", "f.npz", "g.cfl", "g.hdr"]


def attempt(folder: Path, files: dict[str, bytes], name: str, content: bytes) -> None:
    """Read a changed file; a BART file beside its other half."""
    if name.startswith("g."):
        for other in ("g.cfl", "g.hdr"):
            (folder / other).write_bytes(files[other])
    path = folder / name
    path.write_bytes(content)
    tracemalloc.start()
    try:
        result = outcome(path)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        path.unlink()
    assert peak < MOST
    if isinstance(result, KSpaceError):
        assert "\n" not in result.message
        assert result.hint
    else:
        assert result.samples.shape[-2:] == result.mask.shape[-2:]
        assert bool(result.samples.isfinite().all())


def outcome(path: Path) -> KSpace | KSpaceError:
    try:
        return read_kspace(path)
    except KSpaceError as error:
        return error


@pytest.mark.parametrize("name", HDF5 + OTHERS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_cut_short(tmp_path: Path, files: dict[str, bytes], name: str, data: st.DataObject) -> None:
    content = files[name]
    attempt(tmp_path, files, name, content[: data.draw(st.integers(0, len(content) - 1))])


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_changed(tmp_path: Path, files: dict[str, bytes], name: str, data: st.DataObject) -> None:
    """Some bytes differ, most often in the first thousand, where headers are.

    Not of HDF5 files: a type that is changed by one bit can bring down the library that reads them.
    """
    content = bytearray(files[name])
    near, far = st.integers(0, min(1000, len(content) - 1)), st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(near | near | far, min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 127, 128, 255]))
    attempt(tmp_path, files, name, bytes(content))


@pytest.mark.parametrize("name", HDF5)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_cut_short_and_filled_up(tmp_path: Path, files: dict[str, bytes], name: str, data: st.DataObject) -> None:
    """As a broken download leaves it: of the right length, zeros from some place on."""
    content = files[name]
    length = data.draw(st.integers(8, len(content) - 1))
    attempt(tmp_path, files, name, content[:length] + bytes(len(content) - length))
