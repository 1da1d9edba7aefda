"""What is missing gets installed, when somebody has agreed; Slicer's own packages stay."""

# ruff: noqa: N802, N803 - what is faked here has Slicer's names
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import types
import zipfile
from pathlib import Path
from urllib.request import url2pathname

import pytest

import slicerhost

OURS = {"executable": "/slicer/bin/PythonSlicer", "ours": True, "source": "Slicer"}


class Pip:
    """What pip would have been started for, and what it is to say and to raise; a stand-in for no more than pip."""

    def __init__(self):
        self.calls = []
        self.options = []
        self.constraints = []
        self.log = ""
        self.error = None

    def record(self, command, requirements, **options):
        assert command == "install"
        self.calls.append(requirements)
        self.options.append(options)
        for url in os.environ["PIP_CONSTRAINT"].split():
            path = url2pathname(url.removeprefix("file://"))
            self.constraints += Path(path).read_text().splitlines()
        sys.stdout.write(self.log)
        if self.error is not None:
            raise self.error


@pytest.fixture
def bridge(host):
    from MRIEnhanceBridge import install, interpreter

    class Bridge:
        slicers = interpreter.Interpreter(**OURS)
        Interpreter = interpreter.Interpreter

        @staticmethod
        def install(missing, python=slicers, *, ask=True):
            install.install(missing, python, ask=ask)

    return Bridge


@pytest.fixture
def refusal(host):
    from MRIEnhanceBridge.errors import BridgeError

    return BridgeError


@pytest.fixture
def pip(host, monkeypatch):
    fake = Pip()
    monkeypatch.setattr(slicerhost.installations, "record", fake.record)
    return fake


@pytest.fixture(params=["5.10", "5.12"])
def version(request, host):
    """Slicer without slicer.packaging, and with it."""
    slicerhost.pretend(version=request.param)
    return request.param


@pytest.fixture
def agrees(host):
    slicerhost.dialogs.answer(True)


def questions():
    return slicerhost.dialogs.texts()


@pytest.fixture
def no_extension(monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)


@pytest.fixture
def extension(monkeypatch):
    """The PyTorch extension, with the signature it has today."""

    class PyTorchUtilsLogic:
        calls = []  # noqa: RUF012 - one list for all, made anew with the class
        installed = object()
        error = None
        new_version = None

        def installTorch(
            self,
            askConfirmation=False,
            forceComputationBackend=None,
            torchVersionRequirement=None,
            torchvisionVersionRequirement=None,
        ):
            assert "PIP_CONSTRAINT" in os.environ
            self.calls.append((askConfirmation, torchVersionRequirement))
            if self.new_version is not None:
                torch_is(monkeypatch, self.new_version)
            if self.error is not None:
                raise self.error
            return self.installed

    module = types.ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    return PyTorchUtilsLogic


def torch_is(monkeypatch, version):
    """Let torch be installed in this version, or not at all (None)."""
    real = importlib.metadata.version

    def fake(name):
        if name != "torch":
            return real(name)
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", fake)


def test_nothing_missing_nothing_done(bridge, pip):
    bridge.install([])
    assert (pip.calls, questions()) == ([], [])


@pytest.mark.parametrize("ask", [True, False])
def test_a_foreign_interpreter_is_never_changed(bridge, refusal, pip, ask):
    other = bridge.Interpreter("/opt/me/my env/bin/python", ours=False, source="setting")
    with pytest.raises(refusal) as caught:
        bridge.install(["torch>=2.6", "safetensors>=99"], other, ask=ask)
    assert caught.value.message == "/opt/me/my env/bin/python has no torch>=2.6, safetensors>=99"
    command = caught.value.hint.partition(": ")[2]
    assert command == "'/opt/me/my env/bin/python' -m pip install 'torch>=2.6' 'safetensors>=99'"
    assert (pip.calls, questions()) == ([], [])


def test_the_command_for_windows(bridge, refusal, pip, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    other = bridge.Interpreter(r"C:\My Env\python.exe", ours=False, source="setting")
    with pytest.raises(refusal) as caught:
        bridge.install(["torch>=2.6", "rich"], other)
    assert caught.value.hint.endswith(r'"C:\My Env\python.exe" -m pip install "torch>=2.6" rich')


@pytest.mark.parametrize("basic", ["numpy>=1.26", "SimpleITK>=2.3", "simpleitk"])
def test_slicers_own_packages_are_never_installed(bridge, refusal, pip, extension, basic):
    with pytest.raises(refusal, match="Slicer's own Python lacks") as caught:
        bridge.install(["torch>=2.6", basic])
    assert basic in caught.value.message
    assert "torch" not in caught.value.message
    assert "install 3D Slicer again" in caught.value.hint
    assert (pip.calls, extension.calls, questions()) == ([], [], [])


def test_one_question_for_everything(bridge, pip, agrees, extension, version):
    bridge.install(["torch>=2.6", "safetensors>=99", "PyYAML>=99"])
    (question,) = questions()
    assert "torch>=2.6, safetensors>=99, PyYAML>=99" in question
    assert "extension" not in question
    assert pip.calls == [["safetensors>=99", "PyYAML>=99"]]
    assert extension.calls == [(False, ">=2.6")]


def test_slicer_shows_the_progress_of_pip(bridge, pip, agrees):
    bridge.install(["rich>=99"])
    (options,) = pip.options
    assert (options["show_progress"], options["requester"]) == (True, "MRIEnhance")


def test_torch_alone_needs_no_pip(bridge, pip, agrees, extension):
    bridge.install(['torch>=2.6,<3; python_version >= "3.10"'])
    assert pip.calls == []
    assert extension.calls == [(False, ">=2.6,<3")]


def test_declined(bridge, refusal, pip, extension, version):
    slicerhost.dialogs.answer(False)
    with pytest.raises(refusal, match=r"torch>=2\.6 must be installed first") as caught:
        bridge.install(["torch>=2.6"])
    assert caught.value.kind == "Declined"
    assert caught.value.hint
    assert (pip.calls, extension.calls) == ([], [])


def test_without_a_person_there_is_no_dialog(bridge, pip, extension, version):
    """The stand-in raises on any dialog that nobody has an answer for."""
    slicerhost.pretend(main_window=False)
    bridge.install(["torch>=2.6", "rich>=99"], ask=False)
    assert questions() == []
    assert pip.calls == [["rich>=99"]]
    assert extension.calls == [(False, ">=2.6")]
    if version == "5.12":
        assert not pip.options[0]["show_progress"]


def test_no_extension_and_nobody_to_ask(bridge, refusal, pip, no_extension):
    with pytest.raises(refusal, match="PyTorch extension is missing") as caught:
        bridge.install(["torch>=2.6", "rich>=99"], ask=False)
    assert "Extensions Manager" in caught.value.hint
    assert (pip.calls, questions()) == ([], [])


def test_no_extension_and_the_user_takes_the_general_build(bridge, pip, agrees, no_extension):
    bridge.install(["torch>=99", "rich>=99"])
    (question,) = questions()
    assert "PyTorch extension is missing" in question
    assert "processor only" in question
    assert "Extensions Manager" in question
    assert pip.calls == [["torch>=99", "rich>=99"]]


def test_no_extension_is_no_matter_if_torch_is_there(bridge, pip, agrees, no_extension):
    bridge.install(["rich>=99"])
    assert "extension" not in questions()[0]
    assert pip.calls == [["rich>=99"]]


@pytest.mark.parametrize("ask", [True, False])
def test_testing_mode_installs_nothing(bridge, pip, extension, ask):
    """There Slicer's own question would be answered with no, and the PyTorch extension would ask nobody."""
    slicerhost.pretend(testing=True)
    bridge.install(["torch>=2.6", "rich>=99"], ask=ask)
    assert (pip.calls, extension.calls, questions()) == ([], [], [])


def test_an_older_pytorch_extension(bridge, agrees, pip, monkeypatch):
    calls = []

    class PyTorchUtilsLogic:
        def installTorch(self, forceComputationBackend=None):
            calls.append(forceComputationBackend)
            return object()

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    bridge.install(["torch>=2.6"])
    assert calls == [None]


def test_pip_fails(bridge, refusal, pip, agrees, extension, version, capsys):
    pip.log = "Collecting rich\nERROR: No matching distribution found for rich>=99\n"
    pip.error = subprocess.CalledProcessError(1, "pip install")
    with pytest.raises(refusal) as caught:
        bridge.install(["torch>=2.6", "rich>=99"])
    assert caught.value.message.endswith("could not be installed: No matching distribution found for rich>=99")
    assert "\n" not in str(caught.value)
    assert "internet" in caught.value.hint
    assert "Collecting rich" in caught.value.details
    assert "CalledProcessError" in caught.value.details
    assert "Collecting rich" in capsys.readouterr().out, "the Python console is told as well"
    assert extension.calls == [], "what is small goes first"


def test_pip_fails_without_a_reason(bridge, refusal, agrees, pip):
    pip.error = RuntimeError("PythonSlicer executable not found")
    with pytest.raises(refusal, match="see the Python console") as caught:
        bridge.install(["rich>=99"])
    assert "PythonSlicer executable not found" in caught.value.details


def test_torch_fails(bridge, refusal, agrees, extension, monkeypatch):
    torch_is(monkeypatch, None)
    extension.error = subprocess.CalledProcessError(1, "ltt install")
    with pytest.raises(refusal, match=r"torch>=2\.6 could not be installed"):
        bridge.install(["torch>=2.6"])


def test_torch_is_not_installed_and_nobody_says_why(bridge, refusal, agrees, extension):
    extension.installed = None
    with pytest.raises(refusal, match=r"torch>=2\.6 could not be installed"):
        bridge.install(["torch>=2.6"])


@pytest.mark.parametrize("before", [None, "1.13.0"])
def test_torch_that_only_slicer_cannot_import(bridge, agrees, extension, monkeypatch, before, caplog):
    """The extension imports torch into Slicer after installing it; the worker is another process."""
    torch_is(monkeypatch, before)
    extension.new_version = "2.8.0"
    extension.error = ImportError("DLL load failed")
    bridge.install(["torch>=2.6"])
    assert "DLL load failed" in caplog.text


def test_what_slicer_ships_is_held(bridge, pip, agrees, monkeypatch):
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    bridge.install(["rich>=99"])
    assert f"numpy=={importlib.metadata.version('numpy')}" in pip.constraints
    assert f"SimpleITK=={importlib.metadata.version('SimpleITK')}" in pip.constraints
    assert not any(line.startswith(("rich", "torch")) for line in pip.constraints)
    assert "PIP_CONSTRAINT" not in os.environ


def test_somebody_elses_constraints_stay(bridge, refusal, pip, agrees, monkeypatch, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("rich<14\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(mine))
    pip.error = subprocess.CalledProcessError(1, "pip install")
    with pytest.raises(refusal):
        bridge.install(["rich>=99"])
    assert "rich<14" in pip.constraints
    assert any(line.startswith("numpy==") for line in pip.constraints)
    assert os.environ["PIP_CONSTRAINT"] == str(mine)


def test_a_real_pip_does_not_replace_numpy(bridge, refusal, pip, agrees, monkeypatch, tmp_path, capsys):
    """With a package that wants a newer numpy than Slicer has, from a folder whose path has a space."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "with space"))
    shelf = tmp_path / "with space"
    shelf.mkdir()
    wheel(shelf, "numpy", "99.0")
    wheel(shelf, "greedy", "1.0", requires="numpy>=99")
    options = ["--disable-pip-version-check", "install", "--dry-run", "--no-index", "--find-links", str(shelf)]

    def pip_install(requirements):
        done = subprocess.run(
            [sys.executable, "-m", "pip", *options, *requirements],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        sys.stdout.write(done.stdout)
        done.check_returncode()

    pip_install(["greedy"])
    assert "Would install greedy-1.0 numpy-99.0" in capsys.readouterr().out
    monkeypatch.setattr(slicerhost.installations, "record", lambda command, requirements: pip_install(requirements))
    slicerhost.pretend(version="5.10")
    with pytest.raises(refusal) as caught:
        bridge.install(["greedy"])
    assert "conflicting dependencies" in caught.value.message


def wheel(folder, name, version, requires=""):
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Requires-Dist: {requires}\n"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", metadata)
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
