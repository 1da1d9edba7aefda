"""What is wrong with a file is said in one line, with a hint, whatever its format."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kspace.makers import Header, noise, readouts, write_cfl, write_fastmri, write_mrd
from mrienhance import DependencyError, KSpaceError, UsageError, read_kspace

Writer = Callable[[Path, np.ndarray], Path]


def as_fastmri(folder: Path, data: np.ndarray) -> Path:
    return write_fastmri(folder / "a.h5", data)


def as_mrd(folder: Path, data: np.ndarray) -> Path:
    header = Header(encoded=(20, 32, 1), encoded_fov=(40, 40, 5), limits={"kspace_encoding_step_1": (0, 31, 16)})
    lines = readouts(np.where(data == 0, 1, data))
    for line, values in zip(lines, data.swapaxes(1, 2).reshape(-1, data.shape[1], data.shape[3]), strict=True):
        line.data[:] = values
    return write_mrd(folder / "b.h5", header, lines)


def as_cfl(folder: Path, data: np.ndarray) -> Path:
    return write_cfl(folder / "c", data.transpose(3, 2, 1, 0)[:, :, None].reshape(20, 32, 1, 4, *[1] * 9, 3))


def as_npy(folder: Path, data: np.ndarray) -> Path:
    np.save(folder / "d.npy", data)
    return folder / "d.npy"


def as_npz(folder: Path, data: np.ndarray) -> Path:
    np.savez_compressed(folder / "e.npz", kspace=data)
    return folder / "e.npz"


WRITERS = [as_fastmri, as_mrd, as_cfl, as_npy, as_npz]


def refusal(path: Path, **options: object) -> KSpaceError:
    with pytest.raises(KSpaceError) as caught:
        read_kspace(path, **options)
    assert "\n" not in caught.value.message
    assert "\n" not in caught.value.hint
    assert caught.value.hint
    return caught.value


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Writer:
    return request.param


def test_the_same_data_from_every_format(write: Writer, tmp_path: Path) -> None:
    data = noise(3, 4, 32, 20)
    assert np.array_equal(read_kspace(write(tmp_path, data)).samples.numpy(), data)


@pytest.mark.filterwarnings("ignore:.*encountered in")
@pytest.mark.parametrize("value", [np.nan, np.inf, 1j * np.nan, -np.inf])
def test_samples_that_are_no_numbers(write: Writer, tmp_path: Path, value: complex) -> None:
    data = noise(3, 4, 32, 20)
    data[1, 2, 3, 4] = value
    message = refusal(write(tmp_path, data)).message
    assert message.startswith("slice 1 of")
    assert message.endswith("NaN or infinite")


def test_slices_of_zeros(write: Writer, tmp_path: Path) -> None:
    data = noise(3, 4, 32, 20)
    data[1] = 0
    path = write(tmp_path, data)
    assert "only zeros in slice 1 of 0 to 2" in refusal(path).message
    assert read_kspace(path, slices=[0, 2]).samples.shape[0] == 2


def test_all_zeros(write: Writer, tmp_path: Path) -> None:
    assert refusal(write(tmp_path, np.zeros((3, 4, 32, 20), dtype=np.complex64))).message.endswith("holds only zeros")


@pytest.mark.parametrize("part", [0, 1, 3, 8, 20, 100, 0.5, -100, -1])
def test_files_cut_short(write: Writer, tmp_path: Path, part: float) -> None:
    path = write(tmp_path, noise(3, 4, 32, 20))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part) if isinstance(part, float) else part])
    refusal(path)


def test_slices_that_are_not_there(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path, noise(3, 4, 32, 20))
    assert refusal(path, slices=3).message == "there is no slice 3"
    assert refusal(path, slices=[0, -4]).hint == "choose from 0 to 2"
    assert "leaves no slice" in refusal(path, slices=slice(5, 9)).message


def test_a_mask_of_another_shape(write: Writer, tmp_path: Path) -> None:
    assert (
        "does not fit 3 slice(s) of 32 x 20" in refusal(write(tmp_path, noise(3, 4, 32, 20)), mask=np.ones(31)).message
    )


def test_a_mask_turned_the_other_way(write: Writer, tmp_path: Path) -> None:
    error = refusal(write(tmp_path, noise(3, 4, 32, 20)), mask=np.ones((20, 32)))
    assert error.hint.startswith("give it as (32, 20), turned the other way")
    assert "turned" not in refusal(write(tmp_path, noise(3, 4, 32, 20)), mask=np.ones((20, 31))).hint


def test_a_file_that_is_no_mask(tmp_path: Path) -> None:
    path = as_npy(tmp_path, noise(3, 4, 32, 20))
    (tmp_path / "mask.txt").write_text("1 0 1")
    assert "mask.txt is no .npy or .npz file" in refusal(path, mask=tmp_path / "mask.txt").message
    assert "no such file" in refusal(path, mask=tmp_path / "none.npy").message
    assert "none.cfl" in refusal(path, mask=tmp_path / "none.cfl").message


@pytest.mark.parametrize("name", ["no.cfl", "no.hdr"])
def test_neither_half_of_a_pair(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).message.endswith(name)


def test_no_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "no.h5").message
    assert "folder" in refusal(tmp_path).message
    assert "null" in refusal(Path("a\0b.h5")).message
    (tmp_path / "empty.h5").touch()
    assert "empty" in refusal(tmp_path / "empty.h5").message


def test_another_format_than_said(tmp_path: Path) -> None:
    path = as_npy(tmp_path, noise(3, 4, 32, 20))
    assert "no HDF5 file, as those of fastmri" in refusal(path, format="fastmri").message
    assert "no HDF5 file, as those of ismrmrd" in refusal(path, format="ismrmrd").message
    assert "no such file" in refusal(path, format="bart").message
    hdf5 = as_fastmri(tmp_path, noise(3, 4, 32, 20))
    assert "no ISMRMRD data" in refusal(hdf5, format="ismrmrd").message
    assert "no 'kspace'" in refusal(as_mrd(tmp_path, noise(3, 4, 32, 20)), format="fastmri").message
    assert "no .npy or .npz" in refusal(hdf5, format="numpy").message


def test_hints_that_do_not_belong(tmp_path: Path) -> None:
    path = as_fastmri(tmp_path, noise(3, 4, 32, 20))
    for options in ({"format": "dicom"}, {"axes": "coil,ky,kx"}, {"select": {"contrast": 0}}):
        with pytest.raises(UsageError):
            read_kspace(path, **options)


@pytest.mark.parametrize(("package", "write"), [("h5py", as_fastmri), ("h5py", as_mrd), ("ismrmrd", as_mrd)])
def test_a_missing_package(package: str, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, noise(3, 4, 32, 20))
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "ismrmrd.file")
    with pytest.raises(DependencyError) as caught:
        read_kspace(path)
    assert package in caught.value.message
    assert caught.value.hint == "pip install 'mrienhance[kspace]'"


@pytest.mark.parametrize("write", [as_npy, as_npz, as_cfl])
def test_numpy_and_bart_need_no_extra(write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("h5py", "ismrmrd"):
        monkeypatch.setitem(sys.modules, package, None)
    assert read_kspace(write(tmp_path, noise(3, 4, 32, 20))).coils == 4
