"""The batch script, in this process, with modules and a worker that are made up."""

import json
import os
import signal
import sys
import types
from pathlib import Path

import numpy as np
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
        assert self.host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1, "left from another case"
        progress(Progress(0.4, "Computing"))
        self.do.get(name, lambda: None)()
        result = nodes.from_image(doubled(nodes.to_image(node)), f"{name} fine")
        result.SetAttribute("MRIEnhance.report", json.dumps({**REPORT, "scale": options["scale"] or 2}))
        return result


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


COMMON = ("super-resolve", "--input", "scans", "--output", "results")


def summary(path="results/summary.json"):
    return json.loads(Path(path).read_text())


def case(name, path="results/summary.json"):
    return next(case for case in summary(path)["cases"] if case["case"] == name)


def listing(folder="results"):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_folder_of_cases(batch, scan, module, worker, capsys):
    (image,) = scan("anna.nrrd")
    scan("bert.nii.gz")
    before = {path: path.read_bytes() for path in Path("scans").iterdir()}
    assert batch(*COMMON) == 0
    names = ["anna_SRx2.nrrd", "anna_SRx2.nrrd.json", "bert_SRx2.nrrd", "bert_SRx2.nrrd.json", "summary.json"]
    assert listing() == names
    assert scans.same(doubled(image), sitk.ReadImage("results/anna_SRx2.nrrd"))
    assert json.loads(Path("results/anna_SRx2.nrrd.json").read_text()) == REPORT
    assert {path: path.read_bytes() for path in Path("scans").iterdir()} == before
    assert worker.stopped == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "[1/2] anna: starts",
        f"[1/2] anna: done, {Path('results/anna_SRx2.nrrd').resolve()}",
        "[2/2] bert: starts",
        f"[2/2] bert: done, {Path('results/bert_SRx2.nrrd').resolve()}",
        f"2 of 2 cases done; summary: {Path('results/summary.json').resolve()}",
    ]


def test_the_summary_tells_all(batch, scan, host):
    scan("anna.nrrd")
    assert batch(*COMMON, "--device", "cpu") == 0
    told = summary()
    assert (told["tool"], told["finished"], told["exit_code"], told["error"]) == ("MRIEnhance batch", True, 0, "")
    assert told["versions"] == {"slicer": host.app.applicationVersion, "mrienhance": "0.0", "python": "3.12.10"}
    assert told["counts"] == {"ok": 1, "failed": 0, "skipped": 0}
    options = told["options"]
    assert (options["verb"], options["device"], options["input"]) == (
        "super-resolve",
        "cpu",
        str(Path("scans").resolve()),
    )
    (one,) = told["cases"]
    assert (one["case"], one["status"], one["message"]) == ("anna", "ok", "")
    assert one["output"] == str(Path("results/anna_SRx2.nrrd").resolve())
    assert 0 < one["seconds"] <= told["seconds"]
    assert one["report"] == {key: REPORT[key] for key in ("model", "scale", "device", "warnings")}


def test_all_options_reach_the_module(batch, scan, module):
    scan("anna.nrrd")
    words = (
        "--model",
        "m.safetensors",
        "--scale",
        "4",
        "--device",
        "cuda:1",
        "--precision",
        "bfloat16",
        "--tile",
        "64",
    )
    assert batch(*COMMON, *words, "--no-consistency", "--format", "nii.gz") == 0
    assert module.calls["anna"] == {
        "model": "m.safetensors",
        "scale": 4,
        "device": "cuda:1",
        "precision": "bfloat16",
        "consistency": False,
        "tile": 64,
    }
    assert "anna_SRx4.nii.gz" in listing()


def test_by_default_the_module_decides(batch, scan, module):
    scan("anna.nrrd")
    assert batch(*COMMON) == 0
    nothing = {"model": None, "scale": None, "device": "auto", "precision": "auto", "consistency": True, "tile": None}
    assert module.calls["anna"] == nothing


@pytest.mark.parametrize("direction", [scans.OBLIQUE, scans.LEFT_HANDED])
@pytest.mark.parametrize("ending", ["nrrd", "nii.gz", "mha"])
def test_the_result_lies_where_the_scan_does(batch, scan, direction, ending):
    (image,) = scan("anna.nrrd", direction=direction)
    assert batch(*COMMON, "--format", ending) == 0
    assert scans.same(doubled(image), sitk.ReadImage(f"results/anna_SRx2.{ending}"), tolerance=1e-5)


def test_dicom(batch):
    image = scans.volume()
    scans.write_series(Path("scans/anna"), image)
    assert batch(*COMMON) == 0
    assert scans.same(doubled(image), sitk.ReadImage("results/anna_SRx2.nrrd"), tolerance=1e-5)
    assert batch("super-resolve", "--input", "scans/anna", "--output", "other") == 0
    assert "anna_SRx2.nrrd" in listing("other")


def test_one_case_never_stops_the_others(batch, scan, module, capsys):
    from MRIEnhanceBridge.errors import BridgeError

    scan("a.nrrd", "b.nrrd", "d.nrrd", "e.nrrd")
    Path("scans/c.nrrd").write_text("no volume")

    def refuse():
        raise BridgeError("the spacing is wrong", "resample it", kind="ImageError", details="traceback")

    def crash():
        raise ZeroDivisionError("division by zero")

    def exhaust():
        raise MemoryError

    module.do = {"a": refuse, "b": crash, "d": exhaust}
    assert batch(*COMMON) == 1
    assert [one["status"] for one in summary()["cases"]] == ["failed", "failed", "failed", "failed", "ok"]
    assert summary()["counts"] == {"ok": 1, "failed": 4, "skipped": 0}
    a, b, d = case("a"), case("b"), case("d")
    assert (a["message"], a["hint"], a["kind"]) == ("the spacing is wrong", "resample it", "ImageError")
    assert (b["message"], b["kind"]) == ("ZeroDivisionError: division by zero", "Internal")
    assert "in crash" in b["details"]
    assert d["kind"] == "Internal"
    assert "cannot be read" in case("c")["message"]
    assert listing() == ["e_SRx2.nrrd", "e_SRx2.nrrd.json", "summary.json"]
    assert "[1/5] a: failed: the spacing is wrong (resample it)" in capsys.readouterr().out


def test_a_volume_that_slicer_cannot_hold_fails_alone(batch, scan):
    scan("b.nrrd")
    sitk.WriteImage(sitk.Compose([scans.volume()] * 3), "scans/a.nrrd")
    assert batch(*COMMON) == 1
    assert [one["status"] for one in summary()["cases"]] == ["failed", "ok"]
    assert case("a")["hint"]


@pytest.mark.parametrize("there", ["anna_SRx2.nrrd", "anna_SRx2.nrrd.json"])
@pytest.mark.parametrize("scale", [[], ["--scale", "2"]])
def test_what_is_there_is_not_replaced(batch, scan, module, there, scale):
    scan("anna.nrrd", "bert.nrrd")
    Path("results").mkdir()
    Path("results", there).write_text("precious")
    assert batch(*COMMON, *scale) == 1
    assert Path("results", there).read_text() == "precious"
    refused = case("anna")
    assert (refused["status"], refused["kind"], refused["hint"]) == ("failed", "Exists", "--force replaces it")
    assert refused["message"].endswith(f"{there} exists already")
    assert list(module.calls) == ["bert"], "refused before the work"


def test_another_factor_is_another_result(batch, scan):
    scan("anna.nrrd")
    assert batch(*COMMON, "--scale", "2") == 0
    assert batch(*COMMON, "--scale", "4") == 0
    assert {"anna_SRx2.nrrd", "anna_SRx4.nrrd"} < set(listing())


def test_force_replaces(batch, scan):
    (image,) = scan("anna.nrrd")
    Path("results").mkdir()
    for name in ("anna_SRx2.nrrd", "anna_SRx2.nrrd.json", "summary.json"):
        Path("results", name).write_text("old")
    assert batch(*COMMON, "--force") == 0
    assert scans.same(doubled(image), sitk.ReadImage("results/anna_SRx2.nrrd"))
    assert json.loads(Path("results/anna_SRx2.nrrd.json").read_text()) == REPORT


def test_a_former_summary_is_replaced_but_not_another_file(batch, scan, module):
    scan("anna.nrrd")
    assert batch(*COMMON) == 0
    assert batch(*COMMON) == 1
    assert summary()["counts"]["failed"] == 1
    Path("results/summary.json").write_text('{"mine": 1}')
    module.calls.clear()
    assert batch(*COMMON) == 1
    assert Path("results/summary.json").read_text() == '{"mine": 1}'
    assert not module.calls
    assert batch(*COMMON, "--summary", "elsewhere/run.json", "--force") == 0
    assert summary("elsewhere/run.json")["counts"]["ok"] == 1


@pytest.mark.parametrize("names", [("a.nrrd", "a.nii.gz"), ("a.nrrd", "A.mha")])
def test_names_that_would_clash_are_refused_before_work(batch, scan, module, names, capsys):
    scan(*names, "b.nrrd")
    assert batch(*COMMON) == 1
    error = capsys.readouterr().err
    assert error.startswith("batch.py: error: these cases would have results of the same name: ")
    assert all(name in error for name in names)
    assert "b.nrrd" not in error
    assert not module.calls
    assert not Path("results").exists()


def test_results_inside_the_input_are_no_cases(batch, scan):
    scan("a.nrrd")
    words = ("super-resolve", "--input", "scans", "--output", "scans/results", "--force")
    assert batch(*words) == 0
    assert batch(*words) == 0
    assert [one["case"] for one in summary("scans/results/summary.json")["cases"]] == ["a"]
    assert listing("scans") == ["a.nrrd", "results"]


def test_a_full_disk_leaves_nothing_behind(batch, scan, monkeypatch):
    scan("anna.nrrd", "bert.nrrd")
    write = sitk.WriteImage

    def half(image, path, *options):
        write(image, path, *options)
        if Path(path).parent.name == "results" and len(list(Path("results").glob("anna*"))) == 0:
            os.truncate(path, 100)
            raise RuntimeError("sitk::ERROR: no space left")

    monkeypatch.setattr(sitk, "WriteImage", half)
    assert batch(*COMMON) == 1
    assert listing() == ["summary.json"]
    assert "no space left" in case("anna")["message"]
    assert "disk" in case("anna")["hint"]


def test_nifti_files_are_read_again(batch, scan, monkeypatch):
    """ITK's writer says nothing when the disk is full."""
    scan("anna.nrrd", size=(32, 32, 8))
    write = sitk.WriteImage

    def full(image, path, *options):
        changed = sitk.GetArrayFromImage(image)
        changed[-1] = 0
        write(sitk.GetImageFromArray(changed), path, *options)

    monkeypatch.setattr(sitk, "WriteImage", full)
    assert batch(*COMMON, "--format", "nii.gz") == 1
    assert listing() == ["summary.json"]
    assert "could not be completed" in case("anna")["message"]


def test_a_report_that_cannot_be_written_takes_the_image_with_it(batch, scan, monkeypatch):
    scan("anna.nrrd")
    replace = os.replace

    def fail(source, target):
        if str(target).endswith("nrrd.json"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert batch(*COMMON) == 1
    assert listing() == ["summary.json"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "required: VERB"),
        (("--input", "scans"), "required: VERB"),
        (("reconstruct",), "required: VERB"),
        (("super-resolve", "--input", "scans"), "--output"),
        (("super-resolve", "--input", "scans", "--output", "scans"), "a folder of their own"),
        (("super-resolve", "--input", "scans", "--output", "scans/../scans/"), "a folder of their own"),
        ((*COMMON, "--scale", "0"), "--scale"),
        ((*COMMON, "--scale", "two"), "--scale"),
        ((*COMMON, "--format", "jpg"), "--format"),
        ((*COMMON, "--mod", "m"), "--mod"),
        ((*COMMON, "stray"), "stray"),
    ],
)
def test_wrong_usage(batch, scan, module, words, complaint, capsys):
    scan("anna.nrrd")
    assert batch(*words) == 2
    assert complaint in capsys.readouterr().err
    assert not module.calls
    assert listing(".") == ["scans"]


def test_words_before_the_verb_are_slicers(batch, scan):
    scan("anna.nrrd")
    assert batch("--ignore-slicerrc", "--testing", *COMMON) == 0


def test_help(batch, capsys):
    assert batch("super-resolve", "--help") == 0
    assert "--no-consistency" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["empty", "none"])
def test_no_cases(batch, folder, capsys):
    Path("empty").mkdir()
    assert batch("super-resolve", "--input", folder, "--output", "results") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert folder in line
    assert not Path("results").exists()


def test_an_output_that_cannot_be_made(batch, scan, module, capsys):
    scan("anna.nrrd")
    Path("results").write_text("a file")
    assert batch(*COMMON) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "results cannot be made" in line
    assert not module.calls


def test_missing_packages_stop_the_run_at_once(batch, scan, module, worker, capsys):
    scan("anna.nrrd", "bert.nrrd")
    worker.lacks = ["torch>=2.6"]
    assert batch(*COMMON) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("batch.py: error: torch>=2.6 must be installed first (")
    assert "--install" in line
    assert not module.calls
    assert [one["status"] for one in summary()["cases"]] == ["skipped", "skipped"]
    assert "torch" in summary()["error"]
    assert worker.stopped == 1


def test_packages_that_go_missing_on_the_way_stop_the_run(batch, scan, module, capsys):
    from MRIEnhanceBridge.errors import MissingPackages

    def lack():
        raise MissingPackages(["torch>=2.6"])

    scan("a.nrrd", "b.nrrd", "c.nrrd")
    module.do = {"b": lack}
    assert batch(*COMMON) == 1
    assert [one["status"] for one in summary()["cases"]] == ["ok", "skipped", "skipped"]
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("works", [True, False])
def test_install(batch, scan, module, worker, monkeypatch, works):
    from MRIEnhanceBridge import runner

    scan("anna.nrrd")
    worker.lacks = ["torch>=2.6"]
    calls = []

    def install(missing, interpreter, *, ask):
        assert worker.stopped == 1, "files in use cannot be replaced"
        calls.append((missing, interpreter, ask))
        if works:
            worker.lacks = []

    monkeypatch.setattr(runner, "install", install)
    assert batch(*COMMON, "--install") == (0 if works else 1)
    assert calls == [(["torch>=2.6"], worker.interpreter, False)]
    assert bool(module.calls) == works


def test_a_failed_installation_is_one_line(batch, scan, module, worker, capsys):
    scan("anna.nrrd")
    worker.lacks = ["torch>=2.6"]
    worker.interpreter = types.SimpleNamespace(ours=False, executable="/opt/me/bin/python")
    assert batch(*COMMON, "--install") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "/opt/me/bin/python has no torch>=2.6" in line
    assert not module.calls


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped(batch, scan, module, worker, number, capsys):
    scan("a.nrrd", "b.nrrd", "c.nrrd")
    module.do = {"b": lambda: signal.raise_signal(number)}
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert batch(*COMMON) == 130
    told = summary()
    assert (told["exit_code"], told["error"], told["finished"]) == (130, "stopped", True)
    assert [one["status"] for one in told["cases"]] == ["ok", "skipped", "skipped"]
    assert listing() == ["a_SRx2.nrrd", "a_SRx2.nrrd.json", "summary.json"]
    assert worker.stopped == 1
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_the_scene_is_empty_afterwards(batch, scan, module, host):
    scan("a.nrrd", "b.nrrd")
    module.do = {"b": lambda: 1 / 0}
    assert batch(*COMMON) == 1
    assert host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_an_unforeseen_error_ends_with_1(batch, scan, worker, host, monkeypatch, capsys):
    scan("anna.nrrd")
    monkeypatch.setattr(worker, "missing", lambda: 1 / 0)
    assert batch(*COMMON) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert not summary()["finished"]
    assert worker.stopped == 1


def test_progress_is_told_now_and_then(host, monkeypatch, capsys):
    from MRIEnhanceBridge import runner
    from MRIEnhanceBridge.steps import Progress

    now = [100.0]
    monkeypatch.setattr(runner.time, "monotonic", lambda: now[0])
    teller = runner._Teller("[2/7] anna: ")
    for percent in range(1, 101):
        now[0] += 0.125
        teller.tell(Progress(percent / 100, "Computing"))
    assert capsys.readouterr().out.splitlines() == [f"[2/7] anna: {percent} %" for percent in (24, 48, 72, 96)]


def test_names_that_the_terminal_cannot_show(host, monkeypatch):
    from MRIEnhanceBridge import runner

    class Ascii:
        text = ""

        def write(self, text):
            self.text += text.encode("ascii").decode()

        def flush(self):
            pass

    stream = Ascii()
    runner._write(stream, "Zoë")
    assert stream.text == "'Zo\\xeb'\n"


def test_the_script_is_ascii(host):
    """Slicer reads it in the encoding of the system."""
    from MRIEnhanceBridge import batch

    Path(batch.__file__).read_bytes().decode("ascii")


def test_the_script_makes_the_package_importable(host, monkeypatch):
    from MRIEnhanceBridge import batch

    package = str(Path(batch.__file__).parent)
    monkeypatch.setattr(sys, "path", [package, "/elsewhere"])
    batch._find_packages()
    assert sys.path == [str(Path(package).parent), "/elsewhere"]
    batch._find_packages()
    assert len(sys.path) == 2


def test_voxels_survive(batch, scan):
    """The order of axes, once more, by numbers: no flip, no transposition."""
    image = scans.volume(size=(3, 4, 5))
    Path("scans").mkdir()
    sitk.WriteImage(image, "scans/a.nrrd")
    assert batch(*COMMON) == 0
    result = sitk.GetArrayFromImage(sitk.ReadImage("results/a_SRx2.nrrd"))
    assert np.array_equal(result[:, ::2, ::2], sitk.GetArrayFromImage(image))
