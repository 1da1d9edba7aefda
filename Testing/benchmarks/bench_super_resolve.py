"""What super-resolving a whole volume costs on this machine's CPU, and how near the network comes to its speed.

    python Testing/benchmarks/bench_super_resolve.py [--model iconet-x4] [--image scan.nii.gz] [--threads 2]

One process of its own reads the file, super-resolves it, writes the result, and only then counts the network's
multiplications and measures this machine's rate of multiplying float32 matrices (sgemm) with the same threads. So both
rates come from one run, and the peak of memory is that of the job alone. Without --image the sample scan that ships is
made coarse and repeated to the size of a whole head.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_AROUND, MOST_MEMORY, MOST_HELP, LEAST_SHARE = 0.10, 3e9, 0.5, 0.5
BUSY = 0.5
HELP_REPEATS = 5
GEMM_REPEATS = 3


def main() -> None:
    args = _arguments()
    if args.worker:
        print(json.dumps(work(args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if args.image is None:
            args.image = Path(folder) / "input.nii.gz"
            write_input(args.image, tuple(args.size), args.scale)
        measured = run_worker(args, output=Path(folder) / "output.nii.gz")
    measured["help_seconds"] = None if args.no_help else time_help()
    print(as_table(measured))
    write_json(measured, args.json)
    print(f"\nwritten to {args.json}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name or file (default: the catalogue's for --scale)")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--image", type=Path, help="coarse image to super-resolve")
    parser.add_argument("--size", type=int, nargs=3, default=[144, 144, 181], metavar=("I", "J", "K"))
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--gemm", type=int, nargs="+", default=[1024, 1536, 2048, 3072, 4096], help="sizes of sgemm")
    parser.add_argument("--no-help", action="store_true", help="do not time `mrienhance --help`")
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "super_resolve.json")
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_input(path: Path, size: tuple[int, int, int], scale: int) -> None:
    """Write a coarse brain of `size` (i, j, k): the sample, truncated, mirrored on along k, cropped or padded."""
    import numpy as np
    import torch

    from mrienhance.data import sample_path
    from mrienhance.images import Grid, read_image, to_image, to_tensor, write_image
    from mrienhance.tasks.simulate import simulate_low_resolution

    coarse = simulate_low_resolution(read_image(sample_path("t1w_slab")), factors=(scale, scale, 1))
    values = to_tensor(coarse).numpy()
    target = size[::-1]
    values = values[tuple(slice(0, n) for n in target)]
    values = np.pad(values, [(0, 0), *((0, n - m) for n, m in zip(target[1:], values.shape[1:], strict=True))])
    values = np.pad(values, [(0, target[0] - values.shape[0]), (0, 0), (0, 0)], mode="symmetric")
    grid = Grid(size, coarse.GetSpacing(), coarse.GetOrigin(), coarse.GetDirection())
    write_image(to_image(torch.from_numpy(values), grid, like=coarse), path)


def run_worker(args: argparse.Namespace, *, output: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--worker", "--image", args.image, "--output", output, "--scale", args.scale]
    command += ["--gemm", *args.gemm]
    command += ["--model", args.model] if args.model else []
    command += ["--threads", args.threads] if args.threads else []
    run = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        sys.exit(run.returncode)
    measured: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return measured


def work(args: argparse.Namespace) -> dict[str, Any]:
    """Do the job and measure it, in a process of its own."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    began = time.perf_counter()
    import torch

    from mrienhance.images import read_image, write_image
    from mrienhance.inference.allocator import keep_freed_memory
    from mrienhance.models import find_model, load_model
    from mrienhance.tasks.super_resolve import super_resolve

    keep_freed_memory()  # as the command does
    if args.threads:
        torch.set_num_threads(args.threads)
    imported = time.perf_counter()
    model = load_model(args.model or find_model(None, task="super-resolve", scale=args.scale))
    loaded = time.perf_counter()
    image = read_image(args.image)
    read = time.perf_counter()
    result = super_resolve(image, model=model, device="cpu", precision="float32")
    done = time.perf_counter()
    write_image(result.image, args.output)
    written = time.perf_counter()
    peak = peak_memory()
    network = result.report.seconds_network
    macs = count_macs(model, image.GetSize())
    sgemm = sgemm_rates(args.gemm)
    total = written - loaded
    return {
        "model": model.name,
        "sha256": model.sha256,
        "input_size": image.GetSize(),
        "output_size": result.image.GetSize(),
        "threads": torch.get_num_threads(),
        "cpu": cpu_name(),
        "torch": torch.__version__,
        "load_before": load,
        "seconds": {
            "import": imported - began,
            "load_model": loaded - imported,
            "read": read - loaded,
            "task": done - read,
            "write": written - done,
            "network": network,
            "total": total,
        },
        "around_over_network": (total - network) / network,
        "peak_memory_bytes": peak,
        "macs": macs,
        "network_flops_per_second": 2 * macs / network,
        "sgemm_flops_per_second": sgemm,
        "share_of_sgemm": 2 * macs / network / max(sgemm.values()),
        "fallbacks": list(result.report.fallbacks),
    }


def peak_memory() -> int | None:
    """Peak resident memory of this process in bytes, or None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike getrusage, this does not begin with the peak of the process that started this one.
        [line] = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def count_macs(model: Any, size: tuple[int, ...]) -> float:
    """Multiply-add pairs of convolutions and matrix products that the whole volume of `size` (i, j, k) takes."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    axes = model.method.tiling(model.config).ndim
    # A slice is counted as it is; of a volume, a block that fits in memory stands for the rest.
    counted = tuple(n if axes == 2 else min(n, 32) for n in size[::-1][-axes:])
    example = model.method.example(model.config, batch=1, size=counted)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.method.run(model.module, example)
    return counter.get_total_flops() / 2 * math.prod(size) / math.prod(counted)


def sgemm_rates(sizes: list[int]) -> dict[str, float]:
    """Floating-point operations per second of float32 matrix products, the best of some repeats for each size."""
    import torch

    rates = {}
    for size in sizes:
        a, b = torch.rand(size, size), torch.rand(size, size)
        seconds = []
        for _ in range(GEMM_REPEATS + 1):
            began = time.perf_counter()
            torch.mm(a, b)
            seconds.append(time.perf_counter() - began)
        rates[str(size)] = 2 * size**3 / min(seconds[1:])
    return rates


def time_help() -> float:
    """Seconds of `mrienhance --help`, the best of some starts."""
    script = Path(sys.executable).parent / "mrienhance"
    # What the script does, where the package is on the path without being installed.
    code = "import sys; from mrienhance.cli.main import main; sys.exit(main())"
    command = [script, "--help"] if script.exists() else [sys.executable, "-c", code, "--help"]
    seconds = []
    for _ in range(HELP_REPEATS):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def as_table(measured: dict[str, Any]) -> str:
    from mrienhance.evaluation import as_text

    seconds, peak, help_seconds = measured["seconds"], measured["peak_memory_bytes"], measured["help_seconds"]
    around, share = measured["around_over_network"], measured["share_of_sgemm"]
    rows = [
        ("seconds, read to written", f"{seconds['total']:.1f}", "", True),
        ("  in the network", f"{seconds['network']:.1f}", "", True),
        ("  around it, of the network's", f"{around:.1%}", f"<= {MOST_AROUND:.0%}", around <= MOST_AROUND),
        ("    reading", f"{seconds['read']:.2f}", "", True),
        ("    rest of the task", f"{seconds['task'] - seconds['network']:.2f}", "", True),
        ("    writing", f"{seconds['write']:.2f}", "", True),
        ("seconds before: imports", f"{seconds['import']:.2f}", "", True),
        ("  and the model", f"{seconds['load_model']:.2f}", "", True),
        ("multiply-adds [10^12]", f"{measured['macs'] / 1e12:.2f}", "", True),
        ("network [GFLOP/s]", f"{measured['network_flops_per_second'] / 1e9:.1f}", "", True),
        ("sgemm [GFLOP/s]", f"{max(measured['sgemm_flops_per_second'].values()) / 1e9:.1f}", "", True),
        ("network / sgemm", f"{share:.2f}", f">= {LEAST_SHARE}", share >= LEAST_SHARE),
    ]
    if peak is not None:
        rows.append(("peak memory [GB]", f"{peak / 1e9:.2f}", f"<= {MOST_MEMORY / 1e9:g}", peak <= MOST_MEMORY))
    if help_seconds is not None:
        rows.append(("mrienhance --help [s]", f"{help_seconds:.2f}", f"<= {MOST_HELP}", help_seconds <= MOST_HELP))
    table = [{"what": a, "measured": b, "wanted": c if met else f"{c} MISSED"} for a, b, c, met in rows]
    size, load = "x".join(map(str, measured["input_size"])), measured["load_before"]
    head = f"{measured['model']} on {size} voxels, {measured['threads']} threads of {measured['cpu']}"
    notes = list(measured["fallbacks"])
    if load is not None and load > BUSY:
        notes.append(f"The load was {load:.1f} before the start: something else is running, and all times suffer.")
    return "\n".join([head, "", as_text(table), *notes])


def write_json(measured: dict[str, Any], path: Path) -> None:
    from mrienhance.images import atomic_path

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(measured, indent=2, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
