"""Slices of raw k-space: what is drawn is what was measured, and a network learns from it."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import replicas
from kspace.makers import rss, to_images
from mrienhance.datasets import PrepareOptions, VisitOptions, prepare
from mrienhance.datasets.measured import read_raw_slice
from mrienhance.errors import UsageError
from mrienhance.methods import Sampling, get_method
from mrienhance.methods.objective import Objective, make_batch
from mrienhance.models import load_model
from mrienhance.training import train
from mrienhance.training.augmentation import Augmentation
from mrienhance.training.draw import SliceSource
from mrienhance.training.examples import ANY, load_examples
from mrienhance.training.measured import MeasuredScan, ScanSettings, _block
from mrienhance.training.volumes import find_images

from .conftest import RECIPE, same
from .measured_scans import COLUMNS, KEPT, ROWS, SKM_ACQUIRED, SKM_SHAPE, fastmri, known_maps, object_slices, skm_tea

MODEL = {
    **{"stages": 2, "width": 8, "classifier": "plain", "classifier_width": 4, "iterations": 4, "share": True},
    **{"classifier_fraction": 0.0, "frozen_fraction": 0.0},
}


@pytest.fixture(scope="session")
def knee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("knee")
    return made(fastmri(folder / "knee"), folder / "out")


@pytest.fixture(scope="session")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("echoes")
    return made(skm_tea(folder / "skm"), folder / "out")


def made(folder: Path, output: Path) -> Path:
    prepare(folder, output, PrepareOptions(visit=VisitOptions(figures=False, strict=True)))
    return output


def scans(folder: Path, *, least: float = 0.05, **settings: Any) -> list[MeasuredScan]:
    return [
        MeasuredScan.load(source, ScanSettings(measured=True, **settings), min_foreground=least)
        for source in find_images([folder], measured=True)
    ]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centred_mask(mask: Tensor) -> np.ndarray:
    return np.asarray(torch.fft.fftshift(mask))


def objective(**changes: Any) -> Objective:
    method = get_method("lf_mri")
    made: Objective = method.objective(method.Config(**{**MODEL, **changes}))
    return made


def test_known_image_and_maps_come_back(knee: Path) -> None:
    """Up to the phase that maps and image share, and the factor of the slice, and where there is an object."""
    for scan in scans(knee, center_fraction=0.4, acceleration=[2.0]):
        example = scan.example(1)
        number = int(scan.source.path.stem[-1])
        image = object_slices(3, (ROWS, COLUMNS), seed=number)[1, ROWS // 4 : -ROWS // 4]
        maps = known_maps(scan.raw.coils, (ROWS, COLUMNS))[:, ROWS // 4 : -ROWS // 4]
        inside = np.abs(image) > 1e-5
        both = (np.asarray(example[name]) for name in ("maps", "target"))
        found_maps, found = next(both), next(both)
        turn = found_maps * maps.conj()  # the same phase in all coils
        np.testing.assert_allclose(np.abs(turn.sum(0))[inside], 1, atol=5e-3)
        product = (found_maps * found)[:, inside]
        wanted = (maps * image)[:, inside] / np.percentile(np.abs(image[:, 4:-4]), 99.9)
        np.testing.assert_allclose(product, wanted, atol=0.03)
        assert tuple(example["window"].tolist()) == (0, (COLUMNS - KEPT) // 2, KEPT, KEPT)


def test_a_sample_is_fastmris_mask_and_transform(knee: Path) -> None:
    """Written out in NumPy: columns drawn as fastMRI's random mask draws them, rows cut to the image's."""
    (scan, *_) = scans(knee, acceleration=[4.0], center_fraction=0.08)
    example = scan.example(2, generator(3))
    chance = torch.rand(COLUMNS, generator=generator(3)).numpy()
    low = round(COLUMNS * 0.08)
    lines = chance < (COLUMNS / 4 - low) / (COLUMNS - low)
    lines[(COLUMNS - low + 1) // 2 :][:low] = True
    np.testing.assert_array_equal(centred_mask(example["mask"]), np.broadcast_to(lines, (KEPT, COLUMNS)))

    raw = read_raw(scan, 2)
    images = to_images(raw)[:, (ROWS - KEPT) // 2 :][:, :KEPT]
    maps = np.asarray(example["maps"])
    target = (maps.conj() * images).sum(0)
    inner = np.abs(target[:, (COLUMNS - KEPT) // 2 :][:, :KEPT])
    scale = np.percentile(inner, 99.9)
    np.testing.assert_allclose(np.asarray(example["target"]), target / scale, atol=1e-5)

    batch = objective().prepare([example], Sampling(), generator(), {})
    zero_filled = np.asarray(torch.fft.ifft2(batch["kspace"][0], norm="ortho"))
    literal = to_images(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, (1, 2)), norm="ortho"), (1, 2)) * lines)
    np.testing.assert_allclose(zero_filled, literal / scale, atol=1e-5)


def read_raw(scan: MeasuredScan, number: int) -> np.ndarray:
    with h5py.File(scan.source.path) as file:
        found: np.ndarray = file["kspace"][number]
    return found


def test_masks_are_drawn_anew_and_validated_with_one(knee: Path) -> None:
    (scan, *_) = scans(knee, acceleration=[4.0, 8.0], sampling=["random-lines", "poisson-disc"])
    masks = [scan.example(0, generator(seed))["mask"] for seed in range(12)]
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) > 8
    lines = [bool((mask == mask[0]).all()) for mask in masks]
    assert {True, False} == set(lines)
    assert torch.equal(scan.example(0)["mask"], scan.example(0)["mask"])
    assert not torch.equal(scan.example(0)["mask"], scan.example(1)["mask"])
    assert bool((scan.example(0)["mask"] == scan.example(0)["mask"][0]).all())
    assert torch.equal(scan.example(1, generator(5))["mask"], scan.example(1, generator(5))["mask"])


@pytest.mark.parametrize("shape", [(48, 56), (47, 55), (200, 371), (320, 368)])
@pytest.mark.parametrize("kind", ["random-lines", "equispaced-lines", "poisson-disc"])
def test_maps_come_from_what_every_mask_samples(kind: str, shape: tuple[int, int]) -> None:
    """The centre that they are estimated from is in each mask, at each acceleration."""
    settings = ScanSettings(sampling=(kind,), acceleration=(4.0, 6.0))
    block = settings.centre(shape, shape, -1)
    assert min(block) >= min(shape) // 4 - 1 or min(block) >= 11
    known = _block(shape, block)
    assert int(known.sum()) == block[0] * block[1]
    for seed in range(2 if kind == "poisson-disc" else 8):
        mask = settings.draw(shape, shape, -1, generator(seed), always=False)
        assert bool((mask[known] == 1).all())
        assert 0.5 < float(1 / mask.mean()) / 5 < 2


def test_lines_that_nobody_asked_for_otherwise_are_fastmris() -> None:
    for acceleration, wanted in ((4.0, 29), (8.0, 15)):
        settings = ScanSettings(acceleration=(acceleration,))
        assert settings.centre((320, 368), (320, 368), -1) == (24, min(wanted, 24))


def test_resimulated_is_exactly_what_the_model_says(knee: Path) -> None:
    (scan, *_) = scans(knee, kspace="resimulated", center_fraction=0.3, acceleration=[2.0])
    example = scan.example(1)
    assert example["kspace"].shape == (4, KEPT, KEPT)
    assert example["window"].tolist() == [0, 0, KEPT, KEPT]
    measured = torch.fft.fft2(example["maps"] * example["target"], norm="ortho")
    torch.testing.assert_close(example["kspace"], measured, atol=1e-5, rtol=0)
    (cropped, *_) = scans(knee, kspace="cropped", center_fraction=0.3, acceleration=[2.0])
    coils = np.asarray(torch.fft.ifft2(cropped.example(1)["kspace"], norm="ortho"))
    wanted = to_images(read_raw(scan, 1))[:, (ROWS - KEPT) // 2 :, (COLUMNS - KEPT) // 2 :][:, :KEPT, :KEPT]
    np.testing.assert_allclose(coils, wanted * np.abs(coils).max() / np.abs(wanted).max(), atol=1e-5)


def test_root_sum_of_squares_as_target(knee: Path) -> None:
    """The magnitude that the file itself brings."""
    (scan, *_) = scans(knee, target="rss")
    found = scan.example(1)["target"].abs().numpy()[:, (COLUMNS - KEPT) // 2 :][:, :KEPT]
    wanted = rss(to_images(read_raw(scan, 1)[None]))[0]
    wanted = wanted[(ROWS - KEPT) // 2 :, (COLUMNS - KEPT) // 2 :][:KEPT, :KEPT]
    np.testing.assert_allclose(found, wanted / np.percentile(wanted, 99.9), atol=1e-5)


def test_boxes_lie_on_what_they_frame(knee: Path) -> None:
    """The first scan has a box on slice 1, drawn on the image upside down; the second none; the third nobody read."""
    first, second, third = scans(knee)
    lesions = np.asarray(first.example(1)["lesions"])
    rows, columns = np.nonzero(lesions)
    left = (COLUMNS - KEPT) // 2
    assert (rows.min(), rows.max() + 1) == (KEPT - 9 - 6, KEPT - 9)
    assert (columns.min(), columns.max() + 1) == (left + 20, left + 30)
    assert lesions.sum() == 60
    assert first.labels["lesions"].flatten().tolist() == [0, 1, 0]
    assert float(first.example(0)["lesions"].sum()) == 0
    assert float(second.example(1)["lesions"].sum()) == 0
    assert "lesions" not in third.example(1)
    batches = [objective().prepare([scan.example(1)], Sampling(), generator(), {}) for scan in scans(knee)]
    assert [float(batch["label"]) for batch in batches] == [1, 0, -1]


def test_slices_with_a_label_are_drawn_as_often(knee: Path) -> None:
    source = SliceSource(scans(knee)[:1], balance="lesions")
    drawn = [source.draw(1, generator(seed))[0] for seed in range(40)]
    assert 10 < sum(bool(each["lesions"].any()) for each in drawn) < 30


def test_maps_are_kept_and_are_the_same_from_the_file(tmp_path: Path, knee: Path) -> None:
    folder = shutil.copytree(knee, tmp_path / "out")
    shutil.rmtree(folder / "maps", ignore_errors=True)
    (scan, *_) = scans(folder)
    first = scan.example(1)["maps"]
    (file,) = (folder / "maps").rglob("*.raw")
    assert file.stat().st_size == first.numel() * 4
    assert torch.equal(scan.example(1)["maps"], first)
    file.write_bytes(bytes(file.stat().st_size))
    assert not scan.example(1)["maps"].any()  # it is the file that is looked at
    file.write_bytes(b"short")
    assert torch.equal(scan.example(1)["maps"], first)
    (other, *_) = scans(folder, maps="low-resolution")
    assert not torch.equal(other.example(1)["maps"], first)


def test_coils_without_signal_change_nothing(knee: Path) -> None:
    """Scans of 3 and 4 coils make one batch; its losses are the mean of those of batches of one."""
    four, _, three = (scan.example(1, generator(2)) for scan in scans(knee))
    wanted = objective(relative_loss=True)
    torch.manual_seed(0)
    network = get_method("lf_mri").build(wanted.config)  # type: ignore[attr-defined]
    generators = [generator(), generator()]

    def loss(images: list[list[dict[str, Tensor]]]) -> Tensor:
        batch = make_batch(wanted, images, Sampling(), generators[: len(images)], {})
        (each,) = wanted.losses({"network": network}, {**batch, "label": batch["label"] * 0 - 1}, progress=0.5)
        return each.value

    together = loss([[four], [three]])
    apart = (loss([[four]]) + loss([[three]])) / 2
    torch.testing.assert_close(together, apart, atol=1e-6, rtol=1e-5)


def test_measured_and_simulated_slices_in_one_batch(knee: Path) -> None:
    (scan, *_) = scans(knee, kspace="resimulated")
    wanted = objective()
    common = wanted.common(generator())
    image = {"image": torch.rand(60, 60, generator=generator())}
    batch = make_batch(wanted, [[scan.example(1)], [image]], Sampling(patch=KEPT), [generator(), generator()], common)
    assert batch["target"].shape == (2, KEPT, KEPT)
    assert batch["mask"].shape == (2, KEPT, KEPT)
    assert batch["kspace"].shape == batch["maps"].shape
    with pytest.raises(UsageError, match="measured slices of sizes"):
        make_batch(wanted, [[scan.example(1)], [image]], Sampling(patch=32), [generator(), generator()], common)


def test_skm_tea_planes(echoes: Path) -> None:
    """Poisson discs in what was acquired; the maps of the file, of norm 1; the slice of air is not learned from."""
    settings = {"sampling": ["poisson-disc"], "acceleration": [3.0]}
    (scan, _) = scans(echoes, **settings)
    assert scan.slices.tolist() == [0, 1, 2]
    example = scan.example(1, generator())
    mask = centred_mask(example["mask"])
    (rows, columns), (height, width) = SKM_ACQUIRED, SKM_SHAPE[1:]
    outside = np.ones_like(mask)
    outside[(height - rows) // 2 :, (width - columns) // 2 :][:rows, :columns] = 0
    assert mask[outside == 1].sum() == 0
    assert mask.sum() == pytest.approx(rows * columns / 3, abs=1)
    np.testing.assert_allclose(np.asarray(example["maps"]), known_maps(8, SKM_SHAPE[1:]), atol=1e-5)
    image = object_slices(SKM_SHAPE[0], SKM_SHAPE[1:], seed=0)[1]
    full = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image), norm="ortho"))
    low = to_images(full * (outside == 0))
    found = np.asarray(example["target"])
    # The edge of what was acquired rings differently in each coil: nearly the same image.
    assert np.linalg.norm(found * np.abs(low).max() / np.abs(found).max() - low) < 0.1 * np.linalg.norm(low)
    (echo, _) = (replace(each, raw=replace(each.raw, contrast="E2")) for each in scans(echoes, **settings))
    second = read_raw_slice(echo.source.path, echo.raw, "skm-tea", 1).kspace.samples
    first = read_raw_slice(echo.source.path, scan.raw, "skm-tea", 1).kspace.samples
    torch.testing.assert_close(second, first / 2)
    lines = scans(echoes)[0].example(1, generator())["mask"]
    assert bool((centred_mask(lines)[:, (width - columns) // 2 :][:, :columns].std(1) == 0).all())  # along ky


def test_boxes_of_skm_tea(tmp_path: Path) -> None:
    """A box in three dimensions on slices 2 and 3 of the first scan; nobody looked at the second."""
    found = scans(made(replicas.skm_tea(tmp_path / "skm"), tmp_path / "out"), least=0.0)
    first, second = sorted(found, key=lambda scan: scan.source.path)[:2]
    assert first.labels["lesions"].flatten().tolist() == [0, 0, 1, 1, 0, 0]
    lesions = first.example(2)["lesions"]
    assert torch.nonzero(lesions).amin(0).tolist() == [3, 1]
    assert torch.nonzero(lesions).amax(0).tolist() == [6, 3]
    assert lesions.sum() == 12
    assert "lesions" not in second.example(2)


def test_folders_of_both_kinds(knee: Path, images: Path) -> None:
    """Raw k-space where there is some, images elsewhere; people keep their part of the split."""
    found = find_images([knee, images], measured=True)
    drawn = [type(each).__name__ for each in load_examples(found, ANY, min_foreground=0.05, labels=["lesions"])]
    assert drawn == ["MeasuredScan"] * 3 + ["Volume"] * 3
    assert {source.split for source in found if source.raw} >= {"train", "test"}
    assert all(source.raw is None for source in find_images([knee]))
    source = SliceSource(list(load_examples(found, ANY, min_foreground=0.05)), augmentation=Augmentation(rotation=20))
    assert {"kspace" in source.draw(1, generator(seed))[0] for seed in range(12)} == {True, False}


def test_tissue_is_that_of_the_same_slice(knee: Path, echoes: Path) -> None:
    """Cached slices of SKM-TEA run to the head, those of the file to the feet."""
    values = json.loads((echoes / "dataset.json").read_text())["subjects"][0]["visits"][0]
    cached = values["images"][0]["volume"]["tissue"]["k"]
    assert values["raw"][0]["tissue"] == cached[::-1] != cached
    assert len(json.loads((knee / "dataset.json").read_text())["subjects"][0]["visits"][0]["raw"][0]["tissue"]) == 3


def test_one_slice_can_be_fitted(knee: Path) -> None:
    """With known maps the network goes well below the zero-filled image's error, and the loss falls."""
    (scan, *_) = scans(knee, kspace="resimulated", acceleration=[3.0], center_fraction=0.15)
    wanted = objective(lesion_term=False, relative_loss=True)
    torch.manual_seed(0)
    network = get_method("lf_mri").build(wanted.config)  # type: ignore[attr-defined]
    batch = make_batch(wanted, [[scan.example(1)]], Sampling(), [generator()], {})
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        (loss,) = wanted.losses({"network": network}, batch, progress=0.9)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        losses.append(float(loss.value.detach()))
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        shown = wanted.whole(scan.example(1))
        found = wanted.predict(network, shown)
    errors = [float((image - shown["target"]).square().mean()) for image in (found, shown["baseline"])]
    assert errors[0] < 0.3 * errors[1]


def recipe(**changes: Any) -> dict[str, Any]:
    training = {f"training.{name}": value for name, value in RECIPE["training"].items()}  # type: ignore[attr-defined]
    model = {f"model.{name}": value for name, value in MODEL.items()}
    return {**training, **model, "sampling.images": 1, "scans.measured": True, **changes}


def trained(folder: Path, output: Path, *, resume: bool = False, **changes: Any) -> Path:
    return train(
        "lf_mri",
        data=folder,
        output=output,
        overrides=recipe(**changes),
        resume=resume,
        accelerator="cpu",
        devices=1,
        progress=False,
    )


def test_a_training_from_raw_data(knee: Path, tmp_path: Path) -> None:
    """The split of the prepared data holds; threads that draw ahead, and kept maps, change nothing."""
    shutil.rmtree(knee / "maps", ignore_errors=True)
    more = {"data.validation": ["file1000001"], "training.accumulate": 2, "scans.acceleration": [3.0]}
    first = trained(knee, tmp_path / "one", **more)
    trained(knee, tmp_path / "two", **more, **{"training.workers": 2})
    same(tmp_path / "one" / "last.safetensors", tmp_path / "two" / "last.safetensors")
    card = load_model(first).card
    people = json.loads((knee / "dataset.json").read_text())["subjects"]
    assert card.training["data"][0]["subjects"] == [each["subject"] for each in people if each["split"] != "test"]
    assert len(card.training["held_out"]) == 1
    assert card.contrasts_in == ("PDw",)
    assert card.training["recipe"]["scans"]["acceleration"] == [3.0]
    assert set(card.training["validation_score"]) >= {"psnr", "baseline_psnr"}


def test_refusals(knee: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(knee, tmp_path / "out")
    with pytest.raises(UsageError, match="iconet does not learn from raw k-space"):
        train("iconet", data=folder, output=tmp_path / "a", overrides={"scans.measured": True}, accelerator="cpu")
    with pytest.raises(UsageError, match="augmentation is for images"):
        trained(folder, tmp_path / "b", **{"augmentation.rotation": 5.0})
    values = json.loads((folder / "dataset.json").read_text())
    for change, message in (
        ({"shape": [3, 4, 96, 58]}, "is not as it was prepared"),
        ({"path": "missing.h5"}, "are not there"),
        ({"path": "Annotations/knee.csv"}, "damaged|HDF5"),
    ):
        changed = copy.deepcopy(values)
        changed["subjects"][0]["visits"][0]["raw"][0].update(change)
        (folder / "dataset.json").write_text(json.dumps(changed))
        with pytest.raises(UsageError, match=message):
            scans(folder)
    plain = shutil.copytree(knee, tmp_path / "images")
    values["subjects"] = [{**s, "visits": [{**v, "raw": []} for v in s["visits"]]} for s in values["subjects"]]
    (plain / "dataset.json").write_text(json.dumps(values))
    with pytest.raises(UsageError, match="no raw k-space of full scans"):
        find_images([plain], measured=True)
    for wrong in ({"sampling": ("spiral",)}, {"acceleration": (0.5,)}, {"center_fraction": 0.0}, {"sampling": ()}):
        with pytest.raises(ValueError, match="scans: "):
            ScanSettings(**wrong)  # type: ignore[arg-type]
    (scan, *_) = scans(knee, center_fraction=0.5, acceleration=[8.0])
    with pytest.raises(UsageError, match="leave no room"):
        scan.example(0, generator())
