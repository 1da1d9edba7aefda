"""The benchmark of synthesis runs, and its plain network is ours; how fast the machine is matters not."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_synthesize.py"


@pytest.fixture
def bench():
    spec = importlib.util.spec_from_file_location("bench_synthesize", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layer_by_layer_is_the_same_network(bench):
    measured = bench.measure({"width": 4, "size": (72, 40), "training": (32, 32)}, repeats=1, threads=1)
    assert measured["difference"] < 1e-5
    assert [row["job"] for row in measured["rows"]] == ["inference", "training step"]
    assert all(
        row[who][kind] > 0 for row in measured["rows"] for who in ("literal", "ours") for kind in ("cpu", "clock")
    )


@pytest.mark.parametrize(("threads", "clock", "cpu", "missed"), [(2, 0.59, 9, 0), (2, 0.7, 0, 1), (1, 9, 0.5, 0)])
def test_the_table_tells_what_was_missed(bench, threads, clock, cpu, missed):
    row = {"job": "inference", "literal": {"clock": 1.0, "cpu": 1.0}, "ours": {"clock": clock, "cpu": cpu}}
    facts = {"case": bench.CASE, "difference": 0.0, "parameters": 1, "cpu": "c", "torch": "t", "threads": threads}
    assert bench.as_table({"rows": [row], **facts}).count("MISSED") == missed
