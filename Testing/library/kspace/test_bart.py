"""BART's pairs of files: what BART writes is read, and what is written here BART reads."""

from pathlib import Path

import numpy as np
import pytest

from kspace.makers import bart, bart_array, noise, rss, to_images, write_cfl
from mrienhance import KSpaceError, UsageError, read_kspace
from mrienhance.kspace import write_kspace


def test_bart_and_we_see_the_same_image(tmp_path: Path) -> None:
    bart("phantom", "-k", "-x", 24, "-s", 4, "k", folder=tmp_path)
    bart("fft", "-i", "-u", 3, "k", "images", folder=tmp_path)
    bart("rss", 8, "images", "rss", folder=tmp_path)
    kspace = read_kspace(tmp_path / "k.cfl")
    assert kspace.source == "BART"
    assert kspace.coils == bart_array(tmp_path / "k").shape[3] > 1
    ours = rss(to_images(kspace.samples.numpy()))[0]
    theirs = np.abs(bart_array(tmp_path / "rss")).squeeze().T  # (x, y) there, (y, x) here
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * theirs.max())
    assert not np.allclose(theirs, theirs.T)


@pytest.mark.parametrize("name", ["k.cfl", "k.hdr", "k"])
def test_a_pair_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    write_cfl(tmp_path / "k", noise(20, 12, 1, 3))
    assert read_kspace(tmp_path / name).samples.shape == (1, 3, 12, 20)


def test_slices(tmp_path: Path) -> None:
    array = noise(20, 12, 1, 3, *[1] * 9, 2)
    write_cfl(tmp_path / "k", array)
    kspace = read_kspace(tmp_path / "k")
    assert kspace.samples.shape == (2, 3, 12, 20)
    for number in range(2):
        assert np.array_equal(
            kspace.samples[number].numpy(), array[:, :, 0, :, ..., number].squeeze().transpose(2, 1, 0)
        )


def test_two_phase_encodings_without_a_readout(tmp_path: Path) -> None:
    array = noise(1, 20, 12, 3)
    write_cfl(tmp_path / "k", array)
    assert np.array_equal(read_kspace(tmp_path / "k").samples[0].numpy(), array[0].transpose(2, 1, 0))


def test_a_volume_becomes_slices(tmp_path: Path) -> None:
    bart("phantom", "-3", "-k", "-x", 12, "-s", 3, "k", folder=tmp_path)
    bart("fft", "-i", "-u", 7, "k", "images", folder=tmp_path)
    bart("rss", 8, "images", "rss", folder=tmp_path)
    kspace = read_kspace(tmp_path / "k", slices=slice(3, 9))  # there is nothing in the outer ones
    theirs = np.abs(bart_array(tmp_path / "rss")).squeeze().T[3:9]
    np.testing.assert_allclose(rss(to_images(kspace.samples.numpy())), theirs, atol=1e-5 * theirs.max())


def test_a_hint_names_the_long_dimensions_in_the_order_of_the_header(tmp_path: Path) -> None:
    array = noise(12, 20, 1, 3)
    write_cfl(tmp_path / "k", array)
    kspace = read_kspace(tmp_path / "k", axes="ky,kx,coil")
    assert np.array_equal(kspace.samples[0].numpy(), array[:, :, 0].transpose(2, 0, 1))


def test_bart_reads_what_is_written(tmp_path: Path) -> None:
    write_cfl(tmp_path / "k", noise(20, 12, 1, 3, *[1] * 9, 2))
    kspace = read_kspace(tmp_path / "k")
    write_kspace(kspace, tmp_path / "again.cfl")
    assert (tmp_path / "again.cfl").read_bytes() == (tmp_path / "k.cfl").read_bytes()
    assert bart("show", "-d", 0, "again", folder=tmp_path).strip() == "20"
    assert bart("show", "-d", 13, "again", folder=tmp_path).strip() == "2"
    bart("nrmse", "-t", 0, "k", "again", folder=tmp_path)


def test_half_a_pair(tmp_path: Path) -> None:
    write_cfl(tmp_path / "k", noise(20, 12, 1, 3))
    (tmp_path / "k.hdr").rename(tmp_path / "other.hdr")
    with pytest.raises(KSpaceError, match=r"k\.cfl lacks its other half k\.hdr"):
        read_kspace(tmp_path / "k.cfl")
    with pytest.raises(KSpaceError, match=r"other\.hdr lacks its other half other\.cfl"):
        read_kspace(tmp_path / "other.hdr")


@pytest.mark.parametrize("size", [0, 8, 20 * 12 * 3 * 8 - 8, 20 * 12 * 3 * 8 + 8])
def test_sizes_that_disagree(tmp_path: Path, size: int) -> None:
    data = write_cfl(tmp_path / "k", noise(20, 12, 1, 3))
    data.write_bytes((data.read_bytes() + bytes(8))[:size])
    with pytest.raises(KSpaceError, match=r"bytes|empty"):
        read_kspace(data)


def test_dimensions_that_are_no_single_scan(tmp_path: Path) -> None:
    write_cfl(tmp_path / "k", noise(20, 12, 1, 3, 1, 1, 1, 1, 1, 1, 5))
    with pytest.raises(KSpaceError, match=r"5 entries along dimension 10 \(TIME\)") as refusal:
        read_kspace(tmp_path / "k")
    assert refusal.value.hint == "choose one of them: bart slice 10 0 IN OUT"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "# Dimensions",
        "# Dimensions\n\n",
        "# Dimensions\n20 x 12\n",
        "# Dimensions\n20 -12 1 3\n",
        "# Dimensions\n20 0 1 3\n",
        "# Dimensions\n" + "1 " * 17 + "\n",
        "# Dimensions\n99999999999999999999 99999999999 1 3\n",
        "20 12 1 3\n",
    ],
)
def test_a_header_that_is_none(tmp_path: Path, header: str) -> None:
    data = write_cfl(tmp_path / "k", noise(20, 12, 1, 3))
    data.with_suffix(".hdr").write_text(header)
    with pytest.raises(KSpaceError, match=r"no header of BART|empty"):
        read_kspace(data)


def test_a_huge_header_allocates_nothing(tmp_path: Path) -> None:
    data = write_cfl(tmp_path / "k", noise(20, 12, 1, 3), dimensions=[65536, 65536, 1, 3])
    with pytest.raises(KSpaceError, match="makes 103079215104"):
        read_kspace(data)


def test_a_wrong_hint(tmp_path: Path) -> None:
    write_cfl(tmp_path / "k", noise(20, 12, 1, 3))
    with pytest.raises(KSpaceError, match="20 coils of 12 x 3"):
        read_kspace(tmp_path / "k", axes="coil,ky,kx")
    with pytest.raises(KSpaceError, match="name 2 axes"):
        read_kspace(tmp_path / "k", axes="ky,kx")
    with pytest.raises(UsageError, match="'row,column'"):
        read_kspace(tmp_path / "k", axes="row,column")
