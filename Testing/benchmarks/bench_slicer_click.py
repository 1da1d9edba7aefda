"""What a click on Apply costs besides the network: from the request to the node in the scene.

    python Testing/benchmarks/bench_slicer_click.py [--size 256 256 128] [--runs 3]

The stand-in for the Slicer application runs SuperResolve's logic with the real worker process and a tiny network that
it saves for the purpose (a network's time is subtracted anyhow). The first run starts the process and loads the model;
the others find both warm. Also measured: how long the main thread was away at most, and how long a cancelled run takes
until its process is gone.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / each) for each in ("Testing/host", "Testing/slicer", "MRIEnhance", "MRIEnhanceLib/src")]
MOST_OVERHEAD, MOST_AWAY, MOST_TO_CANCEL = 0.5, 0.1, 2.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=3, default=[256, 256, 128], metavar=("I", "J", "K"))
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        from workers import save_tiny_model

        model = save_tiny_model(Path(folder) / "tiny-x2.safetensors")
        os.environ["MRIENHANCE_PYTHON"] = sys.executable
        Clicks(model, args.size).report(args.runs)


def touch(mebibytes):
    """Seconds to touch fresh memory of VTK's: a virtual machine may have to ask its host for every page."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    values = vtk.vtkFloatArray()
    started = time.perf_counter()
    values.SetNumberOfValues(mebibytes << 18)
    vtk_to_numpy(values)[::1024] = 1
    return time.perf_counter() - started


class Clicks:
    """Runs as a click starts them, timed."""

    def __init__(self, model, size):
        import slicerhost

        self.host = slicerhost
        self.slicer = slicerhost.start()
        from MRIEnhanceBridge import steps
        from MRIEnhanceBridge.super_resolution import Request
        from SuperResolve import SuperResolveLogic

        self.steps, self.request, self.logic = steps, Request, SuperResolveLogic()
        i, j, k = size
        voxels = np.random.default_rng(0).random((k, j, i), dtype=np.float32)
        self.source = self.slicer.util.addVolumeFromArray(voxels, None, "scan")
        self.options = {"scale": None, "device": "cpu", "precision": "auto", "consistency": True, "tile": None}
        self.options["model"] = str(model)

    def report(self, runs):
        size = " x ".join(map(str, self.source.GetImageData().GetDimensions()))
        print(f"{size} voxels of float32, x2; seconds\n")
        print("run      total  network  overhead  longest away from the event loop")
        for number in range(1, runs + 1):
            total, network, away = self.run()
            print(f"{number:3d}   {total:8.2f} {network:8.2f} {total - network:9.2f} {away:8.3f}")
        print(f"\naims from the second run on: overhead <= {MOST_OVERHEAD}, away <= {MOST_AWAY}")
        print(f"128 MiB of fresh memory, which every result needs in Slicer, cost {touch(128):.2f} here by themselves")
        print(f"cancelled: {self.cancel():.2f} until the process is gone (aim <= {MOST_TO_CANCEL})")

    def start(self):
        self.ended = []
        return self.steps.Task(
            self.logic.steps(self.request.of(self.source, **self.options)),
            on_done=self.ended.append,
            on_failed=self.ended.append,
            on_progress=lambda progress: self.seen.append(progress),
        )

    def run(self):
        """Seconds of a whole run, of its network, and the longest time between two beats of the event loop."""
        import json

        self.seen, started, last, away = [], time.perf_counter(), time.perf_counter(), 0.0
        self.start()
        while not self.ended:
            self.slicer.app.processEvents()
            now = time.perf_counter()
            away, last = max(away, now - last), now
            time.sleep(0.001)
        total = time.perf_counter() - started
        result = self.ended[0]
        if isinstance(result, Exception):
            raise result
        report = json.loads(result.GetAttribute("MRIEnhance.report"))
        self.slicer.mrmlScene.RemoveNode(result)
        return total, report["seconds_network"], away

    def cancel(self):
        """Seconds from the wish to stop until the run has ended and its process is gone."""
        self.seen = []
        task = self.start()
        while not self.seen or self.seen[-1].fraction < 0.1:
            self.slicer.app.processEvents()
            time.sleep(0.001)
        started = time.perf_counter()
        task.cancel()
        while not self.ended:
            self.slicer.app.processEvents()
            time.sleep(0.001)
        if self.logic.worker.running:
            raise RuntimeError("the process is still there")
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
