"""What a synthetic image says of itself: how far predictions lie apart, and what the model takes the source for."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.errors import UsageError
from mrienhance.images import Grid
from mrienhance.tasks.orientation import Axial
from mrienhance.tasks.synthesize import synthesize
from mrienhance.tasks.uncertainty import LOOKS, Look, Spread
from tasks.samples import OBLIQUE, head, voxels
from tasks.synthesizers import installed, synthesizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed(tmp_path_factory.mktemp("models")) as folder:
        yield folder


@given(count=st.integers(1, 6), seed=st.integers(0, 2**16), masked=st.lists(st.booleans(), min_size=6, max_size=6))
def test_mean_and_deviation_are_numpys(count: int, seed: int, masked: list[bool]):
    generator = np.random.default_rng(seed)
    values = generator.normal(0.5, 0.2, (count, 2, 3, 4)).astype(np.float32)
    counted = generator.random(values.shape) < 0.6
    counted[0] = True
    spread = Spread(deviation=True)
    for number, value in enumerate(values):
        where = torch.from_numpy(counted[number]) if number and masked[number] else None
        counted[number] |= where is None
        spread.add(torch.from_numpy(value), where)
    expected = np.ma.masked_array(values.astype(np.float64), ~counted)
    assert spread.count == count
    assert np.allclose(spread.mean, expected.mean(0), atol=1e-5)
    assert np.allclose(spread.deviation, expected.std(0), atol=1e-4)


def test_what_is_added_stays_its_owners():
    value = torch.ones(2, 2)
    spread = Spread(deviation=False)
    spread.add(value)
    spread.add(torch.zeros(2, 2))
    assert bool((value == 1).all())
    assert bool((spread.mean == 0.5).all())


def test_nothing_was_added():
    with pytest.raises(ValueError, match="nothing"):
        _ = Spread(deviation=False).mean
    with pytest.raises(ValueError, match="no deviation"):
        _ = Spread(deviation=False).deviation


@given(mirrored=st.booleans(), down=st.integers(0, 5), right=st.integers(0, 5))
def test_a_look_and_back(mirrored: bool, down: int, right: int):
    volume = torch.rand(2, 5, 6)
    look = Look(mirrored=mirrored, down=down, right=right)
    assert torch.equal(look.back(look.show(volume)), volume)
    assert look.show(volume).sum().item() == pytest.approx(volume.sum().item(), rel=1e-5)


def test_a_network_that_knows_no_place_is_certain(folder: Path):
    """The table commutes with mirrors and movements: no spread, and the mean is the plain result."""
    model = synthesizer(folder / "toy.safetensors")
    plain, result = (
        synthesize(head(), to="T2w", source="T1w", model=model, device="cpu", uncertainty=on) for on in (False, True)
    )
    assert plain.maps == {}
    assert result.report.synthesis.predictions == len(LOOKS) > 3
    assert voxels(result.maps["uncertainty"]).max() < 0.01
    assert np.allclose(voxels(result.image), voxels(plain.image), atol=0.01)


def test_the_uncertainty_is_the_deviation_over_the_looks(folder: Path):
    """A ramp over the columns x of W: seen as x, mirrored as W - 1 - x, moved as x + 5 and x + 2. By NumPy."""
    image = head((20, 24, 3), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1))
    model = synthesizer(folder / "ramp.safetensors", config={"ramp": 0.05})
    result = synthesize(image, to="T2w", source="T1w", model=model, device="cpu", uncertainty=True)
    values, x = 3000 * voxels(image) / np.percentile(voxels(image), 99.9), np.arange(20)
    seen = np.stack([values * (1 + 0.05 * column) for column in (x, 19 - x, x + 5, x + 2)])
    assert np.allclose(voxels(result.image), seen.mean(0), rtol=1e-3, atol=0.5)
    assert np.allclose(voxels(result.maps["uncertainty"]), seen.std(0), rtol=1e-3, atol=0.5)
    assert voxels(result.maps["uncertainty"]).max() > 100


def test_sources_that_disagree_are_uncertain(folder: Path):
    model = synthesizer(folder / "toy.safetensors")
    first, second = head(), head(seed=5)
    result = synthesize(
        first, to="FLAIR", source="T1w", others={"T1c": second}, model=model, device="cpu", uncertainty=True
    )
    a = 5000 * voxels(first) / np.percentile(voxels(first), 99.9)
    b = 2500 * voxels(second) / np.percentile(voxels(second), 99.9)
    assert result.report.synthesis.predictions == 2 * len(LOOKS)
    assert np.allclose(voxels(result.maps["uncertainty"]), np.abs(a - b) / 2, rtol=1e-3, atol=1)


VOTES = {
    "as declared": ((0.7, 0.1, 0.1, 0.1), False),
    "another one, surely": ((0.1, 0.1, 0.7, 0.1), True),
    "another one, perhaps": ((0.1, 0.2, 0.5, 0.2), False),
    "either": ((0.3, 0.65, 0.05, 0.0), False),
}


@pytest.mark.parametrize(("votes", "warned"), VOTES.values(), ids=VOTES)
def test_a_source_that_looks_like_another_contrast_is_doubted(folder: Path, votes, warned: bool):
    model = synthesizer(folder / "votes.safetensors", config={"votes": votes})
    report = synthesize(head(), to="FLAIR", source="T1w", model=model, device="cpu").report
    assert any("takes it for T2w (70%)" in warning for warning in report.warnings) is warned
    assert bool(report.warnings) is warned
    [source] = report.synthesis.sources
    assert source.probabilities == pytest.approx(dict(zip(("T1w", "T1c", "T2w", "FLAIR"), votes, strict=True)))
    assert source.recognized == ("T1w", "T1c", "T2w")[int(np.argmax(votes))]
    assert not source.guessed


def test_a_source_is_guessed(folder: Path):
    model = synthesizer(folder / "guess.safetensors", config={"votes": (0.1, 0.1, 0.7, 0.1), "multiple_of": 8})
    result = synthesize(head(), to="FLAIR", model=model, device="cpu")
    [source] = result.report.synthesis.sources
    assert (source.contrast, source.guessed) == ("T2w", True)
    told = synthesize(head(), to="FLAIR", source="T2w", model=model, device="cpu")
    assert np.array_equal(voxels(told.image), voxels(result.image))
    with pytest.raises(UsageError, match="T2w was scanned"):
        synthesize(head(), to="T2w", model=model, device="cpu")
    with pytest.raises(UsageError, match="two images of T2w"):
        synthesize(head(), to="FLAIR", others={"T2w": head(seed=2)}, model=model, device="cpu")


def test_an_unclear_source_is_not_guessed(folder: Path):
    model = synthesizer(folder / "unclear.safetensors", config={"votes": (0.45, 0.41, 0.12, 0.02)})
    with pytest.raises(UsageError, match=r"not clear .*: T1w 45%, T1c 41%, T2w 12%$") as refusal:
        synthesize(head(), to="FLAIR", model=model, device="cpu")
    assert "--from" in refusal.value.hint


CODES = [
    "".join(code)
    for first, second, third in (("LR", "AP", "IS"),)
    for axes in ((first, second, third), (third, first, second), (second, third, first), (second, first, third))
    for code in product(*axes)
]


@pytest.mark.parametrize("code", CODES)
def test_axial_slices_are_those_of_simpleitk(code: str):
    """Oracle: DICOMOrient to the order that files call LAS."""
    image = sitk.DICOMOrient(head((7, 6, 5), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)), code)
    axial, volume = Axial.of(Grid.of(image)), torch.from_numpy(voxels(image))
    wanted = sitk.DICOMOrient(image, "LAS")
    assert np.array_equal(axial.apply(volume), voxels(wanted))
    assert axial.spacing(Grid.of(image)) == wanted.GetSpacing()
    assert torch.equal(axial.undo(axial.apply(volume)), volume)


@pytest.mark.parametrize("degrees", [0, 20, 30, 44])
def test_tilted_slices_are_told(degrees: float):
    turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), np.deg2rad(degrees), 0.0, 0.0).GetMatrix()
    axial = Axial.of(Grid(size=(4, 4, 4), direction=turn))
    assert axial.order == (0, 1, 2)
    assert axial.angle_deg == pytest.approx(degrees, abs=0.01)
    assert bool(axial.warnings) == (degrees > 25)


def test_a_slight_turn_needs_no_warning():
    assert Axial.of(Grid(size=(4, 4, 4), direction=OBLIQUE)).angle_deg == pytest.approx(
        np.rad2deg(np.arccos(OBLIQUE[8])), abs=0.01
    )


@pytest.mark.parametrize(("spacing", "warned"), [((1.0, 1.0), False), ((3.0, 1.0), True)])
def test_the_spacing_in_axial_slices_counts(folder: Path, spacing: tuple[float, float], warned: bool):
    """Of a sagittal scan with slices of 3 mm: these are the columns of axial slices."""
    model = synthesizer(folder / "toy.safetensors")
    thick, fine = spacing
    image = head((9, 8, 6), direction=(0, 0, 1, 1, 0, 0, 0, 1, 0), spacing=(fine, fine, thick))
    warnings = synthesize(image, to="T2w", source="T1w", model=model, device="cpu").report.warnings
    assert any(f"spacing {thick:g} x" in warning for warning in warnings) == warned
