"""K-space in files: the same comes back, whole or not at all."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kspace.makers import noise
from mrienhance import OutputError, read_kspace
from mrienhance.kspace import Contents, Facts, KSpace, Placement, build_kspace, write_kspace

TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


@pytest.fixture
def kspace() -> KSpace:
    def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
        return torch.from_numpy(noise(*shape, seed=seed))

    return build_kspace(
        Contents(
            tensor(2, 3, 20, 12),
            source="NumPy",
            mask=torch.arange(12) % 3 != 1,
            crop=(10, 12),
            geometry=Placement((12, 10, 2), (0.1, 2.5, 4.0), (-1 / 3, 7.0, 1e-9), TURNED),
            facts=Facts(contrast="T1c"),
            reference=tensor(2, 10, 12).abs(),
            maps=tensor(2, 3, 20, 12, seed=1),
            noise=tensor(3, 50, seed=2),
            calibration=tensor(2, 3, 20, 12, seed=3),
        )
    )


def test_all_of_it_comes_back(kspace: KSpace, tmp_path: Path) -> None:
    path = write_kspace(kspace, tmp_path / "k.npz")
    again = read_kspace(path)
    for name in ("samples", "mask", "reference", "maps", "noise", "calibration"):
        assert torch.equal(getattr(again, name), getattr(kspace, name)), name
    for name in ("crop", "geometry", "facts", "source", "notes"):
        assert getattr(again, name) == getattr(kspace, name), name
    assert os.listdir(tmp_path) == ["k.npz"]


def test_a_slice_of_it(kspace: KSpace, tmp_path: Path) -> None:
    again = read_kspace(write_kspace(kspace, tmp_path / "k.npz"), slices=1)
    assert torch.equal(again.maps, kspace.maps[1:])
    assert again.geometry == kspace.slices(1).geometry


def test_little_is_as_good(tmp_path: Path) -> None:
    bare = build_kspace(Contents(torch.from_numpy(noise(1, 1, 6, 4)), source="NumPy"))
    again = read_kspace(write_kspace(bare, tmp_path / "k.npz"))
    assert (again.geometry, again.maps, again.facts) == (None, None, Facts())


def test_the_same_data_make_the_same_bytes(kspace: KSpace, tmp_path: Path) -> None:
    first, second = (write_kspace(kspace, tmp_path / name).read_bytes() for name in ("a.npz", "b.npz"))
    assert first == second


@pytest.mark.parametrize("name", ["k.npz", "k.cfl"])
def test_a_file_that_is_there_is_kept(kspace: KSpace, tmp_path: Path, name: str) -> None:
    write_kspace(kspace, tmp_path / name)
    other = replace(kspace, samples=2 * kspace.samples)
    with pytest.raises(OutputError, match="exists already"):
        write_kspace(other, tmp_path / name)
    assert torch.equal(read_kspace(tmp_path / name).samples, kspace.samples)
    write_kspace(other, tmp_path / name, overwrite=True)
    assert torch.equal(read_kspace(tmp_path / name).samples, other.samples)


def test_the_other_half_of_a_pair_is_kept_too(kspace: KSpace, tmp_path: Path) -> None:
    (tmp_path / "k.hdr").write_text("mine")
    with pytest.raises(OutputError, match=r"k\.hdr: it exists already"):
        write_kspace(kspace, tmp_path / "k.cfl")
    assert [path.name for path in tmp_path.iterdir()] == ["k.hdr"]
    assert (tmp_path / "k.hdr").read_text() == "mine"


@pytest.mark.parametrize("name", ["k.h5", "k.npy", "k", "k.hdr"])
def test_other_suffixes(kspace: KSpace, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="names no format for k-space"):
        write_kspace(kspace, tmp_path / name)


@pytest.mark.parametrize("suffix", [".npz", ".cfl"])
def test_nothing_is_left_behind(kspace: KSpace, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        write_kspace(kspace, tmp_path / f"k{suffix}")
    assert not os.listdir(tmp_path)
    with pytest.raises(OutputError, match="no such file or directory"):
        write_kspace(kspace, tmp_path / "no" / f"k{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        write_kspace(kspace, tmp_path / f"folder{suffix}")


def test_a_view_is_written_as_it_is_seen(tmp_path: Path) -> None:
    samples = torch.from_numpy(noise(1, 3, 12, 20))
    turned = KSpace(samples.transpose(-1, -2), torch.ones(20, 12, dtype=torch.bool), (20, 12))
    for name in ("k.npz", "k.cfl"):
        again = read_kspace(write_kspace(turned, tmp_path / name))
        assert np.array_equal(again.samples.numpy(), samples.numpy().swapaxes(-1, -2))
