"""What the worker makes of raw data, and of images whose scan it simulates: the library's result to the bit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.worker_client import WorkerClient, hand_over, take_back
from mrienhance.kspace import read_kspace, write_kspace
from mrienhance.tasks.reconstruct import reconstruct
from mrienhance.tasks.retrospective import retrospective
from mrienhance.tasks.simulate_kspace import simulate_kspace
from tasks.samples import OBLIQUE, head, tiny_model, voxels
from tasks.scans import scan, tiny_reconstructor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reconstructor(tmp_path_factory.mktemp("models") / "tiny-lf.safetensors")


def asked(folder: Path, model: Path | str | None, *, acceleration: float = 3.0, **fields: Any) -> dict[str, Any]:
    """The fields of a request for a file."""
    (folder / "out").mkdir(exist_ok=True)
    file = folder / "scan.npz"
    write_kspace(scan(2, acceleration=acceleration), file, overwrite=True)
    name = None if model is None else str(model)
    return {"kspace": str(file), "folder": str(folder / "out"), "options": {"model": name, "device": "cpu"}} | fields


def same(described: dict[str, Any], wanted) -> None:
    result = take_back(described)
    assert np.array_equal(voxels(result), voxels(wanted))
    for fact in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(result, fact)() == getattr(wanted, fact)()


def test_a_file(worker: WorkerClient, model: Path, tmp_path: Path):
    answer = worker.result("reconstruct", **asked(tmp_path, model, maps=["attention", "zero-filled"]))
    expected = reconstruct(read_kspace(tmp_path / "scan.npz"), model=model, device="cpu")
    same(answer["image"], expected.image)
    assert set(answer["maps"]) == {"attention", "zero-filled"}
    for name, described in answer["maps"].items():
        same(described, expected.maps[name])
    assert (answer["full"], answer["rows"], answer["evaluation"]) == (None, None, None)
    report, wanted = answer["report"], json.loads(expected.report.to_json())
    for key in ("seconds", "seconds_network", "peak_memory_bytes", "created"):
        report.pop(key), wanted.pop(key)
    assert report == wanted
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_some_slices_of_a_file(worker: WorkerClient, tmp_path: Path):
    fields = asked(tmp_path, "zero-filled", read={"slices": [1], "format": "numpy"})
    answer = worker.result("reconstruct", **fields)
    expected = reconstruct(read_kspace(tmp_path / "scan.npz", slices=[1]), model="zero-filled", device="cpu")
    same(answer["image"], expected.image)


def test_a_full_scan_is_tried(worker: WorkerClient, tmp_path: Path):
    tried = {"acceleration": 2.0, "sampling": "equispaced-lines", "seed": 5}
    fields = asked(tmp_path, "cg-sense", acceleration=1, retrospective=tried, maps=["zero-filled"])
    fields["options"]["coil_maps"] = "low-resolution"
    answer = worker.result("reconstruct", **fields)
    full = read_kspace(tmp_path / "scan.npz")
    expected = retrospective(full, model="cg-sense", coil_maps="low-resolution", device="cpu", **tried)
    same(answer["image"], expected.result.image)
    same(answer["full"], expected.full)
    assert answer["rows"] == expected.evaluation.rows
    assert [row["method"] for row in answer["rows"]] == ["zero-filled", "cg-sense"]


def test_an_image_is_scanned_first(worker: WorkerClient, model: Path, tmp_path: Path):
    image = head((40, 48, 3), direction=OBLIQUE)
    lines = {"acceleration": 2.0, "sampling": "random-lines", "lines_along": "j"}
    options = {"coils": 6, **lines, "snr": 80.0, "seed": 2, "slices": [0, 2]}
    fields = {
        "input": hand_over(image, tmp_path / "in.raw"),
        "simulate": options,
        "folder": str(tmp_path),
        "options": {"model": str(model), "device": "cpu", "coil_maps": "low-resolution"},
    }
    answered = worker.answered(worker.send("reconstruct", **fields))
    expected = reconstruct(simulate_kspace(image, **options), model=model, device="cpu", coil_maps="low-resolution")
    same(answered.end["image"], expected.image)
    [row] = answered.end["rows"]
    assert row["method"] == "tiny-lf"
    texts = dict.fromkeys(line["text"] for line in answered.progress)
    for text in ("Reading the image", "Simulating the scan", "Running LF-MRI", "Done"):
        assert text in texts


def test_a_model_stays_warm(worker: WorkerClient, model: Path, tmp_path: Path):
    fields = asked(tmp_path, tiny_reconstructor(tmp_path / "other.safetensors"))
    assert [worker.result("reconstruct", **fields)["warm"] for _ in range(2)] == [False, True]


def test_without_a_model_it_says_so(worker: WorkerClient, tmp_path: Path):
    report = worker.result("reconstruct", **asked(tmp_path, "cg-sense"))["report"]
    assert (report["model"]["name"], report["model"]["sha256"], report["warnings"]) == ("cg-sense", None, [])


def test_cancel(worker: WorkerClient, tmp_path: Path):
    """Minutes, if nobody stopped it."""
    (tmp_path / "out").mkdir()
    fields = asked(tmp_path, "total-variation")
    write_kspace(scan(12, shape=(192, 160)), tmp_path / "scan.npz", overwrite=True)
    fields["options"]["batch"] = 12
    number = worker.send("reconstruct", **fields)
    while not worker.message().get("text", "").startswith("Running"):
        pass
    worker.cancel(number)
    assert worker.answered(number).end["kind"] == "Cancelled"
    assert list((tmp_path / "out").iterdir()) == []


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no file": ({"kspace": "/nowhere/scan.h5"}, "KSpaceError", "nowhere"),
    "a relative file": ({"kspace": "scan.h5"}, "Protocol", "absolute path"),
    "nothing": ({"kspace": None}, "Protocol", "either 'kspace'"),
    "unknown key": ({"scale": 2}, "Protocol", "unknown key 'scale'"),
    "unknown option": ({"options": {"tile": 3}}, "Protocol", "unknown key 'tile'"),
    "unknown coil maps": ({"options": {"coil_maps": "jsense"}}, "Protocol", "'coil_maps' must be one of espirit"),
    "unknown sampling": ({"retrospective": {"sampling": "spiral"}}, "Protocol", "'sampling' must be one of"),
    "accelerated already": ({"retrospective": {}}, "KSpaceError", "accelerated already"),
    "no such slice": ({"read": {"slices": [9]}}, "KSpaceError", "there is no slice 9"),
    "no such model": ({"options": {"model": "cg-sens"}}, "ModelError", "cg-sens"),
    "no folder": ({"folder": "/nowhere/at/all"}, "OutputError", "nowhere"),
}


@pytest.mark.parametrize(("changes", "kind", "said"), BAD.values(), ids=BAD)
def test_requests_are_checked(worker: WorkerClient, tmp_path: Path, changes, kind: str, said: str):
    end = worker.error("reconstruct", **asked(tmp_path, "zero-filled") | changes)
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_and_an_image_are_too_much(worker: WorkerClient, tmp_path: Path):
    fields = asked(tmp_path, "zero-filled", input=hand_over(head(), tmp_path / "in.raw"))
    assert worker.error("reconstruct", **fields)["kind"] == "Protocol"


def test_a_model_for_another_task(worker: WorkerClient, tmp_path: Path):
    fields = asked(tmp_path, tiny_model(tmp_path / "other-x2.safetensors"))
    assert worker.error("reconstruct", **fields)["kind"] == "ModelError"
