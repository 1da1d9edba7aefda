"""Blocks simulated from label maps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods.objective import COARSE
from mrienhance.physics.degradation import make_degradation
from mrienhance.training import simulated_blocks
from mrienhance.training.anatomy import code, is_brain
from mrienhance.training.block_plan import Axes, BlockPlan
from mrienhance.training.dice import Dice
from mrienhance.training.draw import step_generator
from mrienhance.training.examples import load_blocks
from mrienhance.training.head import share
from mrienhance.training.lesions import draw_blobs
from mrienhance.training.simulated_blocks import SimulatedBlocks, blurred
from mrienhance.training.volumes import find_images

from .heads import write_heads


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_heads(tmp_path_factory.mktemp("data") / "heads")


def load(
    folder: Path,
    contrasts: tuple[str, ...] = ("T1w", "T2w"),
    *,
    size: Axes = (6, 6, 6),
    factors: Axes = (2, 2, 2),
    degradation: str = "k-space",
) -> SimulatedBlocks:
    wanted = BlockPlan(size=size, factors=factors, degradation=degradation, patches=2)
    (only,) = load_blocks(find_images([folder], simulate=[folder.name]), contrasts, plan=wanted)
    assert isinstance(only, SimulatedBlocks)
    return only


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_contrasts_of_one_block_fine_and_coarse(heads: Path) -> None:
    blocks = load(heads, factors=(3, 1, 1)).blocks(generator())
    assert len(blocks) == 2
    for block in blocks:
        assert sorted(block) == ["T1w", "T1w/coarse", "T2w", "T2w/coarse"]
        assert block["T1w"].shape == block["T2w"].shape == (18, 6, 6)
        assert block["T1w" + COARSE].shape == block["T2w" + COARSE].shape == (6, 6, 6)
        assert all(bool((part.isfinite() & (part.abs() < 4)).all()) for part in block.values())
    assert not torch.equal(blocks[0]["T1w"], blocks[1]["T1w"])


def test_the_generator_alone_decides(heads: Path) -> None:
    head = load(heads)
    first = head.blocks(step_generator(seed=1, step=7))
    torch.manual_seed(5)
    second = head.blocks(step_generator(seed=1, step=7))
    assert all(torch.equal(a[name], b[name]) for a, b in zip(first, second, strict=True) for name in a)
    judged = head.middle(2)
    assert all(torch.equal(a[name], b[name]) for a, b in zip(judged, head.middle(2), strict=True) for name in a)
    assert not torch.equal(judged[0]["T1w"], judged[1]["T1w"])


def test_at_most_two_contrasts_of_many_and_one_of_any(heads: Path) -> None:
    many = load(heads, ("T1w", "T2w", "FLAIR", "T1c"))
    drawn = {tuple(name for name in many.blocks(generator(n))[0] if COARSE not in name) for n in range(12)}
    assert {len(names) for names in drawn} == {2}
    assert {name for names in drawn for name in names} == {"T1w", "T2w", "FLAIR", "T1c"}
    assert sorted(load(heads, ("image",)).blocks(generator())[0]) == ["image", "image/coarse"]


def test_thick_slices_are_means_of_thin_ones(heads: Path) -> None:
    block = load(heads, factors=(4, 1, 1), degradation="thick-slice").blocks(generator())[0]
    means = block["T1w"].unflatten(0, (6, 4)).mean(1)
    torch.testing.assert_close(block["T1w/coarse"], means)


def test_a_coarse_block_belongs_to_more_than_the_block(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Truncated k-space of a block that goes on: a wider fade changes what is inside by little."""
    head = load(heads, size=(10, 10, 10))
    scan: list[Tensor] = []
    inner = SimulatedBlocks._scans

    def kept(self: SimulatedBlocks, *args: object) -> Tensor:
        scan.append(inner(self, *args))  # type: ignore[arg-type]
        return scan[-1]

    monkeypatch.setattr(SimulatedBlocks, "_scans", kept)
    block = head.blocks(generator(3))[0]
    around = scan[0]
    assert around.shape[1:] == (36, 36, 36)
    torch.testing.assert_close(block["T1w"], around[0, 8:28, 8:28, 8:28])
    # The oracle: the scan goes on as its mirror image, without an edge and without a fade.
    mirrored = functional.pad(around[None], (36,) * 6, mode="replicate")[0, 0]
    whole = make_degradation("k-space", mirrored.shape, (2, 2, 2))(mirrored)[22:32, 22:32, 22:32]
    difference = (block["T1w/coarse"] - whole).square().mean().sqrt()
    alone = (make_degradation("k-space", (20, 20, 20), (2, 2, 2))(block["T1w"]) - whole).square().mean().sqrt()
    assert float(difference) < 0.25 * float(alone)
    assert float(difference) < 0.01


def test_the_tissue_of_a_box_is_that_of_the_head(heads: Path) -> None:
    """Axes in any order and mirrored, beyond the head as well: the literal way looks each sample up."""
    head = load(heads).head
    low, high = torch.tensor([-6, -9, -30]), torch.tensor([7, 5, 12])
    centre = torch.tensor([n // 2 for n in head.codes.shape])
    for seed in range(6):
        order = torch.randperm(3, generator=generator(seed)).tolist()
        box = head.about(centre, low, high, order, Dice(generator(seed)), thin=False)
        dice = Dice(generator(seed))
        signs = [-1 if dice.chance(0.5) else 1 for _ in range(3)]
        assert box.codes.shape == (13, 14, 42)
        for place in ((0, 0, 0), (3, 11, 41), (12, 1, 30), (6, 9, 20)):
            at = [0, 0, 0]
            for axis, of in enumerate(order):
                at[of] = int(centre[of]) + signs[axis] * (place[axis] + int(low[axis]))
            inside = all(0 <= n < size for n, size in zip(at, head.codes.shape, strict=True))
            assert int(box.codes[place]) == (int(head.codes[tuple(at)]) if inside else 0)


def test_a_stripped_block_has_no_skull_and_nothing_beside_it(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for stripped in (0.0, 1.0):
        monkeypatch.setattr(simulated_blocks, "STRIPPED", stripped)
        blocks = load(heads, size=(16, 16, 16)).blocks(generator(1))
        shares.append(float(torch.stack([block["T1w"] == 0 for block in blocks]).float().mean()))
    assert shares[0] < 0.01
    assert shares[1] > 0.1


def test_brain_is_about_the_middle(heads: Path) -> None:
    head = load(heads).head
    chance = Dice(generator())
    for _ in range(20):
        assert bool(is_brain()[int(head.codes[tuple(head.centre(chance).tolist())])])


def test_shares_are_means_over_windows() -> None:
    volume = torch.rand((6, 7, 5), generator=generator())
    found = share(volume, 3)
    padded = functional.pad(volume, (1,) * 6)
    literal = padded.unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1).mean((3, 4, 5))
    torch.testing.assert_close(found, literal, atol=1e-5, rtol=0)


def test_the_blur_keeps_the_mean_and_has_the_width_that_is_asked_for() -> None:
    point = torch.zeros(1, 15, 15, 15)
    point[0, 7, 7, 7] = 1
    spread = blurred(point, torch.tensor([[0.3, 0.45, 0.55]]))[0]
    assert float(spread.sum()) == pytest.approx(1)
    place = torch.arange(15.0) - 7
    for axis, sigma in enumerate((0.3, 0.45, 0.55)):
        line = spread.sum([other for other in range(3) if other != axis])
        # Of a Gaussian at whole samples, which for narrow ones is narrower than the Gaussian.
        weights = torch.exp(-place.square() / (2 * sigma**2))
        expected = float((weights * place.square()).sum() / weights.sum())
        assert float(line @ place.square()) == pytest.approx(expected, abs=0.02)


def test_lesions_lie_in_white_matter() -> None:
    codes = torch.full((20, 20, 20), code("white matter"), dtype=torch.uint8)
    codes[:, :, 10:] = code("cerebrospinal fluid")
    shares = [draw_blobs(codes, Dice(generator(seed)))[0] for seed in range(12)]
    ill = [found for found in shares if bool(found.any())]
    assert 0 < len(ill) < 12
    assert all(float(found[:, :, 10:].max()) == 0 for found in ill)
    assert all(float(found.min()) >= 0 and float(found.max()) <= 1 for found in ill)
