"""Arrays in .npy and .npz files."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from kspace.makers import noise, rss, to_images
from mrienhance import KSpaceError, UsageError, read_kspace

DATA = noise(3, 20, 12)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("shape", [(20, 12), (3, 20, 12), (2, 3, 20, 12)])
def test_the_usual_orders(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = noise(*shape)
    kspace = read_kspace(save(tmp_path / "k.npy", data))
    assert kspace.source == "NumPy"
    assert np.array_equal(kspace.samples.numpy(), data.reshape((1, 1, *shape)[-4:]))
    assert kspace.crop == (20, 12)
    assert kspace.geometry is None


@pytest.mark.parametrize(
    ("axes", "order"),
    [("ky,kx,coil", (1, 2, 0)), ("coil, kx, ky", (0, 2, 1)), ("kx,ky,coil", (2, 1, 0))],
)
def test_hints(tmp_path: Path, axes: str, order: tuple[int, ...]) -> None:
    path = save(tmp_path / "k.npy", DATA.transpose(order))
    assert np.array_equal(read_kspace(path, axes=axes).samples[0].numpy(), DATA)


def test_slices_without_a_coil_axis(tmp_path: Path) -> None:
    kspace = read_kspace(save(tmp_path / "k.npy", DATA), axes="slice,ky,kx")
    assert kspace.samples.shape == (3, 1, 20, 12)
    assert read_kspace(tmp_path / "k.npy", axes="slice,ky,kx", slices=[0, 2]).samples.shape == (2, 1, 20, 12)


def test_a_volume_with_partitions(tmp_path: Path) -> None:
    volume = noise(3, 6, 20, 12)
    kspace = read_kspace(save(tmp_path / "k.npy", volume), axes="coil,kz,ky,kx")
    images = to_images(volume, axes=(-3, -2, -1)).swapaxes(0, 1)
    np.testing.assert_allclose(rss(to_images(kspace.samples.numpy())), rss(images), rtol=1e-4)
    with pytest.raises(KSpaceError, match="2 slabs of 6 partitions"):
        read_kspace(save(tmp_path / "k.npy", noise(2, 3, 6, 20, 12)), axes="slice,coil,kz,ky,kx")


@pytest.mark.parametrize("kind", [np.complex128, ">c8", ">c16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_kinds_of_complex_numbers(tmp_path: Path, kind: str, order: str) -> None:
    kspace = read_kspace(save(tmp_path / "k.npy", np.asarray(DATA.astype(kind), order=order)))
    assert kspace.samples.dtype == torch.complex64
    assert np.array_equal(kspace.samples[0].numpy(), DATA)


@pytest.mark.parametrize("saver", [np.savez, np.savez_compressed])
def test_an_archive(tmp_path: Path, saver: object) -> None:
    mask = np.zeros((20, 12), dtype=bool)
    mask[:, 2:9] = True
    saver(tmp_path / "k.npz", kspace=DATA, mask=mask, maps=DATA * 2, other=np.array([object()]))
    kspace = read_kspace(tmp_path / "k.npz")
    assert np.array_equal(kspace.mask.numpy(), mask)
    assert np.array_equal(kspace.samples[0].numpy(), DATA * mask)
    assert np.array_equal(kspace.maps[0].numpy(), DATA * 2)


def test_the_only_array_of_an_archive_needs_no_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "k.npz", DATA)
    assert read_kspace(tmp_path / "k.npz").coils == 3


def test_an_archive_without_kspace(tmp_path: Path) -> None:
    np.savez(tmp_path / "k.npz", image=DATA, mask=DATA != 0)
    with pytest.raises(KSpaceError, match="holds image, mask, but no 'kspace'"):
        read_kspace(tmp_path / "k.npz")


@pytest.mark.parametrize(
    ("axes", "why"),
    [("ky,kx,coil", "12 coils of 3 x 20"), ("kx,coil,ky", "20 coils of 12 x 3"), ("ky,kx", "name 2 axes, .* has 3")],
)
def test_wrong_hints(tmp_path: Path, axes: str, why: str) -> None:
    with pytest.raises(KSpaceError, match=why) as refusal:
        read_kspace(save(tmp_path / "k.npy", DATA), axes=axes)
    assert "by axes, such as" in refusal.value.hint


def test_coils_last_without_a_hint(tmp_path: Path) -> None:
    with pytest.raises(KSpaceError, match="20 coils of 12 x 3"):
        read_kspace(save(tmp_path / "k.npy", DATA.transpose(1, 2, 0)))


@pytest.mark.parametrize("axes", ["coil,row,column", "ky,ky,kx", "coil,slice,kx", "", ",,"])
def test_hints_that_are_none(tmp_path: Path, axes: str) -> None:
    path = save(tmp_path / "k.npy", DATA)
    if axes:
        with pytest.raises(UsageError, match="are none"):
            read_kspace(path, axes=axes)
    else:
        assert read_kspace(path, axes=axes).coils == 3


@pytest.mark.parametrize("array", [DATA.real, (DATA.real * 100).astype(np.int16), np.array(["k"]), np.float32(1)])
def test_no_complex_numbers(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(KSpaceError, match="not complex numbers"):
        read_kspace(save(tmp_path / "k.npy", array))


@pytest.mark.parametrize("shape", [(12,), (2, 2, 3, 20, 12), (0, 20, 12), (3, 1, 12), (3, 20, 1)])
def test_shapes_that_are_no_kspace(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(KSpaceError):
        read_kspace(save(tmp_path / "k.npy", np.ones(shape, dtype=np.complex64)))


def test_no_pickle_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "k.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(KSpaceError, match="Python objects"):
        read_kspace(path)
    np.savez(tmp_path / "k.npz", kspace=np.array([{"a": 1}], dtype=object))
    with pytest.raises(KSpaceError, match="Python objects"):
        read_kspace(tmp_path / "k.npz")


def header_bytes(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<c8', 'fortran_order': False, 'shape': (9999999, 9999999), }\n",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (-8, -4), }\n",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (8, 5), }\n",
        "{'descr': '|V100', 'fortran_order': False, 'shape': (1,), }\n",
        "{'descr': [('a', '<c8')], 'fortran_order': False, 'shape': (8, 4), }\n",
        "__import__('os').getcwd()\n",
        "(" * 5000 + "\n",
        "{'descr': '<c8', 'fortran_order': False}\n",
        "\x00",
    ],
)
def test_headers_that_lie(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k.npy"
    path.write_bytes(header_bytes(text) + bytes(8 * 4 * 8))
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """64 MiB of zeros in 0.06 MiB."""
    head = header_bytes("{'descr': '<c8', 'fortran_order': False, 'shape': (8, 1024, 1024), }\n")
    with (
        zipfile.ZipFile(tmp_path / "k.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("kspace.npy", "w") as file,
    ):
        file.write(head)
        for _ in range(64):
            file.write(bytes(2**20))
    with pytest.raises(KSpaceError, match="claims 64 MiB of data"):
        read_kspace(tmp_path / "k.npz")


def test_a_wrong_checksum(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, kspace=DATA)
    content = bytearray(buffer.getvalue())
    content[300] ^= 1
    (tmp_path / "k.npz").write_bytes(content)
    with pytest.raises(KSpaceError, match="truncated or damaged"):
        read_kspace(tmp_path / "k.npz")


def test_a_broken_geometry(tmp_path: Path) -> None:
    place = {"spacing": [1, 1, 1], "origin": [0, 0, 0], "direction": np.ones(9), "in_patient": True}
    np.savez(tmp_path / "k.npz", kspace=DATA, **place)
    with pytest.raises(KSpaceError, match="broken geometry"):
        read_kspace(tmp_path / "k.npz")
    np.savez(tmp_path / "k.npz", kspace=DATA, **{**place, "spacing": [1, np.nan, 1]})
    with pytest.raises(KSpaceError, match="'spacing'"):
        read_kspace(tmp_path / "k.npz")


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "k.npy").write_bytes(b"something else altogether")
    with pytest.raises(KSpaceError, match="not k-space in a known format"):
        read_kspace(tmp_path / "k.npy")
    with pytest.raises(KSpaceError, match=r"no \.npy or \.npz"):
        read_kspace(tmp_path / "k.npy", format="numpy")
