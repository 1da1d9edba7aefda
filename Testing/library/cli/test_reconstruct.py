"""What ``mrienhance reconstruct`` writes and says, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance.kspace import read_kspace, write_kspace
from mrienhance.tasks.reconstruct import reconstruct
from tasks.samples import tiny_model, voxels
from tasks.scans import scan, tiny_reconstructor

QUIET = ("--device", "cpu", "--progress", "none")


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reconstructor(tmp_path_factory.mktemp("models") / "tiny-lf.safetensors")


@pytest.fixture
def file(terminal: Terminal) -> str:
    write_kspace(scan(3), "scan.npz")
    return "scan.npz"


def test_the_images_are_those_of_the_task(terminal: Terminal, model: Path, file: str):
    maps = ["--attention", "a.nrrd", "--zero-filled", "z.nii.gz"]
    said = terminal.done("reconstruct", file, "-o", "out.nrrd", "--model", model, *maps, *QUIET)
    expected = reconstruct(read_kspace(file), model=model, device="cpu")
    assert np.array_equal(voxels(sitk.ReadImage("out.nrrd")), voxels(expected.image))
    for name, path in {"attention": "a.nrrd", "zero-filled": "z.nii.gz"}.items():
        assert np.array_equal(voxels(sitk.ReadImage(path)), voxels(expected.maps[name]))
    assert sitk.ReadImage("out.nrrd").GetOrigin() == pytest.approx(expected.image.GetOrigin())
    assert said[0] == "out.nrrd  40 x 48 x 3 voxels of 1.1 x 0.9 x 4 mm"
    assert "LF-MRI (tiny-lf) on cpu" in said[-1]
    assert said[-1].endswith("For research, not for diagnosis.")


def test_the_report(terminal: Terminal, model: Path, file: str):
    terminal.done("reconstruct", file, "-o", "out.nii", "--model", model, "--report", "out.json", *QUIET)
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert report["task"] == "reconstruct"
    assert len(report["model"]["sha256"]) == 64
    facts = report["reconstruction"]
    assert (facts["coils"], facts["calibration_lines"], facts["coil_maps"]) == (6, 10, "ESPIRiT")
    assert facts["acceleration"] == pytest.approx(read_kspace(file).acceleration)
    [score] = facts["scores"]
    assert score["name"] == "lesion"
    assert 0 <= score["highest"] <= 1
    assert score["slice"] in range(3)
    assert facts["largest_lesion_change"] > 0
    assert 0 < report["consistency_residual"] < 1
    [seen] = report["inputs"]
    assert (seen["role"], seen["slices"], seen["coils"], seen["rows"], seen["columns"]) == ("k-space", 3, 6, 48, 40)


def test_without_a_model_the_report_names_the_settings(terminal: Terminal, file: str):
    said = terminal.done(
        "reconstruct",
        file,
        "-o",
        "out.nii",
        "--model",
        "cg-sense",
        "--report",
        "out.json",
        "--zero-filled",
        "z.nii",
        *QUIET,
    )
    report = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert report["model"]["sha256"] is None
    assert report["reconstruction"]["parameters"] == {"weight": 0.01, "iterations": 30}
    assert said[-1].startswith("CG-SENSE on cpu")


def test_some_slices_and_a_mask(terminal: Terminal, file: str):
    kspace = read_kspace(file)
    np.save("mask.npy", kspace.mask.numpy())
    terminal.done(
        "reconstruct", file, "-o", "out.nrrd", "--slices", "1:", "--mask", "mask.npy", "--model", "zero-filled", *QUIET
    )
    image = sitk.ReadImage("out.nrrd")
    assert image.GetSize() == (40, 48, 2)
    whole = reconstruct(kspace, model="zero-filled", device="cpu").image
    assert np.allclose(image.GetOrigin(), whole.TransformIndexToPhysicalPoint((0, 0, 1)))
    assert np.allclose(voxels(image), voxels(whole)[1:], atol=1e-6)


def test_axes_and_format(terminal: Terminal):
    samples = scan(2).samples.numpy()
    np.save("odd.npy", samples.transpose(1, 0, 3, 2))
    arguments = ["--axes", "coil,slice,kx,ky", "--format", "numpy", "--model", "zero-filled"]
    terminal.done("reconstruct", "odd.npy", "-o", "out.nrrd", *arguments, *QUIET)
    assert sitk.ReadImage("out.nrrd").GetSize() == (40, 48, 2)
    assert "does not say where" in terminal.err


def test_a_full_scan_is_tried(terminal: Terminal, model: Path):
    write_kspace(scan(2, acceleration=1), "full.npz")
    tried = ["--retrospective", "2", "--sampling", "equispaced-lines", "--seed", "3", "--full", "full.nrrd"]
    said = terminal.done(
        "reconstruct", "full.npz", "-o", "out.nrrd", "--model", model, "--coil-maps", "low-resolution", *tried, *QUIET
    )
    table = next(n for n, line in enumerate(said) if line.startswith("method"))
    assert [line.split()[0] for line in said[table + 2 : table + 4]] == ["zero-filled", "tiny-lf"]
    full = sitk.ReadImage("full.nrrd")
    expected = reconstruct(read_kspace("full.npz"), model="zero-filled", coil_maps="low-resolution", device="cpu")
    assert np.array_equal(voxels(full), voxels(expected.image))
    assert "equispaced-lines, 2-fold, of a full scan; seed 3" in terminal.err


def test_the_same_command_gives_the_same_bytes(terminal: Terminal, model: Path, file: str):
    for name in ("a.nii.gz", "b.nii.gz"):
        terminal.done("reconstruct", file, "-o", name, "--model", model, *QUIET)
    assert Path("a.nii.gz").read_bytes() == Path("b.nii.gz").read_bytes()


def test_without_a_model_one_line_warns(terminal: Terminal, file: str, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("MRIENHANCE_MODELS", str(tmp_path_factory.mktemp("none")))
    monkeypatch.setattr("mrienhance.models.catalogue.SHIPPED", tmp_path_factory.mktemp("nothing shipped"))
    terminal.done("reconstruct", file, "-o", "out.nii", *QUIET)
    assert terminal.err.splitlines() == ["mrienhance: warning: there is no model to reconstruct: CG-SENSE was used"]


REFUSED = {
    "no file": (["nowhere.h5"], 1, "nowhere.h5"),
    "no k-space": (["note.txt"], 1, "note.txt"),
    "no such model": (["scan.npz", "--model", "cg-sens"], 1, "cg-sens"),
    "attention of a classical one": (["scan.npz", "--model", "cg-sense", "--attention", "a.nii"], 2, "attention"),
    "seed of nothing": (["scan.npz", "--seed", "1"], 2, "--retrospective"),
    "full of nothing": (["scan.npz", "--full", "f.nii"], 2, "--retrospective"),
    "accelerated already": (["scan.npz", "--retrospective", "4", "--model", "cg-sense"], 1, "already"),
    "wrong axes": (["scan.npz", "--axes", "coil,ky"], 2, "axes"),
    "wrong mask": (["scan.npz", "--mask", "mask.npy"], 1, "mask"),
    "no such slice": (["scan.npz", "--slices", "7"], 1, "7"),
    "no such format": (["scan.npz", "--format", "dicom"], 2, "dicom"),
    "no slices": (["scan.npz", "--slices", "one"], 2, "selection of slices"),
    "the same file twice": (["scan.npz", "--attention", "out.nii"], 2, "twice"),
    "coil maps that are not there": (["scan.npz", "--coil-maps", "file", "--model", "cg-sense"], 2, "no coil maps"),
    "no calibration": (["gaps.npz", "--model", "cg-sense"], 1, "no calibration lines"),
    "NaN": (["nan.npy", "--model", "cg-sense"], 1, "NaN"),
    "zeros": (["zeros.npy", "--model", "cg-sense"], 1, "zeros"),
    "half a pair": (["half.cfl", "--model", "cg-sense"], 1, "half"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_refusals(terminal: Terminal, file: str, arguments: list[str], code: int, said: str):
    Path("note.txt").write_text("hello")
    np.save("mask.npy", np.ones((3, 3)))
    samples = scan(1, acceleration=1).samples.numpy()
    gaps = samples.copy()
    gaps[..., ::2] = 0
    np.savez("gaps.npz", kspace=gaps)
    np.save("zeros.npy", samples * 0)
    Path("half.cfl").write_bytes(b"0" * 64)
    samples[0, 0, 0, 0] = np.nan
    np.save("nan.npy", samples)
    message, hint = terminal.refused(["reconstruct", *arguments, "-o", "out.nii", *QUIET], code=code)
    assert said in f"{message} {hint}"


def test_a_map_that_the_model_does_not_have(terminal: Terminal, tmp_path_factory, file: str):
    plain = tiny_reconstructor(tmp_path_factory.mktemp("models") / "plain.safetensors", variant="no-lesion-term")
    arguments = ["reconstruct", file, "-o", "out.nii", "--model", plain, "--attention", "a.nii", *QUIET]
    message, _ = terminal.refused(arguments, code=2)
    assert message == "plain gives no image 'attention'"


def test_a_model_for_another_task(terminal: Terminal, tmp_path_factory, file: str):
    other = tiny_model(tmp_path_factory.mktemp("models") / "other-x2.safetensors")
    message, _ = terminal.refused(["reconstruct", file, "-o", "out.nii", "--model", other])
    assert "super-resolve" in message


def test_a_chain_of_commands(terminal: Terminal, model: Path):
    """Raw data simulated of an image are reconstructed where the image lies, and evaluated against it."""
    from tasks.samples import head

    sitk.WriteImage(head((48, 40, 2)), "head.nii.gz")
    terminal.done(
        "simulate", "kspace", "head.nii.gz", "-o", "raw.npz", "--acceleration", "2", "--center-fraction", "0.3"
    )
    terminal.done("reconstruct", "raw.npz", "-o", "again.nii.gz", "--model", "cg-sense", *QUIET)
    terminal.done("evaluate", "again.nii.gz", "head.nii.gz", "--json", "numbers.json")
    [row] = json.loads(Path("numbers.json").read_text(encoding="utf-8"))["rows"]
    assert row["psnr_db"] > 20


def test_the_list_and_a_description(terminal: Terminal):
    said = terminal.done("models")
    assert any(line.split()[:2] == ["cg-sense", "reconstruct"] for line in said)
    said = terminal.done("models", "l1-wavelet")
    assert said[0] == "L1-wavelet, without a model"
    assert any("weight 0.001" in line for line in said)
    entry = json.loads("\n".join(terminal.done("models", "cg-sense", "--json")))
    assert (entry["name"], entry["path"], entry["source"]) == ("cg-sense", None, "no model")
