"""The header of a model file, read with suspicion and without torch: nothing large is allocated, nothing is run."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from mrienhance.errors import ModelError
from mrienhance.models import strict
from mrienhance.models.card import ModelCard

FORMAT = 1
KEY = "mrienhance"
LARGEST_HEADER = 2**20
_MOST_AXES = 8
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_IMPOSTORS = {
    b"PK\x03\x04": "a zip archive, as torch.save writes",
    b"\x80": "a pickle",
    b"\x1f\x8b": "compressed with gzip",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
}
# What `mrienhance.training.state` writes.
_STATE = frozenset({"facts", "sha256"})
_HINT = "get the file again from where it came from"
_HINT_IMPOSTOR = "only safetensors files written by MRIEnhance are read: other kinds could run code"


@dataclass(frozen=True)
class TensorInfo:
    """A tensor as the header announces it; `begin` and `end` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a model file says before its weights.

    Attributes
    ----------
    method, config
        What rebuilds the network.
    card
        The model card.
    tensors
        Name to what is announced; checked against each other and the size of the file.
    raw
        The bytes before the weights.
    """

    method: str
    config: dict[str, Any]
    card: ModelCard
    tensors: dict[str, TensorInfo]
    raw: bytes


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of a model file.

    Raises
    ------
    ModelError
        If the file is missing, is not a safetensors file, contradicts itself, or was not written by MRIEnhance.
    """
    with open_model(Path(path)) as file:
        return parse_header(file, Path(path))


@contextmanager
def open_model(path: Path) -> Iterator[BinaryIO]:
    """Open a model file, which must be a regular file: a pipe would never end, a device could do anything.

    Raises
    ------
    ModelError
        If it cannot be opened or read.
    """
    try:
        with _opened(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ModelError(f"{path} is not a file", hint="give a .safetensors file")
            yield file
    except FileNotFoundError:
        raise ModelError(f"there is no model file {path}", hint="`mrienhance models` lists those there are") from None
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from None


def parse_header(file: BinaryIO, path: Path) -> Header:
    """Read the header at the start of an open file.

    Raises
    ------
    ModelError
        As `read_header`.
    """
    raw, data_size = _raw_header(file, path)
    try:
        entries = strict.loads(raw[8:].decode("utf-8"))
        if not isinstance(entries, dict):
            raise ValueError("the header is not a mapping")
        about = _about(entries.pop("__metadata__", None))
        tensors = {name: _tensor(name, entry) for name, entry in entries.items()}
        _check_layout(tensors, data_size)
    except ValueError as error:
        raise ModelError(f"{path.name}: broken header: {error}", hint=_HINT) from None
    return _header(about, tensors, raw, path)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb", opener=_open_without_waiting)
    except ValueError:  # a null character in the path
        raise ModelError(f"no file can be called {strict.shown(str(path))}", hint="check the path") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _raw_header(file: BinaryIO, path: Path) -> tuple[bytes, int]:
    """The bytes before the weights, and how many bytes follow; nothing is believed before it is measured."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(32)
    length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else 0
    announced = 2 <= length <= size - 8 and start[8:9] == b"{"
    impostor = next((what for magic, what in _IMPOSTORS.items() if start.startswith(magic)), "")
    if impostor and not announced:
        raise ModelError(f"{path.name} is {impostor}, no safetensors file", hint=_HINT_IMPOSTOR)
    if length > LARGEST_HEADER:
        raise ModelError(
            f"{path.name}: the header claims {length} bytes, at most {LARGEST_HEADER} are allowed", hint=_HINT
        )
    if length < 2 or length > size - 8:
        raise ModelError(f"{path.name} is truncated or no safetensors file: its header is cut short", hint=_HINT)
    file.seek(0)
    return file.read(8 + length), size - 8 - length


def _about(metadata: Any) -> dict[str, Any]:
    """What MRIEnhance wrote into the header."""
    if isinstance(metadata, dict) and metadata.keys() >= _STATE:
        raise ValueError("it is the state of a training; the run's models lie beside its folder of states")
    if not isinstance(metadata, dict) or not isinstance(metadata.get(KEY), str):
        raise ValueError("it has no model card, so it is no model of MRIEnhance")
    about = strict.loads(metadata[KEY])
    if not isinstance(about, dict) or type(about.get("format")) is not int:
        raise ValueError("its model card has no format version")
    return about


def _tensor(name: str, entry: Any) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {strict.shown(name)} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BYTES:
        raise ValueError(f"tensor {strict.shown(name)} has the unknown type {strict.shown(dtype)}")
    if not _counts(shape) or len(shape) > _MOST_AXES or not _counts(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {strict.shown(name)} has an impossible shape or place")
    if offsets[1] - offsets[0] != prod(shape) * _BYTES[dtype]:
        raise ValueError(f"tensor {strict.shown(name)} has a place of another size than its shape")
    return TensorInfo(dtype, tuple(shape), *offsets)


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_layout(tensors: dict[str, TensorInfo], data_size: int) -> None:
    """The tensors fill the file without a gap, an overlap or a rest."""
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != place:
            raise ValueError(f"tensor {strict.shown(name)} overlaps another one or leaves a gap")
        place = tensor.end
    if place != data_size:
        raise ValueError(f"the weights take {place} bytes, the file has {data_size}: it is truncated or has a rest")


def _header(about: dict[str, Any], tensors: dict[str, TensorInfo], raw: bytes, path: Path) -> Header:
    if about["format"] != FORMAT:
        raise ModelError(
            f"{path.name} has model format {strict.shown(about['format'])}, this version reads {FORMAT}",
            hint="update MRIEnhance",
        )
    try:
        if set(about) != {"format", "method", "config", "card"}:
            raise ValueError("not exactly format, method, config and card")
        if not isinstance(about["config"], dict) or not isinstance(about["card"], dict):
            raise ValueError("config and card are mappings")
        card = ModelCard.from_dict(about["card"])
        if card.method != about["method"]:
            raise ValueError(f"the card is for the method {strict.shown(card.method)}")
    except ValueError as error:
        raise ModelError(f"{path.name}: broken model card: {error}", hint=_HINT) from None
    return Header(card.method, about["config"], card, tensors, raw)
