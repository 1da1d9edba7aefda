"""Learnable lines: the mean is the target, masks are binary, gradients flow, and lines that matter are found."""

import math

import pytest
import torch
from torch import Tensor

from mrienhance.physics import LearnableLines, random_lines

SETTINGS = [(64, 4.0, 0.08), (65, 8.0, 0.04), (320, 6.0, 0.06), (32, 2.5, 0.0)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pattern(
    lines: int = 64, acceleration: float = 4.0, fraction: float = 0.08, *, spread: float = 0.0
) -> LearnableLines:
    """A pattern in double precision, its logits drawn with a standard deviation of `spread`."""
    made = LearnableLines(lines, acceleration=acceleration, center_fraction=fraction).double()
    with torch.no_grad():
        made.logits.normal_(0, spread, generator=seeded(7)) if spread else made.logits.zero_()
    return made


@pytest.mark.parametrize(("lines", "acceleration", "fraction"), SETTINGS)
@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_the_mean_is_the_target(lines: int, acceleration: float, fraction: float, shift: float) -> None:
    made = pattern(lines, acceleration, fraction, spread=0.5)
    with torch.no_grad():
        made.logits += shift
    chance = made.probabilities().detach()
    assert float(chance.mean()) == pytest.approx(1 / acceleration, abs=1e-12)
    assert float(chance.min()) >= 0
    assert float(chance.max()) <= 1
    assert bool((chance[made.center] == 1).all())
    assert int(made.center.sum()) == round(lines * fraction)


def test_at_first_it_is_the_random_pattern() -> None:
    made = pattern()
    low = round(64 * 0.08)
    outside = made.probabilities()[~made.center]
    torch.testing.assert_close(outside, torch.full_like(outside, (16 - low) / (64 - low)))
    always = random_lines(64, acceleration=64 / low, center_fraction=0.08)  # nothing but the centre
    assert torch.equal(made.center, always.bool())


@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_masks_are_drawn_with_the_probabilities(spread: float) -> None:
    made = pattern(spread=spread)
    masks = made((4000,), generator=seeded())
    assert masks.shape == (4000, 64)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert bool((masks[:, made.center] == 1).all())
    chance = made.probabilities().detach()
    spread_of_mean = (chance * (1 - chance) / 4000).sqrt()
    assert bool(((masks.mean(0) - chance).abs() <= 5 * spread_of_mean + 1e-12).all())


def test_the_same_seed_gives_the_same_mask() -> None:
    made = pattern(spread=0.4)
    assert torch.equal(made(generator=seeded(1)), made(generator=seeded(1)))
    assert not torch.equal(made(generator=seeded(1)), made(generator=seeded(2)))
    assert made(generator=seeded()).shape == (64,)
    assert made(generator=seeded()).dtype == torch.float64


def test_soft_masks_are_the_formula() -> None:
    made = pattern(spread=0.4)
    soft = made(hard=False, generator=seeded(3))
    noise = torch.rand(64, generator=seeded(3)).double()
    expected = 1 / (1 + torch.exp(-200 * (made.probabilities() - noise)))
    expected[made.center] = 1
    torch.testing.assert_close(soft, expected)
    hard = made(generator=seeded(3))
    assert torch.equal(hard, made.sample(noise.double()))
    assert torch.equal(hard[~made.center], (soft > 0.5).double()[~made.center])


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_gradcheck_of_the_relaxed_form(shift: float) -> None:
    made = LearnableLines(12, acceleration=3, center_fraction=0.16, slope=2.0, sharpness=5.0).double()
    noise = torch.rand((3, 12), dtype=torch.float64, generator=seeded())

    def relaxed(logits: Tensor) -> Tensor:
        return torch.func.functional_call(made, {"logits": logits}, (noise,))

    made.forward = made.relaxed
    logits = torch.randn(12, dtype=torch.float64, generator=seeded(1)) + shift
    assert torch.autograd.gradcheck(relaxed, logits.requires_grad_())


def test_binary_masks_pass_the_gradient_of_relaxed_ones() -> None:
    made = pattern(spread=0.4)
    weights = torch.rand(64, dtype=torch.float64, generator=seeded(5))
    gradients = []
    for hard in (True, False):
        made.zero_grad()
        (made((50,), hard=hard, generator=seeded(6)) * weights).sum().backward()
        gradients.append(made.logits.grad)
    torch.testing.assert_close(gradients[0], gradients[1])
    assert float(gradients[0].abs().max()) > 0
    assert bool((gradients[0][made.center] == 0).all())


def test_it_learns_which_lines_hold_the_energy() -> None:
    """Columns of k-space with known energy: the loss is the energy that a mask misses."""
    lines, acceleration = 64, 4.0
    strong = torch.randperm(lines, generator=seeded(2))[:11]
    energy = torch.full((lines,), 0.05)
    energy[strong] = 1.0
    made = LearnableLines(lines, acceleration=acceleration, center_fraction=0.08)
    generator = seeded()

    def missed() -> Tensor:
        return ((1 - made((32,), generator=generator)) * energy).sum(1).mean()

    before = float(missed().detach())
    for _ in range(200):
        [gradient] = torch.autograd.grad(missed(), [made.logits])
        with torch.no_grad():
            made.logits -= 0.1 * gradient
    found = set(made.best().nonzero().flatten().tolist())
    assert set(strong.tolist()) <= found
    assert len(found) == lines / acceleration
    assert float(missed().detach()) < 0.45 * before
    chance = made.probabilities().detach()
    assert float(chance.mean()) == pytest.approx(1 / acceleration, abs=1e-6)
    weak = ~made.center
    weak[strong] = False
    assert float(chance[strong].min()) > 2 * float(chance[weak].max())


def test_the_pattern_travels_with_the_network() -> None:
    made = LearnableLines(64, acceleration=4, center_fraction=0.08)
    with torch.no_grad():
        made.logits.normal_(generator=seeded())
    other = LearnableLines(64, acceleration=4, center_fraction=0.08)
    other.load_state_dict(made.state_dict())
    assert list(made.state_dict()) == ["logits"]
    assert torch.equal(made.best(), other.best())
    assert "lines=64, acceleration=4" in repr(made)


@pytest.mark.parametrize(("acceleration", "fraction"), [(1.0, 1.0), (1.0, 0.1), (4.0, 0.25)])
def test_patterns_with_nothing_to_learn(acceleration: float, fraction: float) -> None:
    made = pattern(64, acceleration, fraction)
    mask = made(generator=seeded())
    mask.sum().backward()
    assert float(mask.detach().sum()) == 64 / acceleration
    assert bool(torch.isfinite(made.logits.grad).all())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"acceleration": 20}, "no room"),
        ({"acceleration": math.inf}, "1 or above"),
        ({"slope": 0.0}, "above 0"),
        ({"sharpness": -1.0}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LearnableLines(64, **{"acceleration": 4, "center_fraction": 0.08, **settings})
