"""The report: complete, true, JSON."""

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance import __version__
from mrienhance.physics import KSpaceTruncation
from mrienhance.tasks.result import ImageRecord, image_hash, voxel_hash
from mrienhance.tasks.super_resolve import super_resolve
from tasks.samples import OBLIQUE, head, tiny_model, voxels


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")


def test_what_a_report_says(model: Path):
    image = head(pixel=sitk.sitkInt16)
    before = datetime.now(timezone.utc).replace(microsecond=0)
    result = super_resolve(image, model=model, device="cpu")
    report = json.loads(result.report.to_json())
    assert report["task"] == "super-resolve"
    assert report["model"]["name"] == "tiny-x2"
    assert report["model"]["title"] == "ICONet"
    assert report["model"]["method"] == "iconet"
    assert report["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert report["scale"] == 2
    assert (report["device"], report["precision"]) == ("cpu", "float32")
    assert 0 < report["seconds_network"] < report["seconds"]
    assert report["peak_memory_bytes"] > 2**20
    assert report["warnings"] == []
    assert report["versions"]["torch"] == torch.__version__
    assert report["versions"]["SimpleITK"] == sitk.__version__
    assert report["versions"]["mrienhance"] == __version__
    assert report["disclaimer"] == "For research, not for diagnosis."
    assert before <= datetime.fromisoformat(report["created"]) <= datetime.now(timezone.utc)
    [seen] = report["inputs"]
    assert seen == {
        "role": "image",
        "sha256": image_hash(image),
        "voxels_sha256": voxel_hash(image),
        "size": [20, 24, 3],
        "spacing_mm": [1.7, 1.7, 3.0],
        "pixel_type": "16-bit signed integer",
    }
    assert report["output"]["sha256"] == image_hash(result.image)


@pytest.mark.parametrize("pixel", [sitk.sitkFloat32, sitk.sitkInt16])
@pytest.mark.parametrize("consistency", [True, False])
def test_the_residual_is_that_of_the_image_delivered(model: Path, pixel: int, consistency: bool):
    image = head(pixel=pixel)
    result = super_resolve(image, model=model, consistency=consistency, device="cpu")
    fine, coarse = torch.from_numpy(voxels(result.image)), torch.from_numpy(voxels(image))
    error = KSpaceTruncation(fine.shape[1:], (2, 2))(fine) - coarse
    expected = float(error.norm() / coarse.norm())
    assert result.report.consistency is consistency
    assert result.report.consistency_residual == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert (expected < 1e-3) == consistency


@pytest.mark.parametrize(
    ("spacing", "warned"), [((1.0, 1.0), False), ((2.0, 2.0), False), ((0.9, 1.5), True), ((1.5, 2.1), True)]
)
def test_spacing_outside_the_card_is_a_warning(model: Path, spacing: tuple[float, float], warned: bool):
    report = super_resolve(head(spacing=(*spacing, 40.0)), model=model, device="cpu").report
    assert bool(report.warnings) == warned
    assert all("1 to 2 mm" in warning for warning in report.warnings)


def test_the_hash_knows_voxels_type_and_geometry():
    hashes = {
        image_hash(head()),
        image_hash(head(seed=1)),
        image_hash(head(pixel=sitk.sitkFloat64)),
        image_hash(head(origin=(0.0, 0.0, 0.0))),
        image_hash(head(spacing=(1.7, 1.7, 3.0001))),
        image_hash(head(direction=np.eye(3).ravel())),
        image_hash(head((24, 20, 3))),
    }
    assert len(hashes) == 7


def test_the_hash_does_not_know_files(tmp_path: Path):
    """Format, compression and metadata do not make another image."""
    image = head()
    image.SetMetaData("0010|0010", "Somebody")
    for name in ("a.nrrd", "b.mha"):
        sitk.WriteImage(image, str(tmp_path / name), useCompression=name == "a.nrrd")
        assert image_hash(sitk.ReadImage(str(tmp_path / name))) == image_hash(head())


def test_a_record_names_nobody():
    image = head()
    image.SetMetaData("0010|0010", "Somebody")
    assert "Somebody" not in repr(ImageRecord.of(image, role="image"))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_file_is_known_by_its_report(model: Path, tmp_path: Path, suffix: str):
    """Files round the geometry, NIfTI to single precision: the voxels' hash knows the image nonetheless."""
    result = super_resolve(head(direction=OBLIQUE), model=model, device="cpu")
    path = tmp_path / f"out{suffix}"
    sitk.WriteImage(result.image, str(path))
    assert voxel_hash(sitk.ReadImage(str(path))) == result.report.output.voxels_sha256


def test_what_a_report_says_of_a_reconstruction(tmp_path: Path):
    from mrienhance.tasks.reconstruct import reconstruct
    from tasks.scans import scan, tiny_reconstructor

    path = tiny_reconstructor(tmp_path / "two.safetensors", variant="two-classes", spacing_mm=(2.0, 3.0))
    kspace = scan(3)
    result = reconstruct(kspace, model=path, device="cpu")
    report = json.loads(result.report.to_json())
    assert report["model"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (report["task"], report["scale"], report["consistency"], report["tile"]) == (
        "reconstruct",
        None,
        False,
        None,
    )
    facts = report["reconstruction"]
    assert (facts["coils"], facts["coil_maps"], facts["whitened"], facts["parameters"]) == (6, "ESPIRiT", False, {})
    assert facts["acceleration"] == pytest.approx(kspace.mask.numel() / float(kspace.mask.sum()))
    assert [score["name"] for score in facts["scores"]] == ["lesion", "oedema"]
    change = np.abs(voxels(result.image) - voxels(result.maps["without-lesion-term"])).max(axis=(1, 2))
    bright = np.percentile(voxels(result.image), 99.9)
    assert facts["largest_lesion_change"] == pytest.approx(change.max() / bright, rel=1e-3)
    assert facts["largest_lesion_change_slice"] == change.argmax()
    assert any("2 to 3 mm" in warning for warning in report["warnings"])
    assert report["output"]["sha256"] == image_hash(result.image)
    assert 0 < report["seconds_network"] < report["seconds"]


def test_a_report_without_raw_data_says_nothing_of_them(model: Path):
    assert super_resolve(head(), model=model, device="cpu").report.to_dict()["reconstruction"] is None
