"""Reconstruct with the real worker: voxels are the library's, and lie where they belong."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import mrienhance
import panels
import slicerhost
import workers
from mrienhance.data import sample_path
from mrienhance.kspace import write_kspace

MODULE = panels.RECONSTRUCT
SAMPLE = sample_path("brain_8ch")
SCREENSHOT = Path(__file__).parents[2] / "Resources" / "Screenshots" / "Reconstruct.png"


@pytest.fixture
def logic(application, monkeypatch):
    """`ReconstructLogic` in a script, without a panel."""
    workers.use(monkeypatch, workers.this_python().executable)
    return slicerhost.load_module(MODULE).python.ReconstructLogic()


def voxels(node):
    import slicer

    return slicer.util.arrayFromVolume(node)


def full_scan(folder):
    """A file with a full scan of two slices of a head."""
    image = sitk.GetImageFromArray(panels.blob((2, 48, 40), (0, 20.0, 25.0), 6.0) - 100)
    image.SetSpacing((1.5, 1.25, 4.0))
    kspace = mrienhance.simulate_kspace(image, coils=4, acceleration=1, center_fraction=1.0)
    return write_kspace(kspace, folder / "full.npz")


def test_the_sample_file_becomes_what_the_library_makes_of_it(logic):
    result = logic.process(SAMPLE, model="cg-sense", maps=["zero-filled", "attention"])
    expected = mrienhance.reconstruct(mrienhance.read_kspace(SAMPLE), model="cg-sense", maps=["zero-filled"])
    np.testing.assert_allclose(voxels(result), sitk.GetArrayFromImage(expected.image), rtol=1e-4, atol=1e-6)
    zeros = result.GetNodeReference("MRIEnhance.zeroFilled")
    np.testing.assert_allclose(
        voxels(zeros), sitk.GetArrayFromImage(expected.maps["zero-filled"]), rtol=1e-4, atol=1e-6
    )
    assert result.GetName() == "brain_8ch recon (CG-SENSE)"
    assert result.GetAttribute("MRIEnhance.input") == "brain_8ch.npz"
    assert result.GetAttribute("MRIEnhance.model") == "cg-sense"
    assert result.GetAttribute("MRIEnhance.sha256") is None
    for role in ("attention", "full", "metrics", "scores"):
        assert result.GetNodeReference(f"MRIEnhance.{role}") is None
    for name in result.GetAttributeNames():
        assert str(SAMPLE.parent) not in result.GetAttribute(name)


def test_a_full_scan_is_tried_with_fewer_samples(logic, tmp_path):
    path = full_scan(tmp_path)
    options = {"model": "cg-sense", "coilMaps": "low-resolution", "slices": "1"}
    result = logic.process(path, acceleration=2, sampling="equispaced-lines", linesAlong="j", seed=3, **options)
    full = result.GetNodeReference("MRIEnhance.full")
    kspace = mrienhance.read_kspace(path, slices=[1])
    expected = mrienhance.reconstruct(kspace, model="zero-filled", coil_maps="low-resolution", maps=[])
    np.testing.assert_allclose(voxels(full), sitk.GetArrayFromImage(expected.image), rtol=1e-4, atol=1e-3)
    assert full.GetSpacing() == pytest.approx((1.5, 1.25, 4.0))
    difference = result.GetNodeReference("MRIEnhance.difference")
    np.testing.assert_allclose(voxels(difference), voxels(result) - voxels(full), atol=1e-3)
    assert result.GetNodeReference("MRIEnhance.metrics").GetNumberOfRows() >= 1
    assert " R=" in result.GetName()


@pytest.mark.parametrize("turn", [panels.orthonormal, lambda matrix: panels.left_handed(panels.orthonormal(matrix))])
def test_a_simulated_scan_gives_an_image_where_the_volume_is(logic, application, turn):
    from MRIEnhanceBridge import nodes

    array = panels.blob((4, 40, 44), (1, 15.0, 27.0), 4.0) - 100
    source = application.util.addVolumeFromArray(array, turn(panels.OBLIQUE), "T1w")
    transform = application.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = panels.orthonormal(np.array([[0, -2.0, 0, 5], [1, 0, 0.1, -7], [0.2, 0, 1, 3], [0, 0, 0, 1]]))
    transform.SetMatrixTransformToParent(application.util.vtkMatrixFromArray(matrix))
    source.SetAndObserveTransformNodeID(transform.GetID())
    result = logic.process(source, model="cg-sense", acceleration=2, snr=200, coils=6, coilMaps="low-resolution")
    assert result.GetTransformNodeID() == transform.GetID()
    assert result.GetNodeReference("MRIEnhance.input") is source
    moved = panels.blob_in_world(application, result) - panels.blob_in_world(application, source)
    assert np.linalg.norm(moved) < 0.25, "mm: a quarter of the smallest side of a voxel"
    difference = result.GetNodeReference("MRIEnhance.difference")
    np.testing.assert_allclose(voxels(difference), voxels(result) - array, atol=0.1)
    scan = mrienhance.simulate_kspace(nodes.to_image(source), acceleration=2, snr=200, coils=6)
    expected = mrienhance.reconstruct(scan, model="cg-sense", coil_maps="low-resolution", maps=[])
    np.testing.assert_allclose(voxels(result), sitk.GetArrayFromImage(expected.image), rtol=1e-3, atol=0.1)


@pytest.mark.parametrize(
    ("options", "complaint"), [({"slices": "5"}, "slice"), ({"model": "nobody"}, "no model"), ({"axes": "a,b"}, "a,b")]
)
def test_what_the_worker_refuses_is_told_and_leaves_nothing(logic, application, options, complaint):
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError, match=complaint):
        logic.process(SAMPLE, **{"model": "cg-sense", **options})
    assert not application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert not list(Path(application.app.temporaryPath).glob("MRIEnhance-*"))


def test_the_self_test_of_the_module_passes(logic):
    """The one that a developer starts in Slicer's Reload & Test section, and CTest with every build."""
    slicerhost.load_module(MODULE).python.ReconstructTest().runTest()


def test_the_self_test_can_fail(application):
    """It would see an image that is only the zero-filled one, and one that lies on its side."""
    from MRIEnhanceBridge import selftest

    array = np.zeros((1, 230, 180), np.float32)
    array[0, 40:190, 30:150] = np.random.default_rng(0).uniform(1, 2, (150, 120))
    blurred = (array + np.roll(array, 20, axis=1) + np.roll(array, 40, axis=1)) / 3

    def checked(image, zeros):
        nodes = [application.util.addVolumeFromArray(each, np.eye(4), "image") for each in (image, zeros)]
        nodes[0].SetAttribute("MRIEnhance.model", "cg-sense")
        selftest.check_reconstructed(*nodes)

    checked(array, blurred)
    with pytest.raises(AssertionError, match="zero-filled one"):
        checked(array, 2 * array)
    with pytest.raises(AssertionError, match="voxels"):
        checked(array.transpose(0, 2, 1).copy(), blurred.transpose(0, 2, 1).copy())


def test_a_picture_of_the_panel(real, tmp_path, monkeypatch):
    """With MRIENHANCE_SCREENSHOTS=1 it is kept in Resources/Screenshots (`make screenshots`)."""
    import qt

    here = tmp_path / SAMPLE.name
    here.write_bytes(SAMPLE.read_bytes())
    real.slicer.app.processEvents()
    monkeypatch.chdir(tmp_path)  # the line shows a short path
    real.ui.kspacePathLineEdit.currentPath = here.name
    real.choose(real.ui.modelComboBox, "lf-mri-brain")
    result = real.run()
    assert result is not None, real.status
    assert "LF-MRI" in real.status
    attention = result.GetNodeReference("MRIEnhance.attention")
    assert attention is not None, "the shipped model says where it took care"
    low, high = attention.GetImageData().GetScalarRange()
    assert 0 <= low < high <= 1
    assert real.ui.attentionSlider.enabled
    real.ui.cardSection.collapsed = False
    real.parent.resize(460, 1100)
    real.slicer.app.processEvents()
    path = SCREENSHOT if os.environ.get("MRIENHANCE_SCREENSHOTS") else tmp_path / "panel.png"
    assert real.parent.grab().save(str(path))
    picture = qt.QImage(str(path))
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}
    assert len(colours) > 20, "an empty picture"
