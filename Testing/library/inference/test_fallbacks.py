"""When memory runs out the work goes on, smaller; when the user has had enough, it stops."""

import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inference.toys import Global, Hungry, Local, Toy
from mrienhance.errors import Cancelled, OutOfMemory
from mrienhance.inference import Cancel, Predictor, ProgressTracker, ladder, predictor
from mrienhance.inference.ladder import TILES_DIFFER
from mrienhance.inference.network import Network
from mrienhance.methods import Tiling

CPU = torch.device("cpu")
ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "cpu": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate"),
}


def hungry(voxels: int, tiling: Tiling, error: str = "cuda", **options: Any) -> tuple[Predictor, Hungry]:
    module = Hungry(voxels, ERRORS[error])
    return Predictor(module, Toy(lambda: module, tiling), None, CPU, torch.float32, **options), module


def noise(*size: int) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("error", ERRORS)
def test_the_batch_gets_smaller_first(error: str) -> None:
    work, module = hungry(2 * 400, Tiling(ndim=2, halo=1), error, batch=8)
    volume = noise(9, 20, 20)
    image, notes = work.run(volume)
    assert torch.equal(image["image"], volume)
    assert (notes.batch, notes.tile) == (2, None)
    assert [shape[0] for shape in module.calls] == [8, 4, 2, 2, 2, 2, 1]
    assert len(notes.fallbacks) == 2
    assert "batch 4" in notes.fallbacks[0]


@pytest.mark.parametrize("ndim", [2, 3])
def test_then_tiles_are_made_and_get_smaller(ndim: int) -> None:
    work, module = hungry(12**ndim, Tiling(ndim=ndim, halo=2), batch=2)
    volume = noise(17, 40, 30)
    image, notes = work.run(volume)
    assert torch.equal(image["image"], volume)
    assert notes.batch == 1
    assert notes.tile == 9
    assert TILES_DIFFER not in notes.fallbacks
    assert [f for f in notes.fallbacks if "tiles of 20" in f]
    assert module.calls[-1][2:] == (9,) * ndim


def test_a_global_network_is_tiled_last_and_says_so() -> None:
    class HungryGlobal(Global):
        def forward(self, x: Tensor) -> Tensor:
            if x.numel() > 64 * 64:
                raise ERRORS["cuda"]()
            return super().forward(x)

    method = Toy(HungryGlobal, Tiling(ndim=2))
    volume = noise(2, 100, 120)
    image, notes = Predictor(HungryGlobal(), method, None, CPU, torch.float32).run(volume)
    with torch.no_grad():
        whole = Global()(volume[:, None])[:, 0]
    torch.testing.assert_close(image["image"], whole, rtol=0, atol=0.01)
    assert notes.fallbacks.count(TILES_DIFFER) == 1
    assert notes.tile == 64


def test_when_the_card_is_too_small_the_cpu_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card is pretended: whatever is placed there runs on the CPU, and has memory for 8 x 8 voxels."""
    places: list[str] = []

    class OnCard(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if places[-1] == "cuda" and x.numel() > 64:
                raise ERRORS["cuda"]()
            return x.clone()

    def place(self: Network, device: torch.device, precision: torch.dtype) -> None:
        places.append(device.type)
        real_place(self, CPU, torch.float32)

    real_place = Network.place
    monkeypatch.setattr(Network, "place", place)
    monkeypatch.setattr(ladder, "memory_budget", lambda device: 2**30)
    for name in ("predictor.reset_peak_memory", "predictor.peak_memory", "stream.free_cache"):
        monkeypatch.setattr(f"mrienhance.inference.{name}", lambda device: None)
    volume = noise(3, 40, 40)
    method = Toy(OnCard, Tiling(ndim=2, halo=4))
    image, notes = Predictor(OnCard(), method, None, torch.device("cuda"), torch.bfloat16).run(volume)
    assert torch.equal(image["image"], volume)
    assert (places[0], places[-1]) == ("cuda", "cpu")
    assert (notes.device, notes.precision, notes.tile) == ("cpu", "float32", None)
    assert [note for note in notes.fallbacks if "on the CPU from here" in note]


def test_memory_that_runs_out_later_costs_no_finished_slice() -> None:
    calls = []

    class Later(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            calls.append(tuple(x.shape))
            if len(calls) > 3 and x[0].numel() > 15**2:
                raise ERRORS["cuda"]()
            return x.clone()

    volume = noise(5, 20, 20)
    work = Predictor(Later(), Toy(Later, Tiling(ndim=2, halo=1)), None, CPU, torch.float32, batch=1)
    image, notes = work.run(volume)
    assert torch.equal(image["image"], volume)
    assert notes.tile == 10
    assert [shape[2:] for shape in calls[:5]] == [(20, 20)] * 4 + [(8, 8)]  # three of 8 suffice


def test_blended_tiles_that_ran_out_of_memory_are_not_added_twice() -> None:
    calls = []

    class Later(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            calls.append(tuple(x.shape))
            if len(calls) > 4 and x[0].numel() > 70 * 70:
                raise ERRORS["cuda"]()
            return x.clone()

    volume = noise(2, 160, 160)
    work = Predictor(Later(), Toy(Later, Tiling(ndim=2)), None, CPU, torch.float32, batch=1, tile=100)
    image, notes = work.run(volume)
    torch.testing.assert_close(image["image"], volume, rtol=0, atol=1e-6)
    assert notes.tile == 64


def test_when_nothing_helps_it_is_said_in_one_line() -> None:
    work, _ = hungry(10, Tiling(ndim=2, halo=2))
    with pytest.raises(OutOfMemory, match="not enough memory") as refusal:
        work.run(noise(3, 20, 20))
    assert refusal.value.hint


def test_other_errors_are_not_swallowed() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Predictor(Broken(), Toy(Broken, Tiling(ndim=2)), None, CPU, torch.float32).run(noise(1, 8, 8))


def test_the_memory_of_a_failed_call_is_free_before_the_next() -> None:
    alive: list[Any] = []

    class Leaky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            gc.collect()
            assert not [reference for reference in alive if reference() is not None]
            features = x + 1
            alive.append(weakref.ref(features))
            if x.shape[0] > 1:
                raise ERRORS["cuda"]()
            return x.clone()

    Predictor(Leaky(), Toy(Leaky, Tiling(ndim=2)), None, CPU, torch.float32, batch=4).run(noise(4, 8, 8))
    assert len(alive) == 3 + 3


def test_a_volume_too_large_is_measured_and_tiled_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "memory_budget", lambda device: 2**21)
    monkeypatch.setattr(ladder, "SMALL_VOXELS", 0)
    method = Toy(lambda: Local(3, 1), Tiling(ndim=3, halo=3))
    volume = noise(40, 40, 40)
    whole = method.build(None)(volume[None, None])["image"][0, 0]
    image, notes = Predictor(method.build(None), method, None, CPU, torch.float32).run(volume)
    assert notes.tile is not None
    assert f"x {notes.tile} voxels" in notes.fallbacks[0]
    torch.testing.assert_close(image["image"], whole.detach(), rtol=0, atol=1e-5)


class Listener:
    """Keeps the reports, and may do something at one of them."""

    def __init__(self, act: Callable[[float], None] = lambda fraction: None) -> None:
        self.fractions: list[float] = []
        self._act = act

    def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
        assert seconds_left is None or seconds_left >= 0
        assert text == "Toy"
        self.fractions.append(fraction)
        self._act(fraction)


@pytest.mark.parametrize("tile", [None, 16])
def test_progress_runs_from_0_to_1(monkeypatch: pytest.MonkeyPatch, tile: int | None) -> None:
    monkeypatch.setattr(predictor, "ProgressTracker", partial(ProgressTracker, interval=0.0))
    listener = Listener()
    method = Toy(lambda: Local(2, 1), Tiling(ndim=2, halo=3))
    module = method.build(None)
    Predictor(module, method, None, CPU, torch.float32, batch=1, tile=tile, progress=listener).run(noise(6, 20, 20))
    fractions = listener.fractions
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    # Some are between two batches, some within one.
    pieces = 6 if tile is None else 6 * 4
    assert {round(n / pieces, 9) for n in range(1, pieces)} < {round(fraction, 9) for fraction in fractions}


def test_cancel_stops_between_batches_and_within_one() -> None:
    class Slow(nn.Module):
        def __init__(self, cancel: Cancel) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.ReLU() for _ in range(5))
            self.cancel, self.done = cancel, 0

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
                self.done += 1
                if self.done == 12:
                    self.cancel.cancel()
            return x

    cancel = Cancel()
    module = Slow(cancel)
    work = Predictor(module, Toy(Slow, Tiling(ndim=2)), None, CPU, torch.float32, batch=1, cancel=cancel)
    with pytest.raises(Cancelled):
        work.run(noise(9, 8, 8))
    assert module.done == 12
    assert not any(layer._forward_pre_hooks for layer in module.modules())


def test_cancel_before_the_start_runs_nothing() -> None:
    cancel = Cancel()
    cancel.cancel()
    work, module = hungry(10**6, Tiling(ndim=2), cancel=cancel)
    with pytest.raises(Cancelled):
        work.run(noise(2, 8, 8))
    assert module.calls == []
