"""What tests of the command line share: a terminal in an empty folder, and a worker that has loaded everything."""

import sys
from collections.abc import Iterator

import pytest

from cli.terminal import Terminal
from cli.worker_client import WorkerClient

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
