"""A hostile file is refused by its header, in one line, without reading or allocating what it claims."""

import contextlib
import gzip
import json
import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.makers import change_about, put_together, take_apart, write
from mrienhance.errors import ModelError
from mrienhance.models import read_header
from mrienhance.models.header import LARGEST_HEADER


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole model file."""
    return write(tmp_path / "toy.safetensors")


def refused(path: Path, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as refusal:
        read_header(path)
    error = refusal.value
    assert path.name in error.message
    assert error.message.isprintable()
    assert len(error.message) < 500
    assert error.hint


def test_a_whole_file_is_read(model: Path) -> None:
    header = read_header(model)
    assert header.method == "iconet"
    assert header.config["channels"] == 4
    assert header.card.name == "toy-x2"
    assert sum(tensor.end - tensor.begin for tensor in header.tensors.values()) + len(header.raw) == os.path.getsize(
        model
    )


class Bomb:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("the pickle was run",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_is_not_run(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb(), protocol=protocol))
    refused(path, "pickle" if protocol else "safetensors|header")


@pytest.mark.parametrize(("zipped", "what"), [(True, "zip archive"), (False, "pickle")])
def test_a_file_of_torch_is_not_run(tmp_path: Path, zipped: bool, what: str) -> None:
    path = tmp_path / "model.safetensors"
    torch.save({"bomb": Bomb()}, path, _use_new_zipfile_serialization=zipped)
    refused(path, what)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated or no safetensors"),
        (b"\x00", "truncated or no safetensors"),
        (b"\x00" * 8, "truncated or no safetensors"),
        (b"\x00" * 100, "truncated or no safetensors"),
        (gzip.compress(b"{}" * 100), "gzip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
        (struct.pack("<Q", 2**60) + b"{}", "claims 1152921504606846976 bytes"),
        (struct.pack("<Q", 2**64 - 1) + b"{}", "claims"),
        (struct.pack("<Q", LARGEST_HEADER + 1) + b"{" + b" " * LARGEST_HEADER + b"}", "claims 1048577 bytes"),
        (struct.pack("<Q", 1000) + b"{}", "cut short"),
        (struct.pack("<Q", 2) + b"{}", "no model card"),
        (struct.pack("<Q", 2) + b"[]", "not a mapping"),
        (struct.pack("<Q", 4) + b"{\xff\xff}", "broken header"),
        (struct.pack("<Q", 10) + b'{"a": NaN}', "NaN"),
        (struct.pack("<Q", 200_000) + b'{"a":' * 40_000, "deep"),
    ],
)
def test_bytes_that_are_no_model(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    refused(path, reason)


def test_what_a_header_claims_is_not_allocated(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 2**31) + b"{")
        file.truncate(2**32)  # sparse: it takes no room on the disk
    tracemalloc.start()
    refused(path, "claims")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_a_header_whose_length_looks_like_a_pickle_is_read(model: Path) -> None:
    header, weights = take_apart(model)
    text = json.dumps(header).encode()
    length = next(n for n in range(len(text), len(text) + 2**16) if n & 0xFFFF == 0x0280 or n & 0xFF == 0x80)
    put_together(model, text.ljust(length), weights)
    assert model.read_bytes()[:1] == b"\x80"
    assert read_header(model).card.name == "toy-x2"


@pytest.mark.parametrize("cut", [1, 4, 1000])
def test_truncated_weights(model: Path, cut: int) -> None:
    model.write_bytes(model.read_bytes()[:-cut])
    refused(model, "truncated or has a rest")


def test_a_rest_behind_the_weights(model: Path) -> None:
    model.write_bytes(model.read_bytes() + b"\x00")
    refused(model, "truncated or has a rest")


def set_first(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        entries = [entry for key, entry in header.items() if key != "__metadata__"]
        min(entries, key=lambda entry: entry["data_offsets"])[name] = value

    return change


def swap_places(header: dict[str, Any]) -> None:
    """Two tensors at one place."""
    entries = [entry for key, entry in header.items() if key != "__metadata__"]
    twins = next((a, b) for a in entries for b in entries if a is not b and a["shape"] == b["shape"])
    twins[0]["data_offsets"] = twins[1]["data_offsets"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swap_places, "overlaps"),
        (set_first("data_offsets", [10**9, 10**9 + 4]), "another size|overlaps"),
        (set_first("data_offsets", [-4, 0]), "impossible"),
        (set_first("data_offsets", [4, 0]), "another size"),
        (set_first("data_offsets", [0, 2**63]), "impossible"),
        (set_first("data_offsets", [0.0, 4.0]), "impossible"),
        (set_first("data_offsets", [0]), "impossible"),
        (set_first("data_offsets", "all"), "impossible"),
        (set_first("shape", [2**40, 2**40]), "another size"),
        (set_first("shape", [-1]), "impossible"),
        (set_first("shape", [True]), "impossible"),
        (set_first("shape", [1] * 9), "impossible"),
        (set_first("shape", 4), "impossible"),
        (set_first("dtype", "F7"), "unknown type"),
        (set_first("dtype", ["F32"]), "unknown type"),
        (set_first("dtype", "F64"), "another size"),
        (set_first("colour", "red"), "is not described"),
        (lambda header: header.update(extra=5), "is not described"),
        (lambda header: header.update({"\x1b[2J": {}}), "is not described"),
        (lambda header: header.update(__metadata__=[]), "no model card"),
        (lambda header: header.pop("__metadata__"), "no model card"),
        (lambda header: header["__metadata__"].clear(), "no model card"),
        (lambda header: header.update(__metadata__={"facts": "{}", "sha256": "0"}), "the state of a training"),
        (lambda header: header["__metadata__"].update(mrienhance="{"), "not JSON"),
        (lambda header: header["__metadata__"].update(mrienhance="[]"), "no format version"),
        (lambda header: header["__metadata__"].update(mrienhance="{}"), "no format version"),
        (lambda header: header["__metadata__"].update(mrienhance='{"format": 1, "format": 1}'), "twice"),
        (lambda header: header["__metadata__"].update(mrienhance="[" * 10**5), "deep"),
        (lambda header: header["__metadata__"].update(padding="x" * 2**21), "claims"),
    ],
)
def test_a_tampered_header(model: Path, change: Callable[[dict[str, Any]], Any], reason: str) -> None:
    header, weights = take_apart(model)
    change(header)
    put_together(model, header, weights)
    refused(model, reason)


def test_duplicate_tensors(model: Path) -> None:
    header, weights = take_apart(model)
    name = next(key for key in header if key != "__metadata__")
    text = json.dumps(header)
    put_together(model, f"{text[:-1]}, {json.dumps({name: header[name]})[1:]}".encode(), weights)
    refused(model, "twice")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda about: about.update(format=2), "format 2"),
        (lambda about: about.update(format="1"), "no format version"),
        (lambda about: about.update(format=True), "no format version"),
        (lambda about: about.update(code="import os"), "not exactly"),
        (lambda about: about.pop("config"), "not exactly"),
        (lambda about: about.update(config=[]), "mappings"),
        (lambda about: about.update(card="nice"), "mappings"),
        (lambda about: about.update(method="os.system"), "method"),
        (lambda about: about.update(method=7), "method"),
        (lambda about: about["card"].update(colour="red"), "unknown field 'colour'"),
        (lambda about: about["card"].pop("summary"), "summary"),
        (lambda about: about["card"].update(summary="\x1b]0;gone\x07"), "control characters"),
        (lambda about: about["card"].update(disclaimer="For diagnosis."), "disclaimer"),
        (lambda about: about["card"].update(scale=-2), "scale"),
    ],
)
def test_a_tampered_card(model: Path, change: Callable[[dict[str, Any]], Any], reason: str) -> None:
    refused(change_about(model, change), reason)


def test_a_newer_format_asks_for_an_update(model: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        read_header(change_about(model, lambda about: about.update(format=2)))
    assert "update" in refusal.value.hint


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        read_header(tmp_path / "no.safetensors")
    with pytest.raises(ModelError, match="no file can be called"):
        read_header("a\0b.safetensors")
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    with pytest.raises(ModelError, match=r"folder\.safetensors"):
        read_header(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_does_not_wait_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "pipe.safetensors"
    os.mkfifo(path)
    refused(path, "is not a file")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_refused_or_harmless(model: Path, data: st.DataObject) -> None:
    """Bytes of the header changed at random never give another error than a refusal."""
    whole = model.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    damaged = bytearray(whole)
    for place, value in data.draw(st.dictionaries(st.integers(0, 8 + length - 1), st.integers(0, 255))).items():
        damaged[place] = value
    path = model.with_name("damaged.safetensors")
    path.write_bytes(damaged)
    with contextlib.suppress(ModelError):
        assert read_header(path).tensors
