"""Which Python runs the worker."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def interpreter(host, monkeypatch):
    """The module, with no interpreter named anywhere."""
    from MRIEnhanceBridge import interpreter

    monkeypatch.delenv("MRIENHANCE_PYTHON", raising=False)
    return interpreter


@pytest.fixture
def refusal(host):
    from MRIEnhanceBridge.errors import BridgeError

    return BridgeError


@pytest.fixture
def home(host, monkeypatch, tmp_path):
    """An empty folder that Slicer takes for its own."""
    folder = tmp_path / "Slicer 5.12"
    (folder / "bin").mkdir(parents=True)
    monkeypatch.setattr(host.app, "slicerHome", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path))
    return folder


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


def test_slicers_own_python_is_found_and_runs(interpreter, host):
    found = interpreter.find()
    assert (found.ours, found.source) == (True, "Slicer")
    assert Path(found.executable) == Path(host.app.slicerHome, "bin", "PythonSlicer")
    code = "import sys; sys.stdout.write(str(6 * 7))"
    done = subprocess.run([found.executable, "-c", code], env=found.environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "42")


def test_sys_executable_is_never_used(interpreter, host, monkeypatch):
    """Inside Slicer it can be empty, or Slicer itself."""
    monkeypatch.setattr(sys, "executable", "")
    assert interpreter.find().executable.endswith("PythonSlicer")


@pytest.mark.parametrize(
    "place",
    ["bin/PythonSlicer", "python-install/bin/PythonSlicer", "../python-install/bin/PythonSlicer", "bin/python-real"],
)
def test_places_in_installations_and_build_trees(interpreter, home, place):
    program((home / place).resolve())
    found = interpreter.find()
    assert Path(found.executable).resolve() == (home / place).resolve()
    assert found.ours


def test_slicers_own_python_on_the_search_path(interpreter, home, tmp_path):
    program(tmp_path / "PythonSlicer")
    assert interpreter.find().executable == str(tmp_path / "PythonSlicer")


def test_the_launcher_goes_before_what_it_launches(interpreter, home):
    program(home / "bin" / "python-real")
    program(home / "bin" / "PythonSlicer")
    assert interpreter.find().executable == str(home / "bin" / "PythonSlicer")


def test_windows_programs_have_an_ending(interpreter, home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    wanted = program(home / "bin" / "PythonSlicer.exe")
    assert interpreter.find().executable == str(wanted)


def test_on_windows_the_launcher_is_passed_over(interpreter, home, monkeypatch):
    """It is not known to hand its standard input on."""
    monkeypatch.setattr(sys, "platform", "win32")
    program(home / "bin" / "PythonSlicer.exe")
    wanted = program(home / "bin" / "python-real.exe")
    found = interpreter.find()
    assert found.executable == str(wanted)
    assert found.ours


def test_no_python_at_all(interpreter, refusal, home):
    with pytest.raises(refusal, match="PythonSlicer") as caught:
        interpreter.find()
    assert str(home / "bin") in caught.value.message
    assert "MRIENHANCE_PYTHON" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_environment_goes_before_setting_before_slicer(interpreter, monkeypatch, tmp_path):
    by_environment = program(tmp_path / "one" / "python")
    by_setting = program(tmp_path / "two" / "python")
    interpreter.set_python(str(by_setting))
    assert interpreter.find() == interpreter.Interpreter(str(by_setting), ours=False, source="setting")
    monkeypatch.setenv("MRIENHANCE_PYTHON", str(by_environment))
    assert interpreter.find() == interpreter.Interpreter(str(by_environment), ours=False, source="environment")
    monkeypatch.setenv("MRIENHANCE_PYTHON", "  ")
    assert interpreter.find().source == "setting"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_the_setting_can_be_taken_away(interpreter, host, tmp_path, nothing):
    interpreter.set_python(f"  {program(tmp_path / 'python')} ")
    assert interpreter.python_setting() == str(tmp_path / "python")
    interpreter.set_python(nothing)
    assert interpreter.python_setting() == ""
    assert not host.app.userSettings().contains("MRIEnhance/Python")
    assert interpreter.find().source == "Slicer"


def test_slicers_own_python_named_by_hand_is_still_ours(interpreter, host, monkeypatch, tmp_path):
    own = Path(host.app.slicerHome, "bin", "PythonSlicer")
    monkeypatch.setenv("MRIENHANCE_PYTHON", str(own))
    assert interpreter.find().ours
    link = tmp_path / "python"
    link.symlink_to(own)
    monkeypatch.setenv("MRIENHANCE_PYTHON", str(link))
    assert interpreter.find().ours


def test_spaces_quotes_and_tilde(interpreter, monkeypatch, tmp_path):
    wanted = program(tmp_path / "my env" / "bin" / "python")
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (str(wanted), f'"{wanted}"', f" {wanted} ", "~/my env/bin/python"):
        monkeypatch.setenv("MRIENHANCE_PYTHON", text)
        assert interpreter.find().executable == str(wanted)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("python3", "python3 is not a whole path"),
        ("{folder}", "is a folder"),
        ("{folder}/none", "there is no file"),
        ("{folder}/text.txt", "cannot be executed"),
        ("{folder}/text.txt/python", "there is no file"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "setting"])
def test_what_cannot_be_used_is_refused_in_one_line(interpreter, refusal, monkeypatch, tmp_path, path, problem, source):
    (tmp_path / "text.txt").write_text("no program")
    named = path.format(folder=tmp_path)
    if source == "environment":
        monkeypatch.setenv("MRIENHANCE_PYTHON", named)
    else:
        interpreter.set_python(named)
    with pytest.raises(refusal) as caught:
        interpreter.find()
    assert problem in caught.value.message
    assert ("MRIENHANCE_PYTHON" in caught.value.message) == (source == "environment")
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_an_environment_gets_the_right_hint(interpreter, refusal, monkeypatch, tmp_path):
    inside = program(tmp_path / "env" / "bin" / "python")
    monkeypatch.setenv("MRIENHANCE_PYTHON", str(tmp_path / "env"))
    with pytest.raises(refusal) as caught:
        interpreter.find()
    assert caught.value.hint.endswith(str(inside))


def test_slicers_own_python_gets_slicers_environment(interpreter, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/slicer/lib/Python")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    environment = interpreter.find().environment()
    assert environment == dict(os.environ) | {"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}


def test_another_python_gets_the_environment_from_before_slicer(interpreter, host, monkeypatch, tmp_path):
    slicers = str(Path(host.app.slicerHome, "lib"))
    before = {
        "PATH": os.pathsep.join(["/usr/bin", slicers, "/opt/cuda/bin"]),
        "LD_LIBRARY_PATH": os.pathsep.join([slicers, "/opt/cuda/lib"]),
        "DYLD_LIBRARY_PATH": slicers,
        "PYTHONHOME": "/slicer/lib/Python",
        "PYTHONPATH": "/slicer/bin",
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    monkeypatch.setattr(host.util, "startupEnvironment", lambda: dict(before))
    monkeypatch.setenv("SINCE_SLICER", "1")
    other = interpreter.Interpreter(str(program(tmp_path / "python")), ours=False, source="setting")
    assert other.environment() == {
        "PATH": os.pathsep.join(["/usr/bin", "/opt/cuda/bin"]),
        "LD_LIBRARY_PATH": "/opt/cuda/lib",
        "OMP_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUTF8": "1",
    }


def test_the_library_is_that_of_the_source_tree(interpreter):
    folder = interpreter.library_folder()
    assert folder.parts[-2:] == ("MRIEnhanceLib", "src")
    assert (folder / "mrienhance" / "cli" / "main.py").is_file()


def test_the_library_of_an_installed_extension_goes_first(interpreter, monkeypatch, tmp_path):
    package = tmp_path / "lib" / "MRIEnhanceBridge"
    monkeypatch.setattr(interpreter, "__file__", str(package / "interpreter.py"))
    source_tree = tmp_path / "MRIEnhanceLib" / "src" / "mrienhance"
    for folder in (source_tree, package / "library" / "mrienhance"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    assert interpreter.library_folder() == package / "library"


def test_an_extension_without_its_library(interpreter, refusal, monkeypatch, tmp_path):
    monkeypatch.setattr(interpreter, "__file__", str(tmp_path / "MRIEnhanceBridge" / "interpreter.py"))
    (tmp_path / "MRIEnhanceBridge" / "library").mkdir(parents=True)
    with pytest.raises(refusal, match="not complete") as caught:
        interpreter.library_folder()
    assert caught.value.hint == "install the extension again"
