"""The demo, on a small scan and with small models: everything it promises, and no foreign file touched."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance.errors import DependencyError, ModelError
from mrienhance.kspace import read_kspace, write_kspace
from mrienhance.models import find_model
from tasks.samples import head, tiny_model, voxels
from tasks.scans import scan, tiny_reconstructor

RAW = ["zero-filled", "cg-sense", "l1-wavelet", "tiny-lf"]
METHODS = {2: ["sinc", "cubic", "tiny-x2"], 4: ["sinc", "cubic", "tiny-x4"]}


@pytest.fixture(autouse=True)
def small(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small scan and small models instead of those that come along; gives the scan."""
    folder = tmp_path_factory.mktemp("small")
    sitk.WriteImage(head((48, 40, 3), pixel=sitk.sitkInt16, spacing=(0.9, 0.9, 1.0)), str(folder / "scan.nii"))
    models = {scale: tiny_model(folder / f"tiny-x{scale}.safetensors", scale=scale) for scale in (2, 4)}
    write_kspace(scan(1), folder / "raw.npz")
    samples = {"t1w_slab": folder / "scan.nii", "brain_8ch": folder / "raw.npz"}
    monkeypatch.setattr("mrienhance.data.sample_path", samples.__getitem__)
    reconstructor = find_model(tiny_reconstructor(folder / "tiny-lf.safetensors"))
    monkeypatch.setattr("mrienhance.tasks.reconstruct.find_model", lambda name=None, *, task: reconstructor)
    monkeypatch.setattr("mrienhance.tasks.super_resolution_model.find_for", lambda name, scale, **_: models[scale])
    return folder / "scan.nii"


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time, and one test with them is enough."""
    monkeypatch.setattr("mrienhance.evaluation.comparison_figure", lambda evaluation, path, **_: path.touch())
    monkeypatch.setattr("mrienhance.evaluation.side_by_side", lambda panels, errors, path, **_: path.touch())


def files(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_what_is_made(terminal: Terminal, small: Path):
    said = terminal.done("demo", "--progress", "none")
    expected = {".mrienhance-demo", "t1w.nii.gz", "results.txt", "results.csv", "results.json"}
    for scale, methods in METHODS.items():
        names = [f"t1w_x{scale}_{name}.nii.gz" for name in ("coarse", *methods)]
        expected |= {*names, f"compare_x{scale}.png", f"report_x{scale}.json"}
    for method in RAW:
        expected |= {f"kspace_{method}.nii.gz", f"report_{method}.json"}
    expected |= {"kspace_tiny-lf_attention.nii.gz", "reconstruct.png"}
    assert files("mrienhance-demo") == expected
    assert set(terminal.listing()) == {"mrienhance-demo", *(f"mrienhance-demo/{name}" for name in expected)}
    assert str(Path("mrienhance-demo").resolve()) in "\n".join(said)
    assert Path("mrienhance-demo/results.txt").read_text(encoding="utf-8").splitlines() == said[:8]
    for name in ("compare_x2.png", "reconstruct.png"):
        assert Path("mrienhance-demo", name).read_bytes().startswith(b"\x89PNG")
    assert [line.split(":")[0] for line in said[-5:-1]] == ["Zero-filled", "CG-SENSE", "L1-wavelet", "LF-MRI"]


def test_raw_data_without_a_model(terminal: Terminal, no_figure, monkeypatch: pytest.MonkeyPatch):
    def none(name: object = None, *, task: str) -> None:
        raise ModelError("there is none")

    monkeypatch.setattr("mrienhance.tasks.reconstruct.find_model", none)
    said = terminal.done("demo", "--progress", "none")
    assert [line.split(":")[0] for line in said[-4:-1]] == ["Zero-filled", "CG-SENSE", "L1-wavelet"]
    assert "kspace_tiny-lf.nii.gz" not in files("mrienhance-demo")


def test_raw_data_are_reconstructed_as_by_the_task(terminal: Terminal, no_figure):
    from mrienhance.data import sample_path
    from mrienhance.tasks.reconstruct import reconstruct

    terminal.done("demo", "--progress", "none")
    expected = reconstruct(read_kspace(sample_path("brain_8ch")), model="cg-sense", device="cpu").image
    found = sitk.ReadImage("mrienhance-demo/kspace_cg-sense.nii.gz")
    assert np.allclose(voxels(found), voxels(expected), atol=1e-4)
    report = json.loads(Path("mrienhance-demo/report_cg-sense.json").read_text(encoding="utf-8"))
    assert report["reconstruction"]["coils"] == 6


def test_the_numbers_are_those_of_the_images(terminal: Terminal, no_figure):
    terminal.done("demo", "--progress", "none")
    with Path("mrienhance-demo/results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["scale"], row["method"]) for row in rows] == [(f"x{s}", m) for s, ms in METHODS.items() for m in ms]
    for row in rows:
        image = f"mrienhance-demo/t1w_{row['scale']}_{row['method']}.nii.gz"
        terminal.done("evaluate", image, "mrienhance-demo/t1w.nii.gz", "--json", "again.json", "--force")
        [again] = json.loads(Path("again.json").read_text(encoding="utf-8"))["rows"]
        assert float(row["psnr_db"]) == pytest.approx(again["psnr_db"])
        assert float(row["ssim"]) == pytest.approx(again["ssim"])


def test_its_own_folder_is_written_again(terminal: Terminal, no_figure):
    terminal.done("demo", "--output", "here", "--progress", "none")
    before = files("here")
    Path("here/results.txt").write_text("old")
    Path("here/notes.txt").write_text("mine")
    terminal.done("demo", "--output", "here", "--progress", "none")
    assert files("here") == before | {"notes.txt"}
    assert Path("here/results.txt").read_text(encoding="utf-8") != "old"
    assert Path("here/notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_taken(terminal: Terminal, no_figure):
    Path("here").mkdir()
    terminal.done("demo", "--output", "here", "--progress", "none")
    assert "results.txt" in files("here")


def test_a_foreign_folder_is_refused(terminal: Terminal, no_figure):
    Path("here").mkdir()
    Path("here/results.txt").write_text("mine")
    message, hint = terminal.refused(["demo", "--output", "here"])
    assert "other files" in message
    assert "--force" in hint
    terminal.done("demo", "--output", "here", "--force", "--progress", "none")
    assert Path("here/results.txt").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize("place", ["a_file", "a_file/here", "missing/here", "/proc/here"])
def test_a_place_that_cannot_be_written(terminal: Terminal, place: str):
    Path("a_file").write_text("mine")
    message, _ = terminal.refused(["demo", "--output", place])
    assert place in message


def test_nothing_is_left_when_it_is_stopped(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mrienhance.evaluation.comparison_figure", interrupted)
    assert terminal.run(["demo", "--progress", "none"]) == 130
    assert terminal.listing() == {}


def test_without_matplotlib_the_rest_is_made(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    def missing(*args: object, **kwargs: object) -> None:
        raise DependencyError("figures need matplotlib", hint="pip install 'mrienhance[evaluate]'")

    monkeypatch.setattr("mrienhance.evaluation.comparison_figure", missing)
    terminal.done("demo", "--progress", "none")
    assert "matplotlib" in terminal.err
    assert "results.csv" in files("mrienhance-demo")
