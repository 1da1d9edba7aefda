"""The device and the precision are chosen as documented, and refused clearly."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mrienhance.errors import DependencyError, UsageError
from mrienhance.inference import choose_device, choose_precision
from mrienhance.inference.devices import available_devices, describe_device, device_title

CPU = torch.device("cpu")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine with so many CUDA cards, that work or do not."""
    machine = SimpleNamespace(count=0, broken=False, mps=False)
    ones = torch.ones

    def fake_ones(*shape: Any, device: torch.device) -> torch.Tensor:
        if machine.broken:
            raise RuntimeError("CUDA error: no kernel image is available\nlong story")
        return ones(*shape)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: machine.count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: machine.count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: machine.mps)
    monkeypatch.setattr(torch, "ones", fake_ones)
    return machine


def test_auto_takes_the_first_that_works(cards: SimpleNamespace) -> None:
    assert choose_device() == CPU
    cards.mps = True
    assert choose_device("auto").type == "mps"
    cards.count = 1
    assert choose_device("auto").type == "cuda"
    cards.broken = True
    assert choose_device("auto") == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta", "", "xpu:0", "cpu:-3"])
def test_an_unknown_device_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match="unknown device") as refusal:
        choose_device(name)
    assert "cuda" in refusal.value.hint


@pytest.mark.parametrize(("name", "reason"), [("cuda", "finds no CUDA device"), ("mps", "no MPS")])
@pytest.mark.usefixtures("cards")
def test_a_missing_device_is_refused(name: str, reason: str) -> None:
    with pytest.raises(DependencyError, match=reason) as refusal:
        choose_device(name)
    assert "cpu" in refusal.value.hint


def test_a_card_beyond_the_last_is_refused(cards: SimpleNamespace) -> None:
    cards.count = 2
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DependencyError, match="there are 2 CUDA devices"):
        choose_device("cuda:2")


def test_a_card_that_does_not_work_is_refused_in_one_line(cards: SimpleNamespace) -> None:
    cards.count, cards.broken = 1, True
    with pytest.raises(DependencyError, match="no kernel image") as refusal:
        choose_device("cuda")
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_a_named_precision_is_taken(name: str, dtype: torch.dtype) -> None:
    assert choose_precision(name, CPU) == dtype


def test_auto_precision_is_exact_on_the_cpu_and_on_mps() -> None:
    assert choose_precision("auto", CPU) == torch.float32
    assert choose_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_precision_is_fast_on_cuda(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.no_grad())
    assert choose_precision("auto", torch.device("cuda")) == dtype


def test_an_unknown_precision_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="'int8'"):
        choose_precision("int8", CPU)


def test_the_device_is_named_in_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Big Card")
    assert describe_device(CPU) == "cpu"
    assert describe_device(torch.device("cuda:0")) == "cuda:0 (Big Card)"


def test_devices_that_work_are_listed_as_auto_prefers_them(cards: SimpleNamespace) -> None:
    assert available_devices() == [CPU]
    cards.mps, cards.count = True, 2
    assert [str(device) for device in available_devices()] == ["cuda:0", "cuda:1", "mps", "cpu"]
    cards.broken = True
    assert available_devices() == [CPU]


def test_devices_have_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Big Card")
    titles = [device_title(torch.device(name)) for name in ("cuda:1", "mps", "cpu")]
    assert titles == ["Big Card", "Apple GPU", "CPU"]
