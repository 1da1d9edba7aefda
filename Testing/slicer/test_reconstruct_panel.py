"""Reconstruct's panel under real clicks, with a worker that computes nothing of worth or misbehaves."""

import json

import numpy as np
import pytest

import panels
import slicerhost
import workers

MODULE = panels.RECONSTRUCT


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Jane Doe" / "scan.npz"
    path.parent.mkdir()
    path.write_bytes(b"raw")
    return path


@pytest.fixture
def ready(user_with, file):
    """A user who has named a file, in front of a worker with a scenario."""

    def make(scenario="works"):
        user, fake = user_with(scenario)
        user.type(line_of(user.ui.kspacePathLineEdit), str(file))
        return user, fake

    return make


def line_of(path_line):
    import qt

    return path_line.findChild(qt.QLineEdit)


def asked(fake):
    """The last request to reconstruct."""
    requests = [json.loads(line) for line in fake.requests]
    return [each for each in requests if each["do"] == "reconstruct"][-1]


def simulate(user):
    """Choose the loaded volume as the source, by a click."""
    user.click(user.ui.volumeRadioButton)
    user.ui.inputSelector.setCurrentNode(user.volumes[0])


def until_busy(user):
    user.apply()
    user.wait(lambda: user.ui.progressBar.value > 100)


# Apply and its reason


def test_apply_says_what_it_waits_for(user_with, file):
    user, _ = user_with("works")
    button, line = user.ui.applyButton, line_of(user.ui.kspacePathLineEdit)
    assert not button.enabled
    assert "Choose a file with raw k-space" in button.toolTip
    user.type(line, str(file)[:-1])
    assert not button.enabled
    assert "no file" in button.toolTip
    user.type(line, str(file))
    assert button.enabled, button.toolTip
    user.type(line, "")
    assert "Choose a file" in button.toolTip
    user.click(user.ui.volumeRadioButton)
    assert button.enabled, button.toolTip
    user.ui.inputSelector.setCurrentNode(None)
    assert not button.enabled
    assert "Select a loaded volume" in button.toolTip


@pytest.mark.parametrize(
    ("line", "text", "complaint"), [("slicesLineEdit", "3-1", '"3-1"'), ("maskPathLineEdit", "/nowhere.npy", "no file")]
)
def test_what_is_written_wrongly_is_told_before_anything_runs(ready, line, text, complaint):
    user, _ = ready()
    user.ui.advancedSection.collapsed = False
    edit = getattr(user.ui, line)
    user.type(line_of(edit) if line.endswith("PathLineEdit") else edit, text)
    assert not user.ui.applyButton.enabled
    assert complaint in user.ui.applyButton.toolTip


def test_the_scanned_volume_is_never_overwritten(user_with):
    user, _ = user_with("works")
    simulate(user)
    user.parameters.outputVolume = user.volumes[0]
    assert not user.ui.applyButton.enabled
    assert "never overwritten" in user.ui.applyButton.toolTip


# The method


def test_models_come_first_then_what_needs_none(ready):
    user, fake = ready()
    combo = user.ui.modelComboBox
    assert [combo.itemText(index) for index in range(combo.count)] == ["toy-lf", "CG-SENSE (without a model)"]
    assert user.parameters.model == "toy-lf"
    assert "A toy." in user.ui.cardBrowser.plainText
    user.choose(combo, "cg-sense")
    assert "Solves <A>." in user.ui.cardBrowser.plainText
    assert "A toy." not in user.ui.cardBrowser.plainText
    user.run()
    assert asked(fake)["options"]["model"] == "cg-sense"


def test_only_a_model_is_asked_for_attention(ready):
    user, fake = ready()
    user.tick(user.ui.lesionCheckBox)
    user.run()
    assert asked(fake)["maps"] == ["attention", "without-lesion-term", "zero-filled"]
    user.choose(user.ui.modelComboBox, "cg-sense")
    assert not user.ui.attentionCheckBox.enabled
    assert "Only a trained model" in user.ui.attentionCheckBox.toolTip
    result = user.run()
    assert asked(fake)["maps"] == ["zero-filled"]
    assert not user.ui.attentionSlider.enabled
    assert user.ui.scoresTable.isHidden()
    assert result.GetAttribute("MRIEnhance.sha256") is None


# What is asked for


def test_a_file_goes_to_the_worker_as_the_form_says(ready, file):
    user, fake = ready()
    user.run()
    request = asked(fake)
    assert request["kspace"] == str(file)
    assert request["input"] is request["simulate"] is request["retrospective"] is None
    assert request["read"] == {"axes": None, "mask": None, "slices": None}
    user.ui.advancedSection.collapsed = False
    user.type(user.ui.slicesLineEdit, "1-2, 0")
    user.type(user.ui.axesLineEdit, "coil,ky,kx")
    user.type(line_of(user.ui.maskPathLineEdit), str(file))
    user.choose(user.ui.coilMapsComboBox, "low-resolution")
    user.tick(user.ui.leaveOutCheckBox)
    user.ui.accelerationSpinBox.value = 2.5
    user.ui.seedSpinBox.value = 7
    user.choose(user.ui.samplingComboBox, "equispaced-lines")
    user.choose(user.ui.linesAlongComboBox, "j")
    user.choose(user.ui.precisionComboBox, "bfloat16")
    user.run()
    request = asked(fake)
    assert request["read"] == {"axes": "coil,ky,kx", "mask": str(file), "slices": [1, 2, 0]}
    left_out = {"acceleration": 2.5, "sampling": "equispaced-lines", "lines_along": "j", "seed": 7}
    assert request["retrospective"] == left_out
    options = {"model": "toy-lf", "coil_maps": "low-resolution", "device": "auto", "precision": "bfloat16"}
    assert request["options"] == options


def test_a_volume_goes_to_the_worker_as_the_form_says(user_with):
    user, fake = user_with("works")
    simulate(user)
    user.ui.coilsSpinBox.value = 12
    user.ui.snrSpinBox.value = 30
    user.choose(user.ui.samplingComboBox, "poisson-disc")
    user.run()
    request = asked(fake)
    assert request["kspace"] is request["read"] is request["retrospective"] is None
    assert request["input"]["size"] == [28, 24, 6]
    assert request["simulate"] == {
        **{"acceleration": 4.0, "sampling": "poisson-disc", "lines_along": "i", "seed": 0},
        **{"coils": 12, "snr": 30.0, "slices": None},
    }


def test_what_does_not_go_together_is_not_offered(ready):
    user, _ = ready()
    ui = user.ui
    assert not ui.inputSelector.enabled
    assert not ui.accelerationSpinBox.enabled
    assert not ui.coilsSpinBox.enabled
    user.tick(ui.leaveOutCheckBox)
    assert ui.accelerationSpinBox.enabled
    assert ui.linesAlongComboBox.enabled
    user.choose(ui.samplingComboBox, "poisson-disc")
    assert not ui.linesAlongComboBox.enabled, "a disc has no lines"
    user.click(ui.volumeRadioButton)
    assert ui.leaveOutCheckBox.isHidden()
    assert not ui.kspacePathLineEdit.enabled
    assert ui.inputSelector.enabled
    assert ui.coilsSpinBox.enabled
    user.click(ui.fileRadioButton)
    assert ui.kspacePathLineEdit.enabled
    assert not ui.leaveOutCheckBox.isHidden()


# What comes back


def test_an_image_of_a_file_with_what_came_along(ready):
    user, _ = ready()
    user.slicer.mrmlScene.RemoveNode(user.volumes[0])
    user.tick(user.ui.lesionCheckBox)
    result = user.run()
    assert [node.GetName() for node in user.volumes] == [
        "scan recon (Toy)",
        "scan recon (Toy) attention",
        "scan recon (Toy) without lesion term",
        "scan recon (Toy) zero-filled",
    ]
    assert user.volumes[0] is result
    by_role = {
        role: result.GetNodeReference(f"MRIEnhance.{role}") for role in ("attention", "withoutLesionTerm", "zeroFilled")
    }
    assert list(by_role.values()) == user.volumes[1:]
    for node, mean in zip(user.volumes, (1, 1 / 90, 0.9, 0.5), strict=True):
        assert user.slicer.util.arrayFromVolume(node).mean() == pytest.approx(mean)
    assert result.GetNodeReference("MRIEnhance.full") is None
    assert result.GetNodeReference("MRIEnhance.metrics") is None
    assert "a toy made this" in user.status


def test_where_an_image_comes_from_is_told_without_folders(ready):
    user, _ = ready()
    result = user.run()
    assert result.GetAttribute("MRIEnhance.input") == "scan.npz"
    assert result.GetNodeReference("MRIEnhance.input") is None
    assert result.GetNodeReference("MRIEnhance.attention").GetAttribute("MRIEnhance.model") == "toy-lf"
    for node in user.slicer.util.getNodesByClass("vtkMRMLNode"):
        if node.GetName() != "Reconstruct":  # the parameter node, which is to find the file again
            assert not any("Jane" in str(node.GetAttribute(name)) for name in node.GetAttributeNames())


def test_leaving_samples_out_brings_the_truth_and_the_difference(ready):
    user, _ = ready()
    user.tick(user.ui.leaveOutCheckBox)
    result = user.run()
    assert result.GetName() == "scan recon R=4 (Toy)"
    full = result.GetNodeReference("MRIEnhance.full")
    assert full.GetName() == "scan recon R=4 (Toy) full"
    difference = result.GetNodeReference("MRIEnhance.difference")
    expected = user.slicer.util.arrayFromVolume(result) - user.slicer.util.arrayFromVolume(full)
    np.testing.assert_array_equal(user.slicer.util.arrayFromVolume(difference), expected)
    assert result.GetNodeReference("MRIEnhance.metrics").GetNumberOfRows() == 1
    assert "30.00 dB" in user.status


@pytest.mark.parametrize(("slices", "kept"), [("", slice(None)), ("1-3", slice(1, 4)), ("4, 2", [4, 2])])
def test_a_simulated_scan_is_compared_with_the_slices_it_had(user_with, slices, kept):
    user, _ = user_with("works")
    simulate(user)
    user.type(user.ui.slicesLineEdit, slices)
    source = user.volumes[0]
    voxels = user.slicer.util.arrayFromVolume(source).copy()
    result = user.run()
    assert result.GetName() == "T1w recon R=4 (Toy)"
    assert result.GetNodeReference("MRIEnhance.input") is source
    np.testing.assert_array_equal(user.slicer.util.arrayFromVolume(result), voxels[kept])
    difference = result.GetNodeReference("MRIEnhance.difference")
    assert not user.slicer.util.arrayFromVolume(difference).any(), "the toy gives back what it got"
    np.testing.assert_array_equal(user.slicer.util.arrayFromVolume(source), voxels)


def test_a_chosen_output_is_replaced(ready):
    user, _ = ready()
    other = user.add_volume(name="other")
    user.parameters.outputVolume = other
    assert user.run() is other
    assert other.GetImageData().GetDimensions() == (6, 5, 3)


# What can go wrong on the way


@pytest.mark.parametrize("scenario", ["obeys", "deaf"])
def test_cancel_ends_the_process_and_leaves_nothing(ready, scenario):
    user, fake = ready(scenario)
    until_busy(user)
    user.click(user.ui.applyButton)
    user.wait_for_end()
    user.wait(lambda: not any(workers.alive(number) for number in fake.processes), 2)
    assert len(user.volumes) == 1
    assert user.parameters.resultVolume is None
    assert "Cancelled" in user.status


def test_a_scene_closed_during_a_run_stops_it(ready):
    user, _ = ready("deaf")
    until_busy(user)
    user.slicer.mrmlScene.Clear()
    user.wait_for_end()
    assert "scene was closed" in user.status
    assert not user.volumes


def test_the_scanned_volume_deleted_during_a_run_stops_it(user_with):
    user, _ = user_with("deaf")
    simulate(user)
    until_busy(user)
    user.slicer.mrmlScene.RemoveNode(user.volumes[0])
    user.wait_for_end()
    assert "T1w was removed" in user.status


def test_a_volume_that_is_not_scanned_may_go(ready):
    user, _ = ready("obeys")
    until_busy(user)
    user.slicer.mrmlScene.RemoveNode(user.volumes[0])
    assert user.widget.run.running
    user.click(user.ui.applyButton)
    user.wait_for_end()


def test_a_file_that_went_meanwhile_is_told(ready, file):
    user, _ = ready()
    file.unlink()
    user.apply()
    assert "no file" in user.status
    assert not user.widget.run.running


# The scene, and the panel's life


def test_the_parameters_come_back_with_the_scene(ready, file, tmp_path):
    user, _ = ready()
    user.type(user.ui.slicesLineEdit, "2-4")
    user.tick(user.ui.leaveOutCheckBox)
    user.choose(user.ui.samplingComboBox, "equispaced-lines")
    user.choose(user.ui.coilMapsComboBox, "low-resolution")
    user.click(user.ui.volumeRadioButton)
    user.tick(user.ui.zeroFilledCheckBox)
    path = str(tmp_path / "scene.mrml")
    assert user.slicer.util.saveScene(path)
    user.slicer.mrmlScene.Clear()
    assert user.ui.fileRadioButton.checked
    assert not user.ui.kspacePathLineEdit.currentPath
    assert user.ui.zeroFilledCheckBox.checked
    user.slicer.util.loadScene(path)
    assert user.ui.volumeRadioButton.checked
    assert user.ui.kspacePathLineEdit.currentPath == str(file)
    assert user.ui.slicesLineEdit.text == "2-4"
    assert user.ui.samplingComboBox.currentText == "equispaced lines"
    assert user.ui.coilMapsComboBox.currentText == "low resolution"
    assert not user.ui.zeroFilledCheckBox.checked
    assert user.parameters.leaveOut


def test_a_panel_that_was_reloaded_works(ready):
    user, _ = ready()
    user.run()
    user.widget.cleanup()
    user.parent.reload()
    user.widget = user.parent.self()
    user.ui = user.widget.ui
    user.wait_for_models()
    assert user.ui.attentionSlider.enabled, "the last result is in the scene"
    assert user.run() is not None


def test_nothing_runs_when_the_module_is_loaded(host, monkeypatch):
    import subprocess

    monkeypatch.setattr(subprocess, "Popen", None)
    slicerhost.load_module(MODULE)
    assert not slicerhost.dialogs
    assert host.modules.reconstruct.title == "Reconstruct"
    assert "not for diagnosis" in host.modules.reconstruct.helpText


def test_every_word_of_the_code_can_be_translated(ready):
    slicerhost.translations.pseudo = "[[{}]]"
    user, _ = ready()
    assert "[[" in user.ui.applyButton.toolTip
    user.tick(user.ui.leaveOutCheckBox)
    user.run()
    shown = [user.status, user.ui.compareButton.text, user.ui.attentionCheckBox.toolTip]
    for combo in (user.ui.samplingComboBox, user.ui.linesAlongComboBox, user.ui.coilMapsComboBox):
        shown += [combo.itemText(index) for index in range(combo.count)]
    assert all("[[" in text for text in shown)
