"""What tests of the command line share: a terminal in an empty folder, and a worker that has loaded everything."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from cli.worker_client import SOURCES, WorkerClient
from tasks.synthesizers import installed, synthesizer

# It needs none of these, so Slicer's users need not install them.
UNNEEDED = ("yaml", "rich", "torchmetrics", "matplotlib", "lightning_fabric", "h5py", "scipy")
_START = f"""
import sys
sys.modules.update(dict.fromkeys({UNNEEDED}))  # importing one of them fails now
from mrienhance.cli.main import main
main(["worker"])
"""


@pytest.fixture
def terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path, capsys)


@pytest.fixture(scope="session")
def _worker(tmp_path_factory) -> Iterator[WorkerClient]:
    models = tmp_path_factory.mktemp("no models")
    with WorkerClient((sys.executable, "-c", _START), {"MRIENHANCE_MODELS": str(models)}) as client:
        assert client.message()["type"] == "hello"
        yield client


@pytest.fixture
def worker(_worker) -> Iterator[WorkerClient]:
    """The one worker of all tests: started once, and alive after each of them."""
    yield _worker
    assert _worker.result("models")["models"]


@pytest.fixture(scope="session")
def _toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a toy method that synthesizes, and a model of it, which is not sure of anything."""
    folder = tmp_path_factory.mktemp("toysynth")
    with installed(folder):
        synthesizer(folder / "toy.safetensors", config={"votes": (0.75, 0.125, 0.125, 0.0)})
    return folder


@pytest.fixture
def toy(_toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of the toy method, which this process knows too as long as the test runs."""
    monkeypatch.syspath_prepend(_toy_folder)
    return _toy_folder / "toy.safetensors"


@pytest.fixture(scope="session")
def _synthesizing(_toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    models = tmp_path_factory.mktemp("no models")
    path = os.pathsep.join((str(SOURCES), str(_toy_folder)))
    with WorkerClient((sys.executable, "-c", _START), {"MRIENHANCE_MODELS": str(models), "PYTHONPATH": path}) as client:
        assert client.message()["type"] == "hello"
        yield client


@pytest.fixture
def synthesizing(_synthesizing: WorkerClient) -> Iterator[WorkerClient]:
    """A worker that knows the toy method; alive after each test."""
    yield _synthesizing
    assert _synthesizing.result("models")["models"]
