"""The benchmark of super-resolution runs, and counts right; how fast the machine is matters not."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from tasks.samples import tiny_model

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_super_resolve.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_super_resolve", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class OneConvolution:
    """A stand-in for a method: one 3x3 convolution to 4 channels."""

    def __init__(self, axes):
        self.axes = axes

    def tiling(self, config):
        return SimpleNamespace(ndim=self.axes)

    def example(self, config, *, batch, size):
        return {"image": torch.zeros(batch, 1, *size)}

    def run(self, module, inputs):
        return {"image": module(inputs["image"])}


@pytest.mark.parametrize(
    ("axes", "module", "per_voxel"),
    [
        (2, nn.Conv2d(1, 4, 3, padding=1), 4 * 9),
        (2, nn.Sequential(nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, (1, 5), padding=(0, 2), groups=8)), 8 + 8 * 5),
        (3, nn.Conv3d(1, 4, 3, padding=1), 4 * 27),
    ],
)
def test_multiply_adds_are_those_of_the_convolutions(bench, axes, module, per_voxel):
    model = SimpleNamespace(method=OneConvolution(axes), config=None, module=module)
    assert bench.count_macs(model, (40, 36, 5)) == per_voxel * 40 * 36 * 5


def test_input_has_the_size_asked_for(bench, tmp_path):
    path = tmp_path / "input.nii.gz"
    bench.write_input(path, (150, 20, 30), 2)
    image = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(image)
    assert image.GetSize() == (150, 20, 30)
    assert not values[:, :, 144:].any()
    # 24 slices, then the same ones backwards.
    np.testing.assert_array_equal(values[24:30], values[18:24][::-1])


def test_whole_run_on_a_small_image(bench, tmp_path):
    image = sitk.GaussianSource(sitk.sitkInt16, [16, 20, 3], mean=[8, 10, 1], sigma=[5, 5, 5], scale=900)
    sitk.WriteImage(image, str(tmp_path / "input.nii.gz"))
    args = argparse.Namespace(
        model=str(tiny_model(tmp_path / "tiny.safetensors")),
        scale=2,
        image=tmp_path / "input.nii.gz",
        output=tmp_path / "output.nii.gz",
        threads=None,
        gemm=[64, 128],
    )
    measured = {**bench.work(args), "help_seconds": 0.4}
    assert sitk.ReadImage(str(args.output)).GetSize() == (32, 40, 3)
    seconds = measured["seconds"]
    assert seconds["total"] == pytest.approx(seconds["read"] + seconds["task"] + seconds["write"])
    assert 0 < seconds["network"] < seconds["task"]
    assert measured["network_flops_per_second"] == pytest.approx(2 * measured["macs"] / seconds["network"])
    assert set(measured["sgemm_flops_per_second"]) == {"64", "128"}
    if sys.platform != "win32":
        assert 50e6 < measured["peak_memory_bytes"] < 50e9
    bench.write_json(measured, tmp_path / "new" / "bench.json")
    assert json.loads((tmp_path / "new" / "bench.json").read_text(encoding="utf-8"))["model"] == "tiny"


@pytest.mark.parametrize(("around", "missed"), [(0.05, 0), (0.2, 1)])
def test_table_tells_what_was_missed(bench, around, missed):
    measured = {
        "model": "m",
        "input_size": (4, 4, 4),
        "threads": 2,
        "cpu": "c",
        "load_before": 3.0,
        "seconds": {"total": 3, "network": 2, "read": 0.1, "task": 2.5, "write": 0.4, "import": 1, "load_model": 0.1},
        "around_over_network": around,
        "macs": 1e12,
        "network_flops_per_second": 1e12,
        "sgemm_flops_per_second": {"1024": 1.5e12, "2048": 1.9e12},
        "share_of_sgemm": 1 / 1.9,
        "peak_memory_bytes": int(2.5e9),
        "help_seconds": 0.3,
        "fallbacks": ["smaller batch: 4 slices"],
    }
    text = bench.as_table(measured)
    assert text.count("MISSED") == missed
    assert "smaller batch: 4 slices" in text
    assert "load was 3.0" in text
    assert "1900.0" in text
