"""Fixtures for tests of the batch script: in this process, with modules and a worker that are made up."""

import json
import sys
import types
from pathlib import Path

import pytest
import SimpleITK as sitk

import scans
import slicerhost

REPORT = {
    "model": {"name": "toy-x2", "version": "1", "sha256": "0" * 64},
    "scale": 2,
    "device": "cpu",
    "warnings": ["spacing outside the card"],
    "versions": {"mrienhance": "0.0"},
}


RECONSTRUCTION = {
    "model": {"name": "toy-recon", "version": "1", "title": "Toy", "sha256": None},
    "scale": None,
    "device": "cpu",
    "precision": "float32",
    "warnings": [],
    "reconstruction": {"coils": 8, "acceleration": 3.9, "scores": [{"name": "lesion", "highest": 0.75, "slice": 2}]},
}
ROWS = [{"method": "toy-recon", "psnr_db": 31.5, "ssim": None}, {"method": "equal", "psnr_db": "Infinity", "ssim": 1.0}]
SYNTHESIS = {"model": {"name": "toy-gan", "version": "1", "sha256": "0" * 64}, "warnings": [], "device": "cpu"}
IMAGES = ("result", "attention", "without-lesion-term", "zero-filled", "full")


class Worker:
    """Takes the place of the worker that all modules share."""

    def __init__(self):
        self.lacks = []
        self.stopped = 0
        self.interpreter = types.SimpleNamespace(ours=True, executable="/slicer/bin/PythonSlicer")

    def missing(self):
        return list(self.lacks)

    def greeting(self):
        yield from ()
        return {"library": "0.0", "python": "3.12.10", "missing": []}

    def stop(self):
        self.stopped += 1


class Module:
    """Takes the place of the module SuperResolve; what it is to do with a case is set by the case's name."""

    def __init__(self, host):
        self.host = host
        self.calls = {}
        self.do = {}

    def process(self, node, *, progress, **options):
        from MRIEnhanceBridge import nodes
        from MRIEnhanceBridge.steps import Progress

        name = node.GetName()
        self.calls[name] = options
        volumes = 1 + (options["reference"] is not None)
        assert self.host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == volumes, "left from another"
        progress(Progress(0.4, "Computing"))
        self.do.get(name, lambda: None)()
        result = nodes.from_image(doubled(nodes.to_image(node)), f"{name} fine")
        result.SetAttribute("MRIEnhance.report", json.dumps({**REPORT, "scale": options["scale"] or 2}))
        return result


class Reconstructor:
    """Takes the place of the module Reconstruct; what it is to do with a case is set by the case's name.

    Attributes
    ----------
    knows
        The maps that its model gives.
    calls
        What it was given, by case: the source (a path, or None for a volume) and the options.
    """

    def __init__(self):
        self.knows = set(IMAGES)
        self.calls = {}
        self.do = {}

    def process(self, source, *, progress, **options):
        from MRIEnhanceBridge.steps import Progress

        file = source if isinstance(source, str) else None
        case = Path(source).stem if file else source.GetName()
        self.calls[case] = (file, options)
        progress(Progress(0.4, "Computing"))
        self.do.get(case, lambda: None)()
        full = ("full",) if file and options["acceleration"] else ()
        maps = [name for name in (*options["maps"], *full) if name in self.knows]
        return self.deliver(case, maps, judged=not file or full)

    def deliver(self, case, maps, *, judged):
        """A result that references its maps, and its metrics where the truth is known."""
        import slicer

        from MRIEnhanceBridge import nodes

        result = nodes.from_image(reconstructed(case), f"{case} recon")
        result.SetAttribute("MRIEnhance.report", json.dumps(RECONSTRUCTION))
        names = {"without-lesion-term": "withoutLesionTerm", "zero-filled": "zeroFilled"}
        for name in maps:
            node = nodes.from_image(reconstructed(case, name), f"{case} {name}")
            result.SetNodeReferenceID(f"MRIEnhance.{names.get(name, name)}", node.GetID())
        if judged:
            table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "metrics")
            table.SetAttribute("MRIEnhance.evaluation", json.dumps({"rows": ROWS, "notes": []}))
            result.SetNodeReferenceID("MRIEnhance.metrics", table.GetID())
        return result


def reconstructed(case, name="result"):
    """What the made-up module Reconstruct makes of a case: the result, or one of the images that come with it."""
    return scans.volume(seed=[IMAGES.index(name), *case.encode()], size=(6, 5, 3))


class Synthesizer:
    """Takes the place of the module Synthesize; what it is to do with a case is set by the case's name.

    Attributes
    ----------
    calls
        The options that it was given, by case.
    """

    def __init__(self):
        self.calls = {}
        self.do = {}

    def process(self, node, *, progress, **options):
        from MRIEnhanceBridge import nodes
        from MRIEnhanceBridge.steps import Progress

        case = node.GetName()
        self.calls[case] = options
        progress(Progress(0.4, "Computing"))
        self.do.get(case, lambda: None)()
        made = {}
        for contrast in options["to"]:
            made[contrast] = nodes.from_image(synthetic(case, contrast), f"{case} (synthetic {contrast})")
            report = {**SYNTHESIS, "synthesis": {"synthetic": True, "target": contrast}}
            made[contrast].SetAttribute("MRIEnhance.report", json.dumps(report))
            if options["uncertainty"]:
                spread = nodes.from_image(synthetic(case, contrast, "uncertainty"), "uncertainty")
                made[contrast].SetNodeReferenceID("MRIEnhance.uncertainty", spread.GetID())
        return made


def synthetic(case, contrast, role="image"):
    """What the made-up module Synthesize makes of a case."""
    return scans.volume(seed=[len(role), *contrast.encode(), *case.encode()], size=(6, 5, 3))


def doubled(image):
    """What the made-up module makes of an image."""
    array = sitk.GetArrayFromImage(image).repeat(2, axis=1).repeat(2, axis=2)
    fine = sitk.GetImageFromArray(array)
    x, y, z = image.GetSpacing()
    fine.SetSpacing((x / 2, y / 2, z))
    fine.SetOrigin(image.GetOrigin())
    fine.SetDirection(image.GetDirection())
    return fine


@pytest.fixture
def worker(host, monkeypatch):
    from MRIEnhanceBridge import worker

    fake = Worker()
    monkeypatch.setattr(worker, "shared", lambda: fake)
    return fake


@pytest.fixture
def module(host, monkeypatch):
    fake = Module(host)
    logic = lambda: types.SimpleNamespace(process=fake.process)  # noqa: E731
    monkeypatch.setitem(sys.modules, "SuperResolve", types.SimpleNamespace(SuperResolveLogic=logic))
    return fake


@pytest.fixture
def reconstructor(host, monkeypatch):
    fake = Reconstructor()
    logic = lambda: types.SimpleNamespace(process=fake.process)  # noqa: E731
    monkeypatch.setitem(sys.modules, "Reconstruct", types.SimpleNamespace(ReconstructLogic=logic))
    return fake


@pytest.fixture
def synthesizer(host, monkeypatch):
    fake = Synthesizer()
    logic = lambda: types.SimpleNamespace(process=fake.process)  # noqa: E731
    monkeypatch.setitem(sys.modules, "Synthesize", types.SimpleNamespace(SynthesizeLogic=logic))
    return fake


@pytest.fixture
def raw(tmp_path):
    """Write files that might hold raw data into the folder ``raw``."""

    def write(*names):
        (tmp_path / "raw").mkdir(exist_ok=True)
        for name in names:
            (tmp_path / "raw" / name).write_bytes(b"raw data of " + name.encode())

    return write


@pytest.fixture
def batch(host, worker, module, monkeypatch, tmp_path):
    """Run the script in `tmp_path`, without a window, where a dialog is an error; gives the exit code."""
    from MRIEnhanceBridge import batch

    slicerhost.pretend(main_window=False)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["batch.py", *words])
        return batch.main()

    return run


@pytest.fixture
def scan(tmp_path):
    """Write scans into the folder ``scans``."""

    def write(*names, **kwargs):
        return [scans.write(tmp_path / "scans" / name, **kwargs) for name in names]

    return write


RECONSTRUCT = ("reconstruct", "--input", "raw", "--output", "results")
SIMULATE = ("reconstruct", "--simulate", "--input", "scans", "--output", "results")
SYNTHESIZE = ("synthesize", "--input", "scans", "--output", "results")
COMMON = ("super-resolve", "--input", "scans", "--output", "results")


def summary(path="results/summary.json"):
    return json.loads(Path(path).read_text())


def case(name, path="results/summary.json"):
    return next(case for case in summary(path)["cases"] if case["case"] == name)


def listing(folder="results"):
    return sorted(path.name for path in Path(folder).iterdir())
