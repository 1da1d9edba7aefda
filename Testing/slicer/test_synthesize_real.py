"""Synthesize with the real worker: voxels are the library's, and lie where they belong."""

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
from mrienhance.models.catalogue import catalogue

MODULE = panels.SYNTHESIZE
SCREENSHOT = Path(__file__).parents[2] / "Resources" / "Screenshots" / "Synthesize.png"
SHIPPED = any(each.source == "shipped" and each.card and each.card.task == "synthesize" for each in catalogue())


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A small untrained network in the user's folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("MRIENHANCE_MODELS", str(folder))
    return workers.save_tiny_synthesizer(folder / "tiny.safetensors")


@pytest.fixture
def logic(application, monkeypatch):
    """`SynthesizeLogic` in a script, without a panel."""
    workers.use(monkeypatch, workers.this_python().executable)
    return slicerhost.load_module(MODULE).python.SynthesizeLogic()


@pytest.fixture
def user(application, model, monkeypatch):
    """A user; the real worker computes in Slicer's own Python, whose environment is the application's."""
    monkeypatch.delenv("MRIENHANCE_PYTHON", raising=False)
    user = panels.User(application, MODULE)
    user.wait_for_models()
    return user


def voxels(node):
    import slicer

    return slicer.util.arrayFromVolume(node)


def scan(application, name="T1w", turn=panels.orthonormal, seed=0):
    """A small head with some texture, askew."""
    array = panels.blob((4, 40, 44), (1, 15.0, 27.0), 6.0) - 100
    array *= np.random.default_rng(seed).uniform(0.8, 1.2, array.shape)
    return application.util.addVolumeFromArray(array.astype(np.float32), turn(panels.OBLIQUE), name)


def same(node, image):
    """Whether a volume holds an image's voxels at its place."""
    from MRIEnhanceBridge import nodes

    ours = nodes.to_image(node)
    np.testing.assert_allclose(
        sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(image), rtol=1e-4, atol=0.01
    )
    for ask in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(ours, ask)(), getattr(image, ask)(), atol=1e-9)
    return True


@pytest.mark.parametrize("turn", [panels.orthonormal, lambda matrix: panels.left_handed(panels.orthonormal(matrix))])
def test_contrasts_are_what_the_library_makes_of_the_scan(logic, application, model, turn):
    from MRIEnhanceBridge import nodes

    source = scan(application, turn=turn)
    transform = application.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    source.SetAndObserveTransformNodeID(transform.GetID())
    made = logic.process(source, to=["T2w", "FLAIR"], source="T1w", model=str(model), uncertainty=True)
    expected = mrienhance.synthesize_all(
        nodes.to_image(source), to=["T2w", "FLAIR"], source="T1w", model=model, uncertainty=True
    )
    assert list(made) == ["T2w", "FLAIR"]
    for contrast, node in made.items():
        assert same(node, expected[contrast].image)
        assert same(node.GetNodeReference("MRIEnhance.uncertainty"), expected[contrast].maps["uncertainty"])
        assert node.GetTransformNodeID() == transform.GetID()
        assert node.GetName() == f"T1w (synthetic {contrast})"
        assert node.GetAttribute("MRIEnhance.synthetic") == "1"
        assert len(node.GetAttribute("MRIEnhance.sha256")) == 64
    assert abs(voxels(made["T2w"]) - voxels(made["FLAIR"])).max() > 0, "the oracle can tell contrasts apart"


def test_further_scans_count_where_they_lie(logic, application, model):
    """The second one is under a transform: what counts is where the two are in the world."""
    from MRIEnhanceBridge import nodes

    source, other = scan(application), scan(application, "FLAIR", seed=1)
    transform = application.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = np.eye(4)
    matrix[:3, 3] = 3, -2, 4
    transform.SetMatrixTransformToParent(application.util.vtkMatrixFromArray(matrix))
    other.SetAndObserveTransformNodeID(transform.GetID())
    made = logic.process(source, to="T2w", source="T1w", others={"FLAIR": other}, model=str(model), register=False)
    image, moved = nodes.to_image(source), nodes.to_image(other)
    moved.SetOrigin(np.add(moved.GetOrigin(), (-3, 2, 4)).tolist())
    options = {"to": "T2w", "source": "T1w", "model": model, "register": False}
    assert same(made, mrienhance.synthesize(image, others={"FLAIR": moved}, **options).image)
    alone = mrienhance.synthesize(image, **options).image
    assert abs(voxels(made) - sitk.GetArrayViewFromImage(alone)).max() > 1, "the oracle sees the second scan"


def test_a_ground_truth_is_compared_in_the_unit_of_the_result(logic, application, model):
    source, truth = scan(application), scan(application, "T2w", seed=2)
    result = logic.process(source, to="T2w", source="T1w", model=str(model), truth=truth)
    difference = voxels(result.GetNodeReference("MRIEnhance.difference"))
    kept = voxels(result) - difference
    ratio = float((kept * voxels(truth)).sum() / (voxels(truth) ** 2).sum())
    np.testing.assert_allclose(kept, ratio * voxels(truth), atol=0.5, rtol=1e-3)
    assert np.percentile(kept, 99.9) == pytest.approx(1000, rel=0.02)
    table = result.GetNodeReference("MRIEnhance.metrics")
    assert table.GetNumberOfRows() >= 1
    assert table.GetColumnName(1) == "PSNR (dB)"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"to": "PDw"}, "PDw"), ({"model": "nobody"}, "no model"), ({"source": None}, "contrast"), ({"to": "CT"}, "CT")],
)
def test_what_the_worker_refuses_is_told_and_leaves_nothing(logic, application, model, options, complaint):
    from MRIEnhanceBridge.errors import BridgeError

    source = scan(application)
    with pytest.raises(BridgeError, match=complaint) as caught:
        logic.process(source, **{"to": "T2w", "source": "T1w", "model": str(model), **options})
    assert caught.value.hint
    assert application.util.getNodesByClass("vtkMRMLScalarVolumeNode") == [source]
    assert not list(Path(application.app.temporaryPath).glob("MRIEnhance-*"))


@pytest.mark.skipif(not SHIPPED, reason="no model that synthesizes is shipped yet")
def test_the_self_test_of_the_module_passes(application, monkeypatch):
    """The one that a developer starts in Slicer's Reload & Test section, and CTest with every build."""
    workers.use(monkeypatch, workers.this_python().executable)
    slicerhost.load_module(MODULE).python.SynthesizeTest().runTest()


def test_a_picture_of_the_panel(user, tmp_path):
    """With MRIENHANCE_SCREENSHOTS=1 it is kept in Resources/Screenshots (`make screenshots`)."""
    import qt

    array = sitk.GetArrayFromImage(sitk.ReadImage(str(sample_path("t1w_slab"))))[:2].astype(np.float32)
    user.ui.inputSelector.setCurrentNode(user.add_volume(np.diag([1.0, 1.0, 2.0, 1.0]), "sub-26_T1w", array))
    user.tick(user.ui.uncertaintyCheckBox)
    box = user.widget.form._boxes["FLAIR"]
    user.tick(box)
    result = user.run()
    assert result is not None, user.status
    assert result.GetName() == "sub-26_T1w (synthetic T2w)"
    user.ui.othersSection.collapsed = False
    user.ui.cardSection.collapsed = not SHIPPED  # of a toy there is nothing to read
    user.parent.resize(460, 1040 if SHIPPED else 800)
    user.slicer.app.processEvents()
    path = SCREENSHOT if os.environ.get("MRIENHANCE_SCREENSHOTS") else tmp_path / "panel.png"
    assert user.parent.grab().save(str(path))
    picture = qt.QImage(str(path))
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}
    assert len(colours) > 20, "an empty picture"
