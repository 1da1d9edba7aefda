"""A model as one safetensors file: written the same to the byte, read without trusting it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from mrienhance.errors import ModelError
from mrienhance.images.files import atomic_path
from mrienhance.methods.base import Method
from mrienhance.models.blueprint import check_network
from mrienhance.models.card import ModelCard
from mrienhance.models.catalogue import Entry, find_model, shipped_hash
from mrienhance.models.header import FORMAT, KEY, Header, open_model, parse_header
from mrienhance.models.strict import shown

_HINT = "get the file again from where it came from"
_HINT_SAVE = "this is a mistake in what was saved, not in the file system"


@dataclass(frozen=True, eq=False)
class Model:
    """A model that is ready to run.

    Attributes
    ----------
    name
        Its card's name.
    method, config
        What built it, from what.
    card
        What it is for.
    module
        The network with its weights, float32, in evaluation mode on the CPU.
    sha256
        Of the file.
    path
        Of the file.
    """

    name: str
    method: Method
    config: Any
    card: ModelCard
    module: nn.Module
    sha256: str
    path: Path


def save_model(
    path: str | os.PathLike[str],
    *,
    method: str,
    config: Mapping[str, Any],
    card: ModelCard,
    state: Mapping[str, Tensor],
) -> str:
    """Write a model file, or replace one; equal contents give equal bytes.

    Parameters
    ----------
    path
        Where to; ends in ``.safetensors``. It appears whole or not at all.
    method
        Name of the method.
    config
        Its configuration, as `mrienhance.methods.config_to_dict` gives it.
    card
        The model card.
    state
        The network's ``state_dict()``.

    Returns
    -------
    str
        SHA-256 of the file, 64 hexadecimal digits.

    Raises
    ------
    ModelError
        If the file could not be loaded again: wrong suffix, unknown method, other tensors, NaN, card of another method.
    OutputError
        If it cannot be written there.

    Examples
    --------
    Save a training's result, and load it again::

        save_model("runs/mine.safetensors", method="iconet", config={"scale": 2}, card=card, state=module.state_dict())
        model = load_model("runs/mine.safetensors")
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ModelError(f"a model file ends in .safetensors, not {path.name}", hint="give it that ending")
    about = {"format": FORMAT, "method": method, "config": dict(config), "card": card.to_dict()}
    tensors = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in state.items()}
    _check_finite(tensors, path.name, hint=_HINT_SAVE)
    with atomic_path(path, overwrite=True) as temporary:
        metadata = {KEY: json.dumps(about, sort_keys=True, allow_nan=False)}
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))
        with open_model(temporary) as file:
            check_network(parse_header(file, path), path.name)
            return _sha256(file)


def load_model(name_or_path: str | os.PathLike[str] | Entry) -> Model:
    """Load a model.

    Nothing in the file is run, and nothing large is allocated before header, method, configuration and tensors have
    been found to agree.

    Parameters
    ----------
    name_or_path
        Name from the catalogue, path of a ``.safetensors`` file, or an entry of the catalogue.

    Raises
    ------
    ModelError
        If there is no such model, or the file is broken, tampered with, or made for another version.
    """
    entry = name_or_path if isinstance(name_or_path, Entry) else find_model(name_or_path)
    path = entry.path
    with open_model(path) as file:
        expected = shipped_hash(path)
        if expected is not None and _sha256(file) != expected:
            raise ModelError(f"{path.name} is not the file that was shipped", hint="install MRIEnhance again")
        header = parse_header(file, path)
        method, config = check_network(header, path.name)
        data, sha256 = _read_again(file, header, path)
    tensors = _tensors(data, path)
    del data
    # Fresh weights are drawn before the file's replace them: the caller's random numbers stay what they were.
    with torch.random.fork_rng(devices=[]):
        module = method.build(config)
    module.load_state_dict(tensors)
    return Model(header.card.name, method, config, header.card, module.eval(), sha256, path)


def _read_again(file: BinaryIO, header: Header, path: Path) -> tuple[bytes, str]:
    """The whole file, which must still be the one whose header was checked."""
    file.seek(0)
    size = len(header.raw) + max((tensor.end for tensor in header.tensors.values()), default=0)
    data = file.read(size + 1)
    if len(data) != size or not data.startswith(header.raw):
        raise ModelError(f"{path.name} changed while it was read", hint="try again")
    return data, hashlib.sha256(data).hexdigest()


def _tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise ModelError(f"{path.name} is no safetensors file: {shown(str(error))}", hint=_HINT) from None
    _check_finite(tensors, path.name, hint=_HINT)
    return tensors


def _check_finite(tensors: Mapping[str, Tensor], name: str, *, hint: str) -> None:
    for key, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise ModelError(f"{name}: tensor {shown(key)} holds NaN or Inf", hint=hint)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(2**20):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
