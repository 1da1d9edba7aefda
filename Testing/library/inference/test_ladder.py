"""Plans fit into memory, and each step down gives up one thing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.inference import ladder
from mrienhance.inference.ladder import TILES_DIFFER, Work, first_plan, next_plan
from mrienhance.inference.tiles import smallest_edge
from mrienhance.methods import Tiling

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BUDGET = 2**30


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every device allows 1 GiB."""
    monkeypatch.setattr(ladder, "memory_budget", lambda device: BUDGET)


def work(*size: int, count: int = 1, halo: int | None = 4, cost: float | None = None) -> Work:
    return Work(count=count, size=size, tiling=Tiling(ndim=len(size), halo=halo), bytes_per_voxel=cost)


def test_small_slices_go_together_large_ones_alone() -> None:
    assert first_plan(work(64, 64, count=100), CPU, torch.float32)[0].batch == 16
    assert first_plan(work(64, 64, count=5), CPU, torch.float32)[0].batch == 5
    assert first_plan(work(288, 288, count=100), CPU, torch.float32)[0].batch == 1
    assert first_plan(work(256, 256, count=100), CUDA, torch.float16)[0].batch == 32


def test_the_batch_fits_into_memory() -> None:
    plan, notes = first_plan(work(256, 256, count=100, cost=2000), CUDA, torch.float16)
    needed = ladder.MARGIN * 2000 * 256**2
    assert plan.batch == BUDGET // needed == 4
    assert plan.edge is None
    assert notes == []


def test_a_volume_that_does_not_fit_is_tiled_from_the_start() -> None:
    volume = work(256, 256, 256, cost=100, halo=None)
    plan, notes = first_plan(volume, CPU, torch.float32)
    assert plan.edge is not None
    assert ladder.MARGIN * 100 * volume.voxels(plan.edge) <= BUDGET
    assert f"tiles of {' x '.join(map(str, plan.edge))} voxels" in notes[0]
    assert notes[1] == TILES_DIFFER
    assert TILES_DIFFER not in first_plan(work(256, 256, 256, cost=100), CPU, torch.float32)[1]


def test_what_the_user_asks_for_is_done() -> None:
    asked = replace(work(64, 64, count=10), batch=3, edge=32)
    plan, notes = first_plan(asked, CPU, torch.float32)
    assert (plan.batch, plan.edge, notes) == (3, 32, [])


def test_a_tile_as_large_as_the_image_is_the_whole() -> None:
    plan, notes = first_plan(replace(work(64, 60, halo=None), edge=64), CPU, torch.float32)
    assert (plan.edge, notes) == (None, [])


def test_the_way_down() -> None:
    whole = replace(work(100, 60, count=6, halo=None), batch=4)
    plan, _ = first_plan(whole, CUDA, torch.float16)
    seen = []
    while (step := next_plan(plan, whole)) is not None:
        plan, notes = step
        seen.append((plan.device.type, plan.precision, plan.batch, plan.edge, TILES_DIFFER in notes))
        assert notes[0].startswith("memory ran out")
    half, full = torch.float16, torch.float32
    assert seen == [
        ("cuda", half, 2, None, False),
        ("cuda", half, 1, None, False),
        ("cuda", half, 1, 64, True),
        ("cpu", full, 4, None, False),
        ("cpu", full, 2, None, False),
        ("cpu", full, 1, None, False),
        ("cpu", full, 1, 64, True),
    ]


@given(
    size=st.lists(st.integers(1, 300), min_size=2, max_size=3),
    halo=st.none() | st.integers(0, 9),
    multiple=st.sampled_from([1, 4, 16]),
)
def test_the_way_down_ends_at_the_smallest_tile(size: list[int], halo: int | None, multiple: int) -> None:
    tiling = Tiling(ndim=len(size), halo=halo, multiple_of=multiple)
    all_of_it = Work(count=3, size=tuple(size), tiling=tiling)
    plan, _ = first_plan(all_of_it, CPU, torch.float32)
    for _ in range(30):
        step = next_plan(plan, all_of_it)
        if step is None:
            break
        plan = step[0]
    assert next_plan(plan, all_of_it) is None
    assert plan.batch == 1
    assert plan.edge in (None, smallest_edge(tiling))
    if plan.edge is None:
        assert max(size) <= smallest_edge(tiling)
