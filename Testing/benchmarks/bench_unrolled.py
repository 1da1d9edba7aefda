"""What an unrolled network costs on one CPU thread, next to fastMRI's end-to-end VarNet of equal FLOPs.

    pip install --no-deps --target peer -c MRIEnhanceLib/constraints.txt fastmri==0.3.0
    PYTHONPATH=peer python Testing/benchmarks/bench_unrolled.py [--quick]

Both are twelve stages of a U-Net and data consistency, on 15 coils of 640 x 368 and every fourth line, in one run of
this script: CPU seconds (user and system, so that other work counts little), best of some repeats. The peer is the
package's own code with its published settings (Sriram et al., MICCAI 2020: 12 cascades, 18 channels, 4 poolings). Our
width makes the FLOPs of the convolutions equal within 5 %; transforms (5 N log2 N each) are counted apart: ours need
fewer, which is part of what is compared. Both get the coil maps; with its own network for them the peer has a row more.
Before anything is timed, both operators must agree on the zero-filled image and on ``A.H A x``, and the residual of
our untrained network must fall from stage to stage. Weights are random. Without the package ours is timed alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import sys
import time
import types
import unittest.mock
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ROOT = Path(__file__).resolve().parents[2]
GOAL, ALIKE, EQUAL_FLOPS = 2.0, 1e-4, 0.05
CASE = {"coils": 15, "rows": 640, "columns": 368, "stages": 12, "peer": {"chans": 18, "pools": 4}, "width": 25}
QUICK = {"coils": 2, "rows": 48, "columns": 32, "stages": 3, "peer": {"chans": 8, "pools": 2}, "width": 8}
# One application of A.H A a stage, as in the peer, and a solver of more of them.
OURS = {"gradient step": {"dc": "gd"}, "CG, 2 iterations": {"dc": "cg", "iterations": 2}}
PEER, WHOLE = "VarNet", "VarNet, its maps too"
READERS = ("pandas", "requests", "tqdm", "h5py", "yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small problem, which says nothing about speed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "unrolled.json")
    args = parser.parse_args()
    measured = measure(QUICK if args.quick else CASE, args.repeats)
    print(as_table(measured))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")
    if measured["wrong"]:
        sys.exit(f"not to be compared: {'; '.join(measured['wrong'])}")


def measure(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    for name in THREADS:
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    data, package = scan(case), find_peer()
    peer = package and Peer(package, case, data)
    jobs, rows = {} if peer is None else {PEER: peer.cascades, WHOLE: peer.whole}, []
    with torch.inference_mode():
        wrong = [] if peer is None else peer.differences()
        for title, settings in OURS.items():
            network = ours(case, settings)
            wrong += [f"{title}: {problem}" for problem in check_residual(network, data)]
            randomise(network)
            jobs[title] = partial(network, data["kspace"], data["maps"], data["mask"])
        for half in (False, True) if bfloat16_is_fast() else (False,):
            rows += [timed(name, job, half, repeats) for name, job in jobs.items() if not half or name != WHOLE]
    for one in rows:
        with_ratio(one, rows)
    return {
        "case": case,
        "rows": rows,
        "wrong": wrong + [f"{one['job']}: other FLOPs" for one in rows if one["other_flops"]],
        "left_out": [] if package else ["fastmri"],
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }


def scan(case: dict[str, Any]) -> dict[str, Any]:
    """K-space (1, coil, H, W), shift-free, its maps and its mask (1, 1, W)."""
    import torch

    from mrienhance.physics import CoilArray, shepp_logan, simulate_kspace, smooth_phase

    generator = torch.Generator().manual_seed(0)
    shape, columns = (case["rows"], case["columns"]), case["columns"]
    maps = CoilArray.random(case["coils"], generator=generator).on(shape)
    image = shepp_logan().scan(shape).float()
    full = simulate_kspace(image, maps, phase=smooth_phase(shape, generator=generator), generator=generator)
    mask = ((torch.arange(columns) % 4 == 0) | (torch.fft.fftfreq(columns, 1 / columns).abs() < 0.04 * columns)).float()
    return {"kspace": (full * mask)[None], "maps": maps[None], "mask": mask[None, None]}


def ours(case: dict[str, Any], settings: dict[str, Any]) -> Any:
    """Our network without the lesion term, which the peer has not."""
    from mrienhance.methods.lf_mri.config import Config
    from mrienhance.methods.lf_mri.network import LFMRI

    fixed = {"share": False, "lesion_term": False, "denoiser": "unet", "norm": "none"}
    return LFMRI(Config(stages=case["stages"], width=case["width"], **fixed, **settings)).eval()


def randomise(network: Any) -> None:
    """Untrained denoisers end in zeros; times are those of weights that are none."""
    import torch

    for parameter in network.parameters():
        if parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=0.02)


def check_residual(network: Any, data: dict[str, Any]) -> list[str]:
    """Untrained, each stage fits the samples better than the one before, and the first better than zero-filling."""
    from mrienhance.physics import Sense

    operator = Sense(data["maps"], data["mask"])
    found = network(data["kspace"], data["maps"], data["mask"])
    sizes = [float((operator(x) - data["kspace"]).norm()) for x in (found.zero_filled, *found.images)]
    falls = all(after <= before * 1.001 for before, after in pairwise(sizes))
    return [] if falls and sizes[-1] < 0.9 * sizes[0] else [f"the residual does not fall: {sizes}"]


class Peer:
    """fastMRI's VarNet on the same data, in its layout: centred, real and imaginary parts in the last axis."""

    def __init__(self, package: Any, case: dict[str, Any], data: dict[str, Any]) -> None:
        import torch

        from mrienhance.physics import to_centred_kspace

        self.package, self.data = package, data
        self.network = package.models.varnet.VarNet(num_cascades=case["stages"], **case["peer"]).eval()
        self.kspace = torch.view_as_real(to_centred_kspace(data["kspace"]))
        self.maps = torch.view_as_real(data["maps"].contiguous())
        self.mask = torch.fft.fftshift(data["mask"]).bool().view(1, 1, 1, -1, 1)

    def cascades(self) -> Any:
        kspace = self.kspace.clone()
        for cascade in self.network.cascades:
            kspace = cascade(kspace, self.kspace, self.mask, self.maps)
        return self.package.rss(self.package.complex_abs(self.package.ifft2c(kspace)), dim=1)

    def whole(self) -> Any:
        return self.network(self.kspace, self.mask)

    def differences(self) -> list[str]:
        """What its operator and ours disagree on."""
        import torch

        from mrienhance.physics import Sense

        operator, block = Sense(self.data["maps"], self.data["mask"]), self.network.cascades[0]
        x = torch.randn_like(operator.adjoint(self.data["kspace"]))
        there = block.sens_expand(torch.view_as_real(x)[:, None], self.maps) * self.mask
        pairs = {
            "zero-filled": (block.sens_reduce(self.kspace, self.maps), operator.adjoint(self.data["kspace"])),
            "A.H A x": (block.sens_reduce(there, self.maps), operator.normal(x)),
        }
        found = {name: (torch.view_as_complex(a.contiguous())[:, 0], b) for name, (a, b) in pairs.items()}
        wrong = [name for name, (a, b) in found.items() if a.shape != b.shape or (a - b).norm() > ALIKE * b.norm()]
        return [f"the operators differ: {name}" for name in wrong]


def find_peer() -> Any:
    """The peer's package, or None; what only its data readers import may be missing."""
    if importlib.util.find_spec("fastmri") is None:
        return None
    stand_ins = {name: types.ModuleType(name) for name in READERS if importlib.util.find_spec(name) is None}
    for module in stand_ins.values():
        module.__dict__.update(Series=None, tqdm=None)
    with warnings.catch_warnings(), unittest.mock.patch.dict(sys.modules, stand_ins):
        warnings.simplefilter("ignore")
        return importlib.import_module("fastmri.models.varnet") and importlib.import_module("fastmri")


def bfloat16_is_fast() -> bool:
    """Whether the CPU multiplies matrices of bfloat16."""
    import torch

    return bool(getattr(torch.cpu, "_is_amx_tile_supported", bool)())


def count(run: Callable[[], Any]) -> dict[str, float]:
    """GFLOPs of convolutions and products (two a multiply-add), and of transforms (5 N log2 N)."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    transform = torch.ops.aten._fft_c2c

    def cost(shape: Any, axes: Any, *_: Any, **__: Any) -> int:
        return round(5 * math.prod(shape) * math.log2(math.prod(shape[axis] for axis in axes)))

    with FlopCounterMode(display=False, custom_mapping={transform: cost}) as counter:
        run()
    found = counter.get_flop_counts()["Global"]
    transforms = found.get(transform, 0)
    return {"gflops": (sum(found.values()) - transforms) / 1e9, "gflops_transforms": transforms / 1e9}


def timed(name: str, run: Callable[[], Any], half: bool, repeats: int) -> dict[str, Any]:
    """CPU seconds of this process, the best of some repeats after the one that counts FLOPs."""
    import torch

    seconds = []
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        counted = count(run)
        for _ in range(repeats):
            began = time.process_time()
            run()
            seconds.append(time.process_time() - began)
    return {"job": name, "precision": "bfloat16" if half else "float32", "seconds": min(seconds), **counted}


def with_ratio(one: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Add how many times faster ours is than the peer with maps given, in the same arithmetic."""
    theirs = [row for row in rows if row["job"] == PEER and row["precision"] == one["precision"]]
    mine = one["job"] in OURS and bool(theirs)
    one["ratio"] = theirs[0]["seconds"] / one["seconds"] if mine else None
    one["other_flops"] = mine and abs(one["gflops"] / theirs[0]["gflops"] - 1) > EQUAL_FLOPS


def as_table(measured: dict[str, Any]) -> str:
    lines = [["", "arithmetic", "CPU [s]", "GFLOPs", "of transforms", "times faster", ""]]
    for one in measured["rows"]:
        figures = [
            f"{one[name]:.{digits}f}" for name, digits in (("seconds", 2), ("gflops", 1), ("gflops_transforms", 2))
        ]
        ratio = one["ratio"]
        verdict = f"MISSED: >= {GOAL:g}" if ratio is not None and ratio < GOAL else ""
        verdict = "OTHER FLOPS" if one["other_flops"] else verdict
        lines.append([one["job"], one["precision"], *figures, "-" if ratio is None else f"{ratio:.2f}", verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    case = measured["case"]
    size = f"{case['stages']} stages, {case['coils']} x {case['rows']} x {case['columns']}"
    notes = [f"{size}; {measured['cpu']}, one thread, torch {measured['torch']}; goal: {GOAL:g} times faster"]
    notes += [f"{name} is not installed and left out" for name in measured["left_out"]]
    return "\n".join([*text, "", *notes])


if __name__ == "__main__":
    main()
