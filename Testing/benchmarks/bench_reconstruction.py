"""What parallel imaging costs on one CPU thread, next to BART and sigpy on the same data.

    python Testing/benchmarks/bench_reconstruction.py [--quick]

Each row is one problem, solved by all in one run of this script: CPU seconds (user and system, so that other work on
the machine counts little), best of some repeats. Before anything is timed, results are compared: times of results that
differ are not given. BART is a program: of its time, that of starting, reading, planning transforms and writing is
taken out, by the difference of two runs (CG-SENSE: with twice the iterations; ESPIRiT: a copy of the same files). Of
ours nothing is taken out. A peer that is not installed is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
ROOT = Path(__file__).resolve().parents[2]
ITERATIONS, WEIGHT = 30, 0.01
ALIKE_IMAGE, ALIKE_MAPS = 1e-4, 0.999
GOALS = {"CG-SENSE": 0.55, "ESPIRiT": 1.0}
# Coils, rows, columns; lines along the last axis, or dots in both.
CASES = {
    "CG-SENSE": [(8, 256, 256, "lines"), (8, 256, 256, "dots"), (8, 230, 180, "lines"), (15, 640, 368, "lines")],
    "ESPIRiT": [(8, 256, 256, "full"), (8, 230, 180, "full"), (15, 640, 368, "full")],
}
QUICK = {"CG-SENSE": [(4, 48, 40, "lines"), (4, 48, 40, "dots")], "ESPIRiT": [(4, 48, 40, "full")]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small problems, which say nothing about speed")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "reconstruction.json")
    args = parser.parse_args()
    measured = measure(QUICK if args.quick else CASES, args.repeats)
    print(as_table(measured))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")
    if any(row["wrong"] for row in measured["rows"]):
        sys.exit("results differ: see above")


def measure(cases: dict[str, list[tuple[int, int, int, str]]], repeats: int) -> dict[str, Any]:
    for name in THREADS:
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)
    peers = find_peers()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for job, case in ((job, case) for job, several in cases.items() for case in several):
            rows.append(JOBS[job](scan(*case), case, Path(folder), peers, repeats))
    return {
        "rows": rows,
        "iterations": ITERATIONS,
        "repeats": repeats,
        "left_out": [name for name, there in peers.items() if not there],
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }


def find_peers() -> dict[str, bool]:
    """Tell which peers are installed."""
    return {"BART": shutil.which("bart") is not None, "sigpy": importlib.util.find_spec("sigpy") is not None}


def scan(coils: int, rows: int, columns: int, pattern: str) -> dict[str, Any]:
    """Simulate k-space (coil, H, W), shift-free, complex64, its true maps and its mask."""
    import torch

    from mrienhance.physics import CoilArray, shepp_logan, simulate_kspace, smooth_phase

    generator = torch.Generator().manual_seed(0)
    shape = (rows, columns)
    maps = CoilArray.random(coils, generator=generator).on(shape)
    phase = smooth_phase(shape, generator=generator)
    magnitude = shepp_logan().scan(shape).float()
    kspace = simulate_kspace(magnitude, maps, phase=phase, noise=0.005, generator=generator)
    across, down = (torch.fft.fftfreq(n, 1 / n).abs() for n in (columns, rows))
    mask = torch.ones(shape, dtype=torch.bool)
    if pattern == "lines":
        mask = ((torch.arange(columns) % 4 == 0) | (across < 0.04 * columns)).expand(shape)
    if pattern == "dots":
        mask = (torch.rand(shape, generator=generator) < 0.2) | ((across < 12) & (down[:, None] < 12))
    return {"kspace": kspace * mask, "maps": maps, "mask": mask}


def bench_cg_sense(
    data: dict[str, Any], case: tuple[int, int, int, str], folder: Path, peers: dict[str, bool], repeats: int
) -> dict[str, Any]:
    from mrienhance.physics import cg_sense, to_centred_kspace

    kspace, maps, mask = data["kspace"], data["maps"], data["mask"]

    def ours() -> Any:
        return cg_sense(kspace, maps, mask, weight=WEIGHT, iterations=ITERATIONS, tolerance=0)

    image = ours()
    seconds, wrong = {"mrienhance": cpu_seconds(ours, repeats)}, []
    centred = to_centred_kspace(kspace)
    if peers["BART"]:
        write(folder, k=centred[:, None], s=maps[:, None])
        once, twice = (f"pics -w1 -l2 -r {WEIGHT} -i {n} k s x{n}" for n in (ITERATIONS, 2 * ITERATIONS))
        whole = bart_seconds(once, folder, repeats)
        # Of sizes that 4 does not divide, pics gives the negative image.
        theirs = read(folder, f"x{ITERATIONS}").view_as(image)
        if min(relative(theirs, image), relative(-theirs, image)) > ALIKE_IMAGE:
            wrong.append("BART")
        seconds["BART"] = bart_seconds(twice, folder, repeats) - whole
        seconds["BART with its start"] = whole
    if peers["sigpy"]:
        run = sigpy_sense(centred.numpy(), maps.numpy(), mask)
        if relative(run(), image) > ALIKE_IMAGE:
            wrong.append("sigpy")
        seconds["sigpy"] = cpu_seconds(run, repeats)
    return row("CG-SENSE", case, seconds, wrong)


def sigpy_sense(kspace: Any, maps: Any, mask: Any) -> Callable[[], Any]:
    import sigpy.mri
    import torch

    weights = torch.fft.fftshift(mask.float()).numpy()

    def run() -> Any:
        options = {"lamda": WEIGHT, "weights": weights, "max_iter": ITERATIONS, "show_pbar": False}
        return torch.from_numpy(sigpy.mri.app.SenseRecon(kspace, maps, **options).run())

    return run


def bench_espirit(
    data: dict[str, Any], case: tuple[int, int, int, str], folder: Path, peers: dict[str, bool], repeats: int
) -> dict[str, Any]:
    from mrienhance.physics import espirit, to_centred_kspace

    kspace = data["kspace"]

    def ours() -> Any:
        return espirit(kspace, calibration=24, kernel=6, threshold=0.02, crop=0.95)

    maps, _ = ours()
    # Where two eigenvalues are near each other, each program's iterations end elsewhere between their vectors.
    both = espirit(kspace, maps=2, crop=-1.0)[1]
    separate = (both[0] > 0.96) & (both[1] < 0.7 * both[0])
    seconds, wrong = {"mrienhance": cpu_seconds(ours, repeats)}, []
    centred = to_centred_kspace(kspace)
    if peers["BART"]:
        write(folder, k=centred[:, None])
        # Their threshold is that of energies, ours of singular values.
        seconds["BART with its start"] = bart_seconds("ecalib -m1 -r24 -k6 -t 0.0004 -c 0.95 k s", folder, repeats)
        theirs = read(folder, "s").view_as(maps)
        if float((theirs.conj() * maps).sum(0).abs()[separate].min()) < ALIKE_MAPS:
            wrong.append("BART")
        seconds["BART"] = seconds["BART with its start"] - bart_seconds("scale 1 k s", folder, repeats)
    return row("ESPIRiT", case, seconds, wrong)


JOBS = {"CG-SENSE": bench_cg_sense, "ESPIRiT": bench_espirit}


def row(job: str, case: tuple[int, int, int, str], seconds: dict[str, float], wrong: list[str]) -> dict[str, Any]:
    """Compare with the best peer whose result is alike."""
    coils, height, width, pattern = case
    others = {name: seconds[name] for name in ("BART", "sigpy") if name in seconds and name not in wrong}
    best = min(others, key=others.__getitem__) if others else None
    return {
        "job": job,
        "case": f"{coils} x {height} x {width}, {pattern}",
        "seconds": seconds,
        "wrong": wrong,
        "best_peer": best,
        "ratio": seconds["mrienhance"] / others[best] if best else None,
    }


def cpu_seconds(run: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of this process, the best of some repeats after one that is not counted."""
    run()
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    return min(seconds)


def bart_seconds(command: str, folder: Path, repeats: int) -> float:
    """CPU seconds of ``bart COMMAND`` in a folder, the best of some repeats."""
    import resource

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = []
    for _ in range(repeats):
        before = spent()
        subprocess.run(["bart", *command.split()], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        seconds.append(spent() - before)
    return min(seconds)


def write(folder: Path, **arrays: Any) -> None:
    """Write arrays as BART's files; its axes are the reverse of ours."""
    for name, array in arrays.items():
        (folder / f"{name}.hdr").write_text("# Dimensions\n" + " ".join(map(str, reversed(array.shape))) + "\n")
        array.contiguous().numpy().astype("<c8").tofile(folder / f"{name}.cfl")


def read(folder: Path, name: str) -> Any:
    """Read the values of one of BART's files, in one axis."""
    import numpy as np
    import torch

    return torch.from_numpy(np.fromfile(folder / f"{name}.cfl", dtype="<c8"))


def relative(found: Any, wanted: Any) -> float:
    return float((found - wanted).norm() / wanted.norm())


def as_table(measured: dict[str, Any]) -> str:
    names = ("mrienhance", "BART", "sigpy", "BART with its start")
    lines = [["job", "coils x size", *(f"{name} [s]" for name in names), "ratio", "goal", ""]]
    for one in measured["rows"]:
        times = [f"{one['seconds'][name]:.3f}" if name in one["seconds"] else "-" for name in names]
        goal, ratio = GOALS[one["job"]], one["ratio"]
        verdict = "" if ratio is None or ratio <= goal else "MISSED"
        verdict = f"DIFFERS FROM {' AND '.join(one['wrong'])}" if one["wrong"] else verdict
        compared = "-" if ratio is None else f"{ratio:.2f}"
        lines.append([one["job"], one["case"], *times, compared, f"<= {goal}", verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    notes = [f"{measured['cpu']}, one thread, torch {measured['torch']}; CG-SENSE: {measured['iterations']} iterations"]
    notes += [f"{name} is not installed and left out" for name in measured["left_out"]]
    return "\n".join([*text, "", *notes])


if __name__ == "__main__":
    main()
