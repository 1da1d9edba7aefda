"""Tiles and batches change nothing where they may not, and everything else is told."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.toys import Global, Local, Nearest, Strided, Toy, ToyConfig
from mrienhance.errors import ModelError, UsageError
from mrienhance.inference import Predictor
from mrienhance.inference.ladder import TILES_DIFFER
from mrienhance.methods import Tiling, get_method

CPU = torch.device("cpu")
SIZES = [(5, 33, 47), (1, 31, 18), (9, 12, 64)]


def predictor(method: Toy, *, precision: torch.dtype = torch.float32, **options: Any) -> Predictor:
    config = ToyConfig()
    return Predictor(method.build(config), method, config, CPU, precision, **options)


def noise(*size: int) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("multiple_of", [1, 8])
@pytest.mark.parametrize(("tile", "batch"), [(None, "auto"), (16, 1), (20, 3)])
def test_nearest_comes_back_bit_for_bit(
    size: tuple[int, ...], ndim: int, scale: int, multiple_of: int, tile: int | None, batch: Any
) -> None:
    tiling = Tiling(ndim=ndim, scale=scale, multiple_of=multiple_of, halo=3)
    volume = noise(*size)
    method = Toy(lambda: Nearest(scale, multiple_of), tiling)
    image = predictor(method, tile=tile, batch=batch).run(volume).volumes["image"]
    factors = (scale,) * 3 if ndim == 3 else (1, scale, scale)
    np.testing.assert_array_equal(image.numpy(), np.kron(volume.numpy(), np.ones(factors, dtype=np.float32)))
    assert image.dtype == torch.float32
    assert image.is_contiguous()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("tile", [8, 13, 30])
def test_tiles_of_a_local_network_give_the_whole(size: tuple[int, ...], ndim: int, scale: int, tile: int) -> None:
    method = Toy(lambda: Local(ndim, scale), Tiling(ndim=ndim, scale=scale, halo=3))
    whole = predictor(method).run(noise(*size))
    tiled = predictor(method, tile=tile, batch=4).run(noise(*size))
    assert (whole.notes.tile, tiled.notes.tile) == (None, tile if tile < max(size[-ndim:]) else None)
    assert whole.notes.fallbacks == tiled.notes.fallbacks == ()
    for name, scales in (("image", scale), ("coarse", 1)):
        expected = [n * scales if axis >= 3 - ndim else n for axis, n in enumerate(size)]
        assert list(tiled.volumes[name].shape) == expected
        torch.testing.assert_close(tiled.volumes[name], whole.volumes[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
def test_tiles_of_a_strided_network_give_the_whole(ndim: int) -> None:
    method = Toy(lambda: Strided(ndim), Tiling(ndim=ndim, multiple_of=4, halo=7))
    volume = noise(30, 37, 41)
    whole = predictor(method).run(volume).volumes["image"]
    tiled = predictor(method, tile=20, batch=2).run(volume).volumes["image"]
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_whole_is_what_the_network_says(ndim: int) -> None:
    method = Toy(lambda: Local(ndim, 2), Tiling(ndim=ndim, scale=2, halo=3))
    module, volume = method.build(None), noise(4, 21, 26)
    with torch.no_grad():
        expected = module(volume[:, None] if ndim == 2 else volume[None, None])["image"]
    image = predictor(method, batch=2).run(volume).volumes["image"]
    torch.testing.assert_close(image, expected[:, 0] if ndim == 2 else expected[0, 0], rtol=0, atol=1e-6)


def test_a_network_that_looks_at_all_gets_all_and_tiles_come_close() -> None:
    method = Toy(Global, Tiling(ndim=2))
    volume = noise(2, 150, 90)
    whole, tiled = predictor(method).run(volume), predictor(method, tile=64).run(volume)
    with torch.no_grad():
        assert torch.equal(whole.volumes["image"], method.build(None)(volume[:, None])[:, 0])
    assert whole.notes.fallbacks == ()
    assert tiled.notes.fallbacks == (TILES_DIFFER,)
    torch.testing.assert_close(tiled.volumes["image"], whole.volumes["image"], rtol=0, atol=0.01)


def test_a_tile_too_small_is_wrong_usage() -> None:
    method = Toy(lambda: Local(2, 1), Tiling(ndim=2, halo=3))
    with pytest.raises(UsageError, match="too small"):
        predictor(method, tile=6).run(noise(2, 20, 20))


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_same_bytes_twice(ndim: int) -> None:
    method = Toy(lambda: Local(ndim, 2), Tiling(ndim=ndim, scale=2, halo=3))
    first, second = (predictor(method).run(noise(7, 40, 40)).volumes for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in ("image", "coarse"))


def test_the_input_stays_as_it_was_and_the_output_can_be_trained_on() -> None:
    class InPlace(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(2)

    volume = noise(3, 8, 8)
    before = volume.clone()
    image = predictor(Toy(InPlace, Tiling(ndim=2))).run(volume).volumes["image"]
    assert torch.equal(volume, before)
    assert not image.is_inference()
    assert torch.equal(image, 2 * before)


def test_other_types_and_layouts_come_in() -> None:
    volume = noise(6, 5, 4).double().permute(2, 1, 0)
    image = predictor(Toy(Nearest, Tiling(ndim=2))).run(volume).volumes["image"]
    assert torch.equal(image, volume.float())


def test_finer_inputs_and_conditions_come_along() -> None:
    class Guided(nn.Module):
        def forward(self, image: Tensor, reference: Tensor, gain: Tensor) -> Tensor:
            return Nearest(2)(image) * gain + reference

    method = Toy(Guided, Tiling(ndim=2, scale=2, multiple_of=4, halo=2))
    image, reference = noise(3, 21, 18), noise(3, 42, 36)
    inputs = {"image": image, "reference": reference, "gain": torch.tensor(3.0)}
    result = predictor(method, tile=12, batch=2).run(inputs).volumes["image"]
    fine = image.repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(result, 3 * fine + reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "volumes",
    [
        {},
        {"other": torch.zeros(2, 4, 4)},
        {"image": torch.zeros(4, 4)},
        {"image": torch.zeros(1, 2, 4, 4)},
        {"image": torch.zeros(2, 4, 4), "reference": torch.zeros(3, 8, 8)},
        {"image": torch.zeros(2, 4, 4), "reference": torch.zeros(2, 8, 9)},
    ],
)
def test_shapes_that_do_not_fit_are_refused(volumes: Mapping[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"image|fit"):
        predictor(Toy(Nearest, Tiling(ndim=2))).run(volumes)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: x[..., :-1],
        lambda x: x.repeat_interleave(2, dim=-1),
        lambda x: x.repeat(1, 2, 1, 1),
        lambda x: x[:, 0],
        lambda x: {"image": x, "map": x[..., ::2]},
    ],
)
def test_a_method_that_breaks_its_word_is_found_out(answer: Callable[[Tensor], Any]) -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return answer(x)

    with pytest.raises(ValueError, match="network's"):
        predictor(Toy(Odd, Tiling(ndim=2))).run(noise(2, 8, 8))


def test_channels_last_reaches_the_first_layer() -> None:
    seen = []

    class Look(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            features = self.conv(x)
            seen.append(features.is_contiguous(memory_format=torch.channels_last))
            return features[:, :1]

    predictor(Toy(Look, Tiling(ndim=2, halo=1))).run(noise(2, 12, 12))
    assert seen == [True]


def test_the_module_is_evaluated_and_left_as_it_was() -> None:
    method = Toy(lambda: nn.Sequential(nn.Dropout(0.5)), Tiling(ndim=2))
    module = method.build(None).train()
    volume = noise(2, 8, 8)
    image = Predictor(module, method, None, CPU, torch.float32).run(volume).volumes["image"]
    assert torch.equal(image, volume)
    assert module.training
    assert not any(layer._forward_pre_hooks for layer in module.modules())


def test_bfloat16_is_near_and_comes_back_as_float32() -> None:
    method = Toy(lambda: Local(2, 1), Tiling(ndim=2, halo=3))
    exact = predictor(method).run(noise(2, 20, 20)).volumes["image"]
    rough = predictor(method, precision=torch.bfloat16).run(noise(2, 20, 20))
    assert rough.notes.precision == "bfloat16"
    assert rough.volumes["image"].dtype == torch.float32
    difference = float((rough.volumes["image"] - exact).abs().max())
    assert 0 < difference < 0.05


class Overflows(nn.Module):
    """Numbers around 1e5, too large for float16."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.conv.weight, 1e5)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.conv(x)
        return answer


def test_what_overflows_is_done_again_in_float32() -> None:
    volume = noise(3, 8, 8) + 1
    prediction = predictor(Toy(Overflows, Tiling(ndim=2)), precision=torch.float16, batch=1).run(volume)
    torch.testing.assert_close(prediction.volumes["image"], 1e5 * volume)
    assert prediction.notes.precision == "float32"
    assert "float16" in prediction.notes.fallbacks[0]


def test_nan_in_float32_is_refused() -> None:
    with pytest.raises(ModelError, match="NaN or Inf"):
        predictor(Toy(Overflows, Tiling(ndim=2))).run(torch.full((1, 4, 4), 1e38))


def test_the_notes_add_up() -> None:
    notes = predictor(Toy(lambda: Local(2, 1), Tiling(ndim=2, halo=3)), batch=2).run(noise(5, 16, 16)).notes
    assert (notes.device, notes.precision, notes.batch, notes.tile) == ("cpu", "float32", 2, None)
    assert 0 < notes.seconds_network < notes.seconds_total
    assert notes.peak_memory_bytes is not None


def test_a_real_method_runs() -> None:
    method = get_method("iconet")
    config = method.Config(scale=4, channels=8, groups=1, blocks_per_group=1)
    volumes = Predictor(method.build(config), method, config, CPU, torch.float32).run(noise(2, 17, 22)).volumes
    assert volumes["image"].shape == (2, 68, 88)
    assert volumes["reconstruction"].shape == (2, 34, 44)
