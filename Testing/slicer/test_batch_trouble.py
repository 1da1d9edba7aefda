"""The batch script ends with one clear line and an exit code, whatever happens."""

import signal
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import scans
from batches import COMMON, listing, summary


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "required: VERB"),
        (("--input", "scans"), "required: VERB"),
        (("enhance",), "required: VERB"),
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
