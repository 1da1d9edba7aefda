"""What `prepare` makes: one grid a visit, a cache that holds the images, figures, a split and a manifest."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from datasets import replicas
from mrienhance.datasets import Prepared, PrepareOptions, VisitOptions, read_dataset, work
from mrienhance.datasets.manifest import lacking
from mrienhance.datasets.split import read_split
from mrienhance.errors import Cancelled, ImageError, OutputError, UsageError
from mrienhance.images import Grid, IntensityScale, read_image, to_tensor
from mrienhance.inference import Cancel

from .conftest import copied, prepare


def options(**visit: object) -> PrepareOptions:
    return PrepareOptions(visit=VisitOptions(figures=False, **visit))  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    paths = (path for path in folder.rglob("*.raw"))
    return {path.as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}


def test_the_manifest_comes_back(ixi: Prepared) -> None:
    assert read_dataset(ixi.dataset.folder) == ixi.dataset
    assert ixi.dataset.layout == "ixi"
    assert read_split(ixi.dataset.folder / "split.csv") == {
        subject.subject: subject.split for subject in ixi.dataset.subjects
    }


def test_everybody_has_figures(ixi: Prepared, glioma: Prepared) -> None:
    for prepared in (ixi, glioma):
        folder = prepared.dataset.folder
        figures = [folder / visit.figure for _, visit in prepared.dataset.visits()]
        for figure in (*figures, folder / "qc" / "overview.png"):
            size = sitk.ReadImage(str(figure)).GetSize()
            assert 150 < min(size) < max(size) < 1500


def test_contrasts_on_other_grids_are_registered(ixi: Prepared) -> None:
    """T2w and PDw lay 4 mm to the back and 3 mm to the feet: they are where T1w is now, on its grid."""
    for _, visit in ixi.dataset.visits():
        names = {image.name: image for image in visit.images}
        assert list(names) == ["T1w", "T2w", "PDw"]
        assert names["T1w"].registered is None
        assert names["T2w"].registered == names["PDw"].registered
        facts = names["T2w"].registered
        assert facts is not None
        assert facts["to"] == "T1w"
        assert facts["shift_mm"] == pytest.approx(5.0, abs=1.0)
        assert facts["angle_deg"] < 1.0
        grids = {image.volume.grid for image in visit.images}
        assert len(grids) == 1
    person = next(iter(ixi.dataset.subjects))
    truth = to_tensor(sitk.DICOMOrient(replicas.head(replicas.sagittal(), "T2w", person=0), "ASL"))
    found = next(image for image in person.visits[0].images if image.name == "T2w").volume
    values = found.open(ixi.dataset.folder)
    assert tuple(values.shape) == tuple(truth.shape)
    similarity = np.corrcoef(values.flatten(), truth.flatten())[0, 1]
    unmoved = replicas.head(replicas.sagittal(), "T2w", person=0, shift=(0, 4, -3))
    assert (
        similarity > 0.995 > np.corrcoef(to_tensor(sitk.DICOMOrient(unmoved, "ASL")).flatten(), truth.flatten())[0, 1]
    )


def test_the_cache_holds_the_image_in_units_of_its_bright_tissue(glioma: Prepared) -> None:
    dataset = glioma.dataset
    image = next(visit.images[0] for _, visit in dataset.visits())
    stored = to_tensor(sitk.DICOMOrient(read_image(Path(dataset.source) / image.source), "LAS"))
    scale = IntensityScale.of(stored)
    assert image.volume.scale == scale.scale
    assert torch.equal(image.volume.open(dataset.folder), scale.apply(stored))
    assert image.volume.tissue["k"] == pytest.approx(
        (scale.apply(stored) > 0.05).float().mean((1, 2)).tolist(), abs=1e-6
    )


def test_half_precision(tmp_path: Path) -> None:
    replicas.plain(tmp_path / "data", people=1)
    half = prepare(tmp_path / "data", tmp_path / "half", options(pixel_type="float16")).dataset
    full = prepare(tmp_path / "data", tmp_path / "full").dataset
    pairs = zip(half.subjects[0].visits[0].images, full.subjects[0].visits[0].images, strict=True)
    for one, two in pairs:
        assert 2 * one.volume.bytes == two.volume.bytes
        torch.testing.assert_close(
            one.volume.open(half.folder).float(), two.volume.open(full.folder), rtol=2**-11, atol=2**-24
        )


def test_labels_go_with_their_images(tmp_path: Path) -> None:
    """A lesion map of the T2w scan, which is moved to the grid of T1w, is moved with it."""
    moved = (0.0, 5.0, 0.0)
    folder = tmp_path / "data" / "anna"
    replicas.save(replicas.head(replicas.sagittal(), "T1w"), folder / "t1.nii.gz")
    replicas.save(replicas.head(replicas.axial(), "T2w", shift=moved), folder / "t2.nii.gz")
    there = replicas.inside(replicas.axial(), np.add(replicas.TUMOUR[0], moved), replicas.TUMOUR[1]) > 0.5
    replicas.save(replicas.placed(there.astype(np.uint8), replicas.axial()), folder / "lesions.nii.gz")
    dataset = prepare(tmp_path / "data", tmp_path / "out").dataset
    (label,) = dataset.subjects[0].visits[0].labels
    truth = to_tensor(sitk.DICOMOrient(replicas.tumour(replicas.sagittal()) != 0, "ASL"))
    values = label.volume.open(dataset.folder).float()
    assert set(values.unique().tolist()) == {0.0, 1.0}
    dice = 2 * float((values * truth).sum()) / float((values + truth).sum())
    assert dice > 0.6


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    data, out = replicas.plain(tmp_path / "data"), tmp_path / "out"
    assert (prepare(data, out).made, prepare(data, out).kept) == (3, 3)
    before = files(out)
    replicas.save(replicas.head(replicas.axial(), "T2w", person=77), data / "patient02" / "new_t2.nii.gz")
    (data / "patient02" / "new_t2.nii.gz").replace(data / "patient02" / "t2.nii.gz")
    (out / "cache" / "patient03" / "T1w.raw").unlink()
    again = prepare(data, out)
    assert (again.made, again.kept) == (2, 1)
    after = files(out)
    assert {path for path in after if before.get(path) == after[path]} == {p for p in after if "patient01" in p}


def test_other_options_are_other_volumes(tmp_path: Path) -> None:
    data, out = replicas.plain(tmp_path / "data", people=1), tmp_path / "out"
    prepare(data, out)
    assert prepare(data, out, options(pixel_type="float16")).made == 1


def at_birth(monkeypatch: pytest.MonkeyPatch, do: Callable[[int], None]) -> None:
    """Have something done to each process as soon as it is started, with its number."""
    start = SpawnProcess.start

    def started(process: SpawnProcess) -> None:
        start(process)
        assert process.pid is not None
        do(process.pid)

    monkeypatch.setattr(SpawnProcess, "start", started)


def test_several_processes_make_the_same(
    tmp_path: Path, glioma: Prepared, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An interruption at the terminal reaches them too, before they can ignore it: that is left to the first one."""
    if hasattr(signal, "pthread_sigmask"):
        at_birth(monkeypatch, lambda number: os.kill(number, signal.SIGINT))
    data = Path(glioma.dataset.source)
    found = prepare(data, tmp_path / "out", replace(options(), jobs=2)).dataset
    hashes = [
        [image.volume.sha256 for _, visit in one.visits() for image in visit.images] for one in (found, glioma.dataset)
    ]
    assert hashes[0] == hashes[1]
    assert capfd.readouterr().err == ""


def test_several_processes_stop_within_their_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out, cancel = replicas.plain(tmp_path / "data"), tmp_path / "out", Cancel()
    at_birth(monkeypatch, lambda number: cancel.cancel())
    with pytest.raises(Cancelled):
        prepare(data, out, replace(options(), jobs=2), cancel=cancel)
    assert not multiprocessing.active_children()
    assert not list(out.rglob("record.json"))
    assert not (out / "dataset.json").exists()
    assert prepare(data, out).made == 3


def test_it_stops_when_asked_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out, cancel = replicas.plain(tmp_path / "data"), tmp_path / "out", Cancel()
    make_visit = work.make_visit

    def make_one(*arguments: Any) -> Any:
        cancel.cancel()
        return make_visit(arguments[0], lambda: None)

    monkeypatch.setattr(work, "make_visit", make_one)
    with pytest.raises(Cancelled):
        prepare(data, out, cancel=cancel)
    assert not (out / "dataset.json").exists()
    monkeypatch.undo()
    assert prepare(data, out).kept == 1


def test_the_split_is_as_asked(tmp_path: Path, glioma: Prepared) -> None:
    data = Path(glioma.dataset.source)
    split = tmp_path / "split.csv"
    split.write_text("subject,split\nBraTS-GLI-00005,test\nBraTS-GLI-00008,train\nsomebody,train\n")
    out = copied(glioma, tmp_path / "out")
    found = prepare(data, out, replace(options(), split=str(split)))
    assert found.made == 0
    assert found.dataset.split("test") == ("BraTS-GLI-00005",)
    split.write_text("subject,split\nBraTS-GLI-00005,test\nBraTS-GLI-00005,train\nBraTS-GLI-00008,train\n")
    with pytest.raises(UsageError, match="BraTS-GLI-00005 is in test and in train"):
        prepare(data, tmp_path / "new", replace(options(), split=str(split)))
    assert not (tmp_path / "new").exists()


def test_visits_of_a_person_share_a_part(glioma: Prepared) -> None:
    (first, second) = glioma.dataset.subjects
    assert [visit.visit for visit in first.visits] == ["000", "001"]
    assert {first.split, second.split} == {"train", "validation"}


def test_what_is_missing_is_told_and_may_be_required(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data")
    (data / "patient02" / "t2.nii.gz").unlink()
    kept = prepare(data, tmp_path / "kept").dataset
    assert [(entry.path, entry.reason) for entry in lacking(kept)] == [("patient02", "it has no T2w")]
    dropped = prepare(data, tmp_path / "dropped", options(require=("T1w", "T2w"))).dataset
    assert [subject.subject for subject in dropped.subjects] == ["patient01", "patient03"]
    assert ("patient02", "it has no T2w, which is required") in [(e.path, e.reason) for e in dropped.skipped]
    with pytest.raises(UsageError, match="has PDw"):
        prepare(data, tmp_path / "none", options(require=("PDw",)))


def test_an_unreadable_file_is_listed_or_stops(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data")
    broken = data / "patient01" / "t1.nii.gz"
    broken.write_bytes(broken.read_bytes()[:200])
    dataset = prepare(data, tmp_path / "out").dataset
    assert [image.name for image in dataset.subjects[0].visits[0].images] == ["T1c", "T2w", "FLAIR"]
    ((path, reason),) = [(entry.path, entry.reason) for entry in dataset.skipped]
    assert path == "patient01/t1.nii.gz"
    assert "truncated" in reason
    with pytest.raises(ImageError, match=r"patient01/t1\.nii\.gz"):
        prepare(data, tmp_path / "strict", options(strict=True))
    with pytest.raises(ImageError, match=r"patient01/t1\.nii\.gz"):
        prepare(data, tmp_path / "out", options(strict=True))


def test_all_unreadable(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a_T1w.nii.gz").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"no image in .* can be used"):
        prepare(tmp_path / "data", tmp_path / "out")


def test_unequal_grids_stay_if_no_grid_is_wanted(tmp_path: Path) -> None:
    data = replicas.ixi(tmp_path / "data", people=1)
    (subject,) = prepare(data, tmp_path / "out", options(grid="none")).dataset.subjects
    assert len({image.volume.grid for image in subject.visits[0].images}) == 2
    assert subject.visits[0].notes == ("its contrasts are on 2 grids: PDw and T2w; T1w",) or subject.visits[
        0
    ].notes == ("its contrasts are on 2 grids: T1w; PDw and T2w",)
    with pytest.raises(ImageError, match="on 2 grids"):
        prepare(data, tmp_path / "strict", options(grid="none", strict=True))


def test_a_grid_that_somebody_does_not_have(tmp_path: Path) -> None:
    data = replicas.ixi(tmp_path / "data", people=1)
    (subject,) = prepare(data, tmp_path / "out", options(grid="T2w")).dataset.subjects
    assert {image.volume.grid for image in subject.visits[0].images} == {
        Grid.of(sitk.DICOMOrient(replicas.head(replicas.axial(), "T2w"), "LAS"))
    }
    with pytest.raises(UsageError, match="nobody has the contrast 'FLAIR'"):
        prepare(data, tmp_path / "other", options(grid="FLAIR"))
    replicas.save(replicas.head(replicas.axial(), "T1w"), data / "IXI-T1" / "IXI900-HH-0001-T1.nii.gz")
    replicas.save(replicas.head(replicas.sagittal(), "PDw"), data / "IXI-PD" / "IXI900-HH-0001-PD.nii.gz")
    second = prepare(data, tmp_path / "out", options(grid="T2w")).dataset.subjects[1]
    assert second.visits[0].notes[0] == "there is no T2w: its contrasts are on the grid of T1w"


def test_one_scan_under_two_names_is_one_person(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data", people=2)
    for file in ("t1.nii.gz", "t2.nii.gz"):
        shutil.copy(data / "patient01" / file, data / "patient02" / file)
    dataset = prepare(data, tmp_path / "out").dataset
    assert [image.name for image in dataset.subjects[1].visits[0].images] == ["T1c", "FLAIR"]
    assert "the same image as patient01/t1.nii.gz of patient01" in [entry.reason for entry in dataset.skipped]


@pytest.mark.parametrize("inside", ["", "out"])
def test_an_output_in_the_data_set_is_refused(tmp_path: Path, inside: str) -> None:
    data = replicas.plain(tmp_path / "data", people=1)
    with pytest.raises(OutputError, match="lies in the data set itself"):
        prepare(data, data / inside)


def test_an_output_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data", people=1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dataset.json").write_text(json.dumps({"name": "another program's"}))
    with pytest.raises(OutputError, match="is not empty"):
        prepare(data, tmp_path / "out")


def test_strange_names_become_plain_files(tmp_path: Path) -> None:
    replicas.save(replicas.head(replicas.axial(), "T1w"), tmp_path / "data" / "Zoë B." / "t1.nii.gz")
    dataset = prepare(tmp_path / "data", tmp_path / "out").dataset
    assert dataset.subjects[0].subject == "Zoë B."
    assert dataset.subjects[0].visits[0].images[0].volume.file.isascii()
