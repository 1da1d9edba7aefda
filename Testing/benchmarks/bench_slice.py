"""What a slice of 256 x 256 from 8 coils costs on two CPU threads, from raw data to the image, by the brain model.

    python Testing/benchmarks/bench_slice.py [--quick] [--threads 1]

Through `mrienhance.reconstruct`, ESPIRiT coil maps included, with a network of the settings below and random weights (a
slice takes as long with them). Seconds on the clock and CPU seconds (of all threads together), best of some repeats.
The goal is for the clock of one slice. On a machine with other work the CPU seconds of one thread say more: where one
needs less than the goal, two meet it; with `--threads 1` they count. The coil maps of a volume are found once, one 2-D
map a slice, before the network starts: the estimates are counted, and must be as many as slices, however many stages
there are.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOAL = 2.0
MODEL: dict[str, Any] = {
    "denoiser": "unet",
    "stages": 8,
    "share": False,
    "width": 16,
    "norm": "none",
    "iterations": 4,
    "levels": 4,
    "lesion_stages": 4,
    "classifier_width": 16,
    "pooling": "log-sum-exp",
}
CASE = {"rows": 256, "columns": 256, "coils": 8, "slices": 3, "model": MODEL}
QUICK = {"rows": 48, "columns": 40, "coils": 4, "slices": 2, "model": {**MODEL, "width": 8, "classifier_width": 4}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small problem, which says nothing about speed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "slice.json")
    args = parser.parse_args()
    measured = measure(QUICK if args.quick else CASE, args.repeats, args.threads)
    print(as_table(measured))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")
    if measured["estimates"] != measured["case"]["slices"]:
        sys.exit("coil maps were not found once")


def measure(case: dict[str, Any], repeats: int, threads: int = 2) -> dict[str, Any]:
    import torch

    from mrienhance.models import load_model
    from mrienhance.tasks.coil_maps import estimate_coil_maps
    from mrienhance.tasks.reconstruct import reconstruct

    torch.set_num_threads(threads)
    volume = scan(case)
    one = volume.slices(0)
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(write_model(Path(folder) / "sized-like-it.safetensors", case["model"]))
    maps, counter = estimate_coil_maps(volume), Counter()
    with unittest.mock.patch("mrienhance.tasks.coil_maps.espirit", counter):
        reconstruct(volume, model=model, device="cpu", precision="float32")  # also warms up
    options = {"model": model, "device": "cpu", "precision": "float32"}
    jobs: dict[str, tuple[int, Callable[[], Any]]] = {
        "one slice": (1, lambda: reconstruct(one, **options)),
        "of a volume": (case["slices"], lambda: reconstruct(volume, **options)),
        "of a volume, maps given": (case["slices"], lambda: reconstruct(volume, coil_maps=maps, **options)),
    }
    rows = []
    for name, (slices, job) in jobs.items():
        found = seconds(job, repeats)
        rows.append({"job": name, **{key: value / slices for key, value in found.items()}})
    return {
        "case": case,
        "rows": rows,
        "estimates": counter.calls,
        "threads": threads,
        "parameters": sum(parameter.numel() for parameter in model.module.parameters()),
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }


class Counter:
    """`espirit`, counted."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        from mrienhance.physics import espirit

        self.calls += len(inputs[0])
        return espirit(*inputs, **options)


def scan(case: dict[str, Any]) -> Any:
    """Raw data of a phantom, every slice a little darker, one of four lines at random."""
    import SimpleITK as sitk
    import torch

    from mrienhance import simulate_kspace
    from mrienhance.physics import shepp_logan

    plane = shepp_logan().scan((case["rows"], case["columns"])).abs().float()
    image = sitk.GetImageFromArray(torch.stack([plane * 0.95**n for n in range(case["slices"])]).numpy())
    options = {} if case["rows"] >= 100 else {"center_fraction": 0.2, "acceleration": 3}
    return simulate_kspace(image, coils=case["coils"], **options)


def write_model(path: Path, settings: dict[str, Any]) -> Path:
    """A model of these settings with small random weights instead of the zeros that untrained denoisers end in."""
    import torch

    from mrienhance.methods import config_to_dict, get_method
    from mrienhance.models import ModelCard, save_model

    method = get_method("lf_mri")
    config = method.Config(**settings)
    torch.manual_seed(0)
    state = method.build(config).state_dict()
    state = {name: value + 0.01 * torch.randn_like(value) if value.ndim else value for name, value in state.items()}
    told = {"name": path.stem, "summary": "Random weights.", "contrasts_in": ("T1w",), "contrasts_out": ("T1w",)}
    paper = {"citation": method.paper.citation, "doi": method.paper.doi}
    known = {"method": method.name, "task": "reconstruct", "fidelity": method.paper.fidelity, "paper": paper}
    save_model(path, method=method.name, config=config_to_dict(config), card=ModelCard(**told, **known), state=state)
    return path


def seconds(run: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Seconds on the clock and of the CPU, each the best of some repeats."""
    clock, cpu = [], []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - began[0])
        cpu.append(time.process_time() - began[1])
    return {"clock": min(clock), "cpu": min(cpu)}


def as_table(measured: dict[str, Any]) -> str:
    lines = [["a slice", "clock [s]", "CPU [s]", ""]]
    for row in measured["rows"]:
        # One thread by itself takes as long as it computes.
        spent = row["cpu"] if measured["threads"] == 1 else row["clock"]
        verdict = f"MISSED: <= {GOAL:g} s" if spent > GOAL else ""
        lines.append([row["job"], f"{row['clock']:.2f}", f"{row['cpu']:.2f}", verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    case = measured["case"]
    size = f"{case['coils']} x {case['rows']} x {case['columns']}, {measured['parameters'] / 1e6:.1f} million weights"
    maps = f"{measured['estimates']} coil maps were estimated for a volume of {case['slices']} slices"
    machine = f"{measured['cpu']}, {measured['threads']} thread(s), torch {measured['torch']}; goal: {GOAL:g} s"
    return "\n".join([*text, "", f"{size}; {maps}", machine])


if __name__ == "__main__":
    main()
