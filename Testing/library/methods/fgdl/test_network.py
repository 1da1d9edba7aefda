"""FGDL's synthesis network: its size, its blocks against formulas, any size of slice, strips that change nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.methods import get_method
from mrienhance.methods.fgdl import transformer
from mrienhance.methods.fgdl.config import Config
from mrienhance.methods.fgdl.network import SynthesisNetwork, reflect_to_multiple
from mrienhance.methods.fgdl.transformer import ChannelAttention, GatedFeedForward, pointwise, spatial


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def network(**settings: int) -> SynthesisNetwork:
    return SynthesisNetwork(Config(**{"width": 4, "blocks": 1, **settings})).eval()


@pytest.mark.parametrize(("width", "parameters"), [(48, 30_002_967), (16, 3_424_129)])
def test_it_has_as_many_weights_as_the_authors_network(width: int, parameters: int) -> None:
    assert sum(each.numel() for each in SynthesisNetwork(Config(width=width)).parameters()) == parameters


def test_pyramid_has_the_authors_widths_and_halves_from_level_to_level() -> None:
    with torch.inference_mode():
        image, features = network().pyramid(torch.rand(2, 1, 64, 96))
    assert image.shape == (2, 1, 64, 96)
    widths, factors = (32, 32, 32, 16, 8, 4), (32, 16, 8, 4, 2, 1)
    assert [tuple(each.shape) for each in features] == [
        (2, width, 64 // factor, 96 // factor) for width, factor in zip(widths, factors, strict=True)
    ]


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_softmax_of_normalised_channels(heads: int) -> None:
    layer = ChannelAttention(8, heads).double()
    with torch.no_grad():
        layer.temperature.copy_(torch.rand(heads, 1, 1) + 0.5)
        x = torch.randn(2, 6, 7, 8, dtype=torch.float64)
        mixed = spatial(layer.depthwise, pointwise(layer.expand, layer.norm(x))).flatten(1, 2)
        q, k, v = (part.unflatten(-1, (heads, -1)).permute(0, 2, 3, 1) for part in mixed.chunk(3, -1))
        q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        found = (q @ k.mT * layer.temperature).softmax(-1) @ v
        expected = pointwise(layer.project, found.flatten(1, 2).mT).view(x.shape)
        torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("size", [(48, 64), (5, 7)])
def test_feed_forward_is_a_gate_and_zero_channels_change_nothing(size: tuple[int, int]) -> None:
    layer = GatedFeedForward(6).double()
    x = torch.randn(2, *size, 6, dtype=torch.float64)
    a, b = spatial(layer.depthwise, pointwise(layer.expand, layer.norm(x))).chunk(2, -1)
    expected = pointwise(layer.project, 0.5 * a * (1 + torch.erf(a / 2**0.5)) * b)
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", [ChannelAttention, GatedFeedForward])
def test_strips_change_nothing(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = (kind(8, 2) if kind is ChannelAttention else kind(8)).double()
    x = torch.randn(2, 37, 20, 8, dtype=torch.float64)
    whole: Tensor = layer(x)
    monkeypatch.setattr(transformer, "_STRIP", 1)
    monkeypatch.setattr(transformer, "_THINNEST", 5)
    with torch.inference_mode():
        assert len(transformer.strips(x, 24)) == 8
        torch.testing.assert_close(layer(x), whole.detach(), atol=1e-12, rtol=0)


def test_no_gradient_is_endless_where_queries_are_nothing() -> None:
    layer = ChannelAttention(4, 1)
    with torch.no_grad():
        layer.expand.weight.zero_()
    layer(torch.randn(1, 4, 4, 4)).sum().backward()
    assert all(each.grad is None or each.grad.isfinite().all() for each in layer.parameters())


@pytest.mark.parametrize("size", [(1, 1), (2, 33), (31, 32), (100, 100), (182, 218)])
def test_any_size(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        assert network()(torch.rand(1, 1, *size)).shape == (1, 1, *size)


def test_padding_is_torchs_reflection_where_torch_can() -> None:
    image = torch.rand(2, 1, 50, 61)
    padded = functional.pad(image, (1, 2, 7, 7), mode="reflect")
    assert torch.equal(reflect_to_multiple(image, 32), padded)
    assert torch.equal(reflect_to_multiple(image[..., :1, :2], 4)[0, 0, 0], image[0, 0, 0, :2][[1, 0, 1, 0]])


def test_a_batch_knows_nothing_of_its_images() -> None:
    model, images = network(), torch.rand(3, 1, 40, 32)
    with torch.inference_mode():
        singles = torch.cat([model(image[None]) for image in images])
        torch.testing.assert_close(model(images), singles, atol=1e-6, rtol=0)


def test_the_method_goes_one_way_and_gives_no_negative_values() -> None:
    method = get_method("fgdl")
    config = method.Config(width=4, blocks=1, source="PDw", target="FLAIR")
    model = method.build(config).eval()
    assert method.contrasts(config) == (("PDw",), ("FLAIR",))
    with torch.inference_mode():
        made = method.synthesize(model, torch.zeros(1, 1, 32, 32), source="PDw", targets=["FLAIR"])
        assert set(made) == {"FLAIR"}
        assert made["FLAIR"].min() >= 0
        with pytest.raises(ValueError, match="PDw to FLAIR, not from FLAIR to PDw"):
            method.synthesize(model, torch.zeros(1, 1, 32, 32), source="FLAIR", targets=["PDw"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 5),
        ("blocks", 0),
        ("target", "T1w"),
        ("source", ""),
        ("correction_levels", 1),
        ("critic_every", 0),
        ("smooth_weight", -1.0),
    ],
)
def test_values_out_of_range_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        Config(**{field: value})


def test_a_loss_that_compares_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="l1_weight"):
        Config(l1_weight=0.0, ssim_weight=0.0)
