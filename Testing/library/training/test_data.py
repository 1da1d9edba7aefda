"""Finding, loading and drawing training images."""

from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import UsageError
from mrienhance.images import write_image
from mrienhance.training.draw import SliceSource, step_generator, validation_slices
from mrienhance.training.volumes import Source, Volume, find_images, load_volume

from .conftest import object_image


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_a_folder_of_images(tmp_path: Path) -> None:
    for name in ("sub-01_T1w.nii.gz", "sub-01_ses-2_FLAIR.nrrd", "patient.mha", "notes.txt", "sub-01_lesion-mask.nii"):
        touch(tmp_path / name)
    found = {(source.subject, source.contrast) for source in find_images([tmp_path])}
    assert found == {("sub-01", "T1w"), ("sub-01", "FLAIR"), ("patient", "unknown")}


def test_a_folder_of_subjects_with_contrasts(tmp_path: Path) -> None:
    for name in ("a/t1.nii.gz", "a/t1c.nii.gz", "a/lesions.nii.gz", "b/flair.nii.gz", "b/sub-b_T2w.nii"):
        touch(tmp_path / "first" / name)
    touch(tmp_path / "second" / "c_PDw.nii.gz")
    found = {
        (source.subject, source.contrast, source.folder)
        for source in find_images([tmp_path / "first", tmp_path / "second"])
    }
    assert found == {("a", "T1w", 0), ("a", "T1c", 0), ("b", "FLAIR", 0), ("b", "T2w", 0), ("c", "PDw", 1)}


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no images"):
        find_images([tmp_path])


def test_loading_scales_and_finds_slices_with_tissue(tmp_path: Path) -> None:
    image = object_image(1, slices=5)
    image[:, :, 2] = 0 * image[:, :, 2]
    write_image(image, tmp_path / "sub-01_T1w.nii.gz")
    volume = load_volume(find_images([tmp_path])[0], min_foreground=0.05)
    assert volume.slices.tolist() == [0, 1, 3, 4]
    # 99.9 % of the voxels lie at or below 1, the rest above.
    assert float((volume.values > 1).float().mean()) <= 0.001 < float((volume.values >= 1).float().mean())


def test_nan_is_refused_with_the_files_name(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(torch.full((2, 8, 8), float("nan")).numpy())
    sitk.WriteImage(image, str(tmp_path / "bad.nii.gz"))
    with pytest.raises(UsageError, match=r"bad\.nii\.gz"):
        load_volume(find_images([tmp_path])[0], min_foreground=0.05)


def marked(folder: int, value: float, slices: int = 3) -> Volume:
    source = Source(Path("x"), "x", "T1w", folder, "x")
    return Volume(source, torch.full((slices, 4, 4), value), torch.arange(slices))


def test_folders_are_drawn_from_by_weight() -> None:
    source = SliceSource([marked(0, 0.0), marked(1, 1.0), marked(1, 2.0), marked(1, 2.0)], weights=(0.25, 0.75))
    drawn = torch.tensor([float(image["image"][0, 0]) for image in source.draw(4000, step_generator(seed=0, step=0))])
    assert float((drawn == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float((drawn == 2).float().mean()) == pytest.approx(0.5, abs=0.03)


def test_without_weights_every_image_counts_alike() -> None:
    source = SliceSource([marked(0, 0.0), marked(1, 1.0), marked(1, 1.0), marked(1, 1.0)])
    drawn = torch.tensor([float(image["image"][0, 0]) for image in source.draw(4000, step_generator(seed=0, step=0))])
    assert float((drawn == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_too_few_weights_and_no_images_are_refused() -> None:
    with pytest.raises(UsageError, match="weights"):
        SliceSource([marked(1, 1.0)], weights=(1.0,))
    with pytest.raises(UsageError, match="no image"):
        SliceSource([marked(0, 1.0, slices=0)])


def test_each_step_and_each_image_has_its_own_randomness() -> None:
    draws = {
        float(torch.rand((), generator=step_generator(seed=seed, step=step, image=image)))
        for seed in range(2)
        for step in range(3)
        for image in (None, 0, 1)
    }
    assert len(draws) == 18


def test_validation_slices_are_spread_and_lie_inside() -> None:
    volume = Volume(
        Source(Path("x"), "x", "T1w", 0, "x"), torch.arange(20.0)[:, None, None].expand(20, 2, 2), torch.arange(5, 16)
    )
    places = [int(image["image"][0, 0]) for image in validation_slices(volume, 3)]
    assert places == [7, 10, 13]


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """A data folder with a subject of two contrasts and a lesion mask in slice 1."""
    folder = tmp_path / "patients"
    (folder / "a").mkdir(parents=True)
    image = object_image(1)
    for contrast in ("t1", "flair"):
        write_image(image, folder / "a" / f"{contrast}.nii.gz")
    mask = torch.zeros(4, 48, 48)
    mask[1, 20:23, 30:34] = 1
    lesions = sitk.GetImageFromArray(mask.to(torch.uint8).numpy())
    lesions.CopyInformation(image)
    write_image(lesions, folder / "a" / "lesions.nii.gz")
    return folder


def test_label_maps_come_with_every_slice_of_their_subject(patient: Path) -> None:
    sources = find_images([patient])
    assert sorted(source.contrast for source in sources) == ["FLAIR", "T1w"]
    for source in sources:
        volume = load_volume(source, min_foreground=0.0, labels=["lesions"])
        assert [float(volume.example(index)["lesions"].sum()) for index in range(4)] == [0, 12, 0, 0]
        drawn = SliceSource([volume]).draw(3, step_generator(seed=0, step=0))
        assert all(example["lesions"].shape == example["image"].shape for example in drawn)


def test_half_of_the_slices_drawn_show_the_label_where_they_are_to_be_balanced(patient: Path) -> None:
    volumes = [load_volume(source, min_foreground=0.0, labels=["lesions"]) for source in find_images([patient])]

    def share(balance: str) -> float:
        drawn = SliceSource(volumes, balance=balance).draw(400, step_generator(seed=0, step=0))
        return sum(float(example["lesions"].any()) for example in drawn) / len(drawn)

    # One slice of four shows a lesion; three standard errors of 400 draws are 0.075 at most.
    assert abs(share("") - 0.25) < 0.075
    assert abs(share("lesions") - 0.5) < 0.075


def test_balance_changes_nothing_where_there_is_no_label(patient: Path) -> None:
    (patient / "a" / "lesions.nii.gz").unlink()
    volumes = [load_volume(source, min_foreground=0.0, labels=["lesions"]) for source in find_images([patient])]
    plain, balanced = (
        SliceSource(volumes, balance=balance).draw(20, step_generator(seed=0, step=0)) for balance in ("", "lesions")
    )
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(plain, balanced, strict=True))


def test_label_maps_that_nobody_asks_for_are_not_read(patient: Path) -> None:
    (patient / "a" / "lesions.nii.gz").write_bytes(b"broken")
    volume = load_volume(find_images([patient])[0], min_foreground=0.0)
    assert set(volume.example(0)) == {"image"}


def test_a_label_map_on_another_grid_is_refused(patient: Path) -> None:
    lesions = sitk.ReadImage(str(patient / "a" / "lesions.nii.gz"))
    lesions.SetOrigin((5, 0, 0))
    write_image(lesions, patient / "a" / "lesions.nii.gz", overwrite=True)
    with pytest.raises(UsageError, match="not on the grid of its images"):
        load_volume(find_images([patient])[0], min_foreground=0.0, labels=["lesions"])
