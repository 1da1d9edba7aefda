"""The batch script's `super-resolve` with a reference for each case, with a module and a worker that are made up."""

import inspect
import sys
from pathlib import Path

import pytest

import scans
from batches import COMMON, case, listing


@pytest.fixture
def references(tmp_path):
    """Write scans into the folder ``references``."""

    def write(*names):
        return {name: scans.write(tmp_path / "references" / name, seed=len(name)) for name in names}

    return write


def test_each_case_gets_its_own(batch, scan, module, references):
    scan("sub-01_T2w.nrrd", "sub-02_T2w.nii.gz", "anna.nrrd")
    references("sub-01_T1w.nii.gz", "sub-02_T1w.nrrd", "anna.nrrd")
    assert batch(*COMMON, "--reference", "references") == 0
    given = {name: options["reference"].GetName() for name, options in module.calls.items()}
    assert given == {"sub-01_T2w": "sub-01_T1w", "sub-02_T2w": "sub-02_T1w", "anna": "anna"}
    contrasts = {name: (each["contrast"], each["referenceContrast"]) for name, each in module.calls.items()}
    assert contrasts == {"sub-01_T2w": ("T2w", "T1w"), "sub-02_T2w": ("T2w", "T1w"), "anna": (None, None)}
    assert all(options["register"] for options in module.calls.values())


def test_references_may_lie_beside_the_cases(batch, scan, module):
    scan("sub-01_T2w.nrrd", "sub-01_T1w.nrrd")
    assert batch(*COMMON, "--pattern", "*_T2w*", "--reference", "scans") == 0
    assert {name: each["reference"].GetName() for name, each in module.calls.items()} == {"sub-01_T2w": "sub-01_T1w"}


def test_one_case_may_be_given_a_file(batch, scan, module, references):
    scan("one.nrrd", "two.nrrd")
    references("other.nrrd")
    words = ("--input", "scans/one.nrrd", "--output", "results", "--reference", "references/other.nrrd")
    assert batch("super-resolve", *words, "--reference-contrast", "T1w", "--contrast", "FLAIR", "--no-register") == 0
    options = module.calls["one"]
    assert options["reference"].GetName() == "other"
    assert (options["contrast"], options["referenceContrast"], options["register"]) == ("FLAIR", "T1w", False)


def test_a_case_without_one_fails_alone(batch, scan, module, references):
    scan("sub-01_T2w.nrrd", "sub-02_T2w.nrrd", "sub-03_T2w.nrrd")
    references("sub-02_T1w.nrrd", "sub-03_T1w.nrrd", "sub-03_FLAIR.nrrd")
    assert batch(*COMMON, "--reference", "references") == 1
    assert "no reference for sub-01_T2w" in case("sub-01_T2w")["message"]
    assert "sub-01_T1w for sub-01_T2w" in case("sub-01_T2w")["hint"]
    assert case("sub-02_T2w")["status"] == "ok"
    assert "several references for sub-03_T2w: sub-03_FLAIR.nrrd, sub-03_T1w.nrrd" in case("sub-03_T2w")["message"]
    assert batch(*COMMON, "--reference", "references", "--reference-contrast", "FLAIR", "--force") == 1
    assert module.calls["sub-03_T2w"]["reference"].GetName() == "sub-03_FLAIR"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--reference", "nowhere"), "there is no"),
        (("--reference", "scans/a.nrrd"), "--reference is one file, and --input a folder"),
        (("--reference-contrast", "T1w"), "--reference-contrast is for --reference"),
        (("--no-register",), "--no-register is for --reference"),
        (("--reference", "scans", "--reference-contrast", "CT"), "--reference-contrast"),
    ],
)
def test_wrong_usage(batch, scan, module, words, complaint, capsys):
    scan("a.nrrd")
    assert batch(*COMMON, *words) == 2
    assert complaint in capsys.readouterr().err
    assert not module.calls
    assert listing(".") == ["scans"]


def test_the_module_takes_what_it_is_given(batch, scan, module, references, monkeypatch):
    scan("anna_T2w.nrrd")
    references("anna_T1w.nrrd")
    before = Path("references/anna_T1w.nrrd").read_bytes()
    assert batch(*COMMON, "--reference", "references") == 0
    assert Path("references/anna_T1w.nrrd").read_bytes() == before
    monkeypatch.delitem(sys.modules, "SuperResolve")
    from SuperResolve import SuperResolveLogic

    inspect.signature(SuperResolveLogic.process).bind(None, None, **module.calls["anna_T2w"])
