"""FGDL's super-resolution branch: its size, its layers against formulas, the synthesis at rest, any size of slice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.deform import DeformConv2d
from mrienhance.methods import get_method
from mrienhance.methods.fgdl.branch import SuperResolutionNetwork
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.fusion import Level, Modulation, ResidualDense, cosine
from mrienhance.methods.fgdl.network import SynthesisNetwork, reflect
from mrienhance.physics import KSpaceTruncation

SMALL: dict[str, Any] = {"width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": (4, 4, 4)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def network(scale: int = 2, **settings: Any) -> SuperResolutionNetwork:
    made = SuperResolutionNetwork(Config(**{**SMALL, "scale": scale, **settings}))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def learners(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


@pytest.mark.parametrize(("scale", "parameters"), [(2, 6_910_349), (4, 22_508_826)])
def test_the_branch_has_as_many_weights_as_the_authors_but_for_a_layer_that_nothing_uses(
    scale: int, parameters: int
) -> None:
    assert learners(SuperResolutionNetwork(Config(scale=scale))) == parameters - 20_784


def test_the_shipped_size_fits_into_16_mib() -> None:
    made = SuperResolutionNetwork(Config(scale=4, width=16, growth=16, modulation=(16, 32, 32)))
    assert 2 * sum(each.numel() for each in made.parameters()) < 16 * 2**20


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("moved", ["image", "reference"])
def test_shapes_of_all_that_is_made(scale: int, moved: str) -> None:
    with torch.inference_mode():
        found = network(scale, moved=moved)(torch.rand(2, 1, 9, 7), torch.rand(2, 1, 9 * scale, 7 * scale))
    assert found.image.shape == found.synthesis.shape == (2, 1, 9 * scale, 7 * scale)
    levels = [2**index for index in range(scale.bit_length())]
    assert [tuple(each.shape) for each in found.similarities] == [(2, 1, 9 * level, 7 * level) for level in levels]
    assert all(float(each.abs().max()) <= 1 + 1e-5 for each in found.similarities)


def test_a_reference_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="2 times"):
        network()(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 16, 15))


def test_the_synthesis_is_that_of_stage_1_and_rests() -> None:
    made = network().train()
    assert made.training
    assert not made.synthesis.training
    assert not any(each.requires_grad for each in made.synthesis.parameters())
    image, reference = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 64, 64)
    found = made(image, reference)
    assert not found.synthesis.requires_grad
    alone = SynthesisNetwork(Config(**SMALL)).eval()
    alone.load_state_dict(made.synthesis.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(alone(reference), found.synthesis, atol=1e-6, rtol=1e-5)
    found.image.sum().backward()
    assert all(each.grad is None for each in made.synthesis.parameters())


def test_weights_go_from_stage_to_stage_and_from_scale_to_scale() -> None:
    method, config = get_method("fgdl"), Config(**SMALL)
    first = method.build(config)
    second = method.build(Config(**SMALL, scale=4))
    given = method.inherit(Config(**SMALL, scale=4), first.state_dict())
    missing, unexpected = second.load_state_dict(given, strict=False)
    assert not unexpected
    assert missing
    assert not any(name.startswith("synthesis.") for name in missing)
    image = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(second.eval().synthesis(image), first.eval()(image))
    back = method.build(config)
    back.load_state_dict(method.inherit(config, second.state_dict()))
    assert torch.equal(back.state_dict()["exit.weight"], first.state_dict()["exit.weight"])
    coarser = method.inherit(Config(**SMALL, scale=2), second.state_dict())
    wanted = {name: value.shape for name, value in method.build(Config(**SMALL, scale=2)).state_dict().items()}
    fitting = {name for name, value in coarser.items() if wanted.get(name) == value.shape}
    assert {name for name in wanted if name.startswith(("levels.", "synthesis.", "exit."))} <= fitting


def test_a_fresh_network_with_an_interpolated_image_gives_the_interpolated_image() -> None:
    """And the interpolation has the alignment of the degradation: a smooth slice comes back."""
    axis = torch.linspace(0, 2 * torch.pi, 65)[:-1]
    fine = (0.5 + 0.3 * torch.sin(axis)[:, None] * torch.cos(2 * axis))[None, None]
    coarse = KSpaceTruncation((64, 64), (4, 4))(fine)
    made = SuperResolutionNetwork(Config(**SMALL, scale=4, interpolated=True)).eval()
    with torch.inference_mode():
        found = made(coarse, torch.rand(1, 1, 64, 64)).image
    # At the edges the interpolation repeats the last sample, and the wave does not end there.
    torch.testing.assert_close(found[..., 16:44, 16:44], fine[..., 16:44, 16:44], atol=5e-3, rtol=0)


def test_coarse_and_fine_slices_are_continued_alike() -> None:
    """By what is before the first sample, where a wave's reflection is the wave, on both grids."""
    wave = torch.cos(torch.arange(20) * torch.pi / 10).expand(1, 1, 20, 20)
    fine, coarse = reflect(wave, (12, 12)), reflect(wave[..., ::4, ::4], (3, 3))
    assert fine.shape[-2:] == (32, 32)
    assert torch.equal(fine[..., ::4, ::4], coarse)
    assert torch.equal(fine[..., 12:, 12:], wave)


@pytest.mark.parametrize("size", [(5, 6), (1, 1)])
def test_modulation_is_the_authors_formula_and_at_rest_changes_nothing(size: tuple[int, int]) -> None:
    layer = Modulation(6, (4, 8, 8)).double()
    x, similarity = torch.randn(2, 6, *size).double(), torch.rand(2, 1, *size).double()
    with torch.no_grad():
        gamma, beta = layer.tell(layer.read(similarity)).chunk(2, 1)
        if size != (1, 1):
            mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True, unbiased=False)
            expected = (x - mean) / (spread**2 + 1e-5).sqrt() * (spread + gamma) + mean + beta
            torch.testing.assert_close(layer(x, similarity), expected, atol=1e-4, rtol=0)
        nn.init.zeros_(layer.tell.weight)
        assert layer.tell.bias is not None
        nn.init.zeros_(layer.tell.bias)
        assert torch.equal(layer(x, similarity), x)


def test_dense_blocks_by_hand() -> None:
    layer = ResidualDense(6, 4).double()
    x = torch.randn(1, 6, 5, 7).double()
    y = x
    for block in layer.blocks:
        seen = y
        for grow in block.grow:  # type: ignore[union-attr]
            seen = torch.cat((seen, functional.leaky_relu(grow(seen), 0.2)), 1)
        y = y + 0.2 * block.end(seen)  # type: ignore[operator]
    torch.testing.assert_close(layer(x), x + 0.2 * y, atol=1e-12, rtol=0)


def test_cosines_pixel_by_pixel() -> None:
    x, y = torch.randn(2, 1, 5, 3, 4)
    found = cosine(x, y)
    for row, column in itertools.product(range(3), range(4)):
        a, b = x[0, :, row, column], y[0, :, row, column]
        assert float(found[0, 0, row, column]) == pytest.approx(float(a @ b / (a.norm() * b.norm())), abs=1e-5)
    assert float(cosine(0 * x, y).abs().max()) == 0
    torch.testing.assert_close(cosine(x, 3 * x), torch.ones(1, 1, 3, 4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("moved", ["image", "reference"])
def test_alignment_can_undo_a_shift(moved: str) -> None:
    """With offsets of one pixel, features that lie a pixel aside are as good as those that do not."""
    level = Level(4, 1, Config(**{**SMALL, "moved": moved, "modulated": False, "deformable": "alignment"})).double()
    assert isinstance(level.align, DeformConv2d)
    x, reference = torch.randn(2, 1, 4, 20, 20).double()
    with torch.no_grad():
        expected, _ = level(x, reference)
        wrong, _ = level(*elsewhere(x, reference, moved))
        assert level.align.offset.bias is not None
        level.align.offset.bias.copy_(torch.tensor([1.0, -1.0]).repeat(9))
        found, _ = level(*elsewhere(x, reference, moved))
    # Attention between channels looks at all pixels: zeros that come in at the edges are felt a little inside.
    mistaken, left = ((each - expected)[..., 4:-4, 4:-4].abs().mean() for each in (wrong, found))
    assert float(left) < 0.05 * float(mistaken)


def elsewhere(x: Tensor, reference: Tensor, moved: str) -> tuple[Tensor, Tensor]:
    """One of the two a pixel down and a pixel to the left."""
    x, reference = (
        each.roll((1, -1), (-2, -1)) if name == moved else each
        for name, each in (("image", x), ("reference", reference))
    )
    return x, reference
