"""What `reconstruct` promises: the right image in the right place, determinism, invariances, refusals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import KSpaceError
from mrienhance.kspace import KSpace
from mrienhance.models import load_model
from mrienhance.physics import Sense, from_centred, from_centred_kspace
from mrienhance.tasks.classical import CLASSICAL
from mrienhance.tasks.coil_maps import estimate_coil_maps
from mrienhance.tasks.reconstruct import find_for, reconstruct
from mrienhance.tasks.result import Result
from tasks.samples import tiny_model, voxels
from tasks.scans import SIZE, phantom, scan, tiny_reconstructor

METHODS = (*CLASSICAL, "model")
# One of either kind; compressed sensing takes seconds.
TWO = ("cg-sense", "model")
MAPS = {"attention", "without-lesion-term", "zero-filled"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reconstructor(tmp_path_factory.mktemp("models") / "tiny-lf.safetensors")


@pytest.fixture(scope="module", autouse=True)
def no_other_models(tmp_path_factory: pytest.TempPathFactory):
    """Whatever lies in this user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MRIENHANCE_MODELS", str(tmp_path_factory.mktemp("none")))
        patch.setattr("mrienhance.models.catalogue.SHIPPED", tmp_path_factory.mktemp("nothing shipped"))
        yield


def of(kspace: KSpace, model: Path | str, **options: Any) -> Result:
    return reconstruct(kspace, model=model, **{"device": "cpu", **options})


def named(name: str, model: Path) -> Path | str:
    return model if name == "model" else name


def close_to(image: sitk.Image, truth: torch.Tensor) -> float:
    """Relative error."""
    return float(np.linalg.norm(voxels(image) - truth.numpy()) / np.linalg.norm(truth.numpy()))


@pytest.mark.parametrize("name", METHODS)
def test_a_full_scan_is_the_object(model: Path, name: str):
    """Also by a network that learned nothing: it is regularised least squares then."""
    chosen = model if name != "model" else tiny_reconstructor(model.parent / "new.safetensors", trained=False)
    full = scan(acceleration=1, noise=0)
    result = of(full, named(name, chosen), coil_maps="low-resolution")
    assert close_to(result.image, phantom()) < 0.08
    assert result.image.GetPixelID() == sitk.sitkFloat32


def test_each_unfolds_what_zero_filling_does_not():
    kspace = scan(1, coils=8, acceleration=2)
    errors = {name: close_to(of(kspace, name, coil_maps="low-resolution").image, phantom(1)) for name in CLASSICAL}
    assert errors["total-variation"] < errors["cg-sense"] < 0.6 * errors["zero-filled"]
    assert errors["l1-wavelet"] < errors["cg-sense"]


@pytest.mark.parametrize("name", METHODS)
def test_the_image_lies_where_the_header_says(model: Path, name: str):
    kspace = scan()
    result = of(kspace, named(name, model))
    for image in (result.image, *result.maps.values()):
        assert image.GetSize() == (SIZE[1], SIZE[0], 2)
        for fact in ("spacing", "origin", "direction"):
            assert np.allclose(getattr(image, f"Get{fact.capitalize()}")(), getattr(kspace.geometry, fact))


def test_oversampling_is_cut_off(model: Path):
    """The middle of the image stays the middle, and the maps are cut too."""
    kspace = scan(geometry=False)
    whole, part = (of(replace(kspace, crop=crop), model) for crop in (SIZE, (30, 41 - 10)))
    rows, columns = replace(kspace, crop=(30, 31)).window
    assert part.image.GetSize() == (31, 30, 2)
    for name in MAPS:
        assert np.array_equal(voxels(part.maps[name]), voxels(whole.maps[name])[:, rows, columns])
    assert np.array_equal(voxels(part.image), voxels(whole.image)[:, rows, columns])


def test_a_header_that_says_nothing_is_a_warning():
    result = of(scan(geometry=False), "zero-filled")
    assert result.image.GetSpacing() == (1, 1, 1)
    assert any("does not say where" in warning for warning in result.report.warnings)
    assert not of(scan(), "zero-filled").report.warnings


@pytest.mark.parametrize("name", TWO)
def test_the_same_twice(model: Path, name: str):
    kspace = scan()
    first, second = (of(kspace, named(name, model)) for _ in range(2))
    assert first.report.output == second.report.output
    assert first.report.inputs == second.report.inputs


@pytest.mark.parametrize("name", TWO)
def test_the_scale_of_the_samples_is_that_of_the_image(model: Path, name: str):
    """A power of two, which rounding does not see. The attention and the scores know no scale."""
    kspace = scan()
    weak, strong = (
        of(replace(kspace, samples=kspace.samples * factor), named(name, model)) for factor in (2.0**-20, 1.0)
    )
    assert np.allclose(voxels(weak.image) * 2.0**20, voxels(strong.image), atol=1e-4)
    if name == "model":
        assert np.allclose(voxels(weak.maps["attention"]), voxels(strong.maps["attention"]), atol=1e-3)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("how", ["espirit", "low-resolution"])
def test_the_order_of_the_coils_does_not_matter(model: Path, name: str, how: str):
    kspace = scan()
    turned = replace(kspace, samples=kspace.samples.flip(1))
    images = [voxels(of(each, named(name, model), coil_maps=how).image) for each in (kspace, turned)]
    assert np.allclose(*images, atol=2e-3)


@pytest.mark.parametrize("name", TWO)
def test_a_global_phase_does_not_matter(model: Path, name: str):
    """To a network with random weights, which sees real and imaginary parts, it does; to a new one it does not."""
    new = tiny_reconstructor(model.parent / "new.safetensors", trained=False)
    kspace = scan()
    turned = replace(kspace, samples=kspace.samples * torch.polar(torch.tensor(1.0), torch.tensor(0.7)))
    images = [voxels(of(each, named(name, new)).image) for each in (kspace, turned)]
    assert np.allclose(*images, atol=1e-3)


@pytest.mark.parametrize("name", TWO)
def test_slices_do_not_know_each_other(model: Path, name: str):
    kspace = scan(3)
    together = voxels(of(kspace, named(name, model), batch=3).image)
    for number in range(3):
        alone = voxels(of(kspace.slices(number), named(name, model)).image)
        assert np.allclose(together[number], alone[0], atol=1e-4)


def test_masks_may_differ_from_slice_to_slice():
    first, second = scan(1, seed=1), scan(1, seed=2)
    both = replace(
        scan(2),
        samples=torch.cat([first.samples, second.samples]),
        mask=torch.stack([first.mask, second.mask]),
    )
    together = voxels(of(both, "cg-sense", batch=2).image)
    assert np.allclose(together[0], voxels(of(first, "cg-sense").image)[0], atol=1e-5)
    assert np.allclose(together[1], voxels(of(second, "cg-sense").image)[0], atol=1e-5)


def test_one_coil_needs_no_calibration():
    kspace = scan(coils=1, acceleration=1, noise=0)
    result = of(replace(kspace, mask=kspace.mask.clone()), "cg-sense")
    assert result.report.reconstruction.coil_maps == "none: one coil"


def test_maps_of_the_file_and_from_memory():
    """Those that were estimated give the same image again, from the file and from memory."""
    kspace = scan()
    maps = estimate_coil_maps(kspace)
    expected = voxels(of(kspace, "cg-sense").image)
    for changes, how in (({}, maps), ({"maps": maps}, "file"), ({}, 3 * maps.numpy())):
        result = of(replace(kspace, **changes), "cg-sense", coil_maps=how)
        assert np.allclose(voxels(result.image), expected, atol=1e-5)
    assert result.report.reconstruction.coil_maps == "given"


def test_a_calibration_scan_replaces_calibration_lines():
    """Lines without a centre, and a full scan of low noise beside them."""
    full, kspace = scan(acceleration=1), scan(acceleration=1)
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[:, ::2] = True
    mask[:, SIZE[1] // 2 - 1 : SIZE[1] // 2 + 2] = True
    without = replace(kspace, samples=kspace.samples * mask, mask=mask)
    with pytest.raises(KSpaceError, match="no calibration lines"):
        of(without, "cg-sense")
    result = of(replace(without, calibration=full.samples), "cg-sense")
    assert close_to(result.image, phantom()) < 0.1


def test_noise_is_made_white_and_intensities_stay():
    """Oracle: a coil of a hundred times the noise counts for little, if the noise was measured."""
    generator = torch.Generator().manual_seed(3)
    kspace = scan(noise=0)
    levels = torch.tensor([1.0, 1, 1, 1, 1, 100])[:, None] * 0.004

    def noise(count: int) -> torch.Tensor:
        return levels * torch.randn(6, count, generator=generator, dtype=torch.complex64)

    numel = kspace.samples.numel() // 6
    loud = noise(numel).view(6, 2, *SIZE).transpose(0, 1) * kspace.mask
    noisy = replace(kspace, samples=kspace.samples + loud)
    blind, knowing = (of(replace(noisy, noise=known), "cg-sense") for known in (None, noise(4000)))
    errors = []
    for result in (blind, knowing):
        image = torch.from_numpy(voxels(result.image)).float()
        scale = float((image * phantom()).sum() / (image * image).sum())
        errors.append(float((image * scale - phantom()).norm() / phantom().norm()))
    assert errors[1] < 0.6 * errors[0]
    assert (blind.report.reconstruction.whitened, knowing.report.reconstruction.whitened) == (False, True)


def test_maps_found_before_are_of_the_coils_as_they_are():
    """With mixed coils too: found once, given, the image is the same."""
    generator = torch.Generator().manual_seed(3)
    mix = torch.eye(6) + 0.3 * torch.rand(6, 6, generator=generator)
    noise = mix.to(torch.complex64) @ torch.randn(6, 4000, generator=generator, dtype=torch.complex64)
    kspace = scan(noise=0.01)
    kspace = replace(kspace, noise=noise)
    images = [of(kspace, "cg-sense", coil_maps=how).image for how in ("espirit", estimate_coil_maps(kspace))]
    assert np.allclose(*map(voxels, images), atol=1e-4)


def test_the_residual_is_that_of_the_image(model: Path):
    """Oracle: the operator, on the complex image of CG-SENSE."""
    from mrienhance.physics import cg_sense

    kspace = scan()
    maps = estimate_coil_maps(kspace)
    samples, mask = from_centred_kspace(kspace.samples), from_centred(kspace.mask)
    x = cg_sense(samples, maps, mask)
    expected = float((Sense(maps, mask)(x) - samples).norm() / samples.norm())
    result = of(kspace, "cg-sense")
    assert result.report.consistency_residual == pytest.approx(expected, rel=1e-3)
    assert np.allclose(voxels(result.image), x.abs().numpy(), atol=1e-5)
    assert 0 < of(kspace, model).report.consistency_residual < 1


def test_a_loaded_model_serves_again(model: Path):
    loaded, kspace = load_model(model), scan()
    for _ in range(2):
        result = of(kspace, loaded)
    assert np.array_equal(voxels(result.image), voxels(of(kspace, model).image))


def test_without_a_model_it_is_cg_sense_and_says_so():
    result = reconstruct(scan(), device="cpu")
    assert result.report.model.name == "cg-sense"
    assert "there is no model to reconstruct: CG-SENSE was used" in result.report.warnings
    assert find_for(None) is CLASSICAL["cg-sense"]


def test_the_catalogues_first_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tiny_reconstructor(tmp_path / "mine.safetensors")
    tiny_model(tmp_path / "a-x2.safetensors")
    monkeypatch.setenv("MRIENHANCE_MODELS", str(tmp_path))
    assert reconstruct(scan(), device="cpu").report.model.name == "mine"


def test_the_maps_of_a_model(model: Path):
    result = of(scan(), model)
    assert set(result.maps) == MAPS
    attention = voxels(result.maps["attention"])
    assert attention.min() >= 0
    assert attention.max() <= 1
    assert np.abs(voxels(result.maps["without-lesion-term"]) - voxels(result.image)).max() > 0
    zero = of(scan(), "zero-filled")
    assert np.allclose(voxels(result.maps["zero-filled"]), voxels(zero.image), atol=1e-5)


@pytest.mark.parametrize(("asked", "given"), [(None, MAPS), (("attention", "phase"), {"attention"}), ((), set())])
def test_only_the_maps_that_are_asked_for_are_given(model: Path, asked: Any, given: set[str]):
    assert set(of(scan(), model, maps=asked).maps) == given


@pytest.mark.parametrize(
    "variant", ["no-lesion-term", "unet", "two-classes", "variable-splitting", "attention-everywhere"]
)
def test_variants(tmp_path: Path, variant: str):
    result = of(scan(), tiny_reconstructor(tmp_path / "other.safetensors", variant=variant))
    assert ("attention" in result.maps) == (variant != "no-lesion-term")


def test_half_precision_is_close(model: Path):
    kspace = scan()
    exact, rough = (voxels(of(kspace, model, precision=kind).image) for kind in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - rough).max() < 0.1
