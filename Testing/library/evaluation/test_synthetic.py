"""Synthetic images against scans: the unit, VIF and NIQE in rows and JSON, in the mask, by slice and without one."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance.data import sample_path
from mrienhance.errors import ImageError, UsageError
from mrienhance.evaluation import Metrics, evaluate_all, evaluate_synthetic, vif_slices
from mrienhance.evaluation.niqe import niqe
from mrienhance.evaluation.vif import vif
from mrienhance.images import read_image


@pytest.fixture(scope="module")
def scan():
    """Three slices of the sample."""
    return sitk.Cast(read_image(sample_path("t1w_slab"))[60:220, 40:240, ::10], sitk.sitkFloat32)


@pytest.fixture(scope="module")
def synthetic(scan):
    """The same in the unit of synthetic images, blurred."""
    values = sitk.GetArrayFromImage(sitk.DiscreteGaussian(scan, 1.0))
    image = sitk.GetImageFromArray(values * np.float32(1000 / np.percentile(sitk.GetArrayViewFromImage(scan), 99.9)))
    image.CopyInformation(scan)
    return image


def test_the_scan_comes_into_the_unit_of_the_result(scan, synthetic):
    evaluation = evaluate_synthetic({"toy": synthetic}, scan)
    assert evaluation.data_range == pytest.approx(1000, rel=1e-5)
    assert np.percentile(sitk.GetArrayViewFromImage(evaluation.reference), 99.9) == pytest.approx(1000, rel=1e-5)
    again = evaluate_synthetic({"toy": synthetic}, 0.37 * scan)
    assert asdict(again.metrics["toy"]) == pytest.approx(asdict(evaluation.metrics["toy"]), rel=1e-4)
    assert again.rows[0]["vif"] == pytest.approx(evaluation.rows[0]["vif"], rel=1e-4)
    assert evaluation.rows[0]["psnr_db"] > evaluate_all({"toy": synthetic}, scan).rows[0]["psnr_db"] + 5
    assert evaluation.notes[0].startswith("the reference was scaled by 0.")


def test_negative_values_of_a_scan_are_background(scan, synthetic):
    darker = sitk.GetImageFromArray(np.where(sitk.GetArrayFromImage(scan) > 0, sitk.GetArrayFromImage(scan), -50))
    darker.CopyInformation(scan)
    one, other = (evaluate_synthetic({"a": synthetic}, reference) for reference in (darker, scan))
    assert one.metrics == other.metrics
    assert sitk.GetArrayViewFromImage(one.reference).min() == 0


def test_rows_and_json_hold_all_figures(scan, synthetic):
    evaluation = evaluate_synthetic({"toy": synthetic}, scan, contrast="T1w")
    truth, image = (torch.tensor(sitk.GetArrayFromImage(x)) for x in (evaluation.reference, synthetic))
    mask = torch.tensor(sitk.GetArrayFromImage(evaluation.mask)) != 0
    about = {"data_range": evaluation.data_range}
    [row] = evaluation.rows
    assert list(row) == ["method", "psnr_db", "ssim", "nmae", "vif", "niqe"]
    assert row["vif"] == pytest.approx(vif(image, truth, mask=mask, **about))
    inside = niqe(image, contrast="T1w", mask=mask, **about)
    assert row["niqe"] == pytest.approx(inside.volume)
    told = json.loads(evaluation.to_json())
    assert told["rows"] == evaluation.rows
    frame, usual = told["synthetic"]["toy"]["whole_frame"], Metrics.of(image, truth, **about)
    assert frame == pytest.approx(
        {
            "psnr_db": usual.psnr_db,
            "ssim": usual.ssim,
            "nmae": usual.nmae,
            "vif": vif(image, truth, **about),
            "niqe": niqe(image, contrast="T1w", **about).volume,
        }
    )
    slices = told["synthetic"]["toy"]["slices"]
    assert [one["vif"] for one in slices] == pytest.approx(vif_slices(image, truth, mask=mask, **about))
    assert [one["niqe"] for one in slices] == pytest.approx(list(inside.slices))
    assert {"psnr_db", "vif", "niqe", "whole_frame", "slices"} <= set(told["definitions"])


def test_without_a_contrast_there_is_no_niqe(scan, synthetic):
    evaluation = evaluate_synthetic({"toy": synthetic}, scan)
    assert math.isnan(evaluation.rows[0]["niqe"])
    assert "NIQE needs the contrast of the reference" in evaluation.notes
    told = json.loads(evaluation.to_json())
    assert told["rows"][0]["niqe"] is None
    with pytest.raises(UsageError, match="no NIQE for the contrast 'PDw'"):
        evaluate_synthetic({"toy": synthetic}, scan, contrast="PDw")


def test_small_slices_have_neither(scan):
    small = scan[60:92, 80:112, :]
    evaluation = evaluate_synthetic({"toy": small}, small)
    assert math.isnan(evaluation.rows[0]["vif"])
    assert any("41x41" in note for note in evaluation.notes)


def test_several_results_are_compared_alike(scan, synthetic):
    fractions = []
    evaluation = evaluate_synthetic(
        {"one": synthetic, "two": synthetic * 0.9}, scan, contrast="T1w", step=fractions.append
    )
    first, second = evaluation.rows
    assert (first["method"], second["method"]) == ("one", "two")
    assert first["psnr_db"] > second["psnr_db"]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] <= 1


def test_other_evaluations_stay_as_they_were(scan):
    told = evaluate_all({"a": scan}, scan).to_dict()
    assert set(told) == {"rows", "data_range", "mask", "definitions", "notes"}
    assert set(told["rows"][0]) == {"method", "psnr_db", "ssim", "nmae"}
    assert set(told["definitions"]) == {"psnr_db", "ssim", "nmae"}


def test_what_is_no_image_is_refused(scan, synthetic):
    with pytest.raises(ImageError, match="different grids"):
        evaluate_synthetic({"toy": synthetic[1:]}, scan)
    with pytest.raises(ImageError, match="reference is constant"):
        evaluate_synthetic({"toy": synthetic}, synthetic * 0)
