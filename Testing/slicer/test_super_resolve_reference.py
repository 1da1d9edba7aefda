"""SuperResolve's panel with a reference and with thick slices, in front of a worker that computes nothing of worth."""

import json

import numpy as np
import pytest

import panels
import slicerhost
import volumes
import workers

THICK = np.diag([1.0, 1.0, 6.0, 1.0])


def asked(fake, what="super-resolve"):
    """The last request for this."""
    return [request for request in map(json.loads, fake.requests) if request["do"] == what][-1]


def paired(user, name="FLAIR of Anna"):
    """Choose the model that needs a reference, and a reference."""
    user.choose(user.ui.modelComboBox, "toy-paired-x2")
    node = user.add_volume(panels.orthonormal(panels.OBLIQUE), name=name)
    user.ui.referenceSelector.setCurrentNode(node)
    return node


# The list of models, and its default


def test_the_list_says_what_each_model_makes_finer_and_what_of_a_reference(user_with):
    user, _ = user_with("works")
    combo = user.ui.modelComboBox
    assert [combo.itemText(place) for place in range(combo.count)] == [
        "toy-x2 (×2 in plane)",
        "toy-x4 (×4 in plane)",
        "toy-thick-x4 (×4 slices only, reference optional)",
        "toy-space-x3 (×3 in 3D)",
        "toy-paired-x2 (×2 in plane, needs a reference)",
    ]
    user.choose(combo, "toy-paired-x2")
    assert "Reference: T1w, needed" in user.ui.cardBrowser.plainText


def test_the_default_follows_the_volume_as_the_worker_says(user_with):
    user, fake = user_with("works")
    assert user.parameters.model == "toy-x2"
    thick = user.add_volume(THICK, name="t2_tse_tra")
    user.ui.inputSelector.setCurrentNode(thick)
    user.wait_for_models()
    assert user.parameters.model == "toy-thick-x4"
    assert user.ui.scaleComboBox.currentText == "×4"
    wish = {"spacing": [1.0, 1.0, 6.0], "contrast": "T2w", "reference": False, "reference_contrast": None}
    assert wish in [json.loads(line).get("for") for line in fake.requests]
    user.ui.inputSelector.setCurrentNode(user.volumes[0])
    user.wait_for_models()
    assert user.parameters.model == "toy-x2"


@pytest.mark.parametrize("choose", ["model", "scale"])
def test_a_model_that_the_user_chose_stays(user_with, choose):
    user, _ = user_with("works")
    if choose == "model":
        user.choose(user.ui.modelComboBox, "toy-space-x3")
    else:
        user.choose(user.ui.scaleComboBox, "4")
    chosen = user.parameters.model
    assert chosen == {"model": "toy-space-x3", "scale": "toy-x4"}[choose]
    user.ui.inputSelector.setCurrentNode(user.add_volume(THICK))
    user.wait_for_models()
    assert user.parameters.model == chosen


def test_a_scale_is_of_a_model_like_the_present_one(user_with):
    user, _ = user_with("works")
    user.choose(user.ui.modelComboBox, "toy-thick-x4")
    user.choose(user.ui.scaleComboBox, "2")
    assert user.parameters.model == "toy-x2", "not the one that needs a reference"


# The reference


def test_only_models_that_use_a_reference_let_one_be_chosen(user_with):
    user, fake = user_with("works")
    ui = user.ui
    off = (ui.referenceSelector, ui.referenceContrastComboBox, ui.registrationCheckBox)
    assert not any(widget.enabled for widget in off)
    paired(user)
    assert all(widget.enabled for widget in off)
    assert "made for T1w" in ui.referenceSelector.toolTip
    user.choose(ui.modelComboBox, "toy-x2")
    assert not any(widget.enabled for widget in off)
    user.run()
    assert (asked(fake)["reference"], asked(fake)["reference_contrast"]) == (None, None)


def test_a_model_that_needs_a_reference_waits_for_it(user_with):
    user, _ = user_with("works")
    user.choose(user.ui.modelComboBox, "toy-paired-x2")
    assert not user.ui.applyButton.enabled
    told = user.ui.applyButton.toolTip
    assert "The model toy-paired-x2 needs a reference." in told
    assert "Select a finer scan of the same person (T1w) as reference, or another model." in told
    user.ui.referenceSelector.setCurrentNode(user.volumes[0])
    assert "reference is the input" in user.ui.applyButton.toolTip
    paired(user)
    assert user.ui.applyButton.enabled, user.ui.applyButton.toolTip
    user.parameters.outputVolume = user.parameters.referenceVolume
    assert "one of the inputs" in user.ui.applyButton.toolTip
    user.choose(user.ui.modelComboBox, "toy-thick-x4")
    user.parameters.outputVolume = user.parameters.referenceVolume = None
    assert user.ui.applyButton.enabled, "it can do without"


def test_contrasts_are_guessed_and_can_be_said(user_with):
    user, fake = user_with("works")
    assert user.ui.inputContrastComboBox.currentText == "T1w"
    paired(user)
    assert user.ui.referenceContrastComboBox.currentText == "FLAIR"
    user.run()
    assert (asked(fake)["contrast"], asked(fake)["reference_contrast"]) == ("T1w", "FLAIR")
    user.choose(user.ui.inputContrastComboBox, "PDw")
    user.choose(user.ui.referenceContrastComboBox, "")
    assert user.ui.referenceContrastComboBox.currentText == "not known"
    user.run()
    assert (asked(fake)["contrast"], asked(fake)["reference_contrast"]) == ("PDw", None)


def test_the_worker_is_given_the_reference_in_the_frame_of_the_input(user_with):
    user, fake = user_with("works")
    reference = paired(user)
    transform = volumes.add_transform(user.slicer, volumes.affine(shift=(5, -6, 7)))
    reference.SetAndObserveTransformNodeID(transform.GetID())
    user.tick(user.ui.registrationCheckBox)
    user.run()
    request = asked(fake)
    assert request["reference"]["size"] == [28, 24, 6]
    shift = np.subtract(request["reference"]["origin"], request["input"]["origin"])
    np.testing.assert_allclose(shift, [-5, 6, 7], atol=1e-9)  # LPS
    assert request["options"]["register"] is False


def test_a_result_says_which_reference_helped_and_how(user_with):
    user, _ = user_with("works")
    reference = paired(user, name="t2_tse")
    result = user.run()
    assert "T2w was registered to the input: 1.2° and 0.8 mm." in user.status
    assert "a toy likes no T2w" in user.status, "warnings are shown"
    assert result.GetNodeReference("MRIEnhance.reference") is reference
    assert result.GetAttribute("MRIEnhance.reference") == "t2_tse"
    kept = json.loads(result.GetAttribute("MRIEnhance.parameters"))
    assert (kept["contrast"], kept["referenceContrast"], kept["register"]) == ("T1w", "T2w", True)
    user.parameters.outputVolume = result
    user.choose(user.ui.modelComboBox, "toy-x2")
    assert user.run() is result
    assert result.GetNodeReference("MRIEnhance.reference") is None
    assert result.GetAttribute("MRIEnhance.reference") is None


def test_a_reference_deleted_during_a_run_stops_it(user_with):
    user, _ = user_with("deaf")
    reference = paired(user)
    user.apply()
    user.wait(lambda: user.ui.progressBar.value > 100)
    user.slicer.mrmlScene.RemoveNode(reference)
    user.wait_for_end()
    assert f"{reference.GetName()} was removed" in user.status


def test_the_parameters_come_back_with_the_scene(user_with, tmp_path):
    user, _ = user_with("works")
    paired(user)
    user.choose(user.ui.referenceContrastComboBox, "PDw")
    user.tick(user.ui.registrationCheckBox)
    for number, node in enumerate(user.volumes):
        user.slicer.util.saveNode(node, str(tmp_path / f"{number}.nrrd"))
    path = str(tmp_path / "scene.mrml")
    assert user.slicer.util.saveScene(path)
    user.slicer.mrmlScene.Clear()
    user.slicer.util.loadScene(path)
    user.wait_for_models()
    assert user.parameters.model == "toy-paired-x2", "it was chosen"
    assert user.parameters.referenceVolume.GetName() == "FLAIR of Anna"
    assert user.parameters.referenceContrast == "PDw"
    assert not user.ui.registrationCheckBox.checked


def test_every_word_can_be_translated(user_with):
    slicerhost.translations.pseudo = "[[{}]]"
    user, _ = user_with("works")
    paired(user)
    user.run()
    shown = [user.status, user.ui.referenceSelector.toolTip, user.ui.referenceContrastComboBox.itemText(0)]
    assert all("[[" in text for text in shown)


# In a script


@pytest.fixture
def logic(application, monkeypatch, tmp_path):
    """`SuperResolveLogic` in front of a fake worker, without a panel, and that worker."""
    fake = workers.FakeInterpreter(tmp_path, "works")
    workers.use(monkeypatch, fake.path)
    return slicerhost.load_module(panels.MODULE).python.SuperResolveLogic(), fake


def test_a_script_gives_a_reference(logic, application):
    logic, fake = logic
    scan, reference = volumes.add(application, name="T2w"), volumes.add(application, name="T1w")
    result = logic.process(scan, reference=reference, contrast="T2w", referenceContrast="T1w", register=False)
    request = asked(fake)
    assert request["reference"]["size"] == [5, 4, 3]
    assert (request["contrast"], request["reference_contrast"]) == ("T2w", "T1w")
    assert (request["options"]["model"], request["options"]["register"]) == (None, False)
    assert result.GetNodeReference("MRIEnhance.reference") is reference
    from MRIEnhanceBridge.errors import BridgeError

    with pytest.raises(BridgeError, match="reference is the input") as caught:
        logic.process(scan, reference=scan)
    assert caught.value.hint
