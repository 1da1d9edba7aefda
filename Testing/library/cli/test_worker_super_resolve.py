"""What the worker makes of an image: the library's result to the bit, warm models, refusals that cost nothing."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from cli.worker_client import WorkerClient, hand_over, take_back
from mrienhance.tasks.super_resolve import super_resolve
from tasks.samples import LEFT_HANDED, OBLIQUE, head, tiny_model, voxels

PIXELS = {
    name: getattr(sitk, f"sitk{name}")
    for name in ("Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float32", "Float64")
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")


def asked(image: sitk.Image, folder: Path, model: Path | None, **options: Any) -> dict[str, Any]:
    """The fields of a request."""
    name = None if model is None else str(model)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    described = hand_over(image, folder / "in.raw")
    return {"input": described, "folder": str(out), "options": {"model": name, "device": "cpu", **options}}


@pytest.mark.parametrize("pixel", PIXELS.values(), ids=PIXELS)
def test_every_pixel_type(worker: WorkerClient, model: Path, tmp_path: Path, pixel: int):
    image = sitk.Cast(head((12, 10, 2)) / 10, pixel)
    answer = worker.result("super-resolve", **asked(image, tmp_path, model))
    result, expected = take_back(answer["image"]), super_resolve(image, model=model, device="cpu").image
    assert result.GetPixelID() == expected.GetPixelID()
    assert np.array_equal(voxels(result), voxels(expected))


@pytest.mark.parametrize("direction", [LEFT_HANDED, OBLIQUE, np.negative(OBLIQUE)], ids=["left", "oblique", "both"])
def test_the_result_is_that_of_the_library(worker: WorkerClient, model: Path, tmp_path: Path, direction: Any):
    image = head(direction=direction, spacing=(1.1, 1.9, 0.7), origin=(0.1, -1 / 3, 1e5))
    answer = worker.result("super-resolve", **asked(image, tmp_path, model), maps=["reconstruction", "attention"])
    expected = super_resolve(image, model=model, device="cpu")
    assert list(answer["maps"]) == ["reconstruction"]
    pairs = zip(answer["maps"].values(), expected.maps.values(), strict=True)
    for described, wanted in ((answer["image"], expected.image), *pairs):
        result = take_back(described)
        assert np.array_equal(voxels(result), voxels(wanted))
        for fact in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):  # not to a rounding: exactly
            assert getattr(result, fact)() == getattr(wanted, fact)()
        low, high = described["window"]
        assert np.allclose((low, high), np.percentile(voxels(wanted), (0.1, 99.9)))
    report, wanted = answer["report"], json.loads(expected.report.to_json())
    differing = {"seconds", "seconds_network", "peak_memory_bytes", "created"}
    assert {key: value for key, value in report.items() if key not in differing} == {
        key: value for key, value in wanted.items() if key not in differing
    }


def test_only_what_was_asked_for_is_written(worker: WorkerClient, model: Path, tmp_path: Path):
    answer = worker.result("super-resolve", **asked(head(), tmp_path, model))
    assert [str(path) for path in (tmp_path / "out").iterdir()] == [answer["image"]["voxels"]]
    assert answer["maps"] == {}


def test_requests_share_a_folder(worker: WorkerClient, model: Path, tmp_path: Path):
    files = {worker.result("super-resolve", **asked(head(), tmp_path, model))["image"]["voxels"] for _ in range(3)}
    assert len(files) == len(list((tmp_path / "out").iterdir())) == 3


def test_the_shipped_model_is_the_default(worker: WorkerClient, tmp_path: Path):
    fields = asked(head((12, 10, 2)), tmp_path, None)
    del fields["options"]
    answer = worker.result("super-resolve", **fields)
    assert answer["report"]["model"]["name"] == "iconet-x2"
    assert answer["image"]["size"] == [24, 20, 2]


def test_progress(worker: WorkerClient, model: Path, tmp_path: Path):
    answered = worker.answered(worker.send("super-resolve", **asked(head((40, 40, 12)), tmp_path, model, batch=1)))
    assert answered.end["type"] == "result"
    fractions = [line["fraction"] for line in answered.progress]
    assert fractions == sorted(fractions)
    assert fractions.count(1.0) == 1
    texts = list(dict.fromkeys(line["text"] for line in answered.progress))
    for text in ("Reading the image", "Running ICONet", "Putting the measured frequencies back", "Done"):
        assert text in texts


def test_options_are_obeyed(worker: WorkerClient, model: Path, tmp_path: Path):
    fields = asked(head((80, 72, 2)), tmp_path, model, consistency=False, tile=64)
    report = worker.result("super-resolve", **fields)["report"]
    assert (report["consistency"], report["tile"]) == (False, 64)


def test_a_model_stays_warm_until_its_file_changes(worker: WorkerClient, tmp_path: Path):
    model = tiny_model(tmp_path / "changing-x2.safetensors")
    fields = asked(head(), tmp_path, model)
    first, second = (worker.result("super-resolve", **fields) for _ in range(2))
    assert (first["warm"], second["warm"]) == (False, True)
    tiny_model(model, seed=1)
    os.utime(model, ns=(1, 1))  # whatever the clock's steps are
    answered = worker.answered(worker.send("super-resolve", **fields))
    assert answered.end["warm"] is False
    assert answered.end["report"]["output"] != first["report"]["output"]
    assert any("its file has changed" in line["text"] for line in answered.progress)


def test_a_model_that_is_gone_or_broken_is_refused_though_it_is_warm(worker: WorkerClient, tmp_path: Path):
    model = tiny_model(tmp_path / "going-x2.safetensors")
    fields = asked(head(), tmp_path, model)
    worker.result("super-resolve", **fields)
    whole = model.read_bytes()
    model.write_bytes(whole[:-4])
    end = worker.error("super-resolve", **fields)
    assert (end["kind"], "truncated" in end["message"]) == ("ModelError", True)
    model.unlink()
    end = worker.error("super-resolve", **fields)
    assert (end["kind"], end["message"]) == ("ModelError", f"there is no model file {model}")


def test_two_models_stay_warm(worker: WorkerClient, tmp_path: Path):
    image = head((8, 8, 1))
    fields = [asked(image, tmp_path, tiny_model(tmp_path / f"{name}.safetensors")) for name in "abc"]

    def warm(index: int) -> bool:
        return bool(worker.result("super-resolve", **fields[index])["warm"])

    assert [warm(index) for index in (0, 1, 0, 1, 2, 1, 0)] == [False, False, True, True, False, True, False]


def test_cancel_stops_the_network(worker: WorkerClient, tmp_path: Path):
    """The shipped network would need a minute for this on two cores."""
    number = worker.send("super-resolve", **asked(head((128, 128, 64)), tmp_path, None))
    while not worker.message().get("text", "").startswith("Running"):
        pass
    worker.cancel(number)
    end = worker.answered(number).end
    assert (end["kind"], end["message"]) == ("Cancelled", "cancelled")
    assert list((tmp_path / "out").iterdir()) == []


SHEARED = [1, 0.1, 0, 0, 1, 0, 0, 0, 1]
IMAGES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no file": ({"voxels": "{folder}/none.raw"}, "ImageError", "cannot read the voxels of the image: no such file"),
    "a folder": ({"voxels": "{folder}"}, "ImageError", "image"),
    "relative": ({"voxels": "in.raw"}, "Protocol", "'voxels' must be an absolute path, not 'in.raw'"),
    "no text": ({"voxels": 3}, "Protocol", "absolute path"),
    "null character": ({"voxels": "/a\0b"}, "ImageError", "null"),
    "file too short": ({"size": [20, 24, 4]}, "ImageError", "5760 bytes; its size and pixel type make 7680"),
    "file too long": ({"size": [20, 24, 2]}, "ImageError", "5760 bytes; its size and pixel type make 3840"),
    "huge": ({"size": [2**40, 2**40, 2**40]}, "ImageError", "5760 bytes"),
    "other type": ({"pixel_type": "uint8"}, "ImageError", "make 1440"),
    "unknown type": ({"pixel_type": "float16"}, "Protocol", "'pixel_type' must be one of int8, uint8"),
    "big-endian": ({"pixel_type": ">f4"}, "Protocol", "'pixel_type' must be"),
    "two sizes": ({"size": [20, 24]}, "Protocol", "'size' must be a list of 3"),
    "zero size": ({"size": [20, 24, 0]}, "Protocol", "each item a whole number from 1 on"),
    "no spacing": ({"spacing": [1, 1, 0]}, "Protocol", "each item a number above 0"),
    "text as origin": ({"origin": [0, 0, "0"]}, "Protocol", "each item a number"),
    "huge origin": ({"origin": [0, 0, 10**400]}, "Protocol", "each item a number"),
    "sheared": ({"direction": SHEARED}, "Protocol", "perpendicular"),
    "scaled": ({"direction": [2, 0, 0, 0, 2, 0, 0, 0, 2]}, "Protocol", "of length 1"),
    "short direction": ({"direction": [1, 0, 0, 1]}, "Protocol", "a list of 9"),
    "window": ({"window": [1]}, "Protocol", "'window' must be a list of 2"),
    "unknown key": ({"units": "mm"}, "Protocol", "super-resolve: 'input': unknown key 'units'"),
}


@pytest.mark.parametrize(("changes", "kind", "said"), IMAGES.values(), ids=IMAGES)
def test_images_are_checked(worker: WorkerClient, model: Path, tmp_path: Path, changes, kind: str, said: str):
    fields = asked(head(pixel=sitk.sitkFloat32), tmp_path, model)
    assert fields["input"]["size"] == [20, 24, 3]
    if "{folder}" in str(changes.get("voxels")):
        changes = {"voxels": changes["voxels"].format(folder=tmp_path)}
    fields["input"] |= changes
    end = worker.error("super-resolve", **fields)
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]
    assert list((tmp_path / "out").iterdir()) == []


OPTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown model": ({"model": "iconet-x3"}, "ModelError", "no model called 'iconet-x3'"),
    "unknown scale": ({"model": None, "scale": 3}, "ModelError", "there is no model to super-resolve by 3"),
    "scale of another model": ({"scale": 4}, "ModelError", "made for scale 2, not 4"),
    "scale as text": ({"scale": "2"}, "Protocol", "super-resolve: 'options': 'scale' must be a whole number from 1"),
    "device": ({"device": "tpu"}, "UsageError", "unknown device 'tpu'"),
    "absent device": ({"device": "cuda:99"}, "DependencyError", "cannot be used"),
    "precision": ({"precision": "int4"}, "UsageError", "unknown precision 'int4'"),
    "consistency": ({"consistency": "yes"}, "Protocol", "'consistency' must be true or false"),
    "no tile": ({"tile": 0}, "Protocol", "'tile' must be a whole number from 1 on"),
    "small tile": ({"tile": 1}, "UsageError", "too small"),
    "unknown": ({"turbo": True}, "Protocol", "super-resolve: 'options': unknown key 'turbo'"),
}


@pytest.mark.parametrize(("changes", "kind", "said"), OPTIONS.values(), ids=OPTIONS)
def test_options_are_checked(worker: WorkerClient, model: Path, tmp_path: Path, changes, kind: str, said: str):
    fields = asked(head(), tmp_path, model)
    fields["options"] |= changes
    end = worker.error("super-resolve", **fields)
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]
    assert end["hint"]


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"input": None}, "Protocol", "super-resolve: 'input' must be an object, not None"),
        ({"folder": "here"}, "Protocol", "'folder' must be an absolute path"),
        ({"folder": "/no/such/folder"}, "OutputError", "no such file or directory"),
        ({"maps": "reconstruction"}, "Protocol", "'maps' must be a list"),
        ({"options": []}, "Protocol", "'options' must be an object"),
        ({"reference": 1}, "Protocol", "'reference' must be an object"),
        ({"colour": "red"}, "Protocol", "super-resolve: unknown key 'colour'"),
    ],
)
def test_requests_are_checked(worker: WorkerClient, model: Path, tmp_path: Path, changes, kind: str, said: str):
    end = worker.error("super-resolve", **asked(head(), tmp_path, model) | changes)
    assert (end["kind"], said in end["message"]) == (kind, True), end["message"]


def test_what_cannot_be_used_is_refused_as_the_library_does(worker: WorkerClient, model: Path, tmp_path: Path):
    end = worker.error("super-resolve", **asked(head() * 0, tmp_path, model))
    assert (end["kind"], end["message"]) == ("ImageError", "the image is constant: every voxel is 0")
    fields = asked(head(), tmp_path, model)
    end = worker.error("super-resolve", **fields, reference=fields["input"])
    assert (end["kind"], end["message"]) == ("UsageError", "tiny-x2 uses no reference image")
