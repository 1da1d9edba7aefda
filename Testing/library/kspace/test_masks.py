"""Which samples were acquired: found, given, combined."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kspace.makers import noise, write_cfl
from mrienhance import KSpaceError, read_kspace
from mrienhance.kspace import as_mask, central_block, find_mask

DATA = noise(3, 20, 12)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_a_mask_is_found_again(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((16, 12)) < share
    mask[0, 0] = mask[5, 6] = True  # at least two rows and columns, not all
    mask[1, 1] = mask[0, 1] = mask[1, 0] = False
    samples = torch.from_numpy(noise(2, 3, 16, 12) * mask)
    assert np.array_equal(find_mask(samples).numpy(), mask)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_chance_zero_does_not_break_a_line(axis: int) -> None:
    samples = np.zeros((1, 1, 128, 128), dtype=np.complex64)
    lines = [3, 60, 61, 62, 63, 64, 100]
    samples[0, 0, :, lines] = noise(7, 128)
    samples[0, 0, 17, 3] = 0
    mask = find_mask(torch.from_numpy(samples.swapaxes(-1, -2) if axis else samples))
    assert mask.any(dim=axis).nonzero().flatten().tolist() == lines
    assert mask.any(dim=axis).sum() * 128 == mask.sum()


def test_slices_may_differ() -> None:
    samples = noise(2, 3, 16, 12)
    samples[1, :, :, 4] = 0
    mask = find_mask(torch.from_numpy(samples))
    assert mask.shape == (2, 16, 12)
    assert mask[0].all()
    assert mask[1].sum() == 16 * 11


def test_a_sample_of_one_coil_is_enough() -> None:
    samples = torch.zeros(1, 3, 8, 8, dtype=torch.complex64)
    samples[0, 2, 3, 4] = 1j
    assert find_mask(samples).nonzero().tolist() == [[3, 4]]


COLUMNS = np.array([0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0], dtype=bool)


@pytest.mark.parametrize(
    "mask",
    [
        COLUMNS,
        COLUMNS.astype(np.float64),
        COLUMNS[None] * 7,
        np.broadcast_to(COLUMNS, (20, 12)),
        np.broadcast_to(COLUMNS, (1, 1, 20, 12)),
        np.broadcast_to(COLUMNS, (1, 20, 12)),
        COLUMNS * (1 + 1j),
        torch.from_numpy(COLUMNS),
        torch.from_numpy(COLUMNS * (0 + 1j)),
        COLUMNS.tolist(),
    ],
)
def test_a_mask_of_columns_in_many_forms(tmp_path: Path, mask: object) -> None:
    kspace = read_kspace(save(tmp_path / "k.npy", DATA), mask=mask)
    assert np.array_equal(kspace.mask.numpy(), np.broadcast_to(COLUMNS, (20, 12)))
    assert np.array_equal(kspace.samples[0].numpy(), DATA * COLUMNS)


def test_a_mask_of_rows(tmp_path: Path) -> None:
    rows = np.arange(20) % 3 == 1
    kspace = read_kspace(save(tmp_path / "k.npy", DATA), mask=rows)
    assert np.array_equal(kspace.samples[0].numpy(), DATA * rows[:, None])


def test_a_mask_of_each_slice(tmp_path: Path) -> None:
    data = noise(2, 3, 20, 12)
    masks = np.stack([COLUMNS, ~COLUMNS])[:, None].repeat(20, axis=1)
    kspace = read_kspace(save(tmp_path / "k.npy", data), mask=masks)
    assert np.array_equal(kspace.mask.numpy(), masks)
    assert np.array_equal(kspace.samples.numpy(), data * masks[:, None])
    assert np.array_equal(kspace.slices(1).mask.numpy(), masks[1:])


def test_masks_from_files(tmp_path: Path) -> None:
    path = save(tmp_path / "k.npy", DATA)
    wanted = np.broadcast_to(COLUMNS, (20, 12))
    np.savez(tmp_path / "a.npz", other=1, mask=COLUMNS)
    save(tmp_path / "b.npy", wanted)
    write_cfl(tmp_path / "c", wanted.T.astype(np.complex64))  # kx, ky in BART's order
    for name in ("a.npz", "b.npy", "c.cfl"):
        assert np.array_equal(read_kspace(path, mask=tmp_path / name).mask.numpy(), wanted)
    with pytest.raises(KSpaceError, match="no such file"):
        read_kspace(path, mask=str(tmp_path / "d.npy"))


@pytest.mark.parametrize("shape", [(11,), (12, 20), (3, 20, 12), (20, 13), (2, 2, 20, 12)])
def test_a_mask_of_another_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(KSpaceError, match=r"does not fit 1 slice\(s\) of 20 x 12 samples"):
        read_kspace(save(tmp_path / "k.npy", DATA), mask=np.ones(shape))


def test_masks_that_are_none(tmp_path: Path) -> None:
    path = save(tmp_path / "k.npy", DATA)
    with pytest.raises(KSpaceError, match="no sample as acquired"):
        read_kspace(path, mask=np.zeros(12))
    with pytest.raises(KSpaceError, match="NaN"):
        read_kspace(path, mask=np.full(12, np.nan))
    with pytest.raises(KSpaceError, match="the mask holds <U1"):
        read_kspace(path, mask=np.array(["1"] * 12))


def test_the_mask_of_other_data_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "k.npy", DATA * COLUMNS)
    with pytest.raises(KSpaceError, match="does not belong to the data: of the samples that it marks, 0% are not 0"):
        read_kspace(path, mask=~COLUMNS)


def test_a_mask_that_leaves_nothing_of_a_slice(tmp_path: Path) -> None:
    data = np.stack([DATA, DATA * COLUMNS])
    masks = np.stack([np.ones((20, 12)), np.broadcast_to(~COLUMNS, (20, 12))])
    with pytest.raises(KSpaceError, match="zeros in slice 1 of 0 to 1"):
        read_kspace(save(tmp_path / "k.npy", data), mask=masks)


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        ([], 0),
        ([5], 0),
        ([6], 1),
        ([5, 6], 2),
        ([6, 7], 2),
        ([5, 6, 7], 3),
        ([4, 5, 6, 7], 4),
        ([5, 6, 7, 8], 4),
        ([0, 5, 6, 7, 11], 3),
        (range(12), 12),
    ],
)
def test_calibration_lines(columns: list[int], lines: int) -> None:
    mask = torch.zeros(20, 12, dtype=torch.bool)
    mask[:, list(columns)] = True
    assert central_block(mask) == lines
    assert central_block(torch.stack([mask, torch.ones_like(mask)])) == lines


def test_as_mask_prefers_columns_of_a_square() -> None:
    line = torch.tensor([1, 0, 0, 1])
    assert as_mask(line, (1, 4, 4)).tolist() == [[True, False, False, True]] * 4
