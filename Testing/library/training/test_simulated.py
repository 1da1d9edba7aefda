"""Scans simulated from label maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import load_file

from mrienhance.errors import UsageError
from mrienhance.images import write_image
from mrienhance.models import load_model
from mrienhance.training import simulated, train
from mrienhance.training.anatomy import NAMES, SULCI, Anatomy, code, is_brain
from mrienhance.training.dice import Dice
from mrienhance.training.draw import SliceSource, step_generator
from mrienhance.training.examples import ANY, load_examples
from mrienhance.training.protocols import draw_protocol
from mrienhance.training.scanning import blur, brain_mask
from mrienhance.training.scene import Scene, draw_table
from mrienhance.training.simulated import CONTRASTS, Simulated, brightness
from mrienhance.training.trainer import Trainer
from mrienhance.training.volumes import find_images

from .heads import label_map, write_heads


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return write_heads(tmp_path / "heads", 2)


def load(folder: Path, contrasts: tuple[str, ...] = CONTRASTS, labels: tuple[str, ...] = ()) -> list[Simulated]:
    sources = find_images([folder], simulate=[folder.name])
    return list(load_examples(sources, contrasts, min_foreground=0.05, labels=labels))  # type: ignore[arg-type]


def dice(seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed))


def test_each_file_is_a_subject(heads: Path) -> None:
    assert [head.source.subject for head in load(heads)] == ["head_seg_01", "head_seg_02"]


def test_a_head_is_read_as_axial_slices(heads: Path) -> None:
    codes = load(heads)[0].anatomy.codes
    middle = codes[len(codes) // 2]
    rows, columns = middle.shape
    front = torch.nonzero(middle == code("eye")).float().mean(0)
    ill = torch.nonzero(middle == code("lesion")).float().mean(0)
    assert front[0] > 0.8 * rows  # to the front rows grow
    assert ill[1] < columns / 2  # and to the left columns do


def test_dura_lies_between_bone_and_fluid(heads: Path) -> None:
    anatomy = load(heads)[0].anatomy
    codes = anatomy.codes
    dura = codes == code("dura")
    assert 0 < int(dura.sum()) < int((codes == code(SULCI)).sum())
    bone = torch.nonzero(codes == code("cortical bone")).float()
    assert bool((torch.cdist(torch.nonzero(dura).float(), bone).amin(1) == 1).all())
    assert anatomy.counts.sum() == codes.numel()


def test_only_slices_with_brain_are_drawn(heads: Path) -> None:
    head = load(heads)[0]
    share = is_brain()[head.anatomy.codes.int()].float().mean((1, 2))
    assert head.slices.tolist() == torch.nonzero(share >= 0.05).flatten().tolist()


def test_all_contrasts_of_one_slice_on_one_grid(heads: Path) -> None:
    head = load(heads)[0]
    for seed in range(6):
        example = head.example(12, torch.Generator().manual_seed(seed))
        assert tuple(example) == CONTRASTS
        assert len({image.shape for image in example.values()}) == 1
        for image in example.values():
            assert image.dtype == torch.float32
            assert torch.isfinite(image).all()
            assert float(image.min()) >= 0
            assert 0.3 < float(image.quantile(0.999)) < 3


def test_tissues_look_as_the_contrasts_should(heads: Path) -> None:
    """Averaged over many people and scanners; each alone may differ."""
    codes = {
        name: torch.full((1, 1, 1), code(name)) for name in ("white matter", "cortex", "cerebrospinal fluid", "lesion")
    }
    mean = {name: torch.zeros(len(CONTRASTS)) for name in codes}
    for seed in range(40):
        chance = dice(seed)
        table, protocols = draw_table(chance), [draw_protocol(contrast, chance) for contrast in CONTRASTS]
        for name, each in codes.items():
            mean[name] += Scene.plain(each, table).signals(protocols).flatten()
    white, grey, fluid, ill = (dict(zip(CONTRASTS, values.tolist(), strict=True)) for values in mean.values())
    for contrast in ("T1w", "T1c"):
        assert white[contrast] > 1.1 * grey[contrast] > 1.5 * fluid[contrast]
        assert white[contrast] > ill[contrast]
    assert fluid["T2w"] > ill["T2w"] > grey["T2w"] > white["T2w"]
    assert ill["FLAIR"] > grey["FLAIR"] > white["FLAIR"] > 2 * fluid["FLAIR"]
    assert grey["PDw"] > white["PDw"]


def test_methods_of_one_contrast_get_any_of_them(heads: Path) -> None:
    head = load(heads, ANY)[0]
    examples = [head.example(12, torch.Generator().manual_seed(seed)) for seed in range(4)]
    assert all(set(example) == {"image"} for example in examples)


def test_unknown_contrasts_are_left_to_real_images(heads: Path) -> None:
    assert load(heads, ("T2w", "SWI"))[0].contrasts == ("T2w",)


def test_a_draw_is_the_generators_alone(heads: Path) -> None:
    source = SliceSource(load(heads))
    first, again = (source.draw(2, step_generator(seed=3, step=5)) for _ in range(2))
    other = source.draw(2, step_generator(seed=3, step=6))
    for one, two in zip(first, again, strict=True):
        assert all(torch.equal(one[name], two[name]) for name in CONTRASTS)
    assert first[0]["T1w"].shape != other[0]["T1w"].shape or not torch.equal(first[0]["T1w"], other[0]["T1w"])


def test_without_a_generator_a_slice_is_always_the_same(heads: Path) -> None:
    first, again = (load(heads)[0].example(11) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in CONTRASTS)


def test_where_lesions_are_is_known_and_bright(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrienhance.training.lesions._ILL", 0.0)  # those of the label map only
    head = load(heads, ("FLAIR",), labels=("lesions",))[0]
    gains, sides = [], []
    for seed in range(8):
        example = head.example(len(head.anatomy.codes) // 2, torch.Generator().manual_seed(seed))
        ill = example["lesions"] > 0
        if int(ill.sum()) > 3:
            gains.append(float(example["FLAIR"][ill].mean() / example["FLAIR"][example["FLAIR"] > 0.1].median()))
            sides.append(float(torch.nonzero(ill)[:, 1].float().mean()) < ill.shape[1] / 2)
    assert sum(gain > 1 for gain in gains) > len(gains) / 2 > 2
    assert len(set(sides)) == 2  # heads are mirrored now and then


def test_the_skull_is_removed_or_not(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = load(heads, ("PDw",))[0]
    shares = []
    for stripped in (0.0, 1.0):
        monkeypatch.setattr(simulated, "STRIPPED", stripped)
        example = head.example(len(head.anatomy.codes) // 2, torch.Generator().manual_seed(1))
        shares.append(float((example["PDw"] > 0.1).float().mean()))
        shares[-1] *= example["PDw"].numel()
    assert 0.2 * shares[0] < shares[1] < 0.75 * shares[0]


def test_a_mask_holds_the_brain_and_no_bone(heads: Path) -> None:
    codes = load(heads)[0].anatomy.codes
    middle = codes[len(codes) // 2]
    mask = brain_mask(middle, dice()) > 0
    deep = is_brain()[middle.int()] & (middle != code("cortex"))
    assert mask[deep].all()
    assert not mask[(middle == code("cortical bone")) | (middle == code("air"))].any()


def test_volumes_are_scaled_by_their_bright_tissue(heads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bright slice and a dark one keep their ratio: the scale is the head's, not the slice's."""
    monkeypatch.setattr(simulated, "STRIPPED", 0.0)
    head = load(heads)[0]
    chance = dice()
    table, protocols = draw_table(chance), [draw_protocol("T1w", chance)]
    bright = brightness(head.anatomy.counts, table, protocols, False, dice(1))
    fat = Scene.plain(torch.full((1, 1, 1), code("fat")), table).signals(protocols)
    # Fat is the brightest tissue of T1w, unless it is suppressed, and there is enough of it.
    assert protocols[0].shares["fat"] == 1.0
    assert 1.0 <= float(bright / fat) <= 1.35


def test_blur_is_a_gaussian() -> None:
    image = torch.zeros(2, 31, 31)
    image[:, 15, 15] = 1
    blurred = blur(image, torch.tensor([[0.8, 1.6], [1.2, 0.9]])).double()
    place = torch.arange(31, dtype=torch.float64) - 15
    torch.testing.assert_close(blurred.sum((1, 2)), torch.ones(2, dtype=torch.float64))
    for index, (down, right) in enumerate(((0.8, 1.6), (1.2, 0.9))):
        assert float(blurred[index].sum(1) @ place.square()) == pytest.approx(down**2, rel=0.1)
        assert float(blurred[index].sum(0) @ place.square()) == pytest.approx(right**2, rel=0.1)


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    image = label_map()
    image[24, 12, 24] = 999
    write_image(image, tmp_path / "strange.nii.gz")
    with pytest.raises(UsageError, match="label 999"):
        Anatomy.read(tmp_path / "strange.nii.gz")
    write_image(sitk.Image([8, 8, 8], sitk.sitkInt16), tmp_path / "empty.nii.gz")
    with pytest.raises(UsageError, match="empty"):
        Anatomy.read(tmp_path / "empty.nii.gz")
    with pytest.raises(UsageError, match="to simulate from"):
        find_images([tmp_path], simulate=["elsewhere"])


def test_every_code_has_a_name_and_the_dice_are_fair() -> None:
    assert len(set(NAMES)) == len(NAMES) < 256
    fields = dice().smooth((64, 64), points=20, count=50)
    assert float(fields.std()) == pytest.approx(1.0, rel=0.1)


def test_a_killed_training_on_simulated_scans_resumes_exactly(
    images: Path, heads: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(output: str, **options: object) -> Path:
        options = {"config": recipe, "accelerator": "cpu", "progress": False, **options}
        overrides = {"data.simulate": ["heads"], "data.weights": [0.5, 0.5]}
        return train("iconet", data=[images, heads], output=tmp_path / output, overrides=overrides, **options)

    whole, step = run("whole"), Trainer._step

    def die(trainer: Trainer, number: int, feed: Any) -> dict[str, torch.Tensor]:
        if number == 5:
            raise KeyboardInterrupt
        return step(trainer, number, feed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", die)
        run("parts")
    weights, again = load_file(whole), load_file(run("parts", resume=True))
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    card = load_model(whole).card
    assert card.training["data"][1]["subjects"] == ["head_seg_01", "head_seg_02"]
    assert list(card.contrasts_in) == ["T1w"]
