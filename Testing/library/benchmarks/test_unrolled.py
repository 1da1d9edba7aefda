"""The benchmark of unrolled networks counts and compares right; how fast the machine is matters not."""

import importlib.util
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_unrolled.py"


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("bench_unrolled", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(module, "bfloat16_is_fast", lambda: False)
    return module


def toy_package(sign: float = 1.0) -> SimpleNamespace:
    """What the benchmark uses of the peer's package: centred transforms, and blocks that do nothing else.

    With another `sign` its transform goes the wrong way.
    """

    def moved(x, transform):
        inside = torch.fft.ifftshift(torch.view_as_complex(x.contiguous()), dim=(-2, -1))
        return torch.view_as_real(torch.fft.fftshift(transform(inside, norm="ortho"), dim=(-2, -1)))

    there, back = (torch.fft.fft2, torch.fft.ifft2)[:: int(sign)]

    class Block(nn.Module):
        def sens_expand(self, x, maps):
            return moved(torch.view_as_real(torch.view_as_complex(x) * torch.view_as_complex(maps)), there)

        def sens_reduce(self, x, maps):
            images = torch.view_as_complex(moved(x, back)) * torch.view_as_complex(maps).conj()
            return torch.view_as_real(images.sum(1, keepdim=True))

        def forward(self, kspace, measured, mask, maps):
            return kspace

    class VarNet(nn.Module):
        def __init__(self, num_cascades, **settings):
            super().__init__()
            self.cascades = nn.ModuleList(Block() for _ in range(num_cascades))

        def forward(self, kspace, mask):
            return kspace

    return SimpleNamespace(
        models=SimpleNamespace(varnet=SimpleNamespace(VarNet=VarNet)),
        ifft2c=lambda x: moved(x, back),
        complex_abs=lambda x: torch.view_as_complex(x).abs(),
        rss=lambda x, dim: x.square().sum(dim).sqrt(),
    )


def test_flops_are_those_of_convolutions_and_transforms(bench):
    """Oracle: the formulas."""
    convolution, x = nn.Conv2d(3, 5, 3, padding=1), torch.randn(2, 3, 16, 8)
    counted = bench.count(lambda: torch.fft.fft(convolution(x).to(torch.complex64), dim=-2))
    assert counted["gflops"] * 1e9 == pytest.approx(2 * 2 * 5 * 3 * 9 * 16 * 8)
    assert counted["gflops_transforms"] * 1e9 == pytest.approx(5 * (2 * 5 * 16 * 8) * math.log2(16))


def test_without_the_peer_ours_is_timed_alone(bench, monkeypatch):
    monkeypatch.setattr(bench, "find_peer", lambda: None)
    measured = bench.measure(bench.QUICK, repeats=1)
    assert [one["job"] for one in measured["rows"]] == list(bench.OURS)
    assert all(one["ratio"] is None and one["seconds"] > 0 and one["gflops"] > 0 for one in measured["rows"])
    assert not measured["wrong"]
    assert "fastmri is not installed and left out" in bench.as_table(measured)


@pytest.mark.parametrize(("sign", "differ"), [(1, []), (-1, ["zero-filled"])])
def test_operators_are_compared(bench, sign: float, differ: list[str]):
    """The mask is even: with the transform turned round, ``A.H A`` stays what it was."""
    peer = bench.Peer(toy_package(sign), bench.QUICK, bench.scan(bench.QUICK))
    assert peer.differences() == [f"the operators differ: {name}" for name in differ]


def test_operators_of_other_samples_differ(bench):
    peer = bench.Peer(toy_package(), bench.QUICK, bench.scan(bench.QUICK))
    peer.mask = torch.ones_like(peer.mask)
    assert peer.differences() == ["the operators differ: A.H A x"]


def test_networks_of_other_size_are_told(bench):
    rows = [{"job": bench.PEER, "precision": "float32", "seconds": 3.0, "gflops": 100.0, "gflops_transforms": 1.0}]
    rows.append({**rows[0], "job": "gradient step", "seconds": 1.0, "gflops": 104.0})
    rows.append({**rows[0], "job": "CG, 2 iterations", "seconds": 2.0, "gflops": 106.0})
    rows.append({**rows[0], "job": "gradient step", "precision": "bfloat16"})
    for one in rows:
        bench.with_ratio(one, rows)
    assert [one["ratio"] for one in rows] == [None, 3.0, 1.5, None]
    assert [one["other_flops"] for one in rows] == [False, False, True, False]
    text = bench.as_table({"rows": rows, "case": bench.CASE, "cpu": "c", "torch": "t", "left_out": []})
    assert (text.count("OTHER FLOPS"), text.count("MISSED")) == (1, 0)


@pytest.mark.parametrize(("ours", "missed"), [(1.0, 0), (2.0, 1)])
def test_the_table_tells_what_was_missed(bench, ours: float, missed: int):
    row = {"job": "gradient step", "precision": "float32", "seconds": ours, "gflops": 1.0, "gflops_transforms": 0.1}
    rows = [{**row, "job": bench.PEER, "seconds": 3.0}, row]
    for one in rows:
        bench.with_ratio(one, rows)
    text = bench.as_table({"rows": rows, "case": bench.CASE, "cpu": "c", "torch": "t", "left_out": []})
    assert text.count("MISSED") == missed


def test_a_residual_that_grows_is_told(bench, monkeypatch):
    data = bench.scan(bench.QUICK)
    network = bench.ours(bench.QUICK, bench.OURS["gradient step"])
    with torch.no_grad():
        assert bench.check_residual(network, data) == []
        for stage in network.stages:
            stage.consistency.raw_step.fill_(5.0)
        [problem] = bench.check_residual(network, data)
    assert problem.startswith("the residual does not fall")


def test_our_width_makes_the_flops_of_the_published_peer(bench):
    """Oracle: both U-Nets' convolutions by hand, multiply-adds for each pixel of the image."""
    c, w = bench.CASE["peer"]["chans"], bench.CASE["width"]
    levels = [9 * (2 * c + c**2 + 2 * c**2 + c**2)]
    levels += [9 * (2 + 4 + 8 + 4) * c**2 / 4 for _ in range(3)]  # channels double, pixels quarter
    peer = sum(levels) + 9 * (8 * 16 + 16 * 16) * c**2 / 256 + 4 * 2 * c**2 + 2 * c
    ours = 9 * (2 * w + w**2 + 2 * w**2 + w**2) + 9 * (2 + 4 + 8 + 2) * w**2 / 4 + 9 * (8 + 16 + 8) * w**2 / 16 + 2 * w
    assert bench.CASE["peer"]["pools"] == 4
    assert abs(ours / peer - 1) < bench.EQUAL_FLOPS
