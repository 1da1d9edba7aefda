"""Coil maps that leave out much of the object are said to do so."""

import pytest
import SimpleITK as sitk
import torch

from mrienhance import read_kspace
from mrienhance.data import sample_path
from mrienhance.errors import KSpaceError
from mrienhance.kspace import KSpace
from mrienhance.tasks import coil_maps
from mrienhance.tasks.reconstruct import reconstruct
from mrienhance.tasks.simulate_kspace import simulate_kspace


def filling(size: tuple[int, int] = (48, 64)) -> KSpace:
    """A textured object in most of a small field of view: too few calibration lines to tell it from nothing."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = (torch.linspace(-1, 1, count) for count in reversed(size))
    inside = (rows[:, None].square() + columns.square()) < 0.5
    values = (1 + 0.3 * torch.rand(1, size[1], size[0], generator=generator)) * inside
    return simulate_kspace(sitk.GetImageFromArray(values.numpy()), acceleration=2)


def test_the_report_says_how_much_is_missing_and_what_to_try():
    report = reconstruct(filling(), model="cg-sense", device="cpu").report
    [line] = [warning for warning in report.warnings if "coil maps" in warning]
    assert line.startswith("the coil maps (ESPIRiT) leave out ")
    assert "% of the signal of slice 0: try low-resolution ones" in line
    with_others = reconstruct(filling(), model="cg-sense", coil_maps="low-resolution", device="cpu").report
    assert not [warning for warning in with_others.warnings if "coil maps" in warning]


def test_maps_of_a_real_scan_are_not_complained_of():
    report = reconstruct(read_kspace(sample_path("brain_8ch")), model="cg-sense", device="cpu").report
    assert not [warning for warning in report.warnings if "coil maps" in warning]


def test_maps_that_are_zero_everywhere_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coil_maps, "_espirit", lambda kspace, mask: torch.zeros_like(kspace))
    with pytest.raises(KSpaceError, match="zero everywhere") as refusal:
        reconstruct(filling(), model="cg-sense", device="cpu")
    assert "low-resolution" in refusal.value.hint
