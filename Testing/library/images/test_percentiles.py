"""Percentiles against NumPy's, samples that see everything, windows that can be shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mrienhance.images.percentiles import display_window, sampled, upper_percentile

FLOATS = st.floats(-(2.0**60), 2.0**60, width=32)


@given(hnp.arrays(np.float32, st.integers(1, 300), elements=FLOATS), st.floats(0, 100))
def test_few_values_have_numpys_percentile(values, percentile):
    expected = np.percentile(values.astype(np.float64), percentile)
    assert upper_percentile(values, percentile) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def large(kind: str) -> np.ndarray:
    """A million values, and more than the sample sees."""
    draw, count = np.random.default_rng(0), 2**20 + 12345
    if kind == "smooth":
        return np.abs(draw.normal(size=count)).astype(np.float32)
    if kind == "whole numbers":
        return draw.integers(0, 300, count).astype(np.float32)
    if kind == "background":
        return np.where(draw.random(count) < 0.0005, 7.0, 0.0).astype(np.float32)
    if kind == "negative":
        return -draw.random(count, dtype=np.float32)
    values = np.zeros(count, np.float32)  # periodic: a sample may miss it, or see nothing else
    values[:: 8 if kind == "comb" else 16] = np.arange(values[:: 8 if kind == "comb" else 16].size)
    return values


@pytest.mark.parametrize("percentile", [50, 99, 99.9, 99.999, 100])
@pytest.mark.parametrize("kind", ["smooth", "whole numbers", "background", "negative", "comb", "rare comb"])
def test_many_values_have_numpys_percentile(kind: str, percentile: float):
    values = large(kind)
    expected = np.percentile(values.astype(np.float64), percentile)
    assert upper_percentile(values, percentile) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shape", [(64, 64, 64), (7, 30, 210), (1, 2, 30030), (1000,), (3, 5, 7)])
@pytest.mark.parametrize("count", [1000, 4096, 10**6])
def test_a_sample_sees_every_column(shape: tuple[int, ...], count: int):
    values = np.broadcast_to(np.arange(shape[-1]), shape)
    seen = sampled(np.ascontiguousarray(values), count)
    assert min(values.size, count) / 2 <= seen.size <= values.size
    if seen.size >= 4 * shape[-1]:
        assert np.unique(seen).size == shape[-1]


def test_a_window_is_the_range_between_the_percentiles():
    values = np.random.default_rng(0).gamma(2.0, 100.0, (64, 200, 200)).astype(np.float32)
    low, high = np.percentile(values, (0.1, 99.9))
    assert display_window(values) == pytest.approx((low, high), rel=0.03)
    difference = values - 150
    reach = np.percentile(np.abs(difference), 99.9)
    assert display_window(difference, symmetric=True) == pytest.approx((-reach, reach), rel=0.03)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 3, 4)),
        np.full((2, 3, 4), -7, np.int16),
        np.full((2, 3, 4), np.nan, np.float32),
        np.array([[[np.inf, 1.0, 2.0]]]),
        np.eye(2000)[None],
        np.array([[[2**63]]], dtype=np.uint64),
    ],
    ids=["zero", "constant", "NaN", "infinite", "one in two thousand", "large"],
)
def test_a_window_can_always_be_shown(values: np.ndarray, symmetric: bool):
    low, high = display_window(values, symmetric=symmetric)
    assert np.isfinite((low, high)).all()
    assert low < high
    if symmetric:
        assert low == -high


def test_the_window_is_the_same_every_time():
    values = np.random.default_rng(0).random((32, 128, 128))
    assert display_window(values) == display_window(values)
