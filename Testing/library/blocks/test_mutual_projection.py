"""Attention in three dimensions: equal to a literal version, in chunks or not, in windows or not."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mrienhance.blocks.attention import attend, join_windows, neighbourhoods, split_windows
from mrienhance.blocks.cross_scale import cross_scale_attention
from mrienhance.blocks.mutual_projection import MutualProjection
from mrienhance.blocks.scaling import Coarsen, Refine, depth_to_space, space_to_depth

FACTORS = [(2, 2, 2), (4, 1, 1), (3, 3, 3)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def literal(match: Tensor, keys: Tensor, values: Tensor, factors: tuple[int, int, int], value_k: int) -> Tensor:
    """Voxel by voxel, patch by patch, for a batch of one."""
    size, coarse = match.shape[2:], keys.shape[2:]
    channels = values.shape[1]
    padded_match, padded_keys = (torch.nn.functional.pad(part, (1,) * 6) for part in (match, keys))
    spread = 1 if value_k == 3 else 0
    padded_values = values
    for axis, factor in enumerate(factors, start=2):
        # Beyond the border the outermost block goes on.
        first, last = (padded_values.narrow(axis, at, factor) for at in (0, values.shape[axis] - factor))
        padded_values = torch.cat([first, padded_values, last], dim=axis) if spread else padded_values
    total = torch.zeros(channels, *(n * f + 2 * spread * f for n, f in zip(size, factors, strict=True)))
    count = torch.zeros_like(total)
    indices = list(product(*map(range, coarse)))
    patches = torch.stack([padded_keys[0, :, a : a + 3, b : b + 3, c : c + 3].flatten() for a, b, c in indices])
    patches = patches / patches.norm(dim=1, keepdim=True).clamp_min(1e-4)
    f, g, h = factors
    length = [(1 + 2 * spread) * factor for factor in factors]
    for k, j, i in product(*map(range, size)):
        query = padded_match[0, :, k : k + 3, j : j + 3, i : i + 3].flatten()
        query = query / query.norm().clamp_min(1e-4)
        weights = torch.softmax(10 * patches @ query, dim=0)
        pasted = sum(
            weight
            * padded_values[0, :, f * a : f * a + length[0], g * b : g * b + length[1], h * c : h * c + length[2]]
            for weight, (a, b, c) in zip(weights, indices, strict=True)
        )
        # The canvas has the margin of the patch on every side.
        place = (slice(None), *(slice(n * x, n * x + m) for n, x, m in zip(factors, (k, j, i), length, strict=True)))
        total[place] += pasted
        count[place] += 1
    inner = (slice(None), *(slice(spread * n, spread * n + n * m) for n, m in zip(factors, size, strict=True)))
    return (total[inner] / count[inner])[None]


@pytest.mark.parametrize("value_k", [1, 3])
@pytest.mark.parametrize("factors", FACTORS[:2])
def test_cross_scale_attention_is_the_literal_one(factors: tuple[int, int, int], value_k: int) -> None:
    size = (4, 2, 4) if factors == (2, 2, 2) else (4, 3, 2)
    match, values = torch.randn(1, 3, *size), torch.randn(1, 2, *size)
    keys = torch.randn(1, 3, *(n // f for n, f in zip(size, factors, strict=True)))
    found = cross_scale_attention(match, keys, values, factors, window=size, value_k=value_k)
    torch.testing.assert_close(found, literal(match, keys, values, factors, value_k), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("value_k", [1, 3])
def test_constants_stay(factors: tuple[int, int, int], value_k: int) -> None:
    """The number of overlapping pastes is counted right, at the border as well."""
    size = tuple(2 * factor for factor in factors)
    match, keys = torch.randn(2, 4, *size), torch.randn(2, 4, 2, 2, 2)
    values = torch.tensor([1.5, -2.0]).view(1, 2, 1, 1, 1).expand(2, 2, *size)
    found = cross_scale_attention(match, keys, values, factors, window=size, value_k=value_k)
    fine = tuple(n * f for n, f in zip(size, factors, strict=True))
    torch.testing.assert_close(found, torch.tensor([1.5, -2.0]).view(1, 2, 1, 1, 1).expand(2, 2, *fine))


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 40, 1000])
@pytest.mark.parametrize("window", [(4, 4, 4), (8, 4, 4)])
def test_chunks_change_nothing(rows: int, window: tuple[int, int, int], learning: bool) -> None:
    match, keys, values = torch.randn(2, 4, 8, 4, 4), torch.randn(2, 4, 4, 2, 2), torch.randn(2, 3, 8, 4, 4)
    queries, index = torch.randn(5, 11, 6), torch.randn(5, 4, 6)
    with torch.set_grad_enabled(learning):
        found, expected = (
            cross_scale_attention(match, keys, values, (2, 2, 2), window=window, rows=n) for n in (rows, 10**6)
        )
        attended = attend(queries, index, index, rows=rows)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(attended, (queries @ index.mT).softmax(-1) @ index, rtol=0, atol=1e-5)


def test_windows_keep_to_themselves() -> None:
    """What is looked up in a window comes from there: nothing else reaches it but the neighbours of its voxels."""
    match, keys, values = torch.randn(1, 4, 8, 4, 4), torch.randn(1, 4, 4, 2, 2), torch.randn(1, 3, 8, 4, 4)
    before = cross_scale_attention(match, keys, values, (2, 2, 2), window=(4, 4, 4))
    far, other = values.clone(), keys.clone()
    far[:, :, 4:] += 1
    other[:, :, 3:] += 1
    after = cross_scale_attention(match, other, far, (2, 2, 2), window=(4, 4, 4))
    assert torch.equal(before[:, :, :8], after[:, :, :8])
    assert not torch.equal(before[:, :, 8:], after[:, :, 8:])


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.integers(1, 3)] * 3),
    st.tuples(*[st.integers(1, 3)] * 3),
    st.integers(1, 2),
    st.integers(1, 3),
)
def test_cutting_and_joining_are_inverse(
    window: tuple[int, int, int], count: tuple[int, int, int], batch: int, channels: int
) -> None:
    size = tuple(n * m for n, m in zip(window, count, strict=True))
    x = torch.randn(batch, channels, *size)
    assert torch.equal(join_windows(split_windows(x, window), batch, size), x)
    assert torch.equal(depth_to_space(space_to_depth(x, window), window), x)


def test_space_to_depth_is_the_known_one_in_the_plane() -> None:
    x = torch.randn(2, 3, 1, 6, 4)
    found = space_to_depth(x, (1, 2, 2))
    assert torch.equal(found[:, :, 0], torch.nn.functional.pixel_unshuffle(x[:, :, 0], 2))


def test_neighbourhoods_hold_a_voxel_and_those_around_it() -> None:
    x = torch.randn(1, 2, 5, 4, 3)
    found = neighbourhoods(torch.nn.functional.pad(x, (1,) * 6)).view(5, 4, 3, 2, 3, 3, 3)
    assert torch.equal(found[2, 1, 1], x[0, :, 1:4, 0:3, 0:3])
    assert torch.equal(found[..., 1, 1, 1], x[0].permute(1, 2, 3, 0))


@pytest.mark.parametrize("upsampling", ["transposed", "shuffle"])
@pytest.mark.parametrize("factors", [*FACTORS, (1, 2, 3), (4, 4, 4)])
def test_sizes_are_exact(factors: tuple[int, int, int], upsampling: str) -> None:
    x = torch.randn(1, 4, 3, 2, 3)
    fine = Refine(4, 5, factors, upsampling=upsampling)(x)
    assert fine.shape == (1, 5, *(n * f for n, f in zip((3, 2, 3), factors, strict=True)))
    assert 0.2 < fine.std() < 5
    assert Coarsen(5, 4, factors, upsampling=upsampling)(fine).shape == x.shape


@pytest.mark.parametrize("branches", ["mutual", "sum", "in-scale", "cross-scale"])
def test_plug_in_without_windows_is_that_of_one_window(branches: str) -> None:
    whole = MutualProjection(4, 3, (2, 2, 2), branches=branches, refine=True)
    windowed = MutualProjection(4, 3, (2, 2, 2), branches=branches, refine=True, window=4)
    windowed.load_state_dict(whole.state_dict())
    target, reference = torch.randn(2, 4, 4, 4, 4), torch.randn(2, 4, 4, 4, 4)
    for one, other in zip(whole(target, reference), windowed(target, reference), strict=True):
        torch.testing.assert_close(one, other)


def test_in_scale_attention_reads_the_reference_and_projection_sums() -> None:
    """Where reference voxels are permuted inside the window, in-scale attention finds them all the same."""
    layer = MutualProjection(4, 3, (2, 2, 2), branches="in-scale", window=4)
    target, reference = torch.randn(1, 4, 4, 4, 4), torch.randn(1, 4, 4, 4, 4)
    mixed = reference.flatten(2)[:, :, torch.randperm(64)].view_as(reference)
    torch.testing.assert_close(layer(target, reference)[0], layer(target, mixed)[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(layer(target, reference)[0], layer(target, reference + 1)[0])
