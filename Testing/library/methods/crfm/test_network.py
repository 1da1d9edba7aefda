"""What CRFM's network promises beyond the contract."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mrienhance.blocks.interpolation import Interpolate
from mrienhance.methods.crfm import METHOD
from mrienhance.methods.crfm.config import Config
from mrienhance.methods.crfm.gradient import reference_features
from mrienhance.methods.crfm.layers import Pointwise
from mrienhance.methods.crfm.network import CRFM
from mrienhance.methods.crfm.reach import halo

SMALL: dict[str, Any] = {"channels": 8, "fine_channels": 4, "stages": 1, "blocks": 1}
LOCAL: dict[str, Any] = {
    **SMALL,
    "window": 4,
    "pooling": "local",
    "pool_radius": 1,
    "block_attention": False,
    "upsampling": "shuffle",
    "value_k": 1,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def awake(config: Config) -> CRFM:
    """A network whose last layer says something."""
    network = CRFM(config).eval()
    for layer in (network.tail[-1], network.direct):
        if layer is not None:
            torch.nn.init.normal_(layer.weight, std=0.1)  # type: ignore[arg-type]
    return network


def scans(config: Config, size: tuple[int, ...], batch: int = 1) -> tuple[Tensor, Tensor]:
    inputs = METHOD.example(config, batch=batch, size=size)
    return inputs["image"], inputs["reference"]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("factors", [(2, 2, 2), (3, 3, 3), (4, 4, 4), (4, 1, 1), (3, 1, 1)])
def test_fresh_network_interpolates(factors: tuple[int, int, int], direct: bool) -> None:
    through = factors[1] == 1
    config = Config(
        scale=factors[0],
        axes="through-plane" if through else "3d",
        degradation="thick-slice" if through else "k-space",
        direct=direct,
        **SMALL,
    )
    image, reference = scans(config, (5, 6, 7))
    skip = Interpolate(factors, kernel="sinc", alignment="edge" if through else "sample")
    found = CRFM(config)(image, reference)
    assert torch.equal(found, skip(image))
    assert torch.equal(CRFM(config)(image), found)


def test_reference_features_are_closed_forms() -> None:
    """A ramp's central difference is twice its slope; Sobel's smoothing leaves it; offset and sign change nothing."""
    k, j, i = torch.meshgrid(*[torch.arange(6.0)] * 3, indexing="ij")
    ramp = (0.1 * k + 0.2 * j - 0.2 * i)[None, None]
    inner = (slice(None), slice(None), *[slice(1, -1)] * 3)
    expected = torch.tensor([0.2, 0.4, -0.4, (0.36 + 1e-6) ** 0.5 - 1e-3])
    for operator in ("central", "sobel"):
        found = reference_features(ramp, kind="vector", operator=operator)[inner]  # type: ignore[arg-type]
        torch.testing.assert_close(found, expected.view(1, 4, 1, 1, 1).expand_as(found), rtol=0, atol=1e-5)
    magnitude = reference_features(ramp, kind="gradient")
    torch.testing.assert_close(reference_features(5 - ramp, kind="gradient"), magnitude, rtol=0, atol=1e-5)
    assert torch.equal(
        reference_features(torch.full((1, 1, 4, 4, 4), 3.0), kind="gradient"), torch.zeros(1, 1, 4, 4, 4)
    )


def test_sobel_smooths_across() -> None:
    x = torch.randn(1, 1, 7, 7, 7, dtype=torch.float64).float()
    found = reference_features(x, kind="vector", operator="sobel")[0, 0, 1:-1, 1:-1, 1:-1]
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.einsum("a,b,c->abc", torch.tensor([-1.0, 0.0, 1.0]), line, line)
    expected = torch.nn.functional.conv3d(x, kernel[None, None])[0, 0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["gradient", "vector", "intensity"])
def test_no_reference_is_an_empty_one(kind: str) -> None:
    config = Config(**{**LOCAL, "reference": kind})
    network, (image, reference) = awake(config), scans(config, (5, 6, 7))
    with torch.inference_mode():
        without, empty, given = network(image), network(image, 0 * reference), network(image, reference)
    torch.testing.assert_close(without, empty)
    assert not torch.allclose(without, given, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"upsampling": "transposed", "value_k": 3},
        {"axes": "through-plane", "scale": 4, "degradation": "thick-slice"},
        {"axes": "through-plane", "scale": 4, "upsampling": "transposed", "value_k": 3},
        {"scale": 3, "window": 3, "block_attention": True},
        {"fmp_values": "reference", "fusion": "sequential"},
        {"stages": 2, "insertions": 2, "upsampling": "transposed"},
        {"mutual_projection": "none", "target_to_gradient": False, "stages": 2},
        {"direct": True, "match_channels": 3},
        {"direct": True, "mutual_projection": "none", "fusion": "none", "scale": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("axis", [0, 2])
def test_halo_holds_along_every_axis_and_at_every_phase(change: dict[str, Any], axis: int) -> None:
    config = Config(**{**LOCAL, **change})
    reach, network, multiple = halo(config), awake(config), METHOD.tiling(config).multiple_of
    assert reach is not None
    size = [multiple] * 3
    size[axis] = (-(-(reach + 6) // multiple) + 1) * multiple
    image, reference = scans(config, tuple(size))
    with torch.inference_mode():
        before = network(image, reference)
        for place in (reach + 1, reach + 3, reach + 6):
            low = place - reach
            others = [part.clone() for part in (image, reference)]
            for part in others:
                part.narrow(2 + axis, 0, low * part.shape[2 + axis] // size[axis]).add_(1.0)
            rest = config.factors[axis] * place
            kept, changed = (
                part.narrow(2 + axis, rest, part.shape[2 + axis] - rest) for part in (before, network(*others))
            )
            assert torch.equal(kept, changed)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last_3d])
def test_a_convolution_of_single_voxels_is_one_where_it_infers(order: torch.memory_format) -> None:
    layer = Pointwise(6, 4, 1).double()
    x = torch.rand(2, 6, 3, 4, 5, dtype=torch.float64).contiguous(memory_format=order)
    with torch.inference_mode():
        found = layer(x)
    torch.testing.assert_close(found, torch.nn.functional.conv3d(x, layer.weight, layer.bias), rtol=0, atol=1e-14)


def test_tiles_are_exact_with_windows() -> None:
    """Computed from a part that starts at a multiple of the window and has the halo, an output is the same."""
    config = Config(**{**LOCAL, "mutual_projection": "mutual"})
    reach, network = halo(config), awake(config)
    assert reach is not None
    image, reference = scans(config, (8, 8, 48))
    start = 8
    with torch.inference_mode():
        whole, part = network(image, reference), network(image[..., start:], reference[..., 2 * start :])
    first = start + reach
    torch.testing.assert_close(whole[..., 2 * first :], part[..., 2 * (first - start) :], rtol=0, atol=1e-5)


def test_attention_over_all_or_pooling_over_all_has_no_halo() -> None:
    assert halo(Config(**{**LOCAL, "window": 0})) is None
    assert halo(Config(**{**LOCAL, "pooling": "global"})) is None
    assert halo(Config(**{**LOCAL, "pooling": "global", "fusion": "none"})) is not None
    assert METHOD.tiling(Config(**{**LOCAL, "mutual_projection": "none"})).multiple_of == 1
    assert METHOD.tiling(Config(**LOCAL)).multiple_of == 4


def test_padding_to_windows_is_the_predictors() -> None:
    """A size that is no multiple of the window is reflected, as the predictor would have done before."""
    config = Config(**LOCAL)
    network, (image, reference) = awake(config), scans(config, (3, 1, 6))
    index = [torch.tensor([0, 1, 2, 1]), torch.tensor([0, 0, 0, 0]), torch.tensor([0, 1, 2, 3, 4, 5, 4, 3])]
    fine = [
        torch.tensor([0, 1, 2, 3, 4, 5, 4, 3]),
        torch.tensor([0, 1] * 4),
        torch.tensor([*range(12), 10, 9, 8, 7]),
    ]
    padded_image, padded_reference = image, reference
    for axis in range(3):
        padded_image = padded_image.index_select(axis + 2, index[axis])
        padded_reference = padded_reference.index_select(axis + 2, fine[axis])
    with torch.inference_mode():
        residual = network(image, reference) - network.interpolate(image)
        expected = network(padded_image, padded_reference) - network.interpolate(padded_image)
    torch.testing.assert_close(residual, expected[:, :, :6, :2, :12], rtol=0, atol=1e-5)


def test_coarse_detail_alone_is_the_network_whose_fine_maps_say_nothing() -> None:
    network = awake(Config(direct=True, **SMALL))
    image, reference = scans(network.config, (4, 5, 6))
    alone = network(image, reference, coarse_alone=True)
    assert not torch.allclose(alone, network(image, reference))
    torch.nn.init.zeros_(network.tail[-1].weight)  # type: ignore[arg-type]
    torch.testing.assert_close(alone, network(image, reference))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 5},
        {"channels": 7},
        {"window": 3},
        {"insertions": 2},
        {"contrasts": ("T1w",)},
        {"reference": "none", "fmp_values": "reference"},
        {"misrotation": -1.0},
        {"reference_dropout": 1.5},
        {"value_k": 2},
        {"coarse_fraction": 0.5},
    ],
    ids=str,
)
def test_configuration_out_of_range_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(reversed(change))):
        Config(**{**SMALL, **change})


def test_method_says_how_it_is_fed() -> None:
    through = Config(scale=4, axes="through-plane", **SMALL)
    assert METHOD.tiling(through).scales == (4, 1, 1)
    assert METHOD.tiling(Config(**SMALL)).scales == (2, 2, 2)
    assert METHOD.reference(through) == "optional"
    assert METHOD.reference(Config(reference="none", **SMALL)) == "none"
