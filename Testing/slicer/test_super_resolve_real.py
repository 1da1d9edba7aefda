"""References and thick slices with the real worker: voxels are the library's, and lie where they belong."""

import numpy as np
import pytest
import SimpleITK as sitk

import mrienhance
import panels
import slicerhost
import volumes
import workers

SAGITTAL = panels.orthonormal(panels.OBLIQUE)[:, [2, 0, 1, 3]]
PLACES = {
    "axial": panels.orthonormal(panels.OBLIQUE),
    "left-handed": panels.left_handed(panels.orthonormal(panels.OBLIQUE)),
    "sagittal": SAGITTAL,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Small random networks: one for thick slices, which may use a reference, and one in plane, which needs one."""
    folder = tmp_path_factory.mktemp("models")
    workers.save_tiny_thick(folder / "thick-x4.safetensors")
    workers.save_tiny_pair(folder / "pair-x2.safetensors")
    return folder


@pytest.fixture
def logic(application, monkeypatch):
    """`SuperResolveLogic` in a script, without a panel."""
    workers.use(monkeypatch, workers.this_python().executable)
    return slicerhost.load_module(panels.MODULE).python.SuperResolveLogic()


def scan(application, matrix, name, shape, seed):
    """A blob with some texture, askew."""
    centre = [side * part for side, part in zip(shape, (0.4, 0.45, 0.55), strict=True)]
    array = panels.blob(shape, centre, 3.0) * np.random.default_rng(seed).uniform(0.9, 1.1, shape)
    return application.util.addVolumeFromArray(array.astype(np.float32), matrix, name)


def same(node, image):
    """Whether a volume holds an image's voxels at its place."""
    from MRIEnhanceBridge import nodes

    ours = nodes.to_image(node)
    assert ours.GetSize() == image.GetSize()
    arrays = [sitk.GetArrayViewFromImage(each) for each in (ours, image)]
    np.testing.assert_allclose(*arrays, rtol=1e-4, atol=0.01)
    for ask in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(ours, ask)(), getattr(image, ask)(), atol=1e-9)
    return True


@pytest.mark.parametrize("place", PLACES)
def test_thick_slices_become_thin_where_they_are(logic, application, models, place):
    """Along whichever axis they lie; the volume's box stays to the last digit, and so does the input's transform."""
    from MRIEnhanceBridge import nodes

    matrix, axis = PLACES[place], 0 if place == "sagittal" else 2
    shape = (16, 18, 6)[:: 1 if axis == 0 else -1]
    source = scan(application, matrix, "T2w", shape, 0)
    moved = volumes.add_transform(application, volumes.affine((0.9, 0.1, 0.2, 0.1), shift=(5, -7, 3)))
    source.SetAndObserveTransformNodeID(moved.GetID())
    result = logic.process(source, model=str(models / "thick-x4.safetensors"))
    assert same(result, mrienhance.super_resolve(nodes.to_image(source), model=models / "thick-x4.safetensors").image)
    coarse, fine = (np.array(node.GetImageData().GetDimensions()) for node in (source, result))
    np.testing.assert_array_equal(fine, coarse * np.where(np.arange(3) == axis, 4, 1))
    for corner in np.ndindex(2, 2, 2):
        places = [
            volumes.world(application, each, size * corner - 0.5) for each, size in ((source, coarse), (result, fine))
        ]
        np.testing.assert_allclose(*places, atol=1e-6)
    assert result.GetName() == "T2w SR×4 (CRFM)"


def test_a_reference_counts_where_it_lies(logic, application, models):
    """It is under a transform: what counts is where the two are in the world."""
    from MRIEnhanceBridge import nodes

    model = models / "thick-x4.safetensors"
    source = scan(application, PLACES["axial"], "T2w", (6, 18, 16), 0)
    reference = scan(application, PLACES["axial"] @ np.diag([1, 1, 1 / 3, 1]), "T1w", (18, 18, 16), 1)
    moved = volumes.add_transform(application, volumes.affine(shift=(3, -2, 4)))
    reference.SetAndObserveTransformNodeID(moved.GetID())
    result = logic.process(source, model=str(model), reference=reference, referenceContrast="FLAIR", register=False)
    image, other = nodes.to_image(source), nodes.to_image(reference)
    other.SetOrigin(np.add(other.GetOrigin(), (-3, 2, 4)).tolist())
    assert same(result, mrienhance.super_resolve(image, reference=other, model=model, register=False).image)
    alone = mrienhance.super_resolve(image, model=model).image
    difference = application.util.arrayFromVolume(result) - sitk.GetArrayViewFromImage(alone)
    assert abs(difference).max() > 1, "the oracle sees the reference"
    assert result.GetNodeReference("MRIEnhance.reference") is reference
    from MRIEnhanceBridge import super_resolution

    assert "not of FLAIR" in super_resolution.summary(result)


def test_the_shipped_model_of_thick_slices_is_the_default(logic, application):
    from MRIEnhanceBridge import nodes

    source = scan(application, PLACES["axial"], "T2w", (4, 18, 16), 0)
    reference = scan(application, PLACES["axial"] @ np.diag([1, 1, 1 / 3, 1]), "T1w", (12, 18, 16), 1)
    result = logic.process(source, reference=reference, register=False)
    images = [nodes.to_image(node) for node in (source, reference)]
    options = {"contrast": "T2w", "reference_contrast": "T1w", "register": False}
    assert same(
        result, mrienhance.super_resolve(images[0], reference=images[1], model="crfm-thick-x4", **options).image
    )


def test_a_reference_in_plane(logic, application, models):
    from MRIEnhanceBridge import nodes
    from MRIEnhanceBridge.errors import BridgeError

    model = models / "pair-x2.safetensors"
    source = scan(application, PLACES["axial"], "T2w", (3, 18, 16), 0)
    reference = scan(application, PLACES["axial"] @ np.diag([0.5, 0.5, 1, 1]), "T1w", (3, 36, 32), 1)
    result = logic.process(source, model=str(model), reference=reference, register=False)
    images = [nodes.to_image(node) for node in (source, reference)]
    expected = mrienhance.super_resolve(images[0], reference=images[1], model=model, register=False)
    assert same(result, expected.image)
    with pytest.raises(BridgeError, match="pair-x2 needs a reference image") as caught:
        logic.process(source, model=str(model))
    assert "finer scan" in caught.value.hint
    with pytest.raises(BridgeError, match="iconet-x2 uses no reference image"):
        logic.process(source, model="iconet-x2", reference=reference)
    assert set(application.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == {source, reference, result}
