"""Windows cover every sample, see what they need, and put together what was cut."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrienhance.errors import UsageError
from mrienhance.inference.tiles import plan_tiles, read_window, smallest_edge, write_window
from mrienhance.methods import Tiling


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tiling, tuple[int, ...], int | None]:
    """A tiling, an image's size, and a tile's edge that it allows."""
    ndim = draw(st.sampled_from([2, 3]))
    scales = st.sampled_from([1, 2, 4])
    tiling = Tiling(
        ndim=ndim,
        scale=draw(scales | st.tuples(*[scales] * ndim)),
        multiple_of=draw(st.sampled_from([1, 2, 4, 8])),
        halo=draw(st.sampled_from([None, 0, 1, 3, 5])),
    )
    longest = 90 if tiling.halo is None else 40
    size = tuple(draw(st.lists(st.integers(1, longest), min_size=tiling.ndim, max_size=tiling.ndim)))
    extra = draw(st.none() | st.integers(0, 20))
    return tiling, size, None if extra is None else smallest_edge(tiling) + extra


@settings(max_examples=200, deadline=None)
@given(cases())
def test_windows_cover_every_sample_and_see_their_halo(case: tuple[Tiling, tuple[int, ...], int | None]) -> None:
    tiling, size, edge = case
    plan = plan_tiles(size, tiling, edge=edge)
    for axis, (length, window) in enumerate(zip(size, plan.window, strict=True)):
        spans = sorted({tile[axis] for tile in plan.tiles}, key=lambda span: span.start)
        padded = -(-length // tiling.multiple_of) * tiling.multiple_of
        assert window % tiling.multiple_of == 0
        assert (spans[0].low, spans[-1].high) == (0, length)
        assert spans[-1].start + window == padded
        weight = np.zeros(length)
        for span in spans:
            assert span.start % tiling.multiple_of == 0
            assert span.start <= span.low < span.high <= span.start + window
            part = np.ones(span.high - span.low)
            part[: span.rise] = (np.arange(span.rise) + 0.5) / max(span.rise, 1)
            part[len(part) - span.fall :] *= (np.arange(span.fall, 0, -1) - 0.5) / max(span.fall, 1)
            weight[span.low : span.high] += part
            if tiling.halo is not None:
                assert span.low == 0 or span.low - span.start >= tiling.halo
                assert span.high == length or span.start + window - span.high >= tiling.halo
        np.testing.assert_allclose(weight, 1, atol=1e-12)
        if tiling.halo is not None:
            assert all(before.high == after.low for before, after in pairwise(spans))


@settings(max_examples=100, deadline=None)
@given(cases())
def test_cut_and_put_together_is_nearest_upsampling(case: tuple[Tiling, tuple[int, ...], int | None]) -> None:
    tiling, size, edge = case
    plan = plan_tiles(size, tiling, edge=edge)
    image = torch.rand(size, generator=torch.Generator().manual_seed(0))
    output = torch.zeros([n * scale for n, scale in zip(size, tiling.scales, strict=True)])
    for tile in plan.tiles:
        answer = read_window(image, tile, plan)
        assert answer.shape == plan.window
        for axis, scale in enumerate(tiling.scales):
            answer = answer.repeat_interleave(scale, dim=axis)
        write_window(output, answer, tile, plan)
    expected = np.kron(image.numpy(), np.ones(tiling.scales, dtype=np.float32))
    if plan.blended:
        np.testing.assert_allclose(output.numpy(), expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(output.numpy(), expected)


@pytest.mark.parametrize("scale", [(2, 2), (2, 0, 1), 0])
def test_scales_are_one_for_each_axis_and_whole(scale: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3 tiled axes"):
        Tiling(ndim=3, scale=scale)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 9, 16])
def test_beyond_the_end_the_image_is_reflected(length: int) -> None:
    plan = plan_tiles((length, 4), Tiling(ndim=2, multiple_of=8))
    image = torch.rand(length, 4)
    padded = np.pad(image.numpy(), ((0, -length % 8), (0, 4)), mode="reflect")
    np.testing.assert_array_equal(read_window(image, plan.tiles[0], plan).numpy(), padded)


def test_a_finer_input_is_cut_at_the_same_place() -> None:
    plan = plan_tiles((10, 10), Tiling(ndim=2, multiple_of=4, halo=1), edge=8)
    coarse = torch.arange(100.0).view(10, 10)
    fine = coarse.repeat_interleave(2, 0).repeat_interleave(2, 1)
    for tile in plan.tiles:
        window = read_window(fine, tile, plan)
        inside = [min(n, 10 - span.start) for n, span in zip(plan.window, tile, strict=True)]
        cut = window[: 2 * inside[0] : 2, : 2 * inside[1] : 2]
        assert torch.equal(cut, read_window(coarse, tile, plan)[: inside[0], : inside[1]])


def test_a_tile_without_room_between_its_halos_is_refused() -> None:
    tiling = Tiling(ndim=2, multiple_of=4, halo=10)
    assert plan_tiles((100, 100), tiling, edge=24).window == (24, 24)
    with pytest.raises(UsageError, match="23 voxels is too small") as refusal:
        plan_tiles((100, 100), tiling, edge=23)
    assert "24" in refusal.value.hint


def test_neighbours_of_a_global_network_are_blended() -> None:
    plan = plan_tiles((200, 64), Tiling(ndim=2), edge=64)
    assert plan.blended
    output = torch.zeros(200, 64)
    for number, tile in enumerate(plan.tiles):
        write_window(output, torch.full((64, 64), float(number)), tile, plan)
    steps = output[:, 0].diff()
    assert bool((steps >= 0).all())
    assert float(steps.max()) < 0.05
