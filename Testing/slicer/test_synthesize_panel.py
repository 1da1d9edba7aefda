"""Synthesize's panel under real clicks, with a worker that computes nothing of worth or misbehaves."""

import json

import numpy as np
import pytest

import panels
import slicerhost
import workers

MODULE = panels.SYNTHESIZE


def boxes(user):
    """The check boxes of the contrasts that are offered, by name."""
    return dict(user.widget.form._boxes)


def asked(fake):
    """The last request to synthesize."""
    requests = [json.loads(line) for line in fake.requests]
    return [each for each in requests if each["do"] == "synthesize"][-1]


def until_busy(user):
    user.apply()
    user.wait(lambda: user.ui.progressBar.value > 100)


def ticked(user):
    return {name for name, box in boxes(user).items() if box.checked}


def second(user, name="FLAIR of Anna"):
    """Load a second scan and choose it, in the section that is folded at first."""
    user.ui.othersSection.collapsed = False
    node = user.add_volume(panels.orthonormal(panels.OBLIQUE), name=name)
    user.ui.secondSelector.setCurrentNode(node)
    return node


# The form


def test_a_new_scene_is_ready_for_one_click(user_with):
    user, _ = user_with("works")
    assert user.parameters.model == "toy-gan", "the one that makes most contrasts"
    assert user.ui.inputContrastComboBox.currentText == "T1w", "the volume's name says so"
    assert list(boxes(user)) == ["T1w", "T2w", "FLAIR"]
    assert ticked(user) == {"T2w"}
    assert user.ui.applyButton.enabled, user.ui.applyButton.toolTip


def test_a_volume_that_is_loaded_later_is_ready_for_one_click_too(user_with):
    user, _ = user_with("works")
    user.slicer.mrmlScene.Clear()
    user.widget.enter()
    user.wait_for_models()
    assert not ticked(user), "nobody knows what will be loaded"
    user.ui.inputSelector.setCurrentNode(user.add_volume(name="T2w"))
    assert ticked(user) == {"FLAIR"}
    assert user.ui.applyButton.enabled, user.ui.applyButton.toolTip
    user.tick(boxes(user)["FLAIR"])
    user.choose(user.ui.inputContrastComboBox, "T1w")
    assert not ticked(user), "what the user has unticked stays so"


def test_a_contrast_that_was_scanned_is_not_offered(user_with):
    user, _ = user_with("works")
    assert not boxes(user)["T1w"].enabled
    assert "was scanned" in boxes(user)["T1w"].toolTip
    assert boxes(user)["FLAIR"].enabled
    user.choose(user.ui.inputContrastComboBox, "FLAIR")
    assert boxes(user)["T1w"].enabled
    assert not boxes(user)["FLAIR"].enabled
    user.choose(user.ui.inputContrastComboBox, "T2w")
    assert not ticked(user)
    assert "Tick a contrast" in user.ui.applyButton.toolTip
    user.choose(user.ui.inputContrastComboBox, "T1w")
    assert ticked(user) == {"T2w"}, "what was ticked is not forgotten"
    second(user)
    assert not boxes(user)["FLAIR"].enabled, "a further source has it"


def test_the_contrast_is_guessed_of_each_new_volume_and_what_the_user_says_stays(user_with):
    user, _ = user_with("works")
    user.choose(user.ui.inputContrastComboBox, "FLAIR")
    user.parameters.inputVolume.SetName("other name T1w")
    user.widget.exit()
    user.widget.enter()
    assert user.parameters.inputContrast == "FLAIR"
    user.ui.inputSelector.setCurrentNode(user.add_volume(name="4: t2_tse_tra"))
    assert user.parameters.inputContrast == "T2w"
    user.ui.inputSelector.setCurrentNode(user.add_volume(name="Volume"))
    assert user.parameters.inputContrast == ""
    assert user.ui.inputContrastComboBox.currentText == "guess from the image"
    assert all(box.enabled for box in boxes(user).values())


def test_apply_says_what_it_waits_for(user_with):
    user, _ = user_with("works")
    button = user.ui.applyButton
    user.tick(boxes(user)["T2w"])
    assert not button.enabled
    assert "Tick a contrast" in button.toolTip
    user.tick(boxes(user)["T2w"])
    assert button.enabled, button.toolTip
    user.ui.inputSelector.setCurrentNode(None)
    assert "Select an input volume" in button.toolTip


def test_a_further_source_needs_a_contrast_of_its_own(user_with):
    user, _ = user_with("works")
    button = user.ui.applyButton
    assert not user.ui.secondContrastComboBox.enabled, "there is no second scan"
    second(user, name="nameless")
    assert user.ui.secondContrastComboBox.enabled
    assert not button.enabled
    assert 'which contrast "nameless" has' in button.toolTip
    user.choose(user.ui.secondContrastComboBox, "T1w")
    assert "Two sources have the contrast T1w" in button.toolTip
    user.choose(user.ui.secondContrastComboBox, "FLAIR")
    assert button.enabled, button.toolTip
    third = user.add_volume(name="FLAIR again")
    user.ui.thirdSelector.setCurrentNode(third)
    assert "Two sources have the contrast FLAIR" in button.toolTip
    user.ui.thirdSelector.setCurrentNode(user.parameters.secondVolume)
    user.choose(user.ui.thirdContrastComboBox, "T2w")
    user.tick(boxes(user)["FLAIR"])
    assert not button.enabled


def test_a_model_that_makes_less_offers_less(user_with):
    user, _ = user_with("works")
    user.tick(boxes(user)["FLAIR"])
    user.choose(user.ui.modelComboBox, "toy-pair")
    assert list(boxes(user)) == ["T2w"]
    assert ticked(user) == {"T2w"}
    assert "toy-pair" in user.ui.cardBrowser.plainText
    second(user)
    assert "makes nothing of FLAIR; it takes T1w" in user.ui.applyButton.toolTip
    user.choose(user.ui.modelComboBox, "toy-gan")
    user.ui.secondSelector.setCurrentNode(None)
    assert ticked(user) == {"T2w", "FLAIR"}


def test_a_ground_truth_has_one_contrast(user_with):
    user, fake = user_with("works")
    truth = user.add_volume(panels.orthonormal(panels.OBLIQUE), name="T2w")
    user.ui.groundTruthSelector.setCurrentNode(truth)
    user.tick(boxes(user)["FLAIR"])
    assert not user.ui.groundTruthSelector.enabled
    assert "tick one only" in user.ui.groundTruthSelector.toolTip
    user.run()
    assert asked(fake)["reference"] is None
    user.tick(boxes(user)["FLAIR"])
    user.run()
    assert asked(fake)["reference"]["size"] == [28, 24, 6]


# What is asked for


def test_the_worker_is_asked_as_the_form_says(user_with):
    user, fake = user_with("works")
    user.run()
    request = asked(fake)
    assert (request["source"], request["to"], request["others"], request["maps"]) == ("T1w", ["T2w"], [], [])
    assert request["input"]["size"] == [28, 24, 6]
    assert request["reference"] is None
    options = {"model": "toy-gan", "register": True, "device": "auto", "precision": "auto"}
    assert request["options"] == options
    user.choose(user.ui.inputContrastComboBox, "")
    user.tick(boxes(user)["FLAIR"])
    user.tick(boxes(user)["T2w"])
    user.tick(boxes(user)["T1w"])
    second(user, name="T2w")
    user.tick(user.ui.registrationCheckBox)
    user.tick(user.ui.uncertaintyCheckBox)
    user.choose(user.ui.precisionComboBox, "bfloat16")
    user.run()
    request = asked(fake)
    assert (request["source"], request["to"], request["maps"]) == (None, ["T1w", "FLAIR"], ["uncertainty"])
    assert [(other["contrast"], other["image"]["size"]) for other in request["others"]] == [("T2w", [28, 24, 6])]
    assert request["options"] == {**options, "register": False, "precision": "bfloat16"}


def test_sources_are_placed_in_the_frame_of_the_input(user_with):
    user, fake = user_with("works")
    other = second(user)
    transform = user.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = 5, -6, 7
    transform.SetMatrixTransformToParent(user.slicer.util.vtkMatrixFromArray(matrix))
    other.SetAndObserveTransformNodeID(transform.GetID())
    user.run()
    request = asked(fake)
    shift = np.subtract(request["others"][0]["image"]["origin"], request["input"]["origin"])
    np.testing.assert_allclose(shift, [-5, 6, 7], atol=1e-9)  # LPS


# What can go wrong on the way


@pytest.mark.parametrize("scenario", ["obeys", "deaf"])
def test_cancel_ends_the_process_and_leaves_nothing(user_with, scenario):
    user, fake = user_with(scenario)
    until_busy(user)
    user.click(user.ui.applyButton)
    user.wait_for_end()
    user.wait(lambda: not any(workers.alive(number) for number in fake.processes), 2)
    assert len(user.volumes) == 1
    assert user.parameters.resultVolume is None
    assert "Cancelled" in user.status


@pytest.mark.parametrize("which", [0, 1])
def test_a_source_deleted_during_a_run_stops_it(user_with, which):
    user, _ = user_with("deaf")
    second(user)
    until_busy(user)
    gone = user.volumes[which]
    user.slicer.mrmlScene.RemoveNode(gone)
    user.wait_for_end()
    assert f"{gone.GetName()} was removed" in user.status
    assert len(user.volumes) == 1


def test_a_scene_closed_during_a_run_stops_it(user_with):
    user, _ = user_with("deaf")
    until_busy(user)
    user.slicer.mrmlScene.Clear()
    user.wait_for_end()
    assert "scene was closed" in user.status
    assert not user.volumes


def test_what_the_worker_refuses_is_told(user_with):
    user, _ = user_with("model-gone")
    user.apply()
    user.wait_for_end()
    assert "choose another model" in user.status
    assert len(user.volumes) == 1


# The scene, and the panel's life


def test_the_parameters_come_back_with_the_scene(user_with, tmp_path):
    user, _ = user_with("works")
    second(user)
    user.choose(user.ui.secondContrastComboBox, "T1w")
    user.choose(user.ui.inputContrastComboBox, "T2w")
    user.tick(boxes(user)["FLAIR"])
    user.tick(user.ui.uncertaintyCheckBox)
    user.tick(user.ui.registrationCheckBox)
    path = str(tmp_path / "scene.mrml")
    for number, node in enumerate(user.volumes):
        user.slicer.util.saveNode(node, str(tmp_path / f"{number}.nrrd"))
    assert user.slicer.util.saveScene(path)
    user.slicer.mrmlScene.Clear()
    assert not user.ui.uncertaintyCheckBox.checked
    assert user.ui.registrationCheckBox.checked
    user.slicer.util.loadScene(path)
    assert (user.parameters.inputContrast, user.parameters.secondContrast) == ("T2w", "T1w")
    assert user.ui.secondContrastComboBox.currentText == "T1w"
    assert ticked(user) == {"FLAIR"}
    assert user.ui.uncertaintyCheckBox.checked
    assert not user.ui.registrationCheckBox.checked


def test_a_panel_that_was_reloaded_works(user_with):
    user, _ = user_with("works")
    user.run()
    user.widget.cleanup()
    user.parent.reload()
    user.widget = user.parent.self()
    user.ui = user.widget.ui
    user.wait_for_models()
    assert user.ui.resultSelector.currentNode() is user.parameters.resultVolume
    assert user.run() is not None


def test_nothing_runs_when_the_module_is_loaded(host, monkeypatch):
    import subprocess

    monkeypatch.setattr(subprocess, "Popen", None)
    slicerhost.load_module(MODULE)
    assert not slicerhost.dialogs
    assert host.modules.synthesize.title == "Synthesize"
    assert "not for diagnosis" in host.modules.synthesize.helpText
    assert "no scan" in host.modules.synthesize.helpText


def test_the_panel_says_that_a_synthetic_image_is_no_scan(user_with):
    user, _ = user_with("works")
    assert "no scan" in user.ui.syntheticLabel.text
    assert not user.ui.syntheticLabel.isHidden()


def test_every_word_of_the_code_can_be_translated(user_with):
    slicerhost.translations.pseudo = "[[{}]]"
    user, _ = user_with("works")
    assert "[[" in boxes(user)["T1w"].toolTip
    user.run()
    shown = [user.status, user.ui.compareButton.text, user.ui.groundTruthSelector.toolTip]
    shown += [box.itemText(0) for box in (user.ui.inputContrastComboBox, user.ui.secondContrastComboBox)]
    assert all("[[" in text for text in shown)
