"""Blocks for training in three dimensions: what is fine belongs to what is coarse, however a block is turned."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.images import write_image
from mrienhance.methods.objective import COARSE, Sampling
from mrienhance.physics.degradation import make_degradation
from mrienhance.training.block_plan import Axes, BlockPlan
from mrienhance.training.blocks import BlockVolume
from mrienhance.training.draw import BlockSource, step_generator
from mrienhance.training.examples import ANY, load_blocks
from mrienhance.training.volumes import Source, find_images

from .conftest import object_image
from .heads import write_people

SOURCE = Source(Path("x"), "x", "T1w", 0, "x")
ISOTROPIC = (1.0, 1.0, 1.0)


def plan(size: int = 4, factors: Axes = (2, 2, 2), degradation: str = "k-space", patches: int = 1) -> BlockPlan:
    return BlockPlan(size=(size, size, size), factors=factors, degradation=degradation, patches=patches)


def volume(*shape: int, seed: int = 0) -> Tensor:
    return 0.1 + torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def made(values: Tensor, wanted: BlockPlan, spacing: tuple[float, ...] = ISOTROPIC) -> BlockVolume:
    return BlockVolume.make(SOURCE, {"T1w": values}, spacing=spacing, plan=wanted)


def unflipped(values: Tensor, flips: tuple[bool, ...], aligned: bool) -> Tensor:
    """A volume mirrored as its lattice allows: about sample 0, or about its middle."""
    axes = [axis for axis, flip in enumerate(flips) if flip]
    return values.flip(axes).roll([1] * len(axes), axes) if aligned and axes else values.flip(axes)


@pytest.mark.parametrize("degradation", ["k-space", "blur", "thick-slice"])
@pytest.mark.parametrize("factors", [(2, 2, 2), (3, 1, 1)])
def test_a_flipped_block_is_one_of_the_flipped_volume(degradation: str, factors: Axes) -> None:
    """The oracle flips the whole fine volume, makes that coarse, and looks for both blocks at one place in it."""
    wanted, values = plan(3, factors, degradation), volume(18, 12, 12)
    view = made(values, wanted, (1.0, 3.0, 3.0)).views[0]
    aligned = degradation == "k-space"
    for flips in product((False, True), repeat=3):
        block = view.cut(wanted, (2, 1, 2), wanted.size, flips=flips)
        # About sample 0 only where an axis is coarse; the others may be mirrored anyhow.
        mirrored = unflipped(values, flips, aligned)
        coarse = make_degradation(degradation, values.shape, factors)(mirrored)
        start = []
        for at, flip, count in zip((2, 1, 2), flips, coarse.shape, strict=True):
            start.append(at if not flip else (-(at + 2)) % count if aligned else count - at - 3)
        inside = [
            torch.arange(first * s, (first + 3) * s) % n
            for first, s, n in zip(start, factors, values.shape, strict=True)
        ]
        within = [torch.arange(first, first + 3) % n for first, n in zip(start, coarse.shape, strict=True)]
        if all(torch.equal(places, places.sort().values) for places in (*inside, *within)):
            torch.testing.assert_close(block["T1w"], mirrored[torch.meshgrid(*inside, indexing="ij")])
            torch.testing.assert_close(block["T1w" + COARSE], coarse[torch.meshgrid(*within, indexing="ij")])


@given(seed=st.integers(0, 10_000), degradation=st.sampled_from(["k-space", "thick-slice", "blur"]))
@settings(deadline=None, max_examples=15)
def test_a_slope_stays_a_slope_wherever_and_however_a_block_is_cut(seed: int, degradation: str) -> None:
    """The coarse samples of a linear image are known, whatever its direction: no axis is half a sample off."""
    wanted = plan(4, (2, 2, 2), degradation)
    k, j, i = torch.meshgrid(*(torch.arange(n) / n for n in (20, 22, 24)), indexing="ij")
    # Smooth and periodic: truncation of k-space leaves it as it is.
    wave = 1 + 0.3 * sum(torch.cos(2 * torch.pi * (axis - 0.1 * n)) for n, axis in enumerate((k, j, i)))
    block = made(wave, wanted).blocks(torch.Generator().manual_seed(seed))[0]
    fine, coarse = block["T1w"], block["T1w" + COARSE]
    assert fine.shape == (8, 8, 8)
    assert coarse.shape == (4, 4, 4)
    expected = fine[::2, ::2, ::2] if degradation == "k-space" else fine.unflatten(0, (4, 2)).mean(1)
    if degradation != "k-space":
        expected = expected.unflatten(1, (4, 2)).mean(2).unflatten(2, (4, 2)).mean(3)
    tolerance = {"k-space": 1e-5, "thick-slice": 1e-5, "blur": 0.04}[degradation]
    torch.testing.assert_close(coarse, expected, atol=tolerance, rtol=0)


def test_a_block_is_that_of_the_whole_coarse_volume_not_of_itself() -> None:
    wanted, values = plan(4), volume(24, 24, 24)
    block = made(values, wanted).blocks(torch.Generator().manual_seed(3))[0]
    alone = make_degradation("k-space", (8, 8, 8), (2, 2, 2))(block["T1w"])
    assert float((alone - block["T1w" + COARSE]).abs().max()) > 0.02
    whole = make_degradation("k-space", (24, 24, 24), (2, 2, 2))(values)
    assert bool(torch.isclose(whole, block["T1w" + COARSE][2, 2, 2], atol=1e-6).any())


def test_what_has_no_tissue_is_cut_away_and_never_the_middle_of_a_block() -> None:
    values = torch.zeros(60, 60, 60)
    values[40:52, 20:32, 4:16] = 1
    kept = made(values, plan(4))
    assert max(kept.views[0].shape) < 14  # of 30, what rings among it
    for block in kept.blocks(torch.Generator().manual_seed(0)):
        assert float(block["T1w"].max()) == 1
    assert made(torch.zeros(8, 8, 8), plan(4)).views == []


def test_a_volume_that_is_too_small_gets_background() -> None:
    block = made(volume(6, 9, 30), plan(4)).blocks(torch.Generator().manual_seed(0))[0]
    assert block["T1w"].shape == (8, 8, 8)
    assert block["T1w" + COARSE].shape == (4, 4, 4)


def test_turns_leave_what_differs_in_its_place() -> None:
    assert len(plan(4).turns(ISOTROPIC)) == 6
    assert plan(4).turns((3.0, 1.0, 1.0)) == [(0, 1, 2), (0, 2, 1)]
    assert plan(4, (4, 1, 1)).turns(ISOTROPIC) == [(0, 1, 2), (0, 2, 1)]
    deep = BlockPlan(size=(2, 4, 4), factors=(2, 2, 2), degradation="blur")
    assert deep.turns(ISOTROPIC) == [(0, 1, 2), (0, 2, 1)]


def test_slices_are_thick_along_each_axis_of_a_volume_in_turn() -> None:
    """A texture along one axis alone is lost in one view, and stays in the others."""
    wanted = plan(4, (4, 1, 1), "thick-slice")
    stripes = (torch.arange(24) % 2).float()[:, None].expand(24, 24, 24)  # along j
    views = made(stripes, wanted).views
    assert len(views) == 3
    spread = [float(view.coarse["T1w"].std()) for view in views]
    assert spread == pytest.approx([0.5, 0.0, 0.5], abs=0.01)
    assert len(made(stripes, wanted, (3.0, 1.0, 1.0)).views) == 1


def test_validation_blocks_are_larger_and_always_the_same() -> None:
    kept = made(volume(40, 40, 20), plan(4))
    first, second = kept.middle(2), kept.middle(2)
    assert [block["T1w"].shape for block in first] == [(16, 16, 16)] * 2
    assert not torch.equal(first[0]["T1w"], first[1]["T1w"])
    assert all(torch.equal(one["T1w"], other["T1w"]) for one, other in zip(first, second, strict=True))


def test_blocks_hold_the_contrasts_that_a_person_has(tmp_path: Path) -> None:
    sources = find_images([write_people(tmp_path / "people")])
    volumes = list(load_blocks(sources, ("T1w", "T2w", "FLAIR"), plan=plan(2)))
    assert [sorted(each.blocks(step_generator(seed=0, step=0))[0]) for each in volumes] == [
        ["FLAIR", "FLAIR/coarse", "T1w", "T1w/coarse"],
        ["T2w", "T2w/coarse"],
        ["T2w", "T2w/coarse"],
    ]


def test_single_images_of_any_contrast(tmp_path: Path) -> None:
    write_image(object_image(1, slices=12), tmp_path / "sub-01_T1w.nii.gz")
    (only,) = load_blocks(find_images([tmp_path]), ANY, plan=plan(4, patches=3))
    blocks = only.blocks(step_generator(seed=0, step=0))
    assert [set(block) for block in blocks] == [{"image", "image/coarse"}] * 3


def test_folders_are_drawn_from_by_weight() -> None:
    def of(folder: int, value: float) -> BlockVolume:
        values = {"T1w": torch.full((8, 8, 8), value)}
        return BlockVolume.make(
            Source(Path("x"), "x", "T1w", folder, "x"), values, spacing=ISOTROPIC, plan=plan(2, patches=2)
        )

    source = BlockSource([of(0, 1.0), of(1, 2.0), of(1, 2.0)], weights=(0.25, 0.75))
    drawn = source.draw(400, step_generator(seed=0, step=0))
    assert len(drawn) == 800
    assert sum(float(block["T1w"].mean()) < 1.5 for block in drawn) / 800 == pytest.approx(0.25, abs=0.07)
    with pytest.raises(UsageError, match="no image"):
        BlockSource([])


def test_what_a_recipe_asks_for_is_checked() -> None:
    assert Sampling(patch=8).depth is None
    with pytest.raises(ValueError, match="depth"):
        Sampling(patch=8, depth=0)
