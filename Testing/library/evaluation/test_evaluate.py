"""From images to figures of merit: grids, masks, ranges, refusals, and what is written."""

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import Cancelled, ImageError, OutputError, UsageError
from mrienhance.evaluation import Metrics, evaluate_all
from mrienhance.evaluation.evaluate import evaluate

SHAPE = (6, 24, 20)


def image_of(values, *, origin=(-10.0, 5.0, 2.0)):
    image = sitk.GetImageFromArray(np.asarray(values))
    image.SetSpacing((0.9, 1.1, 3.0))
    image.SetOrigin(origin)
    image.SetDirection((0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    return image


@pytest.fixture
def truth():
    values = np.random.default_rng(0).gamma(2.0, 300.0, SHAPE).astype(np.float32)
    values[:, :, :6] = 0
    return values


@pytest.fixture
def noisy(truth):
    return truth + np.random.default_rng(1).normal(0, 40, SHAPE).astype(np.float32)


def test_defaults_are_the_stated_ones(truth, noisy):
    evaluation = evaluate(image_of(noisy), image_of(truth))
    data_range = float(np.percentile(truth, 99.9))
    mask = truth > 0.02 * data_range
    expected = Metrics.of(torch.tensor(noisy), torch.tensor(truth), data_range=data_range, mask=torch.tensor(mask))
    assert evaluation.data_range == pytest.approx(data_range, rel=1e-6)
    assert evaluation.mask_voxels == mask.sum()
    assert evaluation.rows == [
        {
            "method": "result",
            "psnr_db": pytest.approx(expected.psnr_db),
            "ssim": pytest.approx(expected.ssim),
            "nmae": pytest.approx(expected.nmae),
        }
    ]
    assert (evaluation.data_range_rule, evaluation.mask_rule, evaluation.notes) == (
        "99.9th percentile of the reference",
        "reference > 0.02 data range",
        (),
    )


def test_given_range_and_mask_are_used(truth, noisy):
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:4, 8:14, 7:13] = 3
    evaluation = evaluate(image_of(noisy), image_of(truth), mask=image_of(mask), data_range=500)
    [row] = evaluation.rows
    mse = np.square(noisy.astype(float) - truth)[mask > 0].mean()
    assert row["psnr_db"] == pytest.approx(10 * np.log10(500**2 / mse))
    assert (evaluation.mask_voxels, evaluation.mask_rule, evaluation.data_range_rule) == (72, "given", "given")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(evaluation.mask), mask > 0)


def test_mask_may_be_full_or_of_decimals(truth, noisy):
    evaluation = evaluate(image_of(noisy), image_of(truth), mask=image_of(np.full(SHAPE, 0.5)))
    assert evaluation.mask_voxels == np.prod(SHAPE)


def test_difference_is_result_minus_reference_in_place(truth, noisy):
    reference = image_of(truth)
    difference = evaluate(image_of(noisy), reference).difference
    assert difference.GetPixelID() == sitk.sitkFloat32
    np.testing.assert_array_equal(sitk.GetArrayFromImage(difference), noisy - truth)
    for part in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(difference, part)() == getattr(reference, part)()


def test_integer_images_do_not_wrap_around(truth):
    reference = np.clip(truth, 0, 200).astype(np.uint8)
    result = reference // 2
    difference = evaluate(image_of(result), image_of(reference)).difference
    np.testing.assert_array_equal(sitk.GetArrayFromImage(difference), result.astype(float) - reference)


def test_several_results_share_range_and_mask(truth, noisy):
    reference = image_of(truth)
    evaluation = evaluate_all({"good": image_of((noisy + truth) / 2), "poor": image_of(noisy)}, reference)
    good, poor = evaluation.rows
    assert (good["method"], poor["method"]) == ("good", "poor")
    assert good["psnr_db"] == pytest.approx(poor["psnr_db"] + 20 * math.log10(2), abs=1e-4)
    assert good["nmae"] == pytest.approx(poor["nmae"] / 2, rel=1e-5)
    assert good["ssim"] > poor["ssim"]
    alone = evaluate(image_of(noisy), reference, name="poor")
    assert alone.rows == [poor]
    assert list(evaluation.differences) == ["good", "poor"]


def test_reports_are_strict_json(truth):
    evaluation = evaluate(image_of(truth), image_of(truth), name="itself")

    def refuse(name):
        raise AssertionError(name)

    report = json.loads(evaluation.to_json(), parse_constant=refuse)
    assert report["rows"] == [{"method": "itself", "psnr_db": "Infinity", "ssim": 1.0, "nmae": 0.0}]
    assert report["data_range"]["rule"] == "99.9th percentile of the reference"
    assert report["mask"]["voxels"] == evaluation.mask_voxels
    assert set(report["definitions"]) == {"psnr_db", "ssim", "nmae"}


def test_text_states_range_and_mask(truth, noisy):
    text = evaluate(image_of(noisy), image_of(truth), data_range=1234.5, name="ICONet").to_text()
    assert text.splitlines()[2].startswith("ICONet ")
    assert "data range 1234.5 (given)" in text
    assert "(reference > 0.02 data range)" in text


def test_json_file_appears_whole_and_is_not_overwritten_unasked(tmp_path, truth, noisy):
    evaluation = evaluate(image_of(noisy), image_of(truth))
    path = evaluation.write_json(tmp_path / "report.json")
    assert json.loads(path.read_text(encoding="utf-8")) == evaluation.to_dict()
    with pytest.raises(OutputError, match="exists"):
        evaluation.write_json(path)
    evaluation.write_json(path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


def test_thin_slices_have_no_ssim_and_say_so(truth, noisy):
    evaluation = evaluate(image_of(noisy[:, :8]), image_of(truth[:, :8]))
    assert math.isnan(evaluation.rows[0]["ssim"])
    assert "SSIM is not defined" in evaluation.notes[0]
    assert "8x20" in evaluation.to_text()
    assert evaluation.to_dict()["rows"][0]["ssim"] is None


def test_one_slice_may_be_two_dimensional(truth, noisy):
    slices = [image_of(x)[:, :, 3] for x in (noisy, truth, (truth > 100).astype(np.uint8))]
    evaluation = evaluate(slices[0], slices[1], mask=slices[2])
    assert evaluation.mask_voxels == (truth[3] > 100).sum()


@pytest.mark.parametrize("what", ["size", "spacing", "origin", "direction"])
@pytest.mark.parametrize("who", ["result", "mask"])
def test_other_grids_are_refused_with_the_difference(truth, noisy, what, who):
    other = image_of(noisy)
    if what == "size":
        other = other[:, :, 1:]
        other.SetOrigin(image_of(noisy).GetOrigin())
    elif what == "spacing":
        other.SetSpacing((0.9, 1.2, 3.0))
    elif what == "origin":
        other.SetOrigin((-9.0, 5.0, 2.0))
    else:
        other.SetDirection((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    result, mask = (other, None) if who == "result" else (image_of(noisy), other)
    with pytest.raises(ImageError, match=f"{who} and reference are on different grids: {what}") as refusal:
        evaluate(result, image_of(truth), mask=mask)
    assert "resample" in refusal.value.hint


def test_single_precision_headers_are_the_same_grid(truth, noisy):
    result = image_of(noisy, origin=(-10.0 + 1e-5, 5.0, 2.0))
    assert evaluate(result, image_of(truth)).rows == evaluate(image_of(noisy), image_of(truth)).rows


@pytest.mark.parametrize("who", ["result", "reference"])
@pytest.mark.parametrize("fault", ["NaN", "constant"])
def test_images_that_cannot_be_used_are_refused_by_name(truth, noisy, who, fault):
    images = {"result": noisy.copy(), "reference": truth.copy()}
    if fault == "NaN":
        images[who][1, 2, 3] = np.nan
    else:
        images[who][:] = 7
    with pytest.raises(ImageError, match=f"{who}.*{fault}"):
        evaluate(image_of(images["result"]), image_of(images["reference"]))


def test_masks_that_cannot_be_used_are_refused(truth, noisy):
    result, reference = image_of(noisy), image_of(truth)
    with pytest.raises(ImageError, match=r"mask is empty \(given\)"):
        evaluate(result, reference, mask=image_of(np.zeros(SHAPE, np.uint8)))
    broken = np.ones(SHAPE, np.float32)
    broken[0, 0, :5] = np.nan
    with pytest.raises(ImageError, match="mask holds 5 voxel"):
        evaluate(result, reference, mask=image_of(broken))
    with pytest.raises(ImageError, match=r"mask is empty \(reference"):
        evaluate(image_of(-noisy), image_of(-truth))


@pytest.mark.parametrize("data_range", [0.0, -3.0, math.nan, math.inf])
def test_data_range_must_be_a_positive_number(truth, noisy, data_range):
    with pytest.raises(UsageError, match="data_range is"):
        evaluate(image_of(noisy), image_of(truth), data_range=data_range)


def test_nothing_to_evaluate_is_refused(truth):
    with pytest.raises(UsageError, match="no result"):
        evaluate_all({}, image_of(truth))


def test_the_work_is_told_and_can_be_stopped(truth, noisy):
    seen: list[float] = []
    image, reference = image_of(noisy), image_of(truth)
    evaluate_all({"a": image, "b": image}, reference, step=seen.append)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert 0.5 in seen
    assert seen[-1] < 1

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_all({"a": image}, reference, step=stop)
