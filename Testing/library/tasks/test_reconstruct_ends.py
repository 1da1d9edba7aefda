"""How `reconstruct` ends: told, stopped, delivered; and what it refuses, in one line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import Cancelled, KSpaceError, ModelError, OutputError, UsageError
from mrienhance.inference import Cancel
from mrienhance.kspace import KSpace
from mrienhance.models import load_model
from mrienhance.tasks.reconstruct import reconstruct
from tasks.samples import tiny_model
from tasks.scans import SIZE, scan, tiny_reconstructor
from tasks.test_reconstruct import named, of
from tasks.test_super_resolve import Told


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reconstructor(tmp_path_factory.mktemp("models") / "tiny-lf.safetensors")


def test_every_stage_is_told(model: Path):
    told = Told()
    of(scan(), model, progress=told)
    fractions, texts = zip(*told.lines, strict=True)
    assert list(fractions) == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert list(dict.fromkeys(texts)) == [
        "Finding coil maps: ESPIRiT",
        "Running LF-MRI",
        "Putting the image into place",
        "Recording how the result came to be",
        "Done",
    ]


@pytest.mark.parametrize("stage", ["Finding", "Running", "Putting", "Recording"])
@pytest.mark.parametrize("name", ["cg-sense", "model"])
def test_every_stage_is_stopped(model: Path, stage: str, name: str):
    told = Told(stage)
    with pytest.raises(Cancelled):
        of(scan(), named(name, model), progress=told, cancel=told.cancel)
    assert told.lines[-1][1].startswith(stage)


def test_cancelled_before_it_began():
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        of(scan(), "cg-sense", cancel=cancel)


def test_images_are_delivered_before_the_report_is_made(model: Path):
    delivered: dict[str, sitk.Image] = {}
    result = of(scan(), model, deliver=delivered.__setitem__)
    assert delivered == {"image": result.image, **result.maps}


def test_a_delivery_that_fails_ends_the_work():
    def fail(name: str, image: sitk.Image) -> None:
        raise OutputError(f"no room for {name}")

    with pytest.raises(OutputError, match="no room for"):
        of(scan(), "zero-filled", deliver=fail)


def test_the_raw_data_are_left_alone(model: Path):
    kspace = scan()
    before = kspace.samples.clone()
    of(kspace, model)
    assert torch.equal(kspace.samples, before)


def broken(value: complex) -> KSpace:
    kspace = scan()
    kspace.samples[1, 2, 3, 4] = value
    return kspace


def without_a_centre() -> KSpace:
    kspace = scan(acceleration=1)
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[:, ::2] = True
    return replace(kspace, samples=kspace.samples * mask, mask=mask)


def an_empty_slice() -> KSpace:
    kspace = scan()
    kspace.samples[1] = 0
    return kspace


BAD = {
    "NaN": (lambda: broken(complex("nan")), "NaN or infinite"),
    "infinite": (lambda: broken(complex("inf")), "NaN or infinite"),
    "no calibration lines": (without_a_centre, "no calibration lines"),
    "an empty slice": (an_empty_slice, "slice 1: all samples"),
    "no samples": (lambda: replace(scan(), samples=torch.zeros(0, 6, *SIZE, dtype=torch.complex64)), "raw data are"),
    "real samples": (lambda: replace(scan(), samples=torch.ones(2, 6, *SIZE)), "not float32"),
    "another mask": (lambda: replace(scan(), mask=torch.ones(4, 4, dtype=torch.bool)), "a mask of"),
    "another geometry": (lambda: replace(scan(), geometry=scan(3).geometry), "the geometry is one of"),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("how", ["espirit", "low-resolution"])
def test_raw_data_that_cannot_be_used(make, said: str, how: str):
    with pytest.raises(KSpaceError, match=said):
        of(make(), "cg-sense", coil_maps=how)


REFUSED = {
    "device": ({"device": "tpu"}, UsageError, "tpu"),
    "precision": ({"precision": "int4"}, UsageError, "int4"),
    "coil maps": ({"coil_maps": "jsense"}, UsageError, "jsense"),
    "coil maps of the file": ({"coil_maps": "file"}, UsageError, "bring no coil maps"),
    "maps of another size": ({"coil_maps": torch.ones(6, 4, 4)}, KSpaceError, "do not fit"),
    "maps of nothing": ({"coil_maps": torch.zeros(6, *SIZE)}, KSpaceError, "zero everywhere"),
    "maps of NaN": ({"coil_maps": torch.full((6, *SIZE), torch.nan)}, KSpaceError, "NaN"),
    "no such model": ({"model": "cg-sens"}, ModelError, "cg-sens"),
}


@pytest.mark.parametrize(("options", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_contradictions_are_refused(options: dict[str, Any], error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        reconstruct(scan(), **{"model": "cg-sense", "device": "cpu", **options})


@pytest.mark.parametrize("load", [False, True])
def test_a_model_for_another_task_is_refused(tmp_path: Path, load: bool):
    other = tiny_model(tmp_path / "other-x2.safetensors")
    with pytest.raises(ModelError, match="super-resolve"):
        reconstruct(scan(), model=load_model(other) if load else other)
