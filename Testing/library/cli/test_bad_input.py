"""Every bad input ends with exit code 1, one clear line and a hint, and nothing written."""

import gzip
import json
import pickle
import struct
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from cli.terminal import Terminal
from tasks.samples import head, tiny_model


def with_value(value: float) -> sitk.Image:
    image = head()
    image[3, 4, 1] = value
    return image


IMAGES = {
    "NaN": (lambda: with_value(float("nan")), "1 voxel"),
    "infinite": (lambda: with_value(float("-inf")), "1 voxel"),
    "constant": (lambda: head() * 0 + 7, "constant: every voxel is 7"),
    "one voxel along i": (lambda: head((1, 20, 3)), "one voxel along i"),
    "one voxel along j": (lambda: head((20, 1, 3)), "one voxel along j"),
    "4-D": (lambda: sitk.JoinSeries([head(seed=n) for n in range(2)]), "4-D"),
    "vector": (lambda: sitk.Compose([head(), head(seed=1)]), "not scalar"),
}


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model outside the folder that must stay unchanged."""
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny-x2.safetensors")


@pytest.mark.parametrize(("make", "said"), IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(
    "command", [["super-resolve"], ["simulate", "low-resolution"]], ids=["super-resolve", "simulate"]
)
def test_unusable_image(terminal: Terminal, model: Path, command, make, said: str):
    sitk.WriteImage(make(), "bad.nrrd")
    options = ["--model", model, "--report", "out.json"] if command == ["super-resolve"] else []
    message, _ = terminal.refused([*command, "bad.nrrd", "-o", "out.nii.gz", *options])
    assert said in message


@pytest.mark.parametrize(
    ("options", "said"), [(["--scale", "7"], "7"), (["--factors", "2", "2", "2"], "3 voxels along k")]
)
@pytest.mark.parametrize("degradation", ["k-space", "blur", "thick-slice"])
def test_size_that_does_not_divide(terminal: Terminal, degradation: str, options: list[str], said: str):
    sitk.WriteImage(head((20, 24, 3)), "fine.nii")
    arguments = ["simulate", "low-resolution", "fine.nii", "-o", "out.nii", "--degradation", degradation, *options]
    message, hint = terminal.refused(arguments)
    assert said in message
    assert "crop" in hint


@pytest.mark.parametrize(
    "command", [["super-resolve"], ["simulate", "low-resolution"]], ids=["super-resolve", "simulate"]
)
def test_missing_file(terminal: Terminal, command):
    message, _ = terminal.refused([*command, "nowhere.nii.gz", "-o", "out.nii.gz"])
    assert "nowhere.nii.gz" in message


def test_missing_file_to_evaluate(terminal: Terminal):
    sitk.WriteImage(head(), "there.nii")
    for arguments in (
        ["there.nii", "nowhere.nii"],
        ["nowhere.nii", "there.nii"],
        ["there.nii", "there.nii", "--mask", "nowhere.nii"],
    ):
        message, _ = terminal.refused(["evaluate", *arguments, "--json", "out.json", "--figure", "out.png"])
        assert "nowhere.nii" in message


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_truncated_nifti(terminal: Terminal, suffix: str):
    path = terminal.folder / f"cut{suffix}"
    sitk.WriteImage(head((40, 40, 8)), str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    message, _ = terminal.refused(["super-resolve", path.name, "-o", "out.nii"])
    assert "truncated" in message


def test_nifti_cut_before_compression(terminal: Terminal):
    sitk.WriteImage(head((40, 40, 8)), "whole.nii")
    Path("cut.nii.gz").write_bytes(gzip.compress(Path("whole.nii").read_bytes()[:9000]))
    message, _ = terminal.refused(["super-resolve", "cut.nii.gz", "-o", "out.nii"])
    assert "truncated" in message


def rewrite_header(path: Path, change) -> None:
    """Change the JSON header of a safetensors file and write it back, its length corrected."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def first_tensor(header: dict) -> dict:
    return next(entry for name, entry in sorted(header.items()) if name != "__metadata__")


def swap_shape(header: dict) -> None:
    entry = first_tensor(header)
    entry["shape"] = [*entry["shape"], 2]


def overlap(header: dict) -> None:
    entry = first_tensor(header)
    size = entry["data_offsets"][1] - entry["data_offsets"][0]
    entry["data_offsets"] = [4, 4 + size]


def beyond_the_end(header: dict) -> None:
    entry = first_tensor(header)
    entry["data_offsets"] = [10**9, 10**9 + entry["data_offsets"][1] - entry["data_offsets"][0]]


def no_card(header: dict) -> None:
    del header["__metadata__"]


def broken_card(header: dict) -> None:
    header["__metadata__"]["mrienhance"] = "{"


def other_config(header: dict) -> None:
    about = json.loads(header["__metadata__"]["mrienhance"])
    about["config"]["channels"] = 8
    header["__metadata__"]["mrienhance"] = json.dumps(about)


def unknown_method(header: dict) -> None:
    about = json.loads(header["__metadata__"]["mrienhance"])
    about["method"] = "os.system"
    header["__metadata__"]["mrienhance"] = json.dumps(about)


TAMPERED = [swap_shape, overlap, beyond_the_end, no_card, broken_card, other_config, unknown_method]


@pytest.mark.parametrize("change", TAMPERED)
def test_tampered_model(terminal: Terminal, model: Path, change):
    rewrite_header(model, change)
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert model.name in message or model.stem in message


def test_header_that_claims_a_terabyte(terminal: Terminal, model: Path):
    data = model.read_bytes()
    model.write_bytes(struct.pack("<Q", 2**40) + data[8:])
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert "header" in message


def test_large_header_that_is_there(terminal: Terminal, model: Path):
    rewrite_header(model, lambda header: header["__metadata__"].update(padding="x" * (2 << 20)))
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert "header" in message


def test_weights_that_are_not_finite(terminal: Terminal, model: Path):
    data = bytearray(model.read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))
    model.write_bytes(data)
    sitk.WriteImage(head(), "in.nii")
    terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickle_named_safetensors(terminal: Terminal, model: Path, protocol: int):
    model.write_bytes(pickle.dumps({"weights": [1.0, 2.0]}, protocol=protocol))
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert "pickle" in message or protocol == 0


def test_torch_file_named_safetensors(terminal: Terminal, model: Path):
    torch.save({"weights": torch.ones(3)}, model)
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert "pickle" in message or "zip" in message


def test_model_for_another_task(terminal: Terminal, model: Path):
    tiny_model(model, task="synthesize")
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model])
    assert "synthesize" in message


def test_unknown_model(terminal: Terminal):
    sitk.WriteImage(head(), "in.nii")
    for name in ("nothing-x2", "no/such/file.safetensors"):
        message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", name])
        assert name in message
        terminal.refused(["models", name])


def test_scale_that_is_not_the_models(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii")
    message, _ = terminal.refused(["super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--scale", "4"])
    assert "scale 2, not 4" in message


def test_reference_that_the_model_does_not_use(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii")
    sitk.WriteImage(head(seed=1), "ref.nii")
    arguments = ["super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--reference", "ref.nii"]
    message, _ = terminal.refused(arguments, code=2)
    assert "reference" in message


@pytest.mark.parametrize(("name", "code"), [("gpu", 2), ("meta", 2), ("cuda:99", 1)])
def test_unusable_device(terminal: Terminal, model: Path, name: str, code: int):
    sitk.WriteImage(head(), "in.nii")
    arguments = ["super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--device", name]
    message, _ = terminal.refused(arguments, code=code)
    assert name in message


def test_unknown_precision(terminal: Terminal, model: Path):
    sitk.WriteImage(head(), "in.nii")
    arguments = ["super-resolve", "in.nii", "-o", "out.nii", "--model", model, "--precision", "int8"]
    message, _ = terminal.refused(arguments, code=2)
    assert "int8" in message


def test_images_on_different_grids(terminal: Terminal):
    sitk.WriteImage(head(), "a.nii")
    sitk.WriteImage(head(origin=(0.0, 0.0, 0.0)), "b.nii")
    message, hint = terminal.refused(["evaluate", "a.nii", "b.nii", "--json", "out.json", "--difference", "d.nii"])
    assert "grid" in message
    assert "resample" in hint


def test_empty_mask(terminal: Terminal):
    sitk.WriteImage(head(), "a.nii")
    sitk.WriteImage(sitk.Cast(head() * 0, sitk.sitkUInt8), "mask.nii")
    message, _ = terminal.refused(["evaluate", "a.nii", "a.nii", "--mask", "mask.nii", "--json", "out.json"])
    assert "empty" in message


def test_an_impossible_output_is_refused_before_anything_is_read(terminal: Terminal):
    message, _ = terminal.refused(["super-resolve", "nowhere.nii", "-o", "out.jpg"])
    assert "out.jpg" in message
