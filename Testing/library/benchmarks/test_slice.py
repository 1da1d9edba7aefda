"""The benchmark of a slice runs, and counts coil maps right; how fast the machine is matters not."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_slice.py"


@pytest.fixture
def bench():
    spec = importlib.util.spec_from_file_location("bench_slice", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_coil_maps_are_found_once_for_each_slice_of_a_volume(bench):
    """As many as slices, though the network has three stages and solves seven times."""
    measured = bench.measure(bench.QUICK, repeats=1, threads=1)
    assert measured["estimates"] == bench.QUICK["slices"]
    assert [row["job"] for row in measured["rows"]] == ["one slice", "of a volume", "of a volume, maps given"]
    assert all(row["clock"] > 0 for row in measured["rows"])
    assert "2 coil maps were estimated for a volume of 2 slices" in bench.as_table(measured)


@pytest.mark.parametrize(
    ("threads", "clock", "cpu", "missed"), [(2, 1.9, 3.0, 0), (2, 2.1, 1.9, 1), (1, 9.0, 1.9, 0), (1, 9.0, 2.1, 1)]
)
def test_the_table_tells_what_was_missed(bench, threads: int, clock: float, cpu: float, missed: int):
    facts = {"case": bench.CASE, "estimates": 3, "parameters": 1, "cpu": "c", "torch": "t", "threads": threads}
    text = bench.as_table({"rows": [{"job": "one slice", "clock": clock, "cpu": cpu}], **facts})
    assert text.count("MISSED") == missed
