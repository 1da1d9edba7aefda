"""SuperResolve's panel beyond the run: comparison, interpreter, installation, words, looks."""

import os
from pathlib import Path

import numpy as np
import pytest

import panels
import slicerhost
import workers

SCREENSHOT = Path(__file__).parents[2] / "Resources" / "Screenshots" / "SuperResolve.png"


@pytest.fixture
def slicers_own(user_with, monkeypatch):
    """A user whose worker runs in Slicer's own Python, which is a false one with a scenario."""

    def make(scenario):
        monkeypatch.delenv("MRIENHANCE_PYTHON", raising=False)
        return user_with(scenario, slicers_own=True)

    return make


def test_nothing_runs_and_nothing_is_asked_when_the_module_is_loaded(host, monkeypatch):
    """At start-up Slicer only imports the module and makes its object."""
    import subprocess

    def refuse(*args, **kwargs):
        raise AssertionError(f"a process was started: {args}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    slicerhost.load_module(panels.MODULE)
    assert not slicerhost.dialogs
    assert not slicerhost.installations
    assert host.modules.superresolve.title == "SuperResolve"
    assert "not for diagnosis" in host.modules.superresolve.helpText


# Comparison


def test_input_and_result_are_compared_side_by_side_and_the_views_come_back(user_with):
    user, _ = user_with("works")
    layout = user.slicer.app.layoutManager().layout
    assert not user.ui.compareButton.enabled, "there is no result yet"
    result = user.run()
    assert user.ui.compareButton.enabled
    user.click(user.ui.compareButton)
    assert user.ui.compareButton.checked
    shown = [user.slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode() for name in ("Red", "Yellow")]
    assert [node.GetBackgroundVolumeID() for node in shown] == [user.parameters.inputVolume.GetID(), result.GetID()]
    assert all(node.GetLinkedControl() for node in shown)
    user.click(user.ui.compareButton)
    assert user.slicer.app.layoutManager().layout == layout


def test_the_result_is_shown_where_the_input_was(user_with):
    user, _ = user_with("works")
    composite = user.slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    composite.SetBackgroundVolumeID(user.parameters.inputVolume.GetID())
    result = user.run()
    assert composite.GetBackgroundVolumeID() == result.GetID()


# Which Python


def test_another_python_can_be_named_in_the_panel(user_with, tmp_path, monkeypatch):
    user, first = user_with("works", by_setting=True)
    other = workers.FakeInterpreter(tmp_path, "obeys")
    user.ui.pythonPathLineEdit.currentPath = str(other.path)
    user.wait(lambda: other.processes)
    user.wait_for_models()
    assert not any(workers.alive(number) for number in first.processes)
    from MRIEnhanceBridge import interpreter

    assert interpreter.python_setting() == str(other.path)


def test_a_python_that_is_not_there_is_told(user_with):
    user, _ = user_with("works", by_setting=True)
    user.ui.pythonPathLineEdit.currentPath = "/nowhere/python"
    user.wait(lambda: "/nowhere/python" in user.status)
    assert not user.ui.applyButton.enabled


def test_a_path_is_taken_when_it_is_typed_and_not_at_every_letter(user_with, tmp_path):
    user, _ = user_with("works", by_setting=True)
    other = workers.FakeInterpreter(tmp_path, "obeys")
    user.ui.pythonPathLineEdit.currentPath = "/nowhere/python"
    user.wait(lambda: "/nowhere/python" in user.status)
    complaints = []
    user.widget.run.complain = complaints.append
    for end in range(1, len(str(other.path)) + 1):
        user.ui.pythonPathLineEdit.currentPath = str(other.path)[:end]
        user.slicer.app.processEvents()
    user.wait(lambda: other.processes)
    user.wait_for_models()
    assert not complaints
    assert not user.status, "the complaint about the one before is gone"
    assert user.ui.applyButton.enabled, user.ui.applyButton.toolTip


def test_an_empty_line_means_slicers_own_python_again(user_with):
    from MRIEnhanceBridge import interpreter

    user, fake = user_with("works", by_setting=True)
    user.ui.pythonPathLineEdit.currentPath = ""
    user.wait(lambda: not interpreter.python_setting())
    user.wait_for_models()
    assert user.widget.logic.worker.interpreter.source == "Slicer"
    assert not any(workers.alive(number) for number in fake.processes)


def test_another_python_is_asked_though_the_one_before_has_not_answered(user_with, tmp_path):
    user, _ = user_with("works", by_setting=True)
    slow, other = workers.FakeInterpreter(tmp_path, "silent"), workers.FakeInterpreter(tmp_path, "obeys")
    user.ui.pythonPathLineEdit.currentPath = str(slow.path)
    user.wait(lambda: slow.processes)
    user.ui.pythonPathLineEdit.currentPath = str(other.path)
    user.wait(lambda: other.processes)
    user.wait_for_models()
    assert user.ui.applyButton.enabled, user.ui.applyButton.toolTip


def test_the_environment_variable_goes_before_the_setting(user_with):
    user, fake = user_with("works")
    assert not user.ui.pythonPathLineEdit.enabled
    assert "MRIENHANCE_PYTHON" in user.ui.pythonPathLineEdit.toolTip
    assert user.ui.pythonPathLineEdit.currentPath == str(fake.path)


# The panel made anew, or on its own


def test_a_panel_that_was_reloaded_reads_the_models_again(user_with):
    user, _ = user_with("works")
    user.widget.cleanup()
    user.parent.reload()
    user.widget = user.parent.self()
    user.wait_for_models()
    assert user.widget.ui.modelComboBox.count


def test_a_panel_can_be_a_window_of_its_own(user_with):
    user, _ = user_with("works")
    alone = type(user.widget)()
    alone.readCatalogue()
    user.wait(lambda: alone.models)
    user.slicer.mrmlScene.Clear()
    assert alone.logic.getParameterNode().inputVolume is None
    alone.cleanup()
    alone.parent.deleteLater()


# Missing packages in Slicer's own Python


def test_an_installation_is_offered_at_apply_and_may_be_declined(slicers_own):
    user, fake = slicers_own("lacks-torch")
    assert not slicerhost.dialogs, "nothing is asked before Apply"
    slicerhost.dialogs.answer(False)
    user.apply()
    user.wait_for_end()
    assert len(slicerhost.dialogs) == 1
    assert not slicerhost.installations
    assert "torch" in user.status
    assert user.ui.applyButton.enabled
    assert not any(workers.alive(number) for number in fake.processes)


def test_what_is_still_missing_after_an_installation_is_told(slicers_own):
    user, fake = slicers_own("lacks-torch")
    slicerhost.dialogs.answer(True, True)
    user.apply()
    user.wait_for_end()
    assert slicerhost.installations
    assert "torch" in user.status
    assert len(fake.processes) >= 2, "the worker is started again to look"


def test_after_an_installation_the_run_goes_on(slicers_own):
    user, fake = slicers_own("lacks-torch")
    slicerhost.dialogs.answer(True, True)
    fake.become("works")
    user.apply()
    user.wait(lambda: user.parameters.resultVolume is not None)
    user.wait_for_end()
    assert "Done" in user.status


# Words and looks


def test_every_word_of_the_code_can_be_translated(user_with):
    slicerhost.translations.pseudo = "[[{}]]"
    user, _ = user_with("works")
    user.run()
    for text in (user.status, user.ui.applyButton.text, user.ui.applyButton.toolTip, user.ui.deviceComboBox.toolTip):
        assert "[[" in text or text == user.ui.deviceComboBox.toolTip
    assert user.parent is not None


def test_a_picture_of_the_panel(real, tmp_path):
    """With MRIENHANCE_SCREENSHOTS=1 it is kept in Resources/Screenshots (`make screenshots`)."""
    import qt

    truth = sample(real)
    i, j, k = truth.GetSpacing()
    coarse = real.add_volume(np.diag([2 * i, 2 * j, k, 1]), "sub-26_T1w", coarsened(real, truth))
    real.parameters.inputVolume, real.parameters.groundTruthVolume = coarse, truth
    real.run()
    assert "ICONet" in real.status
    assert "dB" in real.status
    real.ui.cardSection.collapsed = False
    real.parent.resize(460, 860)
    real.slicer.app.processEvents()
    path = SCREENSHOT if os.environ.get("MRIENHANCE_SCREENSHOTS") else tmp_path / "panel.png"
    assert real.parent.grab().save(str(path))
    picture = qt.QImage(str(path))
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}
    assert len(colours) > 20, "an empty picture"


def sample(user):
    """Two slices of the library's sample scan."""
    from MRIEnhanceBridge import selftest

    whole = selftest.sample_volume()
    voxels = user.slicer.util.arrayFromVolume(whole)[:2].astype(np.float32)
    return user.add_volume(np.diag([*whole.GetSpacing(), 1.0]), "sub-26_T1w fine", voxels)


def coarsened(user, volume):
    """Every second frequency in plane, as a coarser scan would have measured."""
    voxels = user.slicer.util.arrayFromVolume(volume)
    j, i = voxels.shape[1:]
    spectrum = np.fft.fftshift(np.fft.fft2(voxels), axes=(1, 2))
    kept = spectrum[:, j // 4 : j // 4 + j // 2, i // 4 : i // 4 + i // 2]
    return np.fft.ifft2(np.fft.ifftshift(kept, axes=(1, 2))).real.astype(np.float32) / 4


def test_the_self_test_of_the_module_passes(application, monkeypatch):
    """The one that a developer starts in Slicer's Reload & Test section, and CTest with every build."""
    workers.use(monkeypatch, workers.this_python().executable)
    module = slicerhost.load_module(panels.MODULE)
    module.python.SuperResolveTest().runTest()


def test_the_self_test_can_fail(application):
    """It would see a result that lies half a voxel off."""
    from MRIEnhanceBridge import selftest

    source = application.util.addVolumeFromArray(panels.blob(), np.diag([2.0, 2.0, 3.0, 1.0]), "coarse")
    fine = panels.blob().repeat(2, axis=1).repeat(2, axis=2)
    moved = application.util.addVolumeFromArray(fine, np.diag([1.0, 1.0, 3.0, 1.0]), "fine")
    moved.SetAttribute("MRIEnhance.sha256", "0" * 64)
    selftest.check_finer(source, moved, scale=2)
    moved.SetOrigin(0.5, 0.5, 0)
    with pytest.raises(AssertionError, match="moved"):
        selftest.check_finer(source, moved, scale=2)
