"""The batch script's verb `synthesize`, in this process, with a module and a worker that are made up."""

import inspect
import json
import os
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

import scans
from batches import SYNTHESIS, SYNTHESIZE, case, listing, summary, synthetic

DEFAULTS = {"source": None, "model": None, "uncertainty": False, "device": "auto", "precision": "auto"}
TWO = ("--to", "T2w", "FLAIR")


def files(name, *contrasts, ending="nrrd", maps=()):
    """What is written of a case."""
    stems = [f"{name}_synthetic-{contrast}" for contrast in contrasts]
    reports = [f"{stem}.{ending}.json" for stem in stems]
    return [*reports, *(f"{stem}{part}.{ending}" for stem in stems for part in ("", *(f"_{each}" for each in maps)))]


def test_every_contrast_of_every_case(batch, scan, synthesizer):
    scan("anna.nrrd", "bert.nii.gz")
    before = {path: path.read_bytes() for path in Path("scans").iterdir()}
    assert batch(*SYNTHESIZE, *TWO) == 0
    names = [*files("anna", "T2w", "FLAIR"), *files("bert", "T2w", "FLAIR"), "summary.json"]
    assert listing() == sorted(names)
    for name in ("anna", "bert"):
        for contrast in ("T2w", "FLAIR"):
            written = sitk.ReadImage(f"results/{name}_synthetic-{contrast}.nrrd")
            assert scans.same(synthetic(name, contrast), written)
            report = json.loads(Path(f"results/{name}_synthetic-{contrast}.nrrd.json").read_text())
            assert report["synthesis"] == {"synthetic": True, "target": contrast}
    assert synthesizer.calls["anna"] == {**DEFAULTS, "to": ("T2w", "FLAIR")}
    assert {path: path.read_bytes() for path in Path("scans").iterdir()} == before


def test_the_summary_names_all_files(batch, scan, synthesizer):
    scan("anna.nrrd")
    assert batch(*SYNTHESIZE, *TWO, "--uncertainty") == 0
    one = case("anna")
    paths = {name: str(Path("results", f"anna_synthetic-{name}.nrrd").resolve()) for name in ("T2w", "FLAIR")}
    assert (one["status"], one["output"], one["outputs"]) == ("ok", paths["T2w"], paths)
    spreads = {f"{name}_uncertainty": path.replace(".nrrd", "_uncertainty.nrrd") for name, path in paths.items()}
    assert one["maps"] == spreads
    assert one["report"] == {**SYNTHESIS, "synthesis": {"synthetic": True, "target": "T2w"}}


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_the_uncertainty_lies_beside_each_image(batch, scan, synthesizer, ending):
    scan("anna.nrrd")
    assert batch(*SYNTHESIZE, *TWO, "--uncertainty", "--format", ending) == 0
    names = files("anna", "T2w", "FLAIR", ending=ending, maps=["uncertainty"])
    assert listing() == sorted([*names, "summary.json"])
    written = sitk.ReadImage(f"results/anna_synthetic-FLAIR_uncertainty.{ending}")
    assert scans.same(synthetic("anna", "FLAIR", "uncertainty"), written, tolerance=1e-5)


def test_the_contrast_of_a_case_is_told_by_its_name_unless_it_is_said(batch, scan, synthesizer):
    scan("sub-01_T1w.nrrd", "sub-01_ce-gadolinium_T1w.nrrd", "head.nrrd")
    assert batch(*SYNTHESIZE, "--to", "FLAIR") == 0
    sources = {name: options["source"] for name, options in synthesizer.calls.items()}
    assert sources == {"sub-01_T1w": "T1w", "sub-01_ce-gadolinium_T1w": "T1c", "head": None}
    assert batch(*SYNTHESIZE, "--to", "FLAIR", "--from", "T2w", "--force") == 0
    assert {options["source"] for options in synthesizer.calls.values()} == {"T2w"}


def test_all_options_reach_the_module(batch, scan, synthesizer):
    scan("anna.nrrd")
    words = ("--model", "m.safetensors", "--device", "cuda:1", "--precision", "bfloat16", "--uncertainty")
    assert batch(*SYNTHESIZE, "--to", "T1c", "--from", "T1w", *words) == 0
    changed = {"model": "m.safetensors", "device": "cuda:1", "precision": "bfloat16", "uncertainty": True}
    assert synthesizer.calls["anna"] == {**changed, "source": "T1w", "to": ("T1c",)}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "--to"),
        (("--to",), "--to"),
        (("--to", "CT"), "--to"),
        (("--to", "T2w", "T2w"), "--to names a contrast twice"),
        (("--to", "T2w", "T1w", "--from", "T1w"), "both --from and --to"),
        (("--to", "T2w", "--from", "CT"), "--from"),
        (("--to", "T2w", "--scale", "2"), "--scale"),
    ],
)
def test_wrong_usage(batch, scan, synthesizer, words, complaint, capsys):
    scan("anna.nrrd")
    assert batch(*SYNTHESIZE, *words) == 2
    assert complaint in capsys.readouterr().err
    assert not synthesizer.calls
    assert listing(".") == ["scans"]


def test_help(batch, capsys):
    assert batch("synthesize", "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(word in told for word in ("--to", "--from", "FLAIR", "--uncertainty"))


def test_one_case_never_stops_the_others(batch, scan, synthesizer):
    from MRIEnhanceBridge.errors import BridgeError

    def refuse():
        raise BridgeError("this looks like a T2w", "say which contrast it has", kind="ImageError")

    scan("anna.nrrd", "bert.nrrd")
    synthesizer.do = {"anna": refuse}
    assert batch(*SYNTHESIZE, *TWO) == 1
    assert summary()["counts"] == {"ok": 1, "failed": 1, "skipped": 0}
    assert (case("anna")["message"], case("anna")["outputs"]) == ("this looks like a T2w", {})
    assert not list(Path("results").glob("anna*"))


@pytest.mark.parametrize("there", files("anna", "T2w", "FLAIR", maps=["uncertainty"]))
def test_what_is_there_is_not_replaced(batch, scan, synthesizer, there):
    scan("anna.nrrd", "bert.nrrd")
    Path("results").mkdir()
    Path("results", there).write_text("precious")
    assert batch(*SYNTHESIZE, *TWO, "--uncertainty") == 1
    assert Path("results", there).read_text() == "precious"
    assert (case("anna")["kind"], case("anna")["hint"]) == ("Exists", "--force replaces it")
    assert list(synthesizer.calls) == ["bert"], "refused before the work"
    assert [name for name in listing() if name.startswith("anna")] == [there]


def test_another_contrast_that_is_there_does_not_matter(batch, scan, synthesizer):
    scan("anna.nrrd")
    assert batch(*SYNTHESIZE, "--to", "T2w") == 0
    assert batch(*SYNTHESIZE, "--to", "FLAIR") == 0
    assert listing() == sorted([*files("anna", "T2w", "FLAIR"), "summary.json"])


@pytest.mark.parametrize("last", files("anna", "T2w", "FLAIR", maps=["uncertainty"]))
def test_a_full_disk_leaves_nothing_behind(batch, scan, synthesizer, monkeypatch, last):
    """Whichever of the files cannot be put into its place, no contrast is there alone."""
    scan("anna.nrrd")
    replace = os.replace

    def fail(source, target):
        if Path(target).name == last:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert batch(*SYNTHESIZE, *TWO, "--uncertainty") == 1
    assert listing() == ["summary.json"]
    assert case("anna")["message"].endswith(f"{last} cannot be written: No space left on device")


def test_the_module_takes_what_it_is_given(batch, scan, synthesizer, monkeypatch):
    scan("anna.nrrd")
    assert batch(*SYNTHESIZE, *TWO, "--uncertainty", "--from", "T1w") == 0
    monkeypatch.delitem(sys.modules, "Synthesize")
    from Synthesize import SynthesizeLogic

    inspect.signature(SynthesizeLogic.process).bind(None, None, **synthesizer.calls["anna"])
