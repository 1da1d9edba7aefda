"""Masks of lines: the published rule of fastMRI, by exact probabilities; masks by name; fixed masks."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, chisquare
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.physics import SAMPLING, equispaced_lines, fixed_generator, make_mask, random_lines
from mrienhance.physics.sampling import random_lines as random_lines_by_its_old_name

CHALLENGE = [(4, 0.08), (8, 0.04)]
LINES = [320, 368, 372, 217]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def central(lines: int, fraction: float) -> slice:
    """Where fastMRI puts its central lines, in a centred mask."""
    low = round(lines * fraction)
    first = (lines - low + 1) // 2
    return slice(first, first + low)


def adjusted_spacing(lines: int, low: int, acceleration: float) -> float:
    """As fastMRI writes it."""
    return (acceleration * (low - lines)) / (low * acceleration - lines)


def draw(lines: int, acceleration: float, fraction: float, count: int) -> Tensor:
    generator = seeded(lines)
    masks = [
        random_lines(lines, acceleration=acceleration, center_fraction=fraction, generator=generator)
        for _ in range(count)
    ]
    return torch.fft.fftshift(torch.stack(masks), dim=1)


def test_the_name_that_others_import() -> None:
    assert random_lines_by_its_old_name is random_lines


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize(("acceleration", "fraction"), CHALLENGE)
def test_random_lines_have_the_published_probability(lines: int, acceleration: int, fraction: float) -> None:
    count = 400
    masks = draw(lines, acceleration, fraction, count)
    center = central(lines, fraction)
    low = center.stop - center.start
    assert bool((masks[:, center] == 1).all())
    outside = torch.cat([masks[:, : center.start], masks[:, center.stop :]], dim=1)
    chance = (lines / acceleration - low) / (lines - low)
    lowest, highest = binom.interval(1 - 1e-6, outside.numel(), chance)
    assert lowest <= int(outside.sum()) <= highest
    # Every line with the same chance, every mask with its own number of lines.
    lowest, highest = binom.interval(1 - 1e-6 / lines, count, chance)
    assert lowest <= int(outside.sum(0).min())
    assert int(outside.sum(0).max()) <= highest
    numbers = outside.sum(1)
    edges = binom.ppf([0.2, 0.4, 0.6, 0.8], outside.shape[1], chance)
    seen = np.bincount(np.searchsorted(edges, numbers.numpy()), minlength=5)
    limits = np.diff([0, *binom.cdf(edges, outside.shape[1], chance), 1])
    assert chisquare(seen, limits * count).pvalue > 1e-6


@pytest.mark.parametrize(("acceleration", "fraction"), [*CHALLENGE, (6, 0.05), (2.5, 0.1)])
def test_random_lines_meet_the_acceleration_on_average(acceleration: float, fraction: float) -> None:
    numbers = draw(256, acceleration, fraction, 500).sum(1)
    spread = float(numbers.std()) / math.sqrt(500)
    assert abs(float(numbers.mean()) - 256 / acceleration) < 5 * spread


def test_neighbouring_lines_are_independent() -> None:
    masks = draw(320, 4, 0.08, 400)[:, : central(320, 0.08).start].double()
    both = (masks[:, 1:] * masks[:, :-1]).sum()
    chance = (80 - 26) / (320 - 26)
    expected, pairs = chance**2, masks[:, 1:].numel()
    # Neighbouring pairs share a line: a little more spread than binomial.
    assert abs(float(both) - expected * pairs) < 6 * math.sqrt(3 * pairs * expected)


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize(("acceleration", "fraction"), CHALLENGE)
def test_equispaced_lines_are_those_of_fastmri(lines: int, acceleration: int, fraction: float) -> None:
    low = round(lines * fraction)
    spacing = adjusted_spacing(lines, low, acceleration)
    counts = []
    for offset in range(round(spacing)):
        mask = equispaced_lines(lines, acceleration=acceleration, center_fraction=fraction, offset=offset)
        expected = np.zeros(lines)
        expected[np.around(np.arange(offset, lines - 1, spacing)).astype(int)] = 1
        expected[central(lines, fraction)] = 1
        np.testing.assert_array_equal(torch.fft.fftshift(mask).numpy(), expected)
        counts.append(float(mask.sum()))
    assert lines / np.mean(counts) == pytest.approx(acceleration, rel=0.005)
    assert max(abs(acceleration * count / lines - 1) for count in counts) < 0.04


@pytest.mark.parametrize("acceleration", [3, 4, 8])
def test_unadjusted_lines_have_the_plain_spacing(acceleration: int) -> None:
    for offset in range(acceleration):
        mask = equispaced_lines(128, acceleration=acceleration, center_fraction=0.04, adjusted=False, offset=offset)
        expected = np.zeros(128)
        expected[offset::acceleration] = 1
        expected[central(128, 0.04)] = 1
        np.testing.assert_array_equal(torch.fft.fftshift(mask).numpy(), expected)


@pytest.mark.parametrize("adjusted", [True, False])
def test_every_offset_comes_equally_often(adjusted: bool) -> None:
    settings = {"acceleration": 4, "center_fraction": 0.08, "adjusted": adjusted}
    count = round(adjusted_spacing(320, 26, 4)) if adjusted else 4
    known = [equispaced_lines(320, **settings, offset=offset) for offset in range(count)]
    generator = seeded()
    drawn = [equispaced_lines(320, **settings, generator=generator) for _ in range(600)]
    seen = [sum(torch.equal(mask, other) for other in drawn) for mask in known]
    assert sum(seen) == 600
    assert chisquare(seen).pvalue > 1e-6


@pytest.mark.parametrize("lines", [9, 10])
def test_the_centre_is_index_0(lines: int) -> None:
    """The one central line is that of the frequency 0, which a mean image consists of."""
    mask = random_lines(lines, acceleration=lines, center_fraction=1 / lines)
    flat = torch.fft.ifft(torch.fft.fft(torch.ones(lines)) * mask).real
    torch.testing.assert_close(flat, torch.ones(lines))
    assert equispaced_lines(lines, acceleration=lines, center_fraction=1 / lines).tolist() == mask.tolist()


def test_without_a_centre() -> None:
    mask = equispaced_lines(12, acceleration=3, center_fraction=0, adjusted=False, offset=2)
    assert torch.fft.fftshift(mask).nonzero().flatten().tolist() == [2, 5, 8, 11]


@pytest.mark.parametrize("function", [random_lines, equispaced_lines])
def test_all_lines(function) -> None:
    assert function(33, acceleration=1, center_fraction=0.08).tolist() == [1.0] * 33


@pytest.mark.parametrize("function", [random_lines, equispaced_lines])
@pytest.mark.parametrize(
    ("acceleration", "fraction", "words"),
    [(20, 0.08, "no room"), (0.5, 0.08, "1 or above"), (math.nan, 0.08, "1 or above"), (4, 1.5, "from 0 to 1")],
)
def test_lines_refuse(function, acceleration: float, fraction: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        function(64, acceleration=acceleration, center_fraction=fraction)


def test_an_offset_beyond_the_spacing_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 3"):
        equispaced_lines(64, acceleration=4, center_fraction=0.08, adjusted=False, offset=4)


@pytest.mark.parametrize("name", SAMPLING)
def test_masks_by_name(name: str) -> None:
    mask = make_mask(name, (96, 112), acceleration=5, generator=seeded())
    assert mask.dtype == torch.float32
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert mask.shape == ((96, 112) if name == "poisson-disc" else (1, 112))
    assert float(1 / mask.mean()) == pytest.approx(5, rel=0.25)
    assert torch.equal(mask, make_mask(name, (96, 112), acceleration=5, generator=seeded()))
    assert not torch.equal(mask, make_mask(name, (96, 112), acceleration=5, generator=seeded(2)))


@pytest.mark.parametrize(("acceleration", "low"), [(4, 26), (8, 13)])
def test_the_central_fraction_of_the_challenge_is_the_default(acceleration: int, low: int) -> None:
    masks = [make_mask("random-lines", (1, 320), acceleration=acceleration, generator=seeded(n)) for n in range(200)]
    always = torch.fft.fftshift(torch.cat(masks).min(0).values).nonzero().flatten().tolist()
    first = (320 - low + 1) // 2
    assert always == list(range(first, first + low))


def test_lines_along_the_other_axis() -> None:
    columns = make_mask("random-lines", (64, 64), acceleration=4, generator=seeded())
    rows = make_mask("random-lines", (64, 64), acceleration=4, generator=seeded(), axis=-2)
    assert torch.equal(rows, columns.T)


def test_unknown_names_and_axes_are_refused() -> None:
    with pytest.raises(UsageError, match="spiral") as refusal:
        make_mask("spiral", (64, 64), acceleration=4)
    assert "poisson-disc" in refusal.value.hint
    with pytest.raises(ValueError, match="axis"):
        make_mask("random-lines", (64, 64), acceleration=4, axis=0)


def test_a_fixed_generator_belongs_to_its_key() -> None:
    def drawn(*key: str | int) -> float:
        return float(torch.rand((), generator=fixed_generator(*key), dtype=torch.float64))

    assert drawn("a", 1) == drawn("a", 1)
    keys = [("a", 1), ("a", 2), ("a", "1"), ("a1",), ("b", 1), (1, "a")]
    assert len({drawn(*key) for key in keys}) == len(keys)
    # The same on every machine, and for ever.
    assert drawn("subject-07", 31) == pytest.approx(0.018410588134332384)
