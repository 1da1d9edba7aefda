"""The benchmark of volumes counts what goes through the network and finds seams; how fast machines are matters not."""

import importlib.util
from pathlib import Path

import pytest

from inference.toys import Local, Toy, ToyConfig
from mrienhance.methods import Tiling

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_super_resolve_3d.py"


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("bench_super_resolve_3d", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_halo(bench, monkeypatch, halo):
    """A network that reaches 3 voxels far, and a method that says how far."""
    toy = Toy(lambda: Local(3, 2), Tiling(ndim=3, scale=2, halo=halo))
    monkeypatch.setattr(bench, "network", lambda args: ("toy", toy, ToyConfig(), toy.build(ToyConfig())))
    return bench.work(bench.arguments(["--size", "40", "32", "36"]))


def test_what_is_computed_and_what_seams_there_are(bench, monkeypatch):
    measured = with_halo(bench, monkeypatch, 3)
    assert (measured["tile"], measured["voxels_computed"]) == (None, 1.0)
    assert measured["seam_error"] < 1e-6
    assert with_halo(bench, monkeypatch, 1)["seam_error"] > 1e-3


def test_overlaps_are_counted(bench, monkeypatch):
    monkeypatch.setattr("mrienhance.inference.ladder.SMALL_VOXELS", 1)
    monkeypatch.setattr("mrienhance.inference.ladder._comfortable", lambda work, device: 23 * 32 * 36)
    measured = with_halo(bench, monkeypatch, 3)
    probe = 32**3 / (40 * 32 * 36)
    assert measured["voxels_computed"] == pytest.approx(46 / 40 + probe)
    table = bench.as_table({"ours": measured})
    assert "1.861" in table
    assert "40 x 32 x 36 voxels" in table
