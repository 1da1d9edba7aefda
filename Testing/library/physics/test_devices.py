"""Nothing that is made inside sits on another device than the data: shown on a device without numbers."""

from __future__ import annotations

import pytest
import torch

from mrienhance.physics import (
    Differences,
    Sense,
    Wavelet,
    cg_sense,
    classical,
    coils,
    espirit_maps,
    l1_wavelet,
    rss,
    solve,
    total_variation,
    whiten,
    zero_filled,
)


def far_away(*shape, dtype=torch.complex64):
    return torch.empty(shape, dtype=dtype, device="meta")


@pytest.fixture
def mask():
    """Learnable, so that nothing asks for its numbers."""
    return far_away(1, 16, dtype=torch.float32).requires_grad_()


def test_the_device_refuses_others():
    with pytest.raises(RuntimeError, match="cpu is not on the expected device meta"):
        far_away(3) * torch.ones(3)


@pytest.mark.parametrize("soft", [False, True])
def test_sense_and_solver(mask, soft):
    operator = Sense(far_away(2, 3, 24, 16) if soft else far_away(3, 24, 16), mask, soft=soft)
    x = far_away(*operator.domain_shape)
    y = operator(x)
    for found in (y, operator.H(y), operator.normal(x), operator.bound(), operator.normal(x.detach())):
        assert found.is_meta
    solved = solve(lambda x: operator.normal(x) + x, operator.H(y), axes=2 + soft)
    assert solved.is_meta
    assert torch.autograd.grad(solved.abs().sum(), mask)[0].is_meta


@pytest.mark.parametrize("method", [zero_filled, cg_sense, l1_wavelet, total_variation])
def test_reconstructions(mask, method, monkeypatch):
    monkeypatch.setattr(classical, "check_kspace", lambda kspace: None)
    options = {zero_filled: {}, cg_sense: {"tolerance": 0}}.get(method, {"iterations": 3})
    found = method(far_away(3, 24, 16), far_away(3, 24, 16), mask, **options)
    assert found.is_meta
    assert found.shape == (24, 16)


def test_coil_maps(monkeypatch):
    region, lags = far_away(3, 10, 10), torch.zeros(11, 11, 3, 3, dtype=torch.complex128)
    maps, values = espirit_maps._eigenvectors(lags, far_away(3, 24, 16), 2, 3)
    assert maps.is_meta
    assert values.is_meta
    monkeypatch.setattr(coils, "calibration_region", lambda *args, **options: region)
    monkeypatch.setattr(coils, "principal_coil", lambda region: torch.ones(3, dtype=torch.complex128))
    assert coils._divide(far_away(3, 24, 16), None, 10, 0.05).is_meta


def test_transforms():
    x = far_away(2, 24, 16)
    for operator in (Wavelet((24, 16), levels=2), Differences()):
        assert operator.H(operator(x)).is_meta
    assert whiten.mix_coils(x, far_away(5, 2)).is_meta
    assert rss(x).is_meta
