"""The batch script never replaces, mixes up or half writes anything."""

import json
import os
from pathlib import Path

import pytest
import SimpleITK as sitk

import scans
from batches import COMMON, REPORT, case, doubled, listing, summary


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
