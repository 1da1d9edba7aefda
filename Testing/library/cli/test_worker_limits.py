"""A worker whose memory and disk have an end: it says so, leaves nothing behind, and goes on."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.worker_client import SECONDS, WorkerClient, hand_over
from tasks.samples import head, tiny_model

MEMORY, FILE = 6 * 2**30, 2**16
_START = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE}, {FILE}))
from mrienhance.cli.main import main
main(["worker"])
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep no such limits")


@pytest.fixture(scope="module")
def limited() -> Iterator[WorkerClient]:
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each more would reserve memory of its own
    with WorkerClient((sys.executable, "-c", _START), one_thread) as client:
        assert client.message()["type"] == "hello"
        yield client


def test_out_of_memory_and_on(limited: WorkerClient, tmp_path: Path):
    model = tiny_model(tmp_path / "tiny-x2.safetensors")
    small = hand_over(head(), tmp_path / "small.raw")
    fields = {"folder": str(tmp_path), "options": {"model": str(model), "device": "cpu"}}
    assert limited.result("super-resolve", input=small, **fields)["warm"] is False
    size = [2048, 1024, 1024]
    (tmp_path / "large.raw").touch()
    os.truncate(tmp_path / "large.raw", 4 * 2**31)  # a hole: it takes no disk
    large = small | {"voxels": str(tmp_path / "large.raw"), "size": size}
    end = limited.error("super-resolve", input=large, **fields)
    assert (end["kind"], end["message"]) == ("OutOfMemory", "there is not enough memory")
    assert "smaller tile" in end["hint"]
    answer = limited.result("super-resolve", input=small, **fields)
    assert answer["warm"] is False, "memory is given back, the models with it"


def test_a_full_disk_and_on(limited: WorkerClient, tmp_path: Path):
    model = tiny_model(tmp_path / "tiny-x2.safetensors")
    (tmp_path / "out").mkdir()
    fields = {"folder": str(tmp_path / "out"), "options": {"model": str(model), "device": "cpu"}}
    large = hand_over(head((64, 64, 4)), tmp_path / "in.raw")
    end = limited.error("super-resolve", input=large, maps=["reconstruction"], **fields)
    assert (end["kind"], "file too large" in end["message"]) == ("OutputError", True), end["message"]
    assert "another one" in end["hint"]
    assert list((tmp_path / "out").iterdir()) == []
    assert limited.result("super-resolve", input=hand_over(head(), tmp_path / "in.raw"), **fields)["image"]


_IDLE = """
import os
from pathlib import Path
from mrienhance.cli.worker.channel import Channel
from mrienhance.cli.worker.serve import Server, prepare
from mrienhance.inference.allocator import keep_freed_memory

def fill(fields, desk):
    import torch
    parts = [torch.ones(2**20) for _ in range(64)]
    size = sum(part.nbytes for part in parts)
    del parts
    return {"filled": size, "resident": int(Path("/proc/self/statm").read_text().split()[1]) * 4096}

prepare()
keep_freed_memory()
Server(Channel.standard(), {"fill": fill}, os._exit, patience=0.1).run()
"""


def test_an_idle_worker_gives_memory_back():
    """256 MiB, freed and kept; a little of it cannot be told from its neighbours."""
    with WorkerClient((sys.executable, "-c", _IDLE)) as client:
        client.message()
        answer = client.result("fill")
        assert answer["filled"] == 2**28
        place, until = Path(f"/proc/{client.process.pid}/statm"), time.monotonic() + SECONDS
        given_back = 0
        while given_back < 200 * 2**20 and time.monotonic() < until:
            given_back = answer["resident"] - int(place.read_text(encoding="ascii").split()[1]) * 4096
            time.sleep(0.01)
        assert given_back >= 200 * 2**20
        assert client.result("fill")["filled"] == 2**28
