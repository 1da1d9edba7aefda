"""Models come back as they were saved, and a file that asks for anything else is refused before it costs anything."""

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from inference.toys import Toy
from models.makers import CONFIG, METHOD, card, change_about, put_together, state, take_apart, write
from mrienhance.errors import ModelError, OutputError
from mrienhance.methods import Tiling, all_methods, config_to_dict
from mrienhance.models import blueprint, catalogue, checkpoint, load_model, save_model

VARIANTS = [
    pytest.param(method, config, id=f"{name}-{variant}")
    for name, method in all_methods().items()
    for variant, config in method.variants().items()
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole model file."""
    return write(tmp_path / "toy.safetensors")


def refused(path: Path, reason: str) -> ModelError:
    with pytest.raises(ModelError, match=reason) as refusal:
        load_model(path)
    error = refusal.value
    assert path.name in error.message
    assert "\n" not in error.message
    assert error.hint
    return error


def rewrite(path: Path, change: Callable[[dict[str, Tensor]], Any], **changes: Any) -> Path:
    """Change the tensors of a file and write it again, well formed."""
    header, _ = take_apart(path)
    tensors = safetensors.torch.load(path.read_bytes())
    change(tensors)
    path.write_bytes(safetensors.torch.save(tensors, header["__metadata__"]))
    return path


def test_a_model_comes_back(model: Path) -> None:
    loaded = load_model(model)
    assert (loaded.name, loaded.method, loaded.config, loaded.path) == ("toy-x2", METHOD, CONFIG, model)
    assert loaded.card == card()
    assert loaded.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert not any(layer.training for layer in loaded.module.modules())
    expected = state()
    assert loaded.module.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.module.state_dict().items())


@pytest.mark.parametrize(("method", "config"), VARIANTS)
def test_every_method_can_be_saved_and_loaded(tmp_path: Path, method: Any, config: Any) -> None:
    tiling = method.tiling(config)
    task, use = method.task(config), method.reference(config)
    through = "through-plane" if len(set(tiling.scales)) > 1 else "3d"
    about = card(
        method=method.name,
        task=task,
        scale=max(tiling.scales) if task == "super-resolve" else None,
        axes="in-plane" if tiling.ndim == 2 else through,
        reference_contrasts=[] if use == "none" else ["T1w"],
        reference_required=use == "required",
    )
    module = method.build(config).eval()
    path = tmp_path / "any.safetensors"
    save_model(path, method=method.name, config=config_to_dict(config), card=about, state=module.state_dict())
    loaded = load_model(path)
    assert loaded.config == config
    # Tensors that are computed, not stored, must be there as well.
    before, after = ({**dict(m.named_buffers()), **m.state_dict()} for m in (module, loaded.module))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    config, weights = config_to_dict(CONFIG), state()
    digest = save_model(first, method=METHOD.name, config=config, card=card(), state=weights)
    turned = {
        name: tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor.clone()
        for name, tensor in reversed(weights.items())
    }
    again = save_model(second, method=METHOD.name, config=dict(reversed(config.items())), card=card(), state=turned)
    assert first.read_bytes() == second.read_bytes()
    assert digest == again == hashlib.sha256(first.read_bytes()).hexdigest()


def test_tied_weights_are_saved(tmp_path: Path, model: Path) -> None:
    weights = state()
    a, b = next((a, b) for a in weights for b in weights if a != b and weights[a].shape == weights[b].shape)
    weights[b] = weights[a]
    path = tmp_path / "tied.safetensors"
    save_model(path, method=METHOD.name, config=config_to_dict(CONFIG), card=card(), state=weights)
    loaded = load_model(path).module.state_dict()
    assert torch.equal(loaded[a], loaded[b])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_in_the_file_is_float32_in_memory(model: Path, dtype: torch.dtype) -> None:
    def halve(tensors: dict[str, Tensor]) -> None:
        tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})

    loaded = load_model(rewrite(model, halve)).module.state_dict()
    assert all(torch.equal(loaded[name], tensor.to(dtype).float()) for name, tensor in state().items())


def test_loading_leaves_the_random_numbers_alone(model: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_model(model)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": {}}, "lacks"),
        ({"state": {**state(), "more": torch.zeros(1)}}, "unknown tensor 'more'"),
        ({"state": {**state(), next(iter(state())): torch.tensor(float("nan"))}}, "NaN"),
        ({"config": {"channels": 5}}, "broken configuration"),
        ({"method": "no_such"}, "method"),
        ({"card": card(scale=4)}, "contradicts"),
        ({"card": card(axes="3d")}, "contradicts"),
        ({"card": card(summary="x" * 2**21)}, "claims"),
        ({"path": "model.pt"}, "ends in .safetensors"),
    ],
)
def test_nothing_is_saved_that_could_not_be_loaded(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    values: dict[str, Any] = {"method": METHOD.name, "config": config_to_dict(CONFIG), "card": card(), "state": state()}
    path = tmp_path / changes.pop("path", "model.safetensors")
    with pytest.raises(ModelError, match=reason):
        save_model(path, **{**values, **changes})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(model: Path) -> None:
    before = model.read_bytes()
    with pytest.raises(ModelError):
        save_model(model, method=METHOD.name, config=config_to_dict(CONFIG), card=card(), state={})
    assert model.read_bytes() == before
    with pytest.raises(OutputError):
        save_model(
            model.parent / "no" / "folder.safetensors",
            method=METHOD.name,
            config=config_to_dict(CONFIG),
            card=card(),
            state=state(),
        )
    assert list(model.parent.iterdir()) == [model]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite(model: Path, value: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[:-4] + struct.pack("<f", value))
    refused(model, "NaN or Inf")


def drop(tensors: dict[str, Tensor]) -> None:
    del tensors[min(tensors)]


def first(make: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], None]:
    def change(tensors: dict[str, Tensor]) -> None:
        name = next(name for name, tensor in sorted(tensors.items()) if tensor.ndim == 4)
        tensors[name] = make(tensors[name]).contiguous()

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop, "lacks tensor"),
        (dict.clear, "lacks tensor .* and [0-9]+ more"),
        (lambda tensors: tensors.update(extra=torch.zeros(3)), "unknown tensor 'extra'"),
        (lambda tensors: tensors.update({"\x1b[2J": torch.zeros(3)}), "unknown tensor"),
        (first(lambda t: t[..., None]), "has shape"),
        (first(lambda t: t.flatten()), "has shape"),
        (first(lambda t: torch.cat([t, t])), "has shape"),
        (first(Tensor.double), "has type F64, not torch.float32"),
        (first(Tensor.long), "has type I64"),
        (first(Tensor.bool), "has type BOOL"),
    ],
)
def test_other_tensors_than_the_network_has(
    model: Path, change: Callable[[dict[str, Tensor]], None], reason: str
) -> None:
    refused(rewrite(model, change), reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"scale": 3}, "scale"),
        ({"scale": 2.0}, "scale"),
        ({"channels": "4"}, "channels"),
        ({"channels": 0}, "channels"),
        ({"channels": -4}, "channels"),
        ({"heads": 3}, "heads"),
        ({"block": "eval"}, "block"),
        ({"rec_branch": 1}, "rec_branch"),
        ({"rec_weight": 10**400}, "broken configuration"),
        ({"channels": 8}, "has shape|lacks|unknown tensor"),
        ({"scale": 4}, "lacks|unknown tensor"),
        ({"channels": 2**20}, "larger than the file"),
        ({"channels": 2**40}, "gives no network"),
        ({"channels": 10**300}, "gives no network"),
        ({"groups": 10**9}, "larger than the file"),
        ({"blocks_per_group": 10**9}, "larger than the file"),
    ],
)
def test_a_configuration_that_does_not_fit(
    model: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], reason: str
) -> None:
    change_about(model, lambda about: about["config"].update(change))
    built = []
    build = type(METHOD).build
    monkeypatch.setattr(type(METHOD), "build", lambda self, config: built.append(here()) or build(self, config))
    refused(model, reason)
    # The network was never built where it takes memory.
    assert built in ([], ["meta"])


def here() -> str:
    return torch.empty(0).device.type


@dataclass(frozen=True, kw_only=True)
class BombConfig:
    """How to go off."""

    table: int = 4
    layers: int = 1


class Bomb(nn.Module):
    """Few weights, but a table that no file holds, and any number of layers."""

    def __init__(self, config: BombConfig) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(config.table).float().sin(), persistent=False)
        self.layers = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(config.layers)))


class BombMethod(Toy):
    """A method whose configuration could take any amount of memory."""

    Config = BombConfig

    def __init__(self) -> None:
        super().__init__(nn.Identity, Tiling(ndim=2))

    def build(self, config: Any) -> nn.Module:
        return Bomb(config)


@pytest.mark.parametrize(
    ("change", "reason"), [({"table": 2**40}, "larger than the file"), ({"layers": 10**9}, "larger than the file")]
)
def test_a_method_that_computes_large_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Mapping[str, Any], reason: str
) -> None:
    monkeypatch.setattr(blueprint, "get_method", lambda name: BombMethod())
    path = tmp_path / "bomb.safetensors"
    weights = Bomb(BombConfig()).state_dict()
    save_model(path, method="toy", config={"table": 4}, card=card(method="toy", scale=1), state=weights)
    assert torch.equal(load_model(path).module.get_buffer("table"), torch.arange(4.0).sin())
    refused(change_about(path, lambda about: about["config"].update(change)), reason)


def test_a_method_that_fails_is_one_line(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(self: Any, config: Any) -> nn.Module:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(type(METHOD), "build", build)
    refused(model, "gives no network: division")


def test_an_unknown_method_names_those_there_are(model: Path) -> None:
    def change(about: dict[str, Any]) -> None:
        about["method"] = about["card"]["method"] = "os.system"

    error = refused(change_about(model, change), "unknown method 'os.system'")
    assert METHOD.name in error.hint


def test_a_file_that_changes_while_it_is_read(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checkpoint.check_network

    def swap(header: Any, name: str) -> Any:
        answer = check(header, name)
        model.write_bytes(model.read_bytes()[:-4])
        return answer

    monkeypatch.setattr(checkpoint, "check_network", swap)
    refused(model, "changed while it was read")


@pytest.fixture
def shipped(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shipped model in a folder of its own."""
    folder = tmp_path / "weights"
    folder.mkdir()
    path = Path(shutil.copy(model, folder))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", encoding="ascii")
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    return path


def test_a_shipped_model_is_what_was_shipped(shipped: Path) -> None:
    assert load_model("toy-x2").path == load_model(shipped).path == shipped
    data = bytearray(shipped.read_bytes())
    data[-1] ^= 1
    shipped.write_bytes(data)
    refused(shipped, "not the file that was shipped")
    with pytest.raises(ModelError, match="not the file that was shipped"):
        load_model("toy-x2")


@pytest.mark.parametrize("sums", ["", "00  toy.safetensors\n", "\u00e9", None])
def test_a_shipped_model_without_its_sum_is_refused(shipped: Path, sums: str | None) -> None:
    if sums is None:
        os.remove(shipped.with_name("SHA256SUMS"))
    else:
        shipped.with_name("SHA256SUMS").write_text(sums, encoding="utf-8")
    refused(shipped, "not on the list")


def test_a_header_padded_with_blanks_is_read(model: Path) -> None:
    header, weights = take_apart(model)
    put_together(model, json.dumps(header).encode() + b" " * 13, weights)
    assert load_model(model).name == "toy-x2"
