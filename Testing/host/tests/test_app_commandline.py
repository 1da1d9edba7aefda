"""The application's command line: what reaches the script, and how the application ends."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from slicerhost import commandline

HOST = Path(__file__).resolve().parent.parent
BATCH = ("--no-splash", "--no-main-window", "--exit-after-startup")


@dataclasses.dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def application(host, capsys, monkeypatch):
    """Run the command line in this process, which has started already."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments, patience=5.0):
        code = commandline.main(list(arguments), patience=patience)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def script(tmp_path):
    """Write a script; gives its path."""

    def write(source):
        path = tmp_path / "script.py"
        path.write_text("import sys, slicer\n" + source)
        return str(path)

    return write


def test_the_application_as_a_process_of_its_own(script):
    environment = {**os.environ, "PYTHONPATH": str(HOST)}
    path = script("sys.stdout.write('ran'); sys.exit(3)")
    command = [sys.executable, "-m", "slicerhost", *BATCH, "--python-script", path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (3, "ran")


def test_arguments_after_the_dashes_reach_the_script_behind_a_flag_of_slicers(application, script):
    path = script("sys.stdout.write(repr(sys.argv)); sys.exit(3)")
    done = application(*BATCH, "--python-script", path, "--", "--input", "a", "--testing")
    assert (done.returncode, done.stdout) == (3, repr([path, "--ignore-slicerrc", "--input", "a", "--testing"]))


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("pass", 0),
        ("raise ValueError('wrong')", 1),
        ("sys.exit()", 0),
        ("sys.exit('wrong')", 1),
        ("slicer.util.exit(4)", 4),
        ("slicer.util.exit(4); raise ValueError", 4),
    ],
)
def test_how_a_batch_script_ends(application, script, source, code):
    assert application(*BATCH, "--python-script", script(source)).returncode == code


def test_without_exit_after_startup_an_error_leaves_the_application_alive(application, script):
    done = application("--no-main-window", "--python-script", script("raise ValueError('wrong')"), patience=0.2)
    assert done.returncode == 97
    assert "wrong" in done.stderr
    assert "for ever" in done.stderr


def test_a_timer_may_end_the_application(application, script):
    source = "import qt\nqt.QTimer.singleShot(50, lambda: slicer.util.exit(6))"
    assert application("--no-main-window", "--python-script", script(source)).returncode == 6


def test_sys_exit_in_a_slot_ends_the_application(application, script):
    source = "import qt\nqt.QTimer.singleShot(0, lambda: sys.exit(7))"
    assert application("--no-main-window", "--python-script", script(source)).returncode == 7


def test_a_script_as_first_argument_ends_the_application(application, script):
    assert application("--no-main-window", script("sys.stdout.write('ran')"), "a").stdout == "ran"


def test_a_first_argument_that_looks_like_a_script_takes_over(application, script, tmp_path):
    (tmp_path / "data.py").write_text("import sys; sys.exit(5)")
    done = application(*BATCH, "--python-script", script("sys.exit(3)"), "--", str(tmp_path / "data.py"))
    assert done.returncode == 5


def test_code_ends_the_application_only_as_c(application):
    assert application("--no-main-window", "-c", "raise ValueError").returncode == 1
    assert application("--no-main-window", "--python-code", "1 + 1", patience=0.2).returncode == 97


def test_a_missing_script_is_only_a_message(application, tmp_path):
    done = application(*BATCH, "--python-script", str(tmp_path / "none.py"))
    assert done.returncode == 0
    assert "does not exist" in done.stderr


def test_a_dialog_without_main_window_would_hang(application, script):
    source = "try: slicer.util.confirmOkCancelDisplay('sure?')\nexcept AssertionError: pass"
    assert application(*BATCH, "--python-script", script(source)).returncode == 97


def test_mrml_in_a_thread_would_crash(application, script):
    source = (
        "import contextlib, threading\n"
        "def add():\n"
        "    with contextlib.suppress(RuntimeError): slicer.mrmlScene.AddNewNodeByClass('vtkMRMLTextNode')\n"
        "t = threading.Thread(target=add); t.start(); t.join()"
    )
    assert application(*BATCH, "--python-script", script(source)).returncode == 98


def test_modules_are_found_and_told_when_startup_is_complete(application, script, tmp_path):
    modules = tmp_path / "modules"
    modules.mkdir()
    head = "import slicer, sys\nfrom slicer.ScriptedLoadableModule import *\n"
    (modules / "Good.py").write_text(
        head + "class Good(ScriptedLoadableModule):\n"
        "    def __init__(self, parent):\n"
        "        super().__init__(parent)\n"
        "        slicer.app.connect('startupCompleted()', lambda: sys.stdout.write('started '))\n"
    )
    (modules / "Bad.py").write_text("import no_such_package\n")
    source = "sys.stdout.write(f\"{hasattr(slicer.modules, 'good')} {hasattr(slicer.modules, 'bad')}\")"
    done = application(*BATCH, "--additional-module-paths", str(modules), "--python-script", script(source))
    assert done.stdout == "started True False"
    assert "no_such_package" in done.stderr


def test_there_is_no_interpreter_and_no_window_inside(application, script):
    source = "sys.stdout.write(repr((sys.executable, slicer.app.layoutManager(), slicer.util.mainWindow())))"
    assert application(*BATCH, "--python-script", script(source)).stdout == "('', None, None)"


def test_testing_mode(application, script):
    source = "sys.stdout.write(repr((slicer.app.testingEnabled(), slicer.util.confirmOkCancelDisplay('sure?'))))"
    done = application("--testing", "--no-main-window", "--python-script", script(source))
    assert (done.returncode, done.stdout) == (0, "(True, False)")
