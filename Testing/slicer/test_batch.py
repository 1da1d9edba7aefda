"""The batch script, in this process, with modules and a worker that are made up: what it does with its cases."""

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

import scans
from batches import COMMON, REPORT, case, doubled, listing, summary


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
        "contrast": None,
        "reference": None,
        "referenceContrast": None,
        "register": True,
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
    nothing |= {"contrast": None, "reference": None, "referenceContrast": None, "register": True}
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
