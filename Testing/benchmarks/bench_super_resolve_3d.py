"""What super-resolving a volume block by block costs on this machine's CPU, beside MONAI's sliding windows.

    python Testing/benchmarks/bench_super_resolve_3d.py [--model crfm-x2] [--size 128 128 128] [--monai DIR]

Each of the two has a process of its own, so that the peaks of memory are theirs. The network is the same, that of
--model, or where there is none yet that of --recipe with fresh weights: how long it takes does not depend on them. The
volume is noise for the same reason. `voxels computed` counts what goes through the network, overlaps included, over the
voxels of the volume. The seam error is the largest difference of tiles from the whole, of a brightest tissue of 1, in a
column so thin that the whole fits anywhere. With MONAI: windows of --roi, overlap 0.25, Gaussian weights. It is no
dependency; put it into a folder of its own and name that:

    pip install --no-deps --target DIR monai
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
METHODS = ROOT / "MRIEnhanceLib" / "src" / "mrienhance" / "methods"
MOST_COMPUTED, MOST_MEMORY = 1.4, 6 * 2**30
OVERLAP = 0.25


def main() -> None:
    args = arguments()
    if args.worker:
        print(json.dumps(WORKERS[args.worker](args)))
        return
    if not args.model and not args.recipe.is_file():
        sys.exit(f"there is no recipe {args.recipe}: name a model of volumes with --model")
    measured = {"ours": run_worker("ours")}
    if args.monai is not None:
        measured["monai"] = run_worker("monai")
    print(as_table(measured))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name or file of a model of volumes (default: fresh weights by --recipe)")
    parser.add_argument("--recipe", type=Path, default=METHODS / "crfm" / "recipes" / "crfm-x2.yaml")
    parser.add_argument("--size", type=int, nargs=3, default=[128, 128, 128], metavar=("K", "J", "I"))
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--reference", action="store_true", help="give the network a reference, too")
    parser.add_argument("--monai", type=Path, metavar="DIR", help="folder that holds MONAI, to compare with")
    parser.add_argument("--roi", type=int, default=64, help="side of MONAI's windows")
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "super_resolve_3d.json")
    parser.add_argument("--worker", choices=sorted(WORKERS), help=argparse.SUPPRESS)
    return parser.parse_args(given)


def run_worker(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--worker", name]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        sys.exit(run.returncode)
    measured: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return measured


def network(args: argparse.Namespace) -> tuple[str, Any, Any, Any]:
    """The model's name, the method, its configuration, and the module."""
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.model:
        from mrienhance.models import load_model

        model = load_model(args.model)
        return model.name, model.method, model.config, model.module
    from mrienhance.methods import get_method
    from mrienhance.training.recipe import read_recipe

    method = get_method(args.recipe.parent.parent.name)
    config = read_recipe(method.name, args.recipe).model
    module = method.build(config).eval()
    for parameter in module.parameters():  # fresh networks may end in zeros, which would hide seams
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return f"{args.recipe.stem} (fresh weights)", method, config, module


def inputs(size: tuple[int, ...], scales: tuple[int, ...], *, reference: bool) -> dict[str, Any]:
    import torch

    given = {"image": torch.rand(size)}
    if reference:
        given["reference"] = torch.rand([n * s for n, s in zip(size, scales, strict=True)])
    return given


def work(args: argparse.Namespace) -> dict[str, Any]:
    """Run the library's predictor."""
    import torch

    from mrienhance.inference import Predictor

    name, method, config, module = network(args)
    tiling, size = method.tiling(config), tuple(args.size)
    counted = Counted(module)
    predictor = Predictor(module, method, config, torch.device("cpu"), torch.float32)
    volumes = inputs(size, tiling.scales, reference=args.reference)
    began = time.perf_counter()
    result = predictor.run(volumes)
    seconds = time.perf_counter() - began
    return {
        "model": name,
        "size": size,
        "threads": torch.get_num_threads(),
        "halo": tiling.halo,
        "tile": result.notes.tile,
        "seconds": seconds,
        "voxels_computed": counted.voxels / prod(size),
        "peak_memory_bytes": result.notes.peak_memory_bytes,
        "seam_error": seam(module, method, config, tiling),
    }


def seam(module: Any, method: Any, config: Any, tiling: Any) -> float | None:
    """The largest difference of tiles from the whole, in a long thin column."""
    import torch

    from mrienhance.inference import Predictor
    from mrienhance.inference.tiles import smallest_edge

    edge = smallest_edge(tiling)
    size = (edge + tiling.multiple_of, *(16,) * (tiling.ndim - 1))
    volume = torch.rand(size)
    cpu, single = torch.device("cpu"), torch.float32
    whole, tiled = (
        Predictor(module, method, config, cpu, single, tile=tile).run(volume).volumes["image"] for tile in (None, edge)
    )
    return float((whole - tiled).abs().max())


def work_monai(args: argparse.Namespace) -> dict[str, Any]:
    """Run MONAI's sliding windows with the same network."""
    import torch

    sys.path.append(str(args.monai))
    from monai.inferers import sliding_window_inference

    from mrienhance.inference.memory import peak_memory

    name, method, config, module = network(args)
    size = tuple(args.size)
    counted = Counted(module)
    image = inputs(size, method.tiling(config).scales, reference=False)["image"][None, None]
    began = time.perf_counter()
    with torch.inference_mode():
        sliding_window_inference(
            image, (args.roi,) * 3, 1, lambda part: method.run(module, {"image": part})["image"], OVERLAP, "gaussian"
        )
    return {
        "model": name,
        "size": size,
        "threads": torch.get_num_threads(),
        "tile": args.roi,
        "seconds": time.perf_counter() - began,
        "voxels_computed": counted.voxels / prod(size),
        "peak_memory_bytes": peak_memory(torch.device("cpu")),
        "seam_error": None,
    }


class Counted:
    """Counts the voxels of the images that a module is called with, the probe of its memory included."""

    def __init__(self, module: Any) -> None:
        self.voxels = 0
        module.register_forward_pre_hook(self._count)

    def _count(self, module: Any, given: tuple[Any, ...]) -> None:
        self.voxels += given[0].numel()


def as_table(measured: dict[str, dict[str, Any]]) -> str:
    """A column for each, and what is hoped for."""
    facts: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("tile", lambda found: str(found["tile"] or "whole")),
        ("seconds", lambda found: f"{found['seconds']:.1f}"),
        (f"voxels computed / voxels (at most {MOST_COMPUTED})", lambda found: f"{found['voxels_computed']:.3f}"),
        (f"peak memory, GiB (at most {MOST_MEMORY / 2**30:.0f})", _memory),
        ("seam error", lambda found: "-" if found["seam_error"] is None else f"{found['seam_error']:.1e}"),
    ]
    first = measured["ours"]
    lines = [f"{first['model']}, {' x '.join(map(str, first['size']))} voxels, {first['threads']} threads", ""]
    lines.append("".ljust(46) + "".join(name.rjust(12) for name in measured))
    for fact, shown in facts:
        lines.append(fact.ljust(46) + "".join(shown(found).rjust(12) for found in measured.values()))
    return "\n".join(lines)


def _memory(found: dict[str, Any]) -> str:
    peak = found["peak_memory_bytes"]
    return "-" if peak is None else f"{peak / 2**30:.2f}"


WORKERS = {"ours": work, "monai": work_monai}

if __name__ == "__main__":
    main()
