"""Another scanner: what it may change, and what not."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrienhance.blocks.appearance import other_scanner


@given(st.integers(0, 2**31), st.floats(0.01, 0.9))
@settings(max_examples=50, deadline=None)
def test_one_gain_and_one_gamma_within_their_ranges(seed: int, width: float) -> None:
    image = torch.linspace(0.05, 1, 40, dtype=torch.float64)
    other = other_scanner(image, width, torch.Generator().manual_seed(seed))
    design = torch.stack([torch.ones_like(image), image.log()], 1)
    solution = torch.linalg.lstsq(design, other.log()[:, None]).solution.flatten()
    torch.testing.assert_close(design @ solution, other.log(), rtol=0, atol=1e-9)
    gain, gamma = solution[0].exp().item(), solution[1].item()
    assert 1 - width - 1e-9 <= gain <= 1 + 1e-9
    assert abs(math.log(gamma)) <= width + 1e-9


def test_background_stays_and_a_width_of_nothing_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    state = generator.get_state()
    image = torch.tensor([0.0, 0.3])
    assert torch.equal(other_scanner(image, 0.0, generator), image)
    assert torch.equal(generator.get_state(), state)
    assert other_scanner(image, 0.5, generator)[0] == 0
    assert not torch.equal(generator.get_state(), state)
