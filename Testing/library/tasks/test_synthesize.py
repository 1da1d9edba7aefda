"""What `synthesize` promises: every voxel by a table, the image's grid, one pass for all targets, several sources."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from mrienhance.errors import Cancelled, ImageError, ModelError, OutputError, UsageError
from mrienhance.inference import Cancel
from mrienhance.models import load_model
from mrienhance.tasks.result import image_hash
from mrienhance.tasks.synthesis_model import find_for
from mrienhance.tasks.synthesize import synthesize, synthesize_all
from tasks.samples import LEFT_HANDED, OBLIQUE, head, tiny_model, voxels
from tasks.synthesizers import GAINS, installed, synthesizer

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed(tmp_path_factory.mktemp("models")) as folder:
        yield folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return synthesizer(folder / "toy.safetensors")


def expected(image: sitk.Image, source: str, target: str) -> np.ndarray:
    """NumPy alone: bright is 1, the table, and 1000 for 1."""
    values = np.maximum(voxels(image), 0)
    return 1000 * values / np.percentile(values, 99.9) * GAINS[target] / GAINS[source]


@pytest.mark.parametrize("pixel", [sitk.sitkInt16, sitk.sitkFloat32, sitk.sitkUInt8])
@pytest.mark.parametrize("direction", [LEFT_HANDED, OBLIQUE, SAGITTAL], ids=["left-handed", "oblique", "sagittal"])
def test_every_voxel_on_the_grid_of_the_image(model: Path, direction: Any, pixel: int):
    image = sitk.Cast(head((13, 10, 7), direction=direction, spacing=(1.1, 0.9, 1.7)) / 5, pixel)
    result = synthesize(image, to="FLAIR", source="T1c", model=model, device="cpu").image
    assert result.GetPixelID() == sitk.sitkFloat32
    for fact in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):  # not to a rounding: exactly
        assert getattr(result, fact)() == getattr(image, fact)()
    assert np.allclose(voxels(result), expected(image, "T1c", "FLAIR"), rtol=1e-3, atol=0.5)


def test_negative_values_are_background(model: Path):
    """Cubic resampling leaves them, and no network has seen them."""
    image = head() - 100
    result = synthesize(image, to="T2w", source="T1w", model=model, device="cpu").image
    assert voxels(result).min() == 0
    assert np.allclose(voxels(result), expected(image, "T1w", "T2w"), rtol=1e-3, atol=0.5)


def test_all_targets_in_one_pass(model: Path):
    loaded = load_model(model)
    results = synthesize_all(head((20, 24, 4)), to=("FLAIR", "T2w"), source="T1w", model=loaded, device="cpu", batch=4)
    assert list(results) == ["FLAIR", "T2w"]
    assert loaded.module.calls == [((4, 1, 24, 20), "T1w", ("FLAIR", "T2w"))]
    alone = synthesize(head((20, 24, 4)), to="T2w", source="T1w", model=model, device="cpu")
    assert np.array_equal(voxels(alone.image), voxels(results["T2w"].image))


def test_the_network_is_shown_axial_slices(folder: Path):
    """Of a sagittal scan: i runs to the back, j to the top, k to the left. A ramp along i' is one along k."""
    image = head((12, 9, 5), direction=SAGITTAL)
    ramped = synthesizer(folder / "ramp.safetensors", config={"ramp": 0.1})
    result = synthesize(image, to="T2w", source="T1w", model=ramped, device="cpu")
    factor = 1 + 0.1 * np.arange(5)[:, None, None]
    assert np.allclose(voxels(result.image), expected(image, "T1w", "T2w") * factor, rtol=1e-3, atol=0.5)
    assert any("sagittal" in warning for warning in result.report.warnings)


def test_sources_on_one_grid_are_averaged(model: Path):
    first, second = head(), head(seed=5)
    result = synthesize(first, to="FLAIR", source="T1w", others={"T2w": second}, model=model, device="cpu")
    mean = (expected(first, "T1w", "FLAIR") + expected(second, "T2w", "FLAIR")) / 2
    assert np.allclose(voxels(result.image), mean, rtol=1e-3, atol=0.5)
    facts = result.report.synthesis
    assert [(source.contrast, source.placed) for source in facts.sources] == [("T1w", "as it is"), ("T2w", "as it is")]
    assert facts.predictions == 2
    assert [record.role for record in result.report.inputs] == ["image", "T2w"]
    assert result.report.inputs[1].sha256 == image_hash(second)


def test_a_source_counts_only_where_it_was_scanned(model: Path):
    """The second scan has the lower half of the slices, on a grid of its own: the upper half is the first one's."""
    first = head((20, 24, 8))
    whole = head((20, 24, 8), seed=5)
    result = synthesize(
        first, to="FLAIR", source="T1w", others={"T2w": whole[:, :, :4]}, register=False, model=model, device="cpu"
    )
    bright = np.percentile(voxels(whole[:, :, :4]), 99.9)
    alone, other = expected(first, "T1w", "FLAIR"), 1000 * voxels(whole)[:4] / bright * GAINS["FLAIR"] / GAINS["T2w"]
    assert np.allclose(voxels(result.image)[4:], alone[4:], rtol=1e-3, atol=0.5)
    assert np.allclose(voxels(result.image)[:4], (alone[:4] + other) / 2, rtol=1e-3, atol=0.5)
    assert result.report.synthesis.sources[1].placed == "resampled"


def test_a_moved_source_is_registered(model: Path):
    """By 4 degrees and 3 mm, on a grid of its own; both known."""
    first = blobs((64, 72, 40))
    turn = sitk.Euler3DTransform(
        first.TransformContinuousIndexToPhysicalPoint((31.5, 35.5, 19.5)), 0.0, 0.0, np.deg2rad(4.0), (3.0, 0.0, 0.0)
    )
    moved = sitk.Resample(1500 - first, (60, 70, 38), turn, sitk.sitkLinear, (0.5, 1.0, 0.7), (2.1, 2.0, 2.2))
    result = synthesize(first, to="FLAIR", source="T1w", others={"T2w": moved}, model=model, device="cpu")
    source = result.report.synthesis.sources[1]
    assert source.placed == "registered"
    assert source.registration.angle_deg == pytest.approx(4.0, abs=0.5)
    assert source.registration.shift_mm == pytest.approx(3.0, abs=0.5)
    assert source.registration.metric_after < source.registration.metric_before


def blobs(size: tuple[int, int, int]) -> sitk.Image:
    """Something without any symmetry, 2 mm."""
    generator = np.random.default_rng(3)
    places = np.indices(size[::-1])
    values = np.zeros(size[::-1])
    for _ in range(14):
        centre = [generator.uniform(0.25, 0.75) * n for n in size[::-1]]
        distance = sum((place - middle) ** 2 for place, middle in zip(places, centre, strict=True))
        values += generator.uniform(200, 900) * np.exp(-distance / (2 * generator.uniform(3, 7) ** 2))
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing((2.0, 2.0, 2.0))
    return image


def test_a_source_elsewhere_is_refused(model: Path):
    far = head(origin=(900.0, 0.0, 0.0))
    with pytest.raises(ImageError, match="nothing of the T2w image"):
        synthesize(head(), to="FLAIR", source="T1w", others={"T2w": far}, register=False, model=model, device="cpu")


def test_it_says_that_it_is_synthetic(model: Path, tmp_path: Path):
    image = head()
    image.SetMetaData("0010|0010", "Somebody")
    image.SetMetaData("0028|1050", "500")
    result = synthesize(image, to="T2w", source="T1w", model=model, device="cpu", uncertainty=True)
    facts = result.report.to_dict()["synthesis"]
    assert (facts["synthetic"], facts["target"]) == (True, "T2w")
    assert result.image.GetMetaData("0008|0008") == "DERIVED\\SECONDARY"
    assert result.image.GetMetaData("0008|103e") == "synthetic T2w from T1w by toy"
    assert result.maps["uncertainty"].GetMetaData("0008|103e").startswith("uncertainty of synthetic T2w")
    # A window of the input would be in another unit, and a synthetic image is nobody's.
    assert not any(result.image.HasMetaDataKey(key) for key in ("0010|0010", "0028|1050"))
    for name, key in (("a.nrrd", "0008|103e"), ("a.nii.gz", "ITK_FileNotes")):
        sitk.WriteImage(result.image, str(tmp_path / name))
        assert sitk.ReadImage(str(tmp_path / name)).GetMetaData(key) == "synthetic T2w from T1w by toy"


def test_images_are_delivered_with_their_contrast(model: Path):
    delivered: dict[tuple[str, str], sitk.Image] = {}
    results = synthesize_all(
        head(),
        to=("T2w", "FLAIR"),
        source="T1w",
        model=model,
        device="cpu",
        uncertainty=True,
        deliver=lambda contrast, name, image: delivered.__setitem__((contrast, name), image),
    )
    assert delivered == {
        (target, name): image
        for target, result in results.items()
        for name, image in {"image": result.image, **result.maps}.items()
    }


def test_a_delivery_that_fails_ends_the_work(model: Path):
    def fail(name: str, image: sitk.Image) -> None:
        raise OutputError(f"no room for {name}")

    with pytest.raises(OutputError, match="no room for image"):
        synthesize(head(), to="T2w", source="T1w", model=model, device="cpu", deliver=fail)


class Told:
    """A sink that remembers, and stops the work at a text."""

    def __init__(self, stop_at: str = "nothing") -> None:
        self.lines: list[tuple[float, str]] = []
        self.cancel, self._stop_at = Cancel(), stop_at

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        self.lines.append((fraction, text))
        if text.startswith(self._stop_at):
            self.cancel.cancel()


def test_every_stage_is_told(model: Path):
    told = Told()
    others = {"T2w": head(seed=2)}
    synthesize(
        head(), to="FLAIR", source="T1w", others=others, model=model, device="cpu", uncertainty=True, progress=told
    )
    fractions, texts = zip(*told.lines, strict=True)
    assert list(fractions) == sorted(fractions)
    assert fractions[-1] == 1
    assert list(dict.fromkeys(texts)) == [
        "Looking at the contrasts",
        "Running Toy synthesizer on T1w",
        "Running Toy synthesizer on T2w",
        "Putting the images into place",
        "Recording how the results came to be",
        "Done",
    ]


@pytest.mark.parametrize("stage", ["Registering", "Looking", "Running", "Putting", "Recording"])
def test_every_stage_is_stopped(model: Path, stage: str):
    told = Told(stage)
    first = blobs((24, 20, 12))
    with pytest.raises(Cancelled):
        synthesize(
            first,
            to="FLAIR",
            source="T1w",
            others={"T2w": first[2:, :, :]},
            register=stage == "Registering",
            model=model,
            device="cpu",
            progress=told,
            cancel=told.cancel,
        )
    assert told.lines[-1][1].startswith(stage)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "the source itself": ({"to": "T1w"}, UsageError, "T1w was scanned"),
    "a further source": ({"to": "T2w", "others": {"T2w": head()}}, UsageError, "T2w was scanned"),
    "two of one": ({"to": "T2w", "others": {"T1w": head()}}, UsageError, "two images of T1w"),
    "unknown target": ({"to": "PDw"}, ModelError, "makes T1w, T1c, T2w, FLAIR, not PDw"),
    "unknown source": ({"to": "T2w", "source": "PDw"}, ModelError, "takes T1w, T1c, T2w, FLAIR, not PDw"),
    "unknown further": ({"to": "T2w", "others": {"PDw": head()}}, ModelError, "not PDw"),
    "nobody knows": ({"to": "T2w", "source": None}, UsageError, "cannot tell which contrast"),
    "device": ({"to": "T2w", "device": "tpu"}, UsageError, "tpu"),
}


@pytest.mark.parametrize("loaded", [False, True], ids=["path", "loaded"])
@pytest.mark.parametrize(("options", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_contradictions_are_refused(model: Path, options: dict[str, Any], error: type, said: str, loaded: bool):
    given = load_model(model) if loaded else model
    with pytest.raises(error, match=said) as refusal:
        synthesize(head(), **{"source": "T1w", "model": given, "device": "cpu", **options})
    assert refusal.value.hint


def test_targets_are_one_or_more_and_different(model: Path):
    with pytest.raises(UsageError, match="no contrast"):
        synthesize_all(head(), to=(), source="T1w", model=model)
    with pytest.raises(UsageError, match="asked for twice"):
        synthesize_all(head(), to=("T2w", "T2w"), source="T1w", model=model)


def test_unusable_images_are_refused(model: Path):
    with pytest.raises(ImageError, match="the image is constant"):
        synthesize(head() * 0, to="T2w", source="T1w", model=model)
    with pytest.raises(ImageError, match="the FLAIR image is constant"):
        synthesize(head(), to="T2w", source="T1w", others={"FLAIR": head() * 0}, model=model)


def test_a_model_for_another_task_is_refused(tmp_path: Path):
    other = tiny_model(tmp_path / "other.safetensors")
    for given in (other, load_model(other)):
        with pytest.raises(ModelError, match="super-resolve, not to synthesize"):
            synthesize(head(), to="T2w", source="T1w", model=given)


def test_a_card_that_promises_what_the_method_cannot_is_refused(tmp_path: Path):
    liar = tiny_model(tmp_path / "liar.safetensors", task="synthesize", contrasts_out=("T2w",))
    with pytest.raises(ModelError, match="does not synthesize"):
        synthesize(head(), to="T2w", source="T1w", model=liar)


def test_the_model_is_found_by_its_contrasts(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MRIENHANCE_MODELS", str(tmp_path))
    monkeypatch.setattr("mrienhance.models.catalogue.SHIPPED", tmp_path / "none")
    synthesizer(tmp_path / "a.safetensors", config={"contrasts": ("T1w", "T2w"), "targets": ("T2w",)})
    synthesizer(tmp_path / "b.safetensors")
    assert find_for(None, source="T1w", to=("T2w",)).name == "b"  # and of use with further scans
    assert find_for(None, source="T1w", to=("T2w", "FLAIR")).name == "b"
    assert find_for(None, source="T1w", to=("T2w",), others=("FLAIR",)).name == "b"
    assert find_for(None, source=None, to=("T2w",)).name == "b"  # it can tell more contrasts from each other
    with pytest.raises(ModelError, match="there is no model to synthesize PDw from T1w") as refusal:
        find_for(None, source="T1w", to=("PDw",))
    assert "a, b" in refusal.value.hint


def test_one_slice_and_2d(model: Path):
    flat = synthesize(head((20, 24, 3))[:, :, 1], to="T2w", source="T1w", model=model, device="cpu").image
    assert flat.GetSize() == (20, 24, 1)


def test_the_input_is_left_alone_and_the_result_is_the_same_twice(model: Path):
    image = head()
    before = voxels(image).copy()
    first, second = (
        synthesize(image, to="T2w", source="T1w", model=model, device="cpu", uncertainty=True) for _ in range(2)
    )
    assert np.array_equal(voxels(image), before)
    assert first.report.output == second.report.output
    assert np.array_equal(voxels(first.maps["uncertainty"]), voxels(second.maps["uncertainty"]))
