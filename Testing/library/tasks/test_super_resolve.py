"""What `super_resolve` promises: geometry, the measured frequencies, determinism, pixel types, an honest report."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import Cancelled, ImageError, ModelError, OutputError, UsageError
from mrienhance.inference import Cancel
from mrienhance.models import load_model
from mrienhance.physics import KSpaceTruncation
from mrienhance.tasks.consistency import Measured
from mrienhance.tasks.result import Result
from mrienhance.tasks.simulate import simulate_low_resolution
from mrienhance.tasks.super_resolve import super_resolve
from tasks.samples import LEFT_HANDED, OBLIQUE, corners, head, tiny_model, voxels

GEOMETRIES = {
    "left-handed": {"direction": LEFT_HANDED, "spacing": (1.7, 1.3, 3.0)},
    "oblique": {"direction": OBLIQUE, "spacing": (1.1, 1.9, 0.7)},
    "oblique and left-handed": {"direction": (np.reshape(OBLIQUE, (3, 3)) @ np.diag((1, -1, 1))).ravel()},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {scale: tiny_model(folder / f"tiny-x{scale}.safetensors", scale=scale) for scale in (2, 4)}


def of(image: sitk.Image, model: Path, **options: Any) -> Result:
    return super_resolve(image, model=model, device="cpu", **options)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_the_result_lies_where_the_image_lies(models, geometry: dict[str, Any], scale: int):
    """Coarse sample n and fine sample `scale` n are one place, and fine samples lie evenly between."""
    image = head((9, 8, 3), **geometry)
    result = of(image, models[scale]).image
    assert result.GetSize() == (9 * scale, 8 * scale, 3)
    coarse = np.array([[0, 0, 0], [8, 0, 0], [0, 7, 0], [0, 0, 2], [8, 7, 2], [3.25, 2.5, 1]])
    fine = coarse * (scale, scale, 1)
    assert np.allclose(corners(image, coarse), corners(result, fine), atol=1e-9)


def test_an_object_stays_where_it_is(models):
    """The centre of mass in millimetres; a grid that is off by half a fine voxel would move it by 0.4 mm an axis."""
    image = head((32, 28, 3), direction=OBLIQUE)
    image = sitk.Mask(image, image > 100)
    result = of(image, models[2]).image
    assert np.linalg.norm(centre_of_mass(image) - centre_of_mass(result)) < 0.05


def centre_of_mass(image: sitk.Image) -> np.ndarray:
    values = voxels(image)
    mean = [float((values * index).sum() / values.sum()) for index in np.indices(values.shape)[::-1]]
    return corners(image, [mean])[0]


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("size", [(20, 24, 3), (21, 19, 2)], ids=["even", "odd"])
def test_the_measured_frequencies_come_back(models, size: tuple[int, ...], scale: int):
    image = head(size)
    again = simulate_low_resolution(of(image, models[scale]).image, factors=(scale, scale, 1))
    assert np.allclose(voxels(again), voxels(image), atol=1e-3)
    without = simulate_low_resolution(of(image, models[scale], consistency=False).image, factors=(scale, scale, 1))
    assert np.abs(voxels(without) - voxels(image)).max() > 1


@pytest.mark.parametrize("scale", [2, 4])
def test_consistency_changes_only_the_measured_frequencies(models, scale: int):
    """Oracle: NumPy's FFT of both results. Outside the measured block they are equal."""
    image = head((21, 19, 2))
    free, bound = (voxels(of(image, models[scale], consistency=on).image) for on in (False, True))
    change = np.abs(np.fft.fftshift(np.fft.fft2(bound - free), axes=(1, 2)))
    height, width = change.shape[1:]
    measured = np.zeros((height, width), dtype=bool)
    measured[height // 2 - 9 : height // 2 + 10, width // 2 - 10 : width // 2 + 11] = True
    assert change[:, measured].max() > 1
    assert change[:, ~measured].max() < 1e-4 * change.max()


@pytest.mark.parametrize("pixel", [sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkUInt8, sitk.sitkInt32])
def test_integers_stay_integers(models, pixel: int):
    image = sitk.Cast(head() / 5, pixel)
    result = of(image, models[2])
    assert result.image.GetPixelID() == pixel
    reference = voxels(of(sitk.Cast(image, sitk.sitkFloat32), models[2]).image)
    limits = np.iinfo(sitk.GetArrayViewFromImage(image).dtype)
    assert np.array_equal(voxels(result.image), np.clip(np.rint(reference), limits.min, limits.max))


@pytest.mark.parametrize("pixel", [sitk.sitkFloat32, sitk.sitkFloat64])
def test_other_types_become_single_precision(models, pixel: int):
    assert of(head(pixel=pixel), models[2]).image.GetPixelID() == sitk.sitkFloat32


def test_intensities_scale_with_the_image(models):
    """Powers of two, which rounding does not see."""
    image = head()
    small, large = (voxels(of(image * factor, models[2]).image) for factor in (2.0**-12, 2.0**12))
    assert np.array_equal(small * 2.0**24, large)


def test_one_slice(models):
    image = head((20, 24, 1))
    assert of(image, models[2]).image.GetSize() == (40, 48, 1)


def test_slices_do_not_know_each_other(models):
    """With one intensity scale, a slice gives the same alone and among others."""
    image = head((20, 24, 3))
    result = voxels(of(image, models[2]).image)
    turned = voxels(of(sitk.Flip(image, (False, False, True)), models[2]).image)
    assert np.allclose(result[::-1], turned, atol=1e-3)


def test_2d_is_one_slice(models):
    flat = head((20, 24, 3))[:, :, 1]
    result = of(flat, models[2]).image
    assert result.GetSize() == (40, 48, 1)


def test_the_same_twice(models):
    image = head()
    first, second = (of(image, models[2]) for _ in range(2))
    assert np.array_equal(voxels(first.image), voxels(second.image))
    assert first.report.output == second.report.output


def test_the_input_is_left_alone(models):
    image = head()
    before = voxels(image).copy()
    of(image, models[2])
    assert np.array_equal(voxels(image), before)


@pytest.mark.parametrize(("scale", "finer"), [(2, 1), (4, 2)])
def test_the_reconstruction_is_a_map_on_its_own_grid(models, scale: int, finer: int):
    """It has the size of the last stage's input, and the intensities of the image."""
    image = head((21, 18, 2))
    [(name, reconstruction)] = of(image, models[scale]).maps.items()
    assert name == "reconstruction"
    assert reconstruction.GetSize() == (21 * finer, 18 * finer, 2)
    assert np.allclose(reconstruction.GetOrigin(), image.GetOrigin())
    assert np.allclose(reconstruction.GetSpacing(), np.array(image.GetSpacing()) / (finer, finer, 1))
    assert 0.5 < voxels(reconstruction).std() / voxels(image).std() < 2


def test_the_dicom_window_stays(models):
    image = head(pixel=sitk.sitkInt16)
    for key, value in {"0028|1050": "500", "0028|1051": "900", "0010|0010": "Somebody"}.items():
        image.SetMetaData(key, value)
    result = of(image, models[2]).image
    assert (result.GetMetaData("0028|1050"), result.GetMetaData("0028|1051")) == ("500", "900")
    assert not result.HasMetaDataKey("0010|0010")


def test_a_loaded_model_serves_again(models):
    model = load_model(models[2])
    image = head()
    for _ in range(2):
        result = super_resolve(image, model=model, device="cpu")
    assert np.array_equal(voxels(result.image), voxels(of(image, models[2]).image))


def test_progress_is_told(models):
    class Sink:
        def __init__(self) -> None:
            self.seen: list[float] = []

        def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
            self.seen.append(fraction)

    sink = Sink()
    of(head((20, 24, 4)), models[2], batch=1, progress=sink)
    assert sink.seen[0] == 0
    assert sink.seen[-1] == 1
    assert sink.seen == sorted(sink.seen)


def test_cancel_stops_the_work(models):
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        of(head(), models[2], cancel=cancel)


class Told:
    """A sink that remembers, and stops the work at a text."""

    def __init__(self, stop_at: str = "nothing") -> None:
        self.lines: list[tuple[float, str]] = []
        self.cancel, self._stop_at = Cancel(), stop_at

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        self.lines.append((fraction, text))
        if text.startswith(self._stop_at):
            self.cancel.cancel()


def test_every_stage_is_told(models):
    told = Told()
    of(head(), models[2], progress=told)
    fractions, texts = zip(*told.lines, strict=True)
    assert list(fractions) == sorted(fractions)
    assert list(dict.fromkeys(texts)) == [
        "Running ICONet",
        "Putting the measured frequencies back",
        "Recording how the result came to be",
        "Done",
    ]


@pytest.mark.parametrize("stage", ["Running", "Putting", "Recording"])
def test_every_stage_is_stopped(models, stage: str):
    told = Told(stage)
    with pytest.raises(Cancelled):
        of(head(), models[2], progress=told, cancel=told.cancel)
    assert told.lines[-1][1].startswith(stage)


def test_images_are_delivered_before_the_report_is_made(models):
    delivered: dict[str, sitk.Image] = {}
    result = of(head(), models[2], deliver=delivered.__setitem__)
    assert delivered == {"image": result.image, **result.maps}


@pytest.mark.parametrize(("asked", "given"), [(None, 1), (("reconstruction", "attention"), 1), ((), 0)])
def test_only_the_maps_that_are_asked_for_are_given(models, asked: tuple[str, ...] | None, given: int):
    assert len(of(head(), models[2], maps=asked).maps) == given


def test_a_delivery_that_fails_ends_the_work(models):
    def fail(name: str, image: sitk.Image) -> None:
        raise OutputError(f"no room for {name}")

    with pytest.raises(OutputError, match="no room for image"):
        of(head(), models[2], deliver=fail)


def test_a_volume_is_put_back_as_a_whole_where_its_slices_are_not_independent():
    """A 3-D truncation: what comes out truncates to what was measured, and the residual says so."""
    truncation = KSpaceTruncation((8, 12, 10), (2, 2, 2))
    fine, coarse = torch.rand(8, 12, 10), torch.rand(4, 6, 5)
    measured = Measured(coarse, truncation, lambda: None)
    before = measured.residual(fine)
    assert before == pytest.approx(float((truncation(fine) - coarse).norm() / coarse.norm()), rel=1e-5)
    measured.put_back(fine)
    assert torch.allclose(truncation(fine), coarse, atol=1e-6)
    assert measured.residual(fine) < 1e-6


REFUSED = {
    "scale of another model": ({"scale": 4}, ModelError, "scale 2, not 4"),
    "reference": ({"reference": head(seed=3)}, UsageError, "no reference"),
    "device": ({"device": "tpu"}, UsageError, "tpu"),
    "precision": ({"precision": "int4"}, UsageError, "int4"),
}


@pytest.mark.parametrize(("options", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_contradictions_are_refused(models, options: dict[str, Any], error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        super_resolve(head(), **{"model": models[2], **options})


def test_a_model_for_another_task_is_refused(tmp_path: Path):
    other = tiny_model(tmp_path / "other.safetensors", task="synthesize")
    with pytest.raises(ModelError, match="synthesize"):
        super_resolve(head(), model=other)


def test_a_loaded_model_is_checked_too(models):
    with pytest.raises(ModelError, match="by 2"):
        super_resolve(head(), model=load_model(models[2]), scale=4)


def test_an_unusable_image_is_refused(models):
    with pytest.raises(ImageError, match="constant"):
        of(head() * 0, models[2])


@pytest.mark.parametrize("count", [3, 4, 5])
def test_every_slice_is_put_back(models, monkeypatch, count: int):
    """Slices are worked on a few at a time, four here: fewer, as many, one more."""
    monkeypatch.setattr("mrienhance.tasks.consistency._VOXELS_AT_ONCE", 4 * 12 * 16)
    image = head((6, 8, count))
    again = simulate_low_resolution(of(image, models[2]).image)
    assert np.allclose(voxels(again), voxels(image), atol=1e-3)
