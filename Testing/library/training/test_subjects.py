"""Contrasts of one person as one example."""

from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import UsageError
from mrienhance.images import read_image, write_image
from mrienhance.training.draw import SliceSource, step_generator
from mrienhance.training.examples import ANY, load_examples
from mrienhance.training.subjects import Subject, load_subjects
from mrienhance.training.volumes import find_images

from .heads import write_people

ALL = ("T1w", "T1c", "T2w", "FLAIR")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_people(tmp_path / "people")


def load(folder: Path, contrasts: tuple[str, ...] = ALL, **options: object) -> list[Subject]:
    return list(load_subjects(find_images([folder]), contrasts, min_foreground=0.05, **options))


def test_contrasts_on_one_grid_are_one_example_and_others_their_own(people: Path) -> None:
    found = {(subject.source.subject, *sorted(subject.values)) for subject in load(people)}
    assert found == {("a", "FLAIR", "T1w"), ("a", "T2w"), ("b", "T2w")}


def test_contrasts_that_nobody_asks_for_are_not_read(people: Path) -> None:
    (people / "a" / "t2.nii.gz").write_bytes(b"broken")
    found = {(subject.source.subject, *subject.values) for subject in load(people, ("T1w",))}
    assert found == {("a", "T1w")}


def test_two_images_of_one_contrast_are_two_examples(people: Path) -> None:
    write_image(read_image(people / "a" / "t1.nii.gz"), people / "a" / "second_t1.nii.gz")
    assert sorted(sorted(subject.values) for subject in load(people)) == [["FLAIR", "T1w"], ["T1w"], ["T2w"], ["T2w"]]


def test_an_example_holds_the_same_slice_of_every_contrast(people: Path) -> None:
    pair = next(subject for subject in load(people) if len(subject.values) == 2)
    example = pair.example(2)
    assert set(example) == {"T1w", "FLAIR"}
    for contrast, name in (("T1w", "t1"), ("FLAIR", "flair")):
        image = sitk.DICOMOrient(read_image(people / "a" / f"{name}.nii.gz"), "LAS")
        expected = torch.from_numpy(sitk.GetArrayFromImage(image)[2]).float()
        factor = expected.max() / example[contrast].max()
        torch.testing.assert_close(example[contrast] * factor, expected)


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "PIR", "SLA"])
def test_however_it_is_stored_an_example_is_the_same(people: Path, tmp_path: Path, orientation: str) -> None:
    stored = tmp_path / "stored" / "a"
    stored.mkdir(parents=True)
    for path in (people / "a").iterdir():
        sitk.WriteImage(sitk.DICOMOrient(read_image(path), orientation), str(stored / path.name))
    straight = next(subject for subject in load(people) if len(subject.values) == 2)
    turned = next(subject for subject in load(tmp_path / "stored") if len(subject.values) == 2)
    for contrast, values in straight.values.items():
        assert torch.equal(turned.values[contrast], values)


def test_rows_run_to_the_front_and_columns_to_the_left(tmp_path: Path) -> None:
    folder = tmp_path / "people" / "a"
    folder.mkdir(parents=True)
    image = sitk.Image([16, 16, 4], sitk.sitkFloat32) + 100.0  # LPS: columns to the left, rows to the back
    image[12, 1, 3] = 900.0  # left, in front, at the top
    write_image(image, folder / "t1.nii.gz")
    (subject,) = load(tmp_path / "people")
    assert torch.nonzero(subject.values["T1w"] == subject.values["T1w"].max()).tolist() == [[3, 14, 12]]


def test_nothing_is_below_zero(people: Path) -> None:
    image = read_image(people / "b" / "t2.nii.gz") - 50.0
    write_image(image, people / "b" / "t2.nii.gz", overwrite=True)
    assert all(float(values.min()) >= 0 for subject in load(people) for values in subject.values.values())


def test_slices_count_where_any_contrast_shows_tissue(people: Path) -> None:
    for name, empty in (("t1", (0, 1)), ("flair", (1, 2))):
        image = read_image(people / "a" / f"{name}.nii.gz")
        for index in empty:
            image[:, :, index] = 0 * image[:, :, index]
        write_image(image, people / "a" / f"{name}.nii.gz", overwrite=True)
    pair = next(subject for subject in load(people) if len(subject.values) == 2)
    assert pair.slices.tolist() == [0, 2, 3]


def test_label_maps_come_along_and_must_fit(people: Path) -> None:
    image = read_image(people / "a" / "t1.nii.gz")
    lesions = sitk.Cast(image > 0, sitk.sitkUInt8)
    (people / "a" / "t2.nii.gz").unlink()
    write_image(lesions, people / "a" / "lesions.nii.gz")
    pair = load(people, labels=["lesions"])[0]
    assert torch.equal(pair.example(1)["lesions"] > 0, pair.values["T1w"][1] > 0)
    write_image(sitk.DICOMOrient(lesions[:, :, :3], "RAI"), people / "a" / "lesions.nii.gz", overwrite=True)
    with pytest.raises(UsageError, match="not on the grid"):
        load(people, labels=["lesions"])


def test_a_draw_gives_whatever_contrasts_there_are(people: Path) -> None:
    source = SliceSource(load(people))
    drawn = {tuple(sorted(example)) for example in source.draw(40, step_generator(seed=0, step=0))}
    assert drawn == {("FLAIR", "T1w"), ("T2w",)}


def test_methods_of_one_contrast_get_every_image_as_it_is_stored(people: Path) -> None:
    examples = list(load_examples(find_images([people]), ANY, min_foreground=0.05))
    assert len(examples) == 4
    assert all(set(example.example(0)) == {"image"} for example in examples)
    stored = sitk.GetArrayFromImage(read_image(people / "a" / "flair.nii.gz"))
    image = examples[0].example(1)["image"]
    torch.testing.assert_close(image / image.max(), torch.from_numpy(stored[1] / stored[1].max()))
