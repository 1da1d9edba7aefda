"""The benchmark of training data measures what it says; how fast the machine is matters not."""

import importlib.util
from pathlib import Path

import pytest
import yaml

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_training_data.py"
SMALL = {"scale": 2, "channels": 4, "groups": 1, "blocks_per_group": 1, "heads": 1}


@pytest.fixture
def bench():
    spec = importlib.util.spec_from_file_location("bench_training_data", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_small_recipe(bench, tmp_path: Path):
    card = {"name": "small", "summary": "A test.", "data": [{"folder": "ms_1mm"}, {"folder": "label_maps"}]}
    recipe = {"method": "iconet", "model": SMALL, "sampling": {"images": 2, "patch": 8}, "card": card}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**recipe, "data": {"simulate": ["label_maps"]}}))
    options = ["--steps", "2", "--people", "1", "--accelerator", "cpu", "--workers", "0", "1"]
    args = bench.arguments([str(path), *options])
    (tmp_path / "data").mkdir()
    found = bench.measure(path, bench.make_up(tmp_path / "data"), args)
    assert [row["workers"] for row in found] == [0, 1]
    assert all(row["step"] > 0 and row["draws"] > 0 and 0 <= row["waits"] <= 1 for row in found)
    assert found[0]["waits"] > 0
    table = bench.as_table([{**found[0], "waits": 0.2}, {**found[0], "waits": 0.01}])
    assert table.count("above 5 %") == 1


def test_recipes_that_are_there(bench):
    assert all(path.is_file() for path in bench.arguments([]).recipes)
