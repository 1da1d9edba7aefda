"""Deformable convolution against a loop over every sample, against ordinary convolutions, and under autograd."""

from __future__ import annotations

import itertools
import math
import sys
import types
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks import deform
from mrienhance.blocks.deform import DeformConv2d, compiled_operator, deform_conv


def inputs(
    batch: int = 2, channels: int = 3, outputs: int = 4, size: tuple[int, int] = (6, 5), kernel: int = 3
) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(batch + channels + outputs + sum(size) + kernel)
    taps = kernel**2
    shapes = [
        (batch, channels, *size),
        (batch, 2 * taps, *size),
        (batch, taps, *size),
        (outputs, channels, kernel, kernel),
    ]
    x, offset, mask, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return x, 2.5 * offset, mask, weight


def at(plane: Tensor, row: float, column: float) -> float:
    """Linear interpolation between pixels, zeros outside."""
    top, left = math.floor(row), math.floor(column)
    total = 0.0
    for r, c in itertools.product((top, top + 1), (left, left + 1)):
        if 0 <= r < plane.shape[0] and 0 <= c < plane.shape[1]:
            total += float(plane[r, c]) * (1 - abs(row - r)) * (1 - abs(column - c))
    return total


def by_hand(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """The formula, one sample after the other."""
    (batch, channels, height, width), (outputs, _, kernel, _) = x.shape, weight.shape
    y = torch.zeros(batch, outputs, height, width, dtype=x.dtype)
    for b, p, q, j in itertools.product(range(batch), range(height), range(width), range(kernel**2)):
        row = p + j // kernel - kernel // 2 + float(offset[b, 2 * j, p, q])
        column = q + j % kernel - kernel // 2 + float(offset[b, 2 * j + 1, p, q])
        samples = torch.tensor([at(x[b, c], row, column) for c in range(channels)], dtype=x.dtype)
        y[b, :, p, q] += float(mask[b, j, p, q]) * (weight[:, :, j // kernel, j % kernel] @ samples)
    return y


@pytest.fixture(autouse=True)
def operator_asked_anew() -> Iterator[None]:
    compiled_operator.cache_clear()
    yield
    compiled_operator.cache_clear()


@pytest.mark.parametrize(("size", "kernel"), [((6, 5), 3), ((1, 4), 3), ((1, 1), 3), ((5, 7), 1), ((7, 6), 5)])
def test_equals_a_loop_over_every_sample(size: tuple[int, int], kernel: int) -> None:
    case = inputs(size=size, kernel=kernel)
    expected = by_hand(*case)
    torch.testing.assert_close(deform_conv(*case), expected, atol=1e-10, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(deform_conv(*case), expected, atol=1e-10, rtol=0)
        single = deform_conv(*(each.float() for each in case)).double()
    torch.testing.assert_close(single, expected, atol=1e-6 * float(expected.abs().max()), rtol=1e-6)
    planes = deform_conv(*(each.float() for each in case)).double()
    torch.testing.assert_close(planes, expected, atol=2e-5, rtol=1e-6)


def test_gathered_rows_are_interpolated_planes_and_so_are_their_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far outside as well, where there is nothing."""
    x, offset, mask, weight = inputs(size=(9, 7))
    offset = 3 * offset
    found = []
    for many in (1, 1000):
        monkeypatch.setattr(deform, "_MANY_CHANNELS", many)
        arguments = [each.clone().requires_grad_() for each in (x, offset, mask, weight)]
        y = deform_conv(*arguments)
        y.square().sum().backward()
        found.append([y.detach(), *(each.grad for each in arguments)])
    for gathered, interpolated in zip(*found, strict=True):
        torch.testing.assert_close(gathered, interpolated, atol=1e-9, rtol=1e-9)


def test_without_offsets_it_is_a_convolution_and_a_bias_is_added() -> None:
    x, offset, mask, weight = inputs()
    bias = torch.randn(4, dtype=torch.float64)
    found = deform_conv(x, 0 * offset, torch.ones_like(mask), weight, bias)
    torch.testing.assert_close(found, functional.conv2d(x, weight, bias, padding=1), atol=1e-12, rtol=0)


def test_one_offset_for_all_taps_is_a_shift() -> None:
    """Rows down by one, columns left by two: the convolution of the image that is shifted so, away from its edges."""
    x, offset, mask, weight = inputs(size=(12, 12))
    offset = torch.tensor([1.0, -2.0], dtype=torch.float64).repeat(9).view(1, 18, 1, 1).expand_as(offset)
    found = deform_conv(x, offset, torch.ones_like(mask), weight)
    shifted = functional.conv2d(x.roll((-1, 2), (-2, -1)), weight, padding=1)
    torch.testing.assert_close(found[..., 3:-3, 3:-3], shifted[..., 3:-3, 3:-3], atol=1e-12, rtol=0)


def test_gradients() -> None:
    x, offset, mask, weight = inputs(batch=1, channels=2, outputs=2, size=(3, 4))
    # Linear interpolation has a kink at whole pixels: keep away from them.
    offset = offset.floor() + 0.2 + 0.6 * torch.rand_like(offset)
    arguments = tuple(each.requires_grad_() for each in (x, offset, mask, weight, torch.randn(2, dtype=torch.float64)))
    assert torch.autograd.gradcheck(deform_conv, arguments)


def test_a_fresh_layer_is_an_ordinary_convolution_and_its_guide_learns() -> None:
    layer, x, guide = DeformConv2d(3, 6, guide=5), torch.randn(2, 3, 8, 9), torch.randn(2, 5, 8, 9)
    found = layer(x, guide)
    torch.testing.assert_close(found, functional.conv2d(x, layer.weight, padding=1), atol=1e-5, rtol=1e-5)
    found.square().mean().backward()
    for part in (layer.offset, layer.mask):
        assert isinstance(part, nn.Conv2d)
        assert part.weight.grad is not None
        assert part.weight.grad.abs().max() > 0


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
def test_shapes_that_do_not_fit_are_refused(wrong: int) -> None:
    case = list(inputs())
    case[wrong] = case[wrong][:, :-1]
    with pytest.raises(ValueError, match="do not fit"):
        deform_conv(*case)


def pretend_torchvision(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    ops = types.ModuleType("torchvision.ops")
    vars(ops).update(names)
    monkeypatch.setitem(sys.modules, "torchvision.ops", ops)


def test_a_compiled_operator_that_agrees_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def agrees(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None, *, padding: int, mask: Tensor) -> Tensor:
        calls.append(padding)
        return deform._deform_conv(x, offset, mask, weight, bias)

    pretend_torchvision(monkeypatch, deform_conv2d=agrees)
    case = inputs()
    torch.testing.assert_close(deform_conv(*case), by_hand(*case), atol=1e-10, rtol=0)
    assert calls == [1, 1]


def test_a_compiled_operator_that_fails_or_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> Tensor:
        raise RuntimeError("operator torchvision::nms does not exist")

    def disagrees(x: Tensor, offset: Tensor, weight: Tensor, *_: object, **__: object) -> Tensor:
        return functional.conv2d(x, weight, padding=1)

    for names in ({"deform_conv2d": fails}, {"deform_conv2d": disagrees}, {}):
        compiled_operator.cache_clear()
        pretend_torchvision(monkeypatch, **names)
        assert compiled_operator() is None
