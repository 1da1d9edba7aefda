"""Raw data that a model was not made for are used, and said to be so: one line each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mrienhance.errors import ModelError
from mrienhance.kspace import KSpace
from mrienhance.models import load_model
from mrienhance.physics import fixed_generator, make_mask, to_centred
from mrienhance.tasks.acquisition import acquisition_warnings, sampling_kind
from mrienhance.tasks.reconstruct import reconstruct
from tasks.scans import SIZE, scan, tiny_reconstructor

LINES = ["random-lines", "equispaced-lines"]
CARD = {"acceleration": (2.5, 4.0), "sampling": ("random-lines",), "coils": (4, 8)}


def drawn(name: str, *, shape: tuple[int, int] = (128, 120), axis: int = -1, **options: Any) -> torch.Tensor:
    options = {"acceleration": 4, "generator": fixed_generator("kind", 0), **options}
    return to_centred(make_mask(name, shape, axis=axis, **options).expand(*shape)).bool()


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("acceleration", [3, 4, 6, 8])
@pytest.mark.parametrize("name", LINES)
def test_lines_are_told_apart(name: str, acceleration: float, axis: int):
    for seed in range(5):
        generator = fixed_generator("kind", seed)
        assert sampling_kind(drawn(name, acceleration=acceleration, axis=axis, generator=generator)) == name


@pytest.mark.parametrize("fraction", [0.0, 0.08])
def test_spacings_as_a_scanner_has_them(fraction: float):
    mask = drawn("equispaced-lines", center_fraction=fraction, adjusted=False)
    assert sampling_kind(mask) == "equispaced-lines"


@pytest.mark.parametrize("name", LINES)
def test_a_partial_readout_is_seen_through(name: str):
    mask = drawn(name)
    mask[:30] = False
    assert sampling_kind(mask) == name


@pytest.mark.parametrize("acceleration", [4, 8])
def test_discs(acceleration: float):
    assert sampling_kind(drawn("poisson-disc", acceleration=acceleration)) == "poisson-disc"


def ellipse() -> torch.Tensor:
    rows, columns = (torch.linspace(-1, 1, n) for n in (64, 48))
    return rows[:, None].square() + columns.square() <= 1


def grid() -> torch.Tensor:
    return (torch.arange(64) % 2 == 0)[:, None] & (torch.arange(48) % 3 == 0)


UNKNOWN = {
    "full": lambda: torch.ones(64, 48, dtype=torch.bool),
    "nothing": lambda: torch.zeros(64, 48, dtype=torch.bool),
    "partial Fourier": lambda: (torch.arange(48) > 15).expand(64, 48),
    "elliptical": ellipse,
    "a regular grid": grid,
    "few lines": lambda: drawn("random-lines", shape=(16, 12), center_fraction=0.2),
}


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(make):
    assert sampling_kind(make()) is None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reconstructor(tmp_path_factory.mktemp("models") / "tiny-lf.safetensors", **CARD)


def equispaced() -> KSpace:
    mask = drawn("equispaced-lines", shape=SIZE, center_fraction=0.1)
    full = scan(acceleration=1)
    return replace(full, samples=full.samples * mask, mask=mask)


OUTSIDE = {
    "inside": (scan, []),
    "slow": (lambda: scan(acceleration=1), ["acceleration 1 is outside the card: tiny-lf was made for 2.5 to 4"]),
    "fast": (lambda: replace(scan(), mask=drawn("random-lines", shape=SIZE, acceleration=6)), ["acceleration"]),
    "many coils": (lambda: scan(coils=9), ["9 coils are outside the card: tiny-lf was made for 4 to 8"]),
    "one coil": (lambda: scan(coils=1), ["1 coil is outside the card: tiny-lf was made for 4 to 8"]),
    "other lines": (
        equispaced,
        ["the sampling looks like equispaced-lines, which is outside the card: tiny-lf was made for random-lines"],
    ),
    "both kinds": (
        lambda: replace(
            scan(2), mask=torch.stack([scan().mask, drawn("poisson-disc", shape=SIZE, calibration=(8, 8))])
        ),
        ["the sampling looks like poisson-disc"],
    ),
}


@pytest.mark.parametrize(("make", "said"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_is_outside_the_card_is_said(model: Path, make, said: list[str]):
    warnings = acquisition_warnings(make(), load_model(model))
    assert len(warnings) == len(said)
    for warning, expected in zip(warnings, said, strict=True):
        assert warning.startswith(expected)
        assert "\n" not in warning


@pytest.mark.parametrize(("limit", "warned"), [(2.9, False), (2.4, True)])
def test_random_lines_meet_their_acceleration_on_average_only(tmp_path: Path, limit: float, warned: bool):
    kspace = scan()
    assert 2.64 < kspace.acceleration < 3.19
    path = tiny_reconstructor(tmp_path / "a.safetensors", acceleration=(1, limit))
    assert bool(acquisition_warnings(kspace, load_model(path))) == warned


def test_the_report_says_it(model: Path):
    report = reconstruct(scan(coils=9), model=model, device="cpu").report
    assert "9 coils are outside the card: tiny-lf was made for 4 to 8" in report.warnings
    assert not reconstruct(scan(), model=model, device="cpu").report.warnings


def test_a_card_that_says_nothing_warns_of_nothing(tmp_path: Path):
    silent = load_model(tiny_reconstructor(tmp_path / "silent.safetensors"))
    for make, _ in OUTSIDE.values():
        assert not acquisition_warnings(make(), silent)


def test_a_network_that_needs_more_than_raw_data_is_refused(tmp_path: Path):
    path = tiny_reconstructor(tmp_path / "needy.safetensors", variant="oracle-attention")
    with pytest.raises(ModelError, match="attention from outside") as refusal:
        reconstruct(scan(), model=path, device="cpu")
    assert refusal.value.message.startswith("needy cannot reconstruct this: ")
    assert "\n" not in refusal.value.message
    assert "another model" in refusal.value.hint
