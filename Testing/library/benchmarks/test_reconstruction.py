"""The benchmark of reconstruction compares right; how fast the machine is matters not."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_reconstruction.py"


@pytest.fixture
def bench():
    spec = importlib.util.spec_from_file_location("bench_reconstruction", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def measured(bench, monkeypatch):
    for name in bench.THREADS:
        monkeypatch.setenv(name, "1")
    return bench.measure(bench.QUICK, repeats=1)


def test_small_problems_agree_with_both_peers(bench, measured):
    assert measured["left_out"] == []
    assert [one["job"] for one in measured["rows"]] == ["CG-SENSE", "CG-SENSE", "ESPIRiT"]
    assert not any(one["wrong"] for one in measured["rows"])
    for one in measured["rows"]:
        assert one["ratio"] == one["seconds"]["mrienhance"] / one["seconds"][one["best_peer"]]
    assert "4 x 48 x 40, lines" in bench.as_table(measured)


def test_results_that_differ_are_named_and_not_compared(bench, monkeypatch):
    for name in bench.THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(bench, "ALIKE_IMAGE", 0.0)
    monkeypatch.setattr(bench, "ALIKE_MAPS", 1.1)
    measured = bench.measure({"CG-SENSE": bench.QUICK["CG-SENSE"][:1], "ESPIRiT": bench.QUICK["ESPIRiT"]}, repeats=1)
    assert [(one["wrong"], one["ratio"]) for one in measured["rows"]] == [(["BART", "sigpy"], None), (["BART"], None)]
    assert "DIFFERS FROM BART AND sigpy" in bench.as_table(measured)


@pytest.mark.parametrize(("peer", "missed"), [(2.0, 0), (1.5, 1)])
def test_table_tells_what_was_missed(bench, peer, missed):
    rows = [bench.row("CG-SENSE", (8, 4, 4, "lines"), {"mrienhance": 1.0, "BART": 9.0, "sigpy": peer}, [])]
    text = bench.as_table({"rows": rows, "cpu": "c", "torch": "t", "iterations": 30, "left_out": ["BART"]})
    assert rows[0]["best_peer"] == "sigpy"
    assert text.count("MISSED") == missed
    assert "BART is not installed and left out" in text
