"""The batch script's verb `reconstruct`, in this process, with a module and a worker that are made up."""

import inspect
import json
import os
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

import scans
from batches import IMAGES, RECONSTRUCT, RECONSTRUCTION, ROWS, SIMULATE, case, listing, reconstructed, summary

DEFAULTS = {
    "model": None,
    "coilMaps": "espirit",
    "acceleration": None,
    "slices": None,
    "maps": (),
    "device": "auto",
    "precision": "auto",
}
FILES = ("anna.h5", "bert.cfl", "bert.hdr", "carl.npy", "dora.npz", "emil.hdf5", "fred.mrd")
MAPS = ("--maps", "attention", "without-lesion-term", "zero-filled")


def test_a_folder_of_raw_data(batch, raw, reconstructor):
    raw(*FILES, "notes.txt", ".hidden.h5")
    before = {path: path.read_bytes() for path in Path("raw").iterdir()}
    assert batch(*RECONSTRUCT) == 0
    names = ["anna", "bert", "carl", "dora", "emil", "fred"]
    images = [f"{name}_recon.nrrd{ending}" for name in names for ending in ("", ".json")]
    assert listing() == [*images, "summary.json"]
    for name in names:
        assert scans.same(reconstructed(name), sitk.ReadImage(f"results/{name}_recon.nrrd"))
    assert json.loads(Path("results/anna_recon.nrrd.json").read_text()) == RECONSTRUCTION
    assert reconstructor.calls["anna"] == (str(Path("raw/anna.h5").resolve()), DEFAULTS)
    assert reconstructor.calls["bert"][0] == str(Path("raw/bert.cfl").resolve())
    assert {path: path.read_bytes() for path in Path("raw").iterdir()} == before


def test_the_summary_tells_what_was_found(batch, raw, reconstructor):
    raw("anna.h5")
    assert batch(*RECONSTRUCT) == 0
    (one,) = summary()["cases"]
    assert (one["status"], one["metrics"], one["maps"]) == ("ok", [], {})
    assert one["output"] == str(Path("results/anna_recon.nrrd").resolve())
    facts = ("model", "device", "precision", "warnings", "reconstruction")
    assert one["report"] == {key: RECONSTRUCTION[key] for key in facts}
    assert one["report"]["reconstruction"]["scores"] == [{"name": "lesion", "highest": 0.75, "slice": 2}]


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_maps_lie_beside_the_image(batch, raw, reconstructor, ending):
    raw("anna.h5")
    assert batch(*RECONSTRUCT, *MAPS, "--format", ending) == 0
    assert reconstructor.calls["anna"][1]["maps"] == MAPS[1:]
    image = f"anna_recon.{ending}"
    maps = {name: f"anna_recon_{name}.{ending}" for name in MAPS[1:]}
    assert sorted(listing()) == sorted([image, f"{image}.json", "summary.json", *maps.values()])
    for name, file in maps.items():
        assert scans.same(reconstructed("anna", name), sitk.ReadImage(f"results/{file}"), tolerance=1e-5)
    assert case("anna")["maps"] == {name: str(Path("results", file).resolve()) for name, file in maps.items()}


def test_only_the_maps_that_were_asked_for_are_written(batch, raw, reconstructor):
    raw("anna.h5")
    assert batch(*RECONSTRUCT, "--retrospective", "4", "--maps", "zero-filled", "zero-filled") == 0
    assert reconstructor.calls["anna"][1]["maps"] == ("zero-filled",)
    images = ["anna_recon_R4.nrrd", "anna_recon_R4.nrrd.json", "anna_recon_R4_zero-filled.nrrd"]
    assert listing() == [*images, "summary.json"]


def test_full_scans(batch, raw, reconstructor):
    raw("anna.h5")
    words = ("--retrospective", "4.5", "--sampling", "poisson-disc", "--lines-along", "j", "--seed", "0")
    assert batch(*RECONSTRUCT, *words, "--maps", "full") == 0
    changed = {"acceleration": 4.5, "sampling": "poisson-disc", "linesAlong": "j", "seed": 0}
    assert reconstructor.calls["anna"][1] == {**DEFAULTS, **changed}
    assert scans.same(reconstructed("anna"), sitk.ReadImage("results/anna_recon_R4.5.nrrd"))
    assert scans.same(reconstructed("anna", "full"), sitk.ReadImage("results/anna_recon_R4.5_full.nrrd"))
    assert case("anna")["metrics"] == ROWS


def test_scans_of_volumes_are_simulated(batch, scan, reconstructor):
    scan("anna.nrrd")
    scans.write_series(Path("scans/bert"), scans.volume())
    assert batch(*SIMULATE) == 0
    assert reconstructor.calls["anna"] == (None, {**DEFAULTS, "acceleration": 4.0})
    assert reconstructor.calls["bert"][0] is None
    assert scans.same(reconstructed("anna"), sitk.ReadImage("results/anna_recon_R4.nrrd"))
    assert "bert_recon_R4.nrrd" in listing()
    assert case("anna")["metrics"] == ROWS
    assert batch(*SIMULATE, "--acceleration", "8", "--coils", "12", "--snr", "30.5", "--slices", "1:3") == 0
    changed = {"acceleration": 8.0, "coils": 12, "snr": 30.5, "slices": [1, 2]}
    assert reconstructor.calls["anna"][1] == {**DEFAULTS, **changed}
    assert "anna_recon_R8.nrrd" in listing()


def test_all_options_of_raw_data_reach_the_module(batch, raw, reconstructor):
    raw("anna.npy", "mask.npy")
    words = (
        *("--model", "m.safetensors", "--device", "cuda:1", "--precision", "bfloat16", "--coil-maps", "low-resolution"),
        *("--slices", "0:20:5", "--axes", "coil,ky,kx", "--mask", "raw/mask.npy"),
    )
    assert batch(*RECONSTRUCT, *words) == 0
    assert list(reconstructor.calls) == ["anna"], "the mask is no case"
    assert reconstructor.calls["anna"][1] == {
        **DEFAULTS,
        "model": "m.safetensors",
        "device": "cuda:1",
        "precision": "bfloat16",
        "coilMaps": "low-resolution",
        "slices": [0, 5, 10, 15],
        "axes": "coil,ky,kx",
        "mask": str(Path("raw/mask.npy").resolve()),
    }


@pytest.mark.parametrize(("words", "numbers"), [("7", [7]), ("3,1,2", [3, 1, 2]), ("2:5", [2, 3, 4])])
def test_slices(batch, raw, reconstructor, words, numbers):
    raw("anna.h5")
    assert batch(*RECONSTRUCT, "--slices", words) == 0
    assert reconstructor.calls["anna"][1]["slices"] == numbers


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((*RECONSTRUCT, "--acceleration", "4"), "--acceleration is for --simulate"),
        ((*RECONSTRUCT, "--coils", "4"), "--coils is for --simulate"),
        ((*RECONSTRUCT, "--snr", "4"), "--snr is for --simulate"),
        ((*RECONSTRUCT, "--sampling", "poisson-disc"), "--sampling is for --retrospective or --simulate"),
        ((*RECONSTRUCT, "--lines-along", "i"), "--lines-along is for --retrospective or --simulate"),
        ((*RECONSTRUCT, "--seed", "0"), "--seed is for --retrospective or --simulate"),
        ((*RECONSTRUCT, "--maps", "full"), "the map full is for --retrospective"),
        ((*SIMULATE, "--maps", "full"), "the map full is for --retrospective"),
        ((*SIMULATE, "--retrospective", "4"), "--retrospective is for raw data, not for --simulate"),
        ((*SIMULATE, "--axes", "ky,kx"), "--axes is for raw data, not for --simulate"),
        ((*SIMULATE, "--mask", "m.npy"), "--mask is for raw data, not for --simulate"),
        ((*RECONSTRUCT, "--maps"), "--maps"),
        ((*RECONSTRUCT, "--maps", "scores"), "--maps"),
        ((*RECONSTRUCT, "--retrospective", "0.5"), "--retrospective"),
        ((*RECONSTRUCT, "--retrospective", "nan"), "--retrospective"),
        ((*RECONSTRUCT, "--retrospective", "inf"), "--retrospective"),
        ((*RECONSTRUCT, "--coil-maps", "sigpy"), "--coil-maps"),
        ((*SIMULATE, "--sampling", "spiral"), "--sampling"),
        ((*SIMULATE, "--lines-along", "k"), "--lines-along"),
        ((*SIMULATE, "--coils", "0"), "--coils"),
        ((*SIMULATE, "--snr", "0"), "--snr"),
        ((*SIMULATE, "--snr", "inf"), "--snr"),
        ((*SIMULATE, "--seed", "-1"), "--seed"),
        ((*RECONSTRUCT, "--slices", "80:"), "--slices"),
        ((*RECONSTRUCT, "--slices", "5:5"), "--slices"),
        ((*RECONSTRUCT, "--slices", "0:9:0"), "--slices"),
        ((*RECONSTRUCT, "--slices", "0:9:1:1"), "--slices"),
        ((*RECONSTRUCT, "--slices=-3:2"), "--slices"),
        ((*RECONSTRUCT, "--slices", "1,1"), "--slices"),
        ((*RECONSTRUCT, "--slices", "0:999999999999"), "--slices"),
        ((*RECONSTRUCT, "--scale", "2"), "--scale"),
    ],
)
def test_wrong_usage(batch, raw, reconstructor, words, complaint, capsys):
    raw("anna.h5")
    assert batch(*words) == 2
    assert complaint in capsys.readouterr().err
    assert not reconstructor.calls
    assert listing(".") == ["raw"]


def test_help(batch, capsys):
    assert batch("reconstruct", "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(word in told for word in ("--retrospective", "--simulate", "zero-filled", "ISMRMRD"))


def test_volumes_without_simulate(batch, scan, reconstructor, capsys):
    scan("anna.nrrd")
    assert batch("reconstruct", "--input", "scans", "--output", "results") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no *.h5" in line
    assert "--simulate takes volumes" in line
    assert not Path("results").exists()


def test_one_case_never_stops_the_others(batch, raw, reconstructor):
    from MRIEnhanceBridge.errors import BridgeError

    def refuse():
        raise BridgeError("b.cfl lacks its other half", "put both files into one folder", kind="KSpaceError")

    def crash():
        raise ZeroDivisionError("division by zero")

    raw("a.h5", "b.cfl", "c.hdr", "d.npz")
    reconstructor.do = {"a": crash, "b": refuse}
    assert batch(*RECONSTRUCT, *MAPS) == 1
    assert summary()["counts"] == {"ok": 2, "failed": 2, "skipped": 0}
    assert (case("b")["message"], case("b")["kind"]) == ("b.cfl lacks its other half", "KSpaceError")
    assert case("a")["kind"] == "Internal"
    assert reconstructor.calls["c"][0] == str(Path("raw/c.hdr").resolve()), "half a pair is told, not left out"
    assert not list(Path("results").glob("[ab]_*"))


def test_a_map_that_the_model_does_not_give(batch, raw, reconstructor):
    raw("anna.h5")
    reconstructor.knows = {"zero-filled"}
    assert batch(*RECONSTRUCT, "--maps", "zero-filled", "attention") == 1
    refused = case("anna")
    assert refused["message"] == "toy-recon gives no image 'attention'"
    assert "leave it out of --maps" in refused["hint"]
    assert listing() == ["summary.json"]


@pytest.mark.parametrize("there", ["anna_recon.nrrd", "anna_recon.nrrd.json", "anna_recon_attention.nrrd"])
def test_what_is_there_is_not_replaced(batch, raw, reconstructor, there):
    raw("anna.h5", "bert.h5")
    Path("results").mkdir()
    Path("results", there).write_text("precious")
    assert batch(*RECONSTRUCT, *MAPS) == 1
    assert Path("results", there).read_text() == "precious"
    assert (case("anna")["kind"], case("anna")["hint"]) == ("Exists", "--force replaces it")
    assert list(reconstructor.calls) == ["bert"], "refused before the work"
    assert [name for name in listing() if name.startswith("anna")] == [there]


def test_what_appears_on_the_way_is_not_replaced(batch, raw, reconstructor):
    raw("anna.h5")
    reconstructor.do = {"anna": lambda: Path("results/anna_recon_attention.nrrd").write_text("precious")}
    assert batch(*RECONSTRUCT, *MAPS) == 1
    assert Path("results/anna_recon_attention.nrrd").read_text() == "precious"
    assert listing() == ["anna_recon_attention.nrrd", "summary.json"]


def test_force_replaces(batch, raw, reconstructor):
    raw("anna.h5")
    assert batch(*RECONSTRUCT, *MAPS) == 0
    for path in Path("results").iterdir():
        path.write_text("old")
    assert batch(*RECONSTRUCT, *MAPS, "--force") == 0
    for name in MAPS[1:]:
        assert scans.same(reconstructed("anna", name), sitk.ReadImage(f"results/anna_recon_{name}.nrrd"))
    assert json.loads(Path("results/anna_recon.nrrd.json").read_text()) == RECONSTRUCTION


@pytest.mark.parametrize("last", ["anna_recon_zero-filled.nrrd", "anna_recon_attention.nrrd", "anna_recon.nrrd"])
def test_a_full_disk_leaves_nothing_behind(batch, raw, reconstructor, monkeypatch, last):
    """Whichever of the files cannot be put into its place."""
    raw("anna.h5")
    replace = os.replace

    def fail(source, target):
        if Path(target).name == last:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert batch(*RECONSTRUCT, *MAPS) == 1
    assert listing() == ["summary.json"]
    assert case("anna")["message"].endswith(f"{last} cannot be written: No space left on device")


def test_a_map_that_cannot_be_written_takes_nothing_away_that_was_there(batch, raw, reconstructor, monkeypatch):
    raw("anna.h5")
    assert batch(*RECONSTRUCT, *MAPS) == 0
    before = {path: path.read_bytes() for path in Path("results").glob("anna*")}
    write, calls = sitk.WriteImage, []

    def half(image, path, *options):
        calls.append(path)
        write(image, path, *options)
        if len(calls) == len(MAPS):
            os.truncate(path, 100)
            raise RuntimeError("sitk::ERROR: no space left")

    monkeypatch.setattr(sitk, "WriteImage", half)
    assert batch(*RECONSTRUCT, *MAPS, "--force") == 1
    assert {path: path.read_bytes() for path in Path("results").glob("*anna*")} == before
    assert len(listing()) == len(before) + 1
    assert "zero-filled.nrrd cannot be written" in case("anna")["message"]


def test_names_that_would_clash_are_refused_before_work(batch, raw, reconstructor, capsys):
    raw("anna.h5", "anna.npy")
    assert batch(*RECONSTRUCT) == 1
    assert "results of the same name: anna.h5, anna.npy" in capsys.readouterr().err
    assert not reconstructor.calls


def test_the_stand_in_has_no_image_twice():
    """The oracle of this file can tell the images of a case apart."""
    images = [reconstructed("anna", name) for name in IMAGES]
    assert not any(scans.same(one, two) for one in images for two in images if one is not two)
    assert not scans.same(reconstructed("anna"), reconstructed("bert"))


@pytest.mark.parametrize(
    "words",
    [
        (*RECONSTRUCT, "--retrospective", "4", "--sampling", "poisson-disc", "--lines-along", "j", "--seed", "3"),
        (*RECONSTRUCT, "--axes", "coil,ky,kx", "--mask", "mask.npy", "--slices", "1"),
        (*SIMULATE, "--coils", "4", "--snr", "20"),
    ],
)
def test_the_module_takes_what_it_is_given(batch, raw, scan, reconstructor, monkeypatch, words):
    raw("anna.h5")
    scan("anna.nrrd")
    assert batch(*words) == 0
    source, options = reconstructor.calls["anna"]
    monkeypatch.delitem(sys.modules, "Reconstruct")
    from Reconstruct import ReconstructLogic

    inspect.signature(ReconstructLogic.process).bind(None, source, **options)
