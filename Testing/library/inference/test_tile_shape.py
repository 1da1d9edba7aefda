"""Windows of volumes: none costs less, none is larger than memory, and little is computed twice."""

from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.toys import Local, Toy, ToyConfig
from mrienhance.inference import Predictor, ladder
from mrienhance.inference.ladder import Work, first_plan
from mrienhance.inference.tile_shape import cheapest_windows
from mrienhance.inference.tiles import plan_tiles, round_up, smallest_edge
from mrienhance.methods import Tiling

CPU = torch.device("cpu")


def computed(size: tuple[int, ...], tiling: Tiling, sides: tuple[int, ...]) -> int:
    plan = plan_tiles(size, tiling, edge=sides)
    return len(plan.tiles) * prod(plan.window)


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(3, 26), st.integers(3, 26)),
    halo=st.integers(0, 3),
    multiple=st.sampled_from([1, 2, 4]),
    share=st.floats(0.05, 1.0),
)
def test_no_other_windows_cost_less(size: tuple[int, int], halo: int, multiple: int, share: float) -> None:
    """Oracle: all sides there are, tried one after the other."""
    tiling = Tiling(ndim=2, halo=halo, multiple_of=multiple)
    smallest = smallest_edge(tiling)
    voxels = max(share * prod(size), smallest**2)
    sides = [range(min(smallest, round_up(n, multiple)), round_up(n, multiple) + 1, multiple) for n in size]
    possible = [tuple(edge) for edge in product(*sides) if prod(plan_tiles(size, tiling, edge=edge).window) <= voxels]
    chosen = cheapest_windows(size, tiling, voxels=voxels)
    assert prod(plan_tiles(size, tiling, edge=chosen).window) <= voxels
    assert computed(size, tiling, chosen) == min(computed(size, tiling, edge) for edge in possible)


def test_where_nothing_fits_the_smallest_windows_are_taken() -> None:
    tiling = Tiling(ndim=3, halo=4)
    assert cheapest_windows((50, 6, 50), tiling, voxels=1) == (smallest_edge(tiling), 6, smallest_edge(tiling))


@pytest.mark.parametrize("halo", [4, 8, 12])
def test_little_is_computed_twice(halo: int) -> None:
    """A cube of 128 in tiles of half of it at most; cubic ones of halo 12 would take 1.7 times the voxels."""
    tiling = Tiling(ndim=3, scale=2, halo=halo)
    sides = cheapest_windows((128, 128, 128), tiling, voxels=2**20)
    assert computed((128, 128, 128), tiling, sides) <= 1.4 * 128**3


def test_on_a_cpu_large_volumes_are_tiled_though_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local networks of volumes alone: tiles change nothing there, and nobody is told."""
    monkeypatch.setattr(ladder, "memory_budget", lambda device: 2**50)
    for halo, tiled in ((4, True), (None, False)):
        work = Work(count=1, size=(128, 128, 128), tiling=Tiling(ndim=3, halo=halo), bytes_per_voxel=4000.0)
        plan, notes = first_plan(work, CPU, torch.float32)
        assert (plan.edge is not None, notes) == (tiled, [])
        if tiled:
            assert 4000 * work.voxels(plan.edge) <= ladder.CPU_TILE_BYTES
    assert first_plan(work, torch.device("cuda"), torch.float32)[0].edge is None


def test_long_tiles_of_a_local_network_give_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    tiling = Tiling(ndim=3, scale=2, halo=3)
    toy = Toy(lambda: Local(3, 2), tiling)
    volume = torch.rand(40, 37, 90, generator=torch.Generator().manual_seed(0))
    predictor = Predictor(toy.build(ToyConfig()), toy, ToyConfig(), CPU, torch.float32)
    whole = predictor.run(volume)
    monkeypatch.setattr(ladder, "CPU_TILE_BYTES", 1_500_000)
    monkeypatch.setattr(ladder, "SMALL_VOXELS", 1)
    tiled = predictor.run(volume)
    assert (whole.notes.tile, tiled.notes.fallbacks) == (None, ())
    assert tiled.notes.tile is not None
    torch.testing.assert_close(tiled.volumes["image"], whole.volumes["image"], rtol=1e-5, atol=1e-5)
