"""A training reads a prepared folder as it would read the images, with the split, and refuses what is not as it was."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets import replicas
from mrienhance.datasets import Prepared, PrepareOptions, VisitOptions
from mrienhance.errors import UsageError
from mrienhance.training.prepared import with_split
from mrienhance.training.recipe import DataSettings
from mrienhance.training.subjects import Subject, load_subjects
from mrienhance.training.volumes import find_images, load_volume

from .conftest import copied, prepare

FOUR = ("T1w", "T1c", "T2w", "FLAIR")


def subjects(folder: Path, **options: Any) -> list[Subject]:
    return list(load_subjects(find_images([folder]), FOUR, min_foreground=0.05, **options))


def test_it_is_what_the_images_give(tmp_path: Path) -> None:
    """Bit for bit: subjects with their labels and slices, read from the files or from what was prepared."""
    data = replicas.plain(tmp_path / "data")
    prepare(data, tmp_path / "out")
    pairs = zip(subjects(data, labels=["lesions"]), subjects(tmp_path / "out", labels=["lesions"]), strict=True)
    for plain, ready in pairs:
        assert plain.source.subject == ready.source.subject
        assert torch.equal(plain.slices, ready.slices)
        assert plain.spacing == ready.spacing
        for index in plain.slices.tolist():
            one, two = plain.example(index), ready.example(index)
            assert set(one) == set(two) == {*FOUR, "lesions"}
            assert all(
                torch.equal(
                    one[name] > 0 if name == "lesions" else one[name], two[name] > 0 if name == "lesions" else two[name]
                )
                for name in one
            )


def test_single_images_keep_the_slices_that_were_acquired(ixi: Prepared) -> None:
    """T1w of IXI is sagittal: slices along k are, whichever way the axes run."""
    source = next(source for source in find_images([ixi.dataset.folder]) if source.contrast == "T1w")
    volume = load_volume(source, min_foreground=0.05)
    assert tuple(volume.values.shape) == (20, 32, 34)
    assert volume.spacing == pytest.approx((9.6, 7.5, 7.5))
    assert 0 < len(volume.slices) < 20
    (subject, *_) = load_subjects([source], FOUR, min_foreground=0.05)
    assert tuple(subject.values["T1w"].shape) == (32, 34, 20)
    assert torch.equal(subject.values["T1w"].permute(2, 0, 1), volume.values)


def test_half_precision_is_drawn_in_full(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data", people=1)
    prepare(data, tmp_path / "out", PrepareOptions(visit=VisitOptions(pixel_type="float16", figures=False)))
    volume = load_volume(find_images([tmp_path / "out"])[0], min_foreground=0.05, labels=["lesions"])
    assert volume.values.dtype == torch.float16
    assert {part.dtype for part in volume.example(10).values()} == {torch.float32}
    (subject,) = subjects(tmp_path / "out")
    assert {part.dtype for part in subject.example(10).values()} == {torch.float32}


def test_memory_is_mapped(tmp_path: Path) -> None:
    """What is drawn comes from the file as it is, and a change in memory does not go there."""
    data = replicas.plain(tmp_path / "data", people=1)
    dataset = prepare(data, tmp_path / "out").dataset
    image = dataset.subjects[0].visits[0].images[0].volume
    values = image.open(dataset.folder)
    with open(dataset.folder / image.file, "r+b") as file:
        file.seek(4 * 5)
        file.write(b"\x00\x00\x80\x3f")
    assert values.flatten()[5] == 1.0
    values += 1
    assert (dataset.folder / image.file).read_bytes()[20:24] == b"\x00\x00\x80\x3f"


def test_visits_are_never_mixed(tmp_path: Path) -> None:
    """BraTS has all visits of a person on one grid: a contrast that one lacks does not come from the other."""
    data = replicas.brats2023(tmp_path / "data")
    for path in data.rglob("BraTS-GLI-00005-000-t2w.nii.gz"):
        path.unlink()
    prepare(data, tmp_path / "out")
    found = [set(subject.values) for subject in subjects(tmp_path / "out") if subject.source.subject.endswith("5")]
    assert found == [set(FOUR) - {"T2w"}, set(FOUR)]


def test_the_split_of_the_folder_counts_unless_the_recipe_says_otherwise(tmp_path: Path, glioma: Prepared) -> None:
    folder = copied(glioma, tmp_path / "out")
    change(
        folder,
        lambda values: [s.update(split=p) for s, p in zip(values["subjects"], ("validation", "test"), strict=True)],
    )
    found = find_images([folder])
    assert {source.subject: source.split for source in found} == {
        "BraTS-GLI-00005": "validation",
        "BraTS-GLI-00008": "test",
    }
    given = with_split(DataSettings(), found)
    assert (given.validation, given.held_out) == (("BraTS-GLI-00005",), ("BraTS-GLI-00008",))
    given = with_split(DataSettings(validation=("BraTS-GLI-00008",), held_out=("x",)), found)
    assert (given.validation, given.held_out) == (("BraTS-GLI-00008",), ("x",))
    given = with_split(DataSettings(held_out=("BraTS-GLI-00005",)), found)
    assert (given.validation, given.held_out) == ((), ("BraTS-GLI-00005", "BraTS-GLI-00008"))


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads((folder / "dataset.json").read_text())
    edit(values)
    (folder / "dataset.json").write_text(json.dumps(values))


def test_two_folders_that_have_somebody_in_different_parts(tmp_path: Path, glioma: Prepared) -> None:
    one, two = copied(glioma, tmp_path / "one"), copied(glioma, tmp_path / "two")
    find_images([one, two])
    change(two, lambda values: values["subjects"][0].update(split="test"))
    with pytest.raises(UsageError, match=r"00005 of one is in .*BraTS-GLI-00005 of two in test: they have one name"):
        find_images([one, two])
    change(two, lambda values: values["subjects"][0].update(subject="another name"))
    with pytest.raises(UsageError, match="another name of two in test: they are one scan"):
        find_images([one, two])


def test_somebody_twice_in_a_manifest(tmp_path: Path, glioma: Prepared) -> None:
    folder = copied(glioma, tmp_path / "out")
    change(folder, lambda values: values["subjects"].append({**values["subjects"][0], "split": "test"}))
    with pytest.raises(UsageError, match=r"has BraTS-GLI-00005 twice, in \w+ and test"):
        find_images([folder])


def victim(folder: Path) -> Path:
    return next(iter(sorted(folder.rglob("T1w.raw"))))


def test_a_changed_cache_is_refused(tmp_path: Path, glioma: Prepared) -> None:
    folder = copied(glioma, tmp_path / "out")
    data = bytearray(victim(folder).read_bytes())
    data[1000] ^= 1
    victim(folder).write_bytes(data)
    with pytest.raises(UsageError, match=r"T1w\.raw is not as it was prepared"):
        subjects(folder)


def test_a_copy_with_other_times_is_the_same(tmp_path: Path, glioma: Prepared) -> None:
    folder = copied(glioma, tmp_path / "out")
    for path in folder.rglob("*.raw"):
        os.utime(path, (time.time(), time.time()))
    assert len(subjects(folder)) == 3


@pytest.mark.parametrize("cut", [True, False])
def test_a_short_or_missing_file_is_refused(tmp_path: Path, glioma: Prepared, cut: bool) -> None:
    folder = copied(glioma, tmp_path / "out")
    if cut:
        victim(folder).write_bytes(victim(folder).read_bytes()[:-4])
    else:
        victim(folder).unlink()
    with pytest.raises(UsageError, match="bytes and not" if cut else "is missing"):
        subjects(folder)


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "later version": (lambda values: values.update(version=2), "has version 2"),
    "no subjects": (lambda values: values.pop("subjects"), "it has no 'subjects'"),
    "unknown part": (lambda values: values["subjects"][0].update(split="dev"), "'dev' is no part"),
    "file elsewhere": (lambda values: first(values).update(file="../../secret.raw"), "lies outside"),
    "absolute file": (lambda values: first(values).update(file="/etc/passwd"), "lies outside"),
    "pixel type": (lambda values: first(values).update(pixel_type="complex64"), "no pixel type"),
    "grid of nothing": (lambda values: first(values)["grid"].update(size=[0, 1, 1]), "is none"),
    "grid of text": (lambda values: first(values)["grid"].update(size=["a", 1, 1]), "is damaged"),
    "endless bytes": (lambda values: first(values).update(bytes=float("inf")), "is damaged"),
    "grid nowhere": (lambda values: first(values)["grid"].update(origin=[float("nan"), 0, 0]), "is none"),
    "no people": (lambda values: values.update(subjects=[]), "raw k-space only"),
}


def first(values: dict[str, Any]) -> dict[str, Any]:
    volume: dict[str, Any] = values["subjects"][0]["visits"][0]["images"][0]["volume"]
    return volume


@pytest.mark.parametrize(("edit", "said"), EDITS.values(), ids=EDITS)
def test_a_manifest_that_is_wrong_is_refused(
    tmp_path: Path, glioma: Prepared, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    folder = copied(glioma, tmp_path / "out")
    change(folder, edit)
    with pytest.raises(UsageError, match=said):
        find_images([folder])


def test_a_huge_grid_allocates_nothing(tmp_path: Path, glioma: Prepared) -> None:
    folder = copied(glioma, tmp_path / "out")
    change(folder, lambda values: first(values)["grid"].update(size=[10**6, 10**6, 10**6]))
    with pytest.raises(UsageError, match="bytes and not"):
        subjects(folder)


def test_another_program_s_dataset_json_is_let_be(tmp_path: Path) -> None:
    data = replicas.plain(tmp_path / "data", people=1)
    (data / "dataset.json").write_text('{"name": "Task01", "modality": {"0": "MRI"}}')
    assert {source.contrast for source in find_images([data])} == set(FOUR)


def test_a_training_from_beginning_to_end(tmp_path: Path) -> None:
    """The test part is not read: its files may be broken. Validation is that of the split, and the card says so."""
    pytest.importorskip("lightning_fabric")
    from mrienhance.models import read_header
    from mrienhance.training import train

    data = replicas.plain(tmp_path / "data")
    dataset = prepare(data, tmp_path / "out").dataset
    (tested,) = dataset.split("test")
    for path in (tmp_path / "out" / "cache" / tested).glob("*.raw"):
        path.write_bytes(b"")
    overrides = {
        **dict(
            zip(("model.channels", "model.groups", "model.blocks_per_group", "model.heads"), (8, 1, 1, 2), strict=True)
        ),
        **{"training.steps": 2, "training.warmup": 1, "training.validate_every": 2, "training.validation_slices": 1},
        **{"training.precision": "32-true", "sampling.images": 1, "sampling.patches": 1, "sampling.patch": 8},
    }
    places = {"data": tmp_path / "out", "output": tmp_path / "run"}
    model = train("iconet", **places, overrides=overrides, accelerator="cpu", devices=1, progress=False)
    facts = read_header(model).card.training
    assert (facts["validation"], facts["held_out"]) == (list(dataset.split("validation")), [tested])
    assert facts["data"][0]["subjects"] == sorted({*dataset.split("train"), *dataset.split("validation")})
