"""A reference lies where it was scanned, whatever its grid; thick slices become thin along their own axis."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from mrienhance.errors import ImageError, ModelError, UsageError
from mrienhance.images import Grid
from mrienhance.models import Entry
from mrienhance.tasks.simulate import simulate_low_resolution
from mrienhance.tasks.super_resolve import find_for, super_resolve
from mrienhance.tasks.thick_slices import Turn, slice_axis
from tasks.references import box, card_of, field, noise, repeating
from tasks.samples import LEFT_HANDED, OBLIQUE, corners, voxels

PLAIN = np.eye(3).ravel()
KINDS = {
    "in-plane": {"axes": "in-plane", "degradation": "k-space"},
    "3d": {"axes": "3d", "degradation": "k-space"},
    "through-plane": {"axes": "through-plane", "degradation": "thick-slice"},
}
COARSE = {"in-plane": (2.0, 2.0, 1.0), "3d": (2.0, 2.0, 2.0), "through-plane": (1.0, 1.0, 2.0)}


def of(image: sitk.Image, model: Any, **options: Any) -> Any:
    return super_resolve(image, model=model, device="cpu", **options)


def level(image: sitk.Image) -> float:
    """What is 1 for a network."""
    return float(np.percentile(voxels(image), 99.9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", [PLAIN, LEFT_HANDED, OBLIQUE], ids=["plain", "left-handed", "oblique"])
def test_a_reference_comes_to_the_grid_of_the_result_by_its_place_in_space(kind: str, direction: Any):
    """Oracle: the function of space that both images sample. A grid off by half a fine voxel would be 20 units off."""
    image = field(box([round(36 / size) for size in COARSE[kind]], COARSE[kind], direction))
    reference = field(box((60, 64, 62), (1.0, 0.9, 1.1), sitk.Euler3DTransform((0, 0, 0), 0.3, 0, 0.2).GetMatrix()))
    made = of(image, repeating(**KINDS[kind]), reference=reference, register=False, consistency=False)
    expected = voxels(field(Grid.of(made.image))) * level(image) / level(reference)
    assert np.abs(voxels(made.image) - expected).max() < 2
    record = made.report.reference
    assert (record.placed, record.registration, record.contrast) == ("resampled", None, None)
    assert [seen.role for seen in made.report.inputs] == ["image", "reference"]


def test_a_reference_on_the_grid_of_the_result_is_taken_as_it_is():
    image = field(box((12, 14, 10), (2.0, 2.0, 4.0), OBLIQUE))
    grid = Grid.of(image).finer((1, 1, 2), alignment="edge")
    reference = sitk.GetImageFromArray(900 * noise(grid.shape).numpy())
    grid.place(reference)
    made = of(image, repeating(**KINDS["through-plane"]), reference=reference, consistency=False)
    expected = voxels(reference) * level(image) / level(reference)
    assert np.allclose(voxels(made.image), expected, rtol=1e-3, atol=1e-3)
    assert (made.report.reference.placed, made.report.reference.covered) == ("as it is", 1.0)


def test_a_reference_on_the_grid_of_the_result_of_turned_slices_is_taken_as_it_is():
    image = field(box((5, 14, 12), (4.0, 2.0, 2.0), OBLIQUE))
    reference = field(Grid.of(image).finer((2, 1, 1), alignment="edge"))
    made = of(image, repeating(**KINDS["through-plane"]), reference=reference, consistency=False)
    assert made.report.reference.placed == "as it is"
    expected = voxels(reference) * level(image) / level(reference)
    assert np.allclose(voxels(made.image), expected, rtol=1e-3, atol=1e-3)


def test_a_moved_reference_is_registered_and_resampled_once():
    """The person moved by 3 mm: without registration the blobs lie 3 mm off."""
    image = field(box((48, 48, 24), (1.0, 1.0, 2.0), PLAIN))
    reference = field(box((60, 60, 60), (1.0, 1.0, 1.0), PLAIN), shift=(2.0, -2.0, 1.0))
    model = repeating(**KINDS["through-plane"])
    moved, found = (of(image, model, reference=reference, consistency=False, register=on) for on in (False, True))
    expected = voxels(field(Grid.of(found.image))) * level(image) / level(reference)
    worst = [np.abs(voxels(made.image) - expected)[1:-1, 2:-2, 2:-2].max() for made in (moved, found)]
    assert worst[0] > 80
    assert worst[1] < 20
    record = found.report.reference
    assert record.placed == "registered"
    assert record.registration.shift_mm == pytest.approx(3, abs=0.4)
    assert record.registration.metric_after < record.registration.metric_before


def test_what_a_user_should_know_of_a_reference():
    image = field(box((24, 24, 12), (2.0, 2.0, 4.0), PLAIN))
    grid = box((24, 24, 24), (3.0, 3.0, 1.0), PLAIN)
    grid = replace(grid, origin=(grid.origin[0], grid.origin[1], 0.5))
    options = {"register": False, "reference_contrast": "PDw", "contrast": "FLAIR"}
    report = of(image, repeating(**KINDS["in-plane"]), reference=field(grid), **options).report
    contrast, other, uncovered, coarse = report.warnings
    assert contrast == "toy was made for T2w, not for FLAIR"
    assert other == "toy was made for a reference of T1w, not of PDw"
    assert uncovered == "the reference does not cover 50% of the image: it fades out there"
    assert coarse.startswith("the reference's voxels (3 x 3 x 1 mm) are larger than the result's (1 x 1 x 4 mm)")
    assert report.reference.covered == pytest.approx(0.5, abs=0.03)


def test_nothing_is_warned_of_a_good_reference():
    image = field(box((24, 24, 12), (2.0, 2.0, 4.0), PLAIN))
    reference = field(box((60, 60, 60), (1.0, 1.0, 1.0), PLAIN))
    options = {"register": False, "reference_contrast": "T1w", "contrast": "T2w"}
    assert of(image, repeating(**KINDS["in-plane"]), reference=reference, **options).report.warnings == ()


def test_a_reference_elsewhere_is_refused():
    image = field(box((24, 24, 12), (2.0, 2.0, 4.0), PLAIN))
    reference = field(box((30, 30, 30), (1.0, 1.0, 1.0), PLAIN))
    reference.SetOrigin((500.0, 0.0, 0.0))
    with pytest.raises(ImageError, match="nothing of the reference"):
        of(image, repeating(), reference=reference, register=False)


def test_models_with_and_without_a_reference():
    image = field(box((12, 12, 6), (2.0, 2.0, 4.0), PLAIN))
    with pytest.raises(UsageError, match="needs a reference image"):
        of(image, repeating("required"))
    with pytest.raises(UsageError, match="uses no reference image"):
        of(image, repeating("none"), reference=image)
    assert of(image, repeating("optional")).report.reference is None


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("direction", [PLAIN, OBLIQUE], ids=["plain", "oblique"])
def test_thick_slices_become_thin_along_whichever_axis_they_lie(axis: int, direction: Any):
    """The outer edges of the volume stay, the other axes stay, and the orders of the axes give the same voxels."""
    stack = field(box((10, 12, 6), (1.0, 1.1, 4.0), direction))
    order = [[2, 0, 1], [0, 2, 1], [0, 1, 2]][axis]
    image = sitk.PermuteAxes(stack, order)
    image.SetMetaData("0028|1050", "500")
    model = repeating("none", extra=0.1, scale=4, **KINDS["through-plane"])
    made, plain = of(image, model), of(stack, model)
    factors = [4 if place == axis else 1 for place in range(3)]
    assert made.image.GetSize() == tuple(n * f for n, f in zip(image.GetSize(), factors, strict=True))
    ends = np.array([[-0.5, -0.5, -0.5], [0, 0, 0]]), np.array([image.GetSize(), made.image.GetSize()]) - 0.5
    for coarse, fine in ((ends[0][0], ends[0][0]), (ends[1][0], ends[1][1])):
        assert np.allclose(corners(image, [coarse]), corners(made.image, [fine]), atol=1e-9)
    assert np.array_equal(voxels(made.image), voxels(sitk.PermuteAxes(plain.image, order)))
    assert made.image.GetMetaData("0028|1050") == "500"


def test_the_measured_slices_are_means_of_the_thin_ones():
    """Oracle: the mean over four thin slices. Without consistency they are others."""
    image = field(box((10, 12, 6), (1.0, 1.1, 4.0), PLAIN))
    model = repeating("none", extra=0.1, scale=4, **KINDS["through-plane"])
    bound, free = (of(image, model, consistency=on) for on in (True, False))
    means = [voxels(made.image).reshape(6, 4, 12, 10).mean(1) for made in (bound, free)]
    assert np.allclose(means[0], voxels(image), atol=1e-3)
    assert np.abs(means[1] - voxels(image)).max() > 1
    assert bound.report.consistency
    assert bound.report.consistency_residual < 1e-5 < free.report.consistency_residual
    change = (voxels(bound.image) - voxels(free.image)).reshape(6, 4, 12, 10)
    assert np.allclose(change, change[:, :1], atol=1e-3)  # the nearest such image: each thin slice moves as much


@pytest.mark.parametrize("axes", ["3d", "through-plane"])
def test_the_measured_frequencies_come_back_in_volumes(axes: str):
    image = field(box((10, 12, 7), (1.0, 1.1, 2.5), PLAIN))
    model = repeating("none", extra=0.1, axes=axes, degradation="k-space")
    factors = model.card.factors
    again = simulate_low_resolution(of(image, model).image, factors=factors)
    assert np.allclose(voxels(again), voxels(image), atol=1e-3)


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [((1, 1, 1), None), ((0.9, 0.9, 1.61), None), ((0.9, 0.9, 1.63), 2), ((4, 1, 0.5), 0), ((0.5, 5, 0.5), 1)],
)
def test_slices_are_thick_from_a_ratio_on(spacing: tuple[float, ...], axis: int | None):
    assert slice_axis(spacing) == axis
    turn = Turn.of(spacing)
    assert turn.order[2] == (2 if axis is None else axis)
    assert sorted(turn.order) == [0, 1, 2]


CARDS = [
    card_of(name="crfm-x2", axes="3d", reference_contrasts=("T1w", "T2w")),
    card_of(name="edge-x2", contrasts_in=("T1w",)),
    card_of(name="fgdl-x4", scale=4, reference_contrasts=("T1w",), reference_required=True),
    card_of(name="iconet-x2"),
    card_of(name="iconet-x4", scale=4),
    card_of(name="thick-x3", axes="through-plane", scale=3, reference_contrasts=("T1w",)),
    card_of(name="thick-x4", axes="through-plane", scale=4, reference_contrasts=("T1w",)),
]
CHOICES = [
    ((1, 1, 1), {}, "edge-x2"),
    ((1, 1, 1), {"contrast": "T2w"}, "iconet-x2"),
    ((1, 1, 1), {"scale": 4}, "iconet-x4"),
    ((1, 1, 1), {"reference": True}, "crfm-x2"),
    ((1, 1, 1), {"reference": True, "scale": 4}, "fgdl-x4"),
    ((1, 1, 1), {"scale": 3}, "thick-x3"),
    ((1, 1, 4), {}, "thick-x4"),
    ((1, 1, 3), {}, "thick-x3"),
    ((0.5, 0.5, 3), {}, "thick-x3"),  # a quarter would be 0.75 mm
    ((4, 0.5, 0.5), {"reference": True}, "thick-x4"),
    ((1, 1, 4), {"scale": 2}, "edge-x2"),
    ((1.5, 1.5, 4), {}, "thick-x3"),
    ((1, 1, 2), {}, "edge-x2"),  # a third would be 0.67 mm: only if asked for
    ((1, 1, 2), {"scale": 3}, "thick-x3"),
    ((1, 1, 2), {"reference": True}, "crfm-x2"),
]


@pytest.mark.parametrize(("spacing", "wish", "name"), CHOICES)
def test_the_model_is_chosen_by_image_reference_and_factor(
    monkeypatch: pytest.MonkeyPatch, spacing: Any, wish: dict[str, Any], name: str
):
    entries = [Entry(name=card.name, path=Path("x"), source="shipped", card=card) for card in CARDS]
    monkeypatch.setattr("mrienhance.tasks.super_resolution_model.catalogue", lambda: entries)
    image = field(box((6, 6, 6), spacing, PLAIN))
    assert find_for(None, wish.pop("scale", None), image=image, **wish).name == name


@pytest.mark.parametrize(("thick", "name"), [(3.3, "thick-x4"), (3.0, "thick-x4"), (2.0, "edge-x2")])
def test_slices_of_3_mm_become_thin_where_a_quarter_is_all_there_is(
    monkeypatch: pytest.MonkeyPatch, thick: float, name: str
):
    cards = [card for card in CARDS if card.name != "thick-x3"]
    entries = [Entry(name=card.name, path=Path("x"), source="shipped", card=card) for card in cards]
    monkeypatch.setattr("mrienhance.tasks.super_resolution_model.catalogue", lambda: entries)
    assert find_for(None, None, image=field(box((6, 6, 6), (0.6, 0.6, thick), PLAIN))).name == name


def test_one_slice_is_not_made_several(monkeypatch: pytest.MonkeyPatch):
    entries = [Entry(name=card.name, path=Path("x"), source="shipped", card=card) for card in CARDS]
    monkeypatch.setattr("mrienhance.tasks.super_resolution_model.catalogue", lambda: entries)
    for size, name in (((6, 6, 1), "edge-x2"), ((1, 6, 6), "thick-x4"), ((6, 6, 2), "thick-x4")):
        assert find_for(None, None, image=field(box(size, (1, 1, 4), PLAIN))).name == name


def test_it_is_said_that_a_reference_would_help_or_is_too_much(monkeypatch: pytest.MonkeyPatch):
    for card, reference in ((CARDS[2], False), (CARDS[4], True)):
        entries = [Entry(name=card.name, path=Path("x"), source="shipped", card=card)]
        monkeypatch.setattr("mrienhance.tasks.super_resolution_model.catalogue", lambda found=entries: found)
        with pytest.raises(
            ModelError, match=f"no model to super-resolve by 4 with{'' if reference else 'out'} a"
        ) as no:
            find_for(None, 4, reference=reference)
        assert "leave the reference out" in no.value.hint if reference else "--reference" in no.value.hint


def test_no_model_does_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mrienhance.tasks.super_resolution_model.catalogue", list)
    with pytest.raises(ModelError, match="no model to super-resolve by 8 with a reference"):
        find_for(None, 8, reference=True)


def test_a_reference_that_ends_inside_tissue_has_no_edge_there():
    """Constant tissue that ends at half of the image: a network would draw its end as if it were an edge."""
    image = field(box((20, 20, 20), (2.0, 2.0, 2.0), PLAIN))
    reference = sitk.Image([40, 40, 20], sitk.sitkInt16) + 300
    reference[0, 0, 0] = 299
    reference.SetOrigin(Grid.of(image).points([-0.25, -0.25, -0.25]).tolist())
    made = of(image, repeating(axes="3d"), reference=reference, register=False, consistency=False)
    shown = voxels(made.image) / level(image)
    assert made.report.reference.covered == pytest.approx(0.5, abs=0.03)
    assert np.allclose(shown[:19, 1:-1, 1:-1], 1, atol=0.02)
    assert np.abs(np.diff(shown[:, 20, 20])).max() < 0.15  # a tenth a voxel, and what splines swing over
    assert not shown[31:].any()
