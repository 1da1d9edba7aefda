"""slicer, slicer.app and slicer.util as they are inside the application."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import slicerhost


@pytest.mark.parametrize("name", ["loadVolume", "arrayFromVolume", "plot", "VTKObservationMixin", "MRMLCore", "sys"])
def test_names_of_slicer_core_alone_are_not_in_slicer(host, name):
    assert not hasattr(host, name)


@pytest.mark.parametrize("name", ["vtkMRMLScene", "vtkSlicerVolumesLogic", "util", "app", "mrmlScene", "qMRMLWidget"])
def test_names_of_slicer_are(host, name):
    assert hasattr(host, name)


def test_module_names_are_attributes_and_no_function(host):
    assert host.moduleNames.Volumes == "Volumes"
    assert not callable(host.moduleNames)


@pytest.mark.parametrize("name", ["applicationName", "slicerHome", "temporaryPath", "os", "majorVersion", "platform"])
def test_properties_are_values(host, name):
    assert not callable(getattr(host.app, name))


def test_an_unknown_attribute_is_refused(host):
    with pytest.raises(AttributeError):
        host.app.nonsense  # noqa: B018
    with pytest.raises(AttributeError, match="does not exist"):
        host.app.nonsense = 1


def test_the_temporary_folder_is_real(host):
    folder = Path(host.app.temporaryPath)
    (folder / "a").write_text("b")
    assert Path(host.util.tempDirectory()).parent == folder


def test_settings_are_private_and_forgotten(host):
    import qt

    host.app.userSettings().setValue("MRIEnhance/Python", "here")
    assert qt.QSettings().value("MRIEnhance/Python") == "here"
    assert Path(host.app.userSettings().fileName()).is_relative_to(Path(host.app.slicerHome).parent)
    slicerhost.reset()
    assert not host.app.userSettings().contains("MRIEnhance/Python")


def test_signals(host):
    told = []
    host.app.connect("startupCompleted()", lambda: told.append(1))
    host.app.emit("startupCompleted()")
    assert told == [1]
    with pytest.raises(ValueError, match="no signal"):
        host.app.connect("startupComplete()", print)
    slicerhost.reset()
    host.app.emit("startupCompleted()")
    assert told == [1]


def test_the_version_can_be_the_older_one(host):
    assert (host.app.majorVersion, host.app.minorVersion) == (5, 12)
    slicerhost.pretend(version="5.10")
    assert host.app.minorVersion == 10
    with pytest.raises(TypeError):
        host.util.launchConsoleProcess(["true"], blocking=False)
    assert not hasattr(host.util, "executePythonModule")


def test_the_interpreters_name_can_be_missing(host):
    before = sys.executable
    slicerhost.pretend(executable="")
    assert sys.executable == ""
    slicerhost.reset()
    assert sys.executable == before


def test_without_a_main_window_there_are_no_views(host):
    slicerhost.pretend(main_window=False)
    assert host.util.mainWindow() is None
    assert host.app.layoutManager() is None
    assert host.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSliceNode") == 0
    slicerhost.reset()
    assert host.app.layoutManager().sliceViewNames() == ("Red", "Yellow", "Green")


def test_the_main_window(host):
    window = host.util.mainWindow()
    assert window.objectName == "qSlicerMainWindow"
    host.util.showStatusMessage("hello")
    assert window.statusBar().currentMessage() == "hello"


def test_exit_is_only_remembered(host):
    host.util.exit(3)
    assert host.app.returnCode == 3
    host.util.restart()
    assert host.app.restartRequested


def test_a_forgotten_wait_cursor_is_taken_back(host):
    import qt

    host.app.setOverrideCursor(qt.Qt.WaitCursor)
    slicerhost.reset()
    assert not host.app.overrideCursor()


def test_the_environment_from_before_the_launcher(host):
    before = host.util.startupEnvironment()
    assert host.app.slicerHome not in before["PATH"]
    assert host.app.slicerHome in os.environ["PATH"]
    assert "SLICER_HOME" not in before


def test_a_console_process(host):
    process = host.util.launchConsoleProcess([sys.executable, "-c", "import sys; sys.stdout.write('out')"])
    assert process.communicate()[0] == "out"


def test_a_console_process_that_reports_to_the_main_thread(host):
    lines, codes = [], []
    command = [sys.executable, "-c", "import sys; sys.stdout.write('one\\ntwo\\n'); sys.exit(3)"]
    process = host.util.launchConsoleProcess(
        command, blocking=False, logCallback=lines.append, completedCallback=codes.append
    )
    assert slicerhost.process_events_until(lambda: bool(codes), 30)
    process.stdout.close()
    assert (lines, codes) == (["one", "two"], [3])


def test_a_python_module_runs_in_slicers_python(host, capfd):
    host.util.executePythonModule("platform", [])
    assert capfd.readouterr().out.strip()


def test_pip_never_runs(host):
    host.util.executePythonModule("pip", ["install", "x"])
    assert slicerhost.installations[0].requirements == ["x"]
    with pytest.raises(AssertionError, match="pip"):
        host.util.launchConsoleProcess(["PythonSlicer", "-m", "pip", "install", "x"])


def test_pythonslicer_passes_on_arguments_streams_and_exit_code(host):
    launcher = Path(host.app.slicerHome, "bin", "PythonSlicer")
    code = "import sys; sys.stdout.write(sys.stdin.read() + sys.argv[1]); sys.stderr.write('e'); sys.exit(5)"
    done = subprocess.run([launcher, "-c", code, "b c"], input="a", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (5, "ab c", "e")


def test_killing_pythonslicer_alone_leaves_its_child(host):
    launcher = Path(host.app.slicerHome, "bin", "PythonSlicer")
    code = "import os, sys; sys.stdout.write(f'{os.getpid()}\\n'); sys.stdout.flush(); sys.stdin.read()"
    process = subprocess.Popen([launcher, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    os.kill(child, 0)  # raises where the child is gone
    process.stdin.close()  # end of file ends it
    process.stdout.close()


def test_delay_display_does_not_wait(host):
    host.util.delayDisplay("hello", 100000)
