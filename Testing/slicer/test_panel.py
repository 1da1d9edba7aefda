"""SuperResolve's panel under real clicks, with the real worker or one that misbehaves."""

import os
import signal
import time

import numpy as np
import pytest

import panels
import workers


def until_busy(user):
    user.apply()
    user.wait(lambda: user.ui.progressBar.value > 100)


# Apply and its reason


def test_apply_says_what_it_waits_for(user_with):
    user, _ = user_with("works")
    user.parameters.inputVolume = None
    assert not user.ui.applyButton.enabled
    assert "Select an input volume" in user.ui.applyButton.toolTip
    user.ui.inputSelector.setCurrentNode(user.volumes[0])
    assert user.ui.applyButton.enabled
    user.parameters.model = "somebody-elses"
    assert not user.ui.applyButton.enabled
    assert "somebody-elses is not available here" in user.ui.applyButton.toolTip
    assert "somebody-elses (not available)" in user.ui.modelComboBox.currentText
    user.choose(user.ui.modelComboBox, "toy-x2")
    assert user.ui.applyButton.enabled


def test_a_volume_that_cannot_be_used_is_refused_with_the_reason(user_with):
    user, _ = user_with("works")
    sheared = user.add_volume(panels.OBLIQUE @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    user.ui.inputSelector.setCurrentNode(sheared)
    assert not user.ui.applyButton.enabled
    assert "shear" in user.ui.applyButton.toolTip.lower()


def test_the_input_is_never_overwritten(user_with):
    user, _ = user_with("works")
    user.parameters.outputVolume = user.volumes[0]
    assert not user.ui.applyButton.enabled
    assert "output volume is one of the inputs" in user.ui.applyButton.toolTip


def test_a_click_on_the_disabled_button_starts_nothing(user_with):
    user, fake = user_with("works")
    user.parameters.inputVolume = None
    user.click(user.ui.applyButton)
    assert not user.widget.run.running
    assert not any("super-resolve" in line and '"do": "super-resolve"' in line for line in fake.requests)


# The model


def test_models_cards_and_scales_come_from_the_catalogue(real):
    assert real.ui.modelComboBox.findData("iconet-x2") >= 0
    assert real.parameters.model == "iconet-x2"
    assert "iconet-x2" in real.ui.cardBrowser.plainText
    assert "not for diagnosis" in real.ui.cardBrowser.plainText
    assert real.ui.scaleComboBox.currentText == "×2"
    real.choose(real.ui.scaleComboBox, "4")
    assert real.parameters.model == "iconet-x4"
    real.choose(real.ui.modelComboBox, "iconet-x2")
    assert real.ui.scaleComboBox.currentText == "×2"


def test_the_reference_is_disabled_with_the_reason(real):
    assert not real.ui.referenceSelector.enabled
    assert "takes no reference" in real.ui.referenceSelector.toolTip


def test_devices_and_precisions_come_from_the_worker(real):
    assert real.ui.deviceComboBox.findData("cpu") >= 0
    real.choose(real.ui.precisionComboBox, "bfloat16")
    assert real.parameters.precision == "bfloat16"


# A full run


@pytest.mark.parametrize("turn", [panels.orthonormal, lambda matrix: panels.left_handed(panels.orthonormal(matrix))])
def test_a_result_is_where_the_input_is(real, turn):
    source = real.add_volume(turn(panels.OBLIQUE))
    transform = real.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = panels.orthonormal(np.array([[0, -2.0, 0, 5], [1, 0, 0.1, -7], [0.2, 0, 1, 3], [0, 0, 0, 1]]))
    transform.SetMatrixTransformToParent(real.slicer.util.vtkMatrixFromArray(matrix))
    source.SetAndObserveTransformNodeID(transform.GetID())
    before = panels.blob_in_world(real.slicer, source)
    real.parameters.suggestedModel = ""  # iconet-x2 it stays, though the slices are thick
    real.ui.inputSelector.setCurrentNode(source)
    result = real.run()
    assert result is not None, real.status
    assert result.GetName() == "T1w SR×2 (ICONet)"
    assert result.GetImageData().GetDimensions() == (56, 48, 6)
    assert result.GetTransformNodeID() == transform.GetID()
    after = panels.blob_in_world(real.slicer, result)
    assert np.linalg.norm(after - before) < 0.05, "mm"
    assert "Done" in real.status


def test_a_result_says_where_it_comes_from(real):
    source = real.add_volume(name="scan")
    real.ui.inputSelector.setCurrentNode(source)
    result = real.run()
    attribute = result.GetAttribute
    assert attribute("MRIEnhance.model") == "iconet-x2"
    assert attribute("MRIEnhance.input") == "scan"
    assert len(attribute("MRIEnhance.sha256")) == 64
    assert "consistency" in attribute("MRIEnhance.parameters")
    assert "not for diagnosis" in attribute("MRIEnhance.disclaimer")
    assert result.GetNodeReference("MRIEnhance.input") is source


def test_a_second_run_is_warm_and_makes_another_volume(real):
    real.ui.inputSelector.setCurrentNode(real.add_volume())
    first = real.run()
    process = real.widget.logic.worker.pid
    second = real.run()
    assert real.widget.logic.worker.pid == process
    assert second is not first
    np.testing.assert_array_equal(real.slicer.util.arrayFromVolume(first), real.slicer.util.arrayFromVolume(second))


def test_a_chosen_output_is_replaced(user_with):
    user, _ = user_with("works")
    other = user.add_volume(name="other")
    user.parameters.outputVolume = other
    assert user.run() is other
    assert other.GetName() == "other"
    assert other.GetImageData().GetDimensions() == (56, 48, 6)


def test_the_ground_truth_gives_a_table_and_a_difference(real):
    coarse = real.add_volume(np.diag([2.0, 2.0, 3.0, 1.0]), name="coarse")
    fine = panels.blob((6, 48, 56), (2, 18.0, 34.0), 5.0)
    truth = real.add_volume(np.diag([1.0, 1.0, 3.0, 1.0]), "truth", fine)
    real.ui.inputSelector.setCurrentNode(coarse)
    real.ui.groundTruthSelector.setCurrentNode(truth)
    result = real.run()
    table = result.GetNodeReference("MRIEnhance.metrics")
    assert table.GetNumberOfRows() == 2
    difference = result.GetNodeReference("MRIEnhance.difference")
    expected = real.slicer.util.arrayFromVolume(result) - fine
    np.testing.assert_allclose(real.slicer.util.arrayFromVolume(difference), expected, atol=1e-3)
    assert "dB" in real.status


def test_metrics_that_cannot_be_had_do_not_cost_the_result(real):
    real.ui.inputSelector.setCurrentNode(real.add_volume(name="coarse"))
    real.ui.groundTruthSelector.setCurrentNode(real.add_volume(name="on another grid"))
    result = real.run()
    assert result is not None
    assert "No metrics" in real.status


# What can go wrong on the way


@pytest.mark.parametrize("scenario", ["obeys", "deaf"])
def test_cancel_ends_the_process_and_leaves_nothing(user_with, scenario):
    user, fake = user_with(scenario)
    until_busy(user)
    assert user.ui.applyButton.text == "Cancel"
    started = time.monotonic()
    user.click(user.ui.applyButton)
    user.wait_for_end()
    user.wait(lambda: not any(workers.alive(number) for number in fake.processes), 2)
    assert time.monotonic() - started < 2
    assert len(user.volumes) == 1
    assert user.parameters.resultVolume is None
    assert "Cancelled" in user.status
    assert not list_of_folders(user)
    assert (user.ui.applyButton.text, user.ui.applyButton.enabled) == ("Apply", True)


def test_after_a_cancelled_run_the_next_one_works(real):
    real.ui.inputSelector.setCurrentNode(real.add_volume())
    real.apply()
    real.click(real.ui.applyButton)
    real.wait_for_end()
    assert len(real.volumes) == 1
    assert real.run() is not None, real.status


def test_a_worker_killed_from_outside_is_told_and_replaced(user_with):
    user, fake = user_with("deaf")
    until_busy(user)
    os.kill(fake.processes[-1], signal.SIGKILL)
    user.wait_for_end()
    assert "ended unexpectedly" in user.status
    assert "memory" in user.status
    assert len(user.volumes) == 1
    assert user.ui.applyButton.enabled
    until_busy(user)
    assert len(fake.processes) == 4


@pytest.mark.parametrize(
    ("scenario", "text"),
    [("out-of-memory", "smaller tile"), ("dies", "exit code 3"), ("model-gone", "no model called 'toy-x2'")],
)
def test_a_failure_is_told_with_what_to_do(user_with, scenario, text):
    user, _ = user_with(scenario)
    user.apply()
    user.wait_for_end()
    assert text in user.status
    assert len(user.volumes) == 1
    assert user.ui.applyButton.enabled
    assert not list_of_folders(user)


def test_a_scene_closed_during_a_run_stops_it(user_with):
    user, fake = user_with("deaf")
    until_busy(user)
    user.slicer.mrmlScene.Clear()
    user.wait_for_end()
    assert "scene was closed" in user.status
    assert not user.volumes
    user.wait(lambda: not any(workers.alive(number) for number in fake.processes), 2)


def test_an_input_deleted_during_a_run_stops_it(user_with):
    user, _ = user_with("deaf")
    until_busy(user)
    user.slicer.mrmlScene.RemoveNode(user.volumes[0])
    user.wait_for_end()
    assert "T1w was removed" in user.status
    assert not user.volumes
    assert not user.ui.applyButton.enabled


def test_a_model_file_removed_between_choice_and_apply_is_told(application, monkeypatch, tmp_path):
    model = workers.save_tiny_model(tmp_path / "mine-x2.safetensors")
    monkeypatch.setenv("MRIENHANCE_MODELS", str(tmp_path))
    monkeypatch.delenv(
        "MRIENHANCE_PYTHON", raising=False
    )  # Slicer's own Python, whose environment is the application's
    user = panels.User(application)
    user.parameters.inputVolume = user.add_volume()
    user.wait_for_models()
    user.choose(user.ui.modelComboBox, "mine-x2")
    assert user.ui.applyButton.enabled
    model.unlink()
    user.apply()
    user.wait_for_end()
    assert "there is no model called 'mine-x2'" in user.status
    assert len(user.volumes) == 1


# The scene


def test_the_parameters_come_back_with_the_scene(user_with, tmp_path):
    user, _ = user_with("works")
    user.choose(user.ui.scaleComboBox, "4")
    user.ui.consistencyCheckBox.checked = False
    user.ui.tileSizeSpinBox.value = 128
    user.choose(user.ui.precisionComboBox, "bfloat16")
    path = str(tmp_path / "scene.mrml")
    assert user.slicer.util.saveScene(path)
    user.slicer.mrmlScene.Clear()
    assert user.ui.consistencyCheckBox.checked
    user.slicer.util.loadScene(path)
    assert user.parameters.model == "toy-x4"
    assert user.ui.scaleComboBox.currentText == "×4"
    assert not user.ui.consistencyCheckBox.checked
    assert user.ui.tileSizeSpinBox.value == 128
    assert user.parameters.precision == "bfloat16"
    assert user.parameters.inputVolume.GetName() == "T1w"


# Missing packages


def test_missing_packages_are_offered_and_declined(user_with):
    user, _ = user_with("lacks-torch")
    assert "torch" in user.status
    user.apply()
    user.wait_for_end()
    assert "torch" in user.status
    assert "pip install" in user.status, "the environment is the user's own: we say what to do"
    assert len(user.volumes) == 1
    assert user.ui.applyButton.enabled


def list_of_folders(user):
    """Private folders that are still there."""
    from pathlib import Path

    return list(Path(user.slicer.app.temporaryPath).glob("MRIEnhance-*"))
