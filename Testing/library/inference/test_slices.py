"""Slices through a reconstruction: every one once, watched, stopped, down the ladder."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from mrienhance.errors import Cancelled, ModelError, OutOfMemory
from mrienhance.inference import Cancel
from mrienhance.inference.slices import SliceRunner, Watch

DATA = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 2, 4, 4).contiguous()
CPU = torch.device("cpu")


class Job:
    """Doubles what it is given, unless it fails; remembers the batches."""

    def __init__(self, fail=None, count: int = 5) -> None:
        self.batches: list[int] = []
        self.found = torch.full((count,), torch.nan)
        self.fail = fail

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.batches.append(len(inputs["x"]))
        if self.fail is not None:
            self.fail(inputs["x"])
        return {"y": inputs["x"].mul(2).sum((1, 2, 3))}

    def run(self, **options):
        runner = SliceRunner(self.call, **{"device": CPU, **options})
        return runner.run(len(self.found), lambda at: {"x": DATA[at]}, self.keep)

    def keep(self, at: slice, answers: Mapping[str, Tensor]) -> None:
        assert bool(self.found[at].isnan().all()), "no slice comes twice"
        self.found[at] = answers["y"]


@pytest.mark.parametrize(("batch", "batches"), [(None, [5]), (1, [1] * 5), (2, [2, 2, 1]), (9, [5])])
def test_every_slice_comes_once(batch: int | None, batches: list[int]):
    job = Job()
    notes = job.run(batch=batch)
    assert job.batches == batches
    assert job.found.tolist() == [64.0 * number for number in range(5)]
    assert (notes.device, notes.precision, notes.fallbacks, notes.tile) == ("cpu", "float32", (), None)
    assert 0 < notes.seconds_network <= notes.seconds_total


def test_memory_that_runs_out_halves_the_batch():
    def fail(x: Tensor) -> None:
        if len(x) > 1:
            raise MemoryError

    job = Job(fail)
    notes = job.run(batch=4)
    assert job.batches == [4, 2, 1, 1, 1, 1, 1]
    assert notes.fallbacks == (
        "memory ran out (cpu, float32, batch 4): batch 2",
        "memory ran out (cpu, float32, batch 2): batch 1",
    )
    assert not job.found.isnan().any()


def test_memory_that_does_not_suffice_for_one_slice():
    def fail(x: Tensor) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory")

    with pytest.raises(OutOfMemory, match="one slice"):
        Job(fail).run()


def test_a_giant_is_refused_before_it_is_tried(monkeypatch):
    monkeypatch.setattr("mrienhance.inference.slices.machine_memory", lambda: 100)
    job = Job()
    with pytest.raises(OutOfMemory):
        job.run()
    assert job.batches == []


def test_another_device_gives_up_for_the_cpu():
    """The device "meta" stands for one whose memory ends."""
    module = nn.Linear(1, 1)

    def fail(x: Tensor) -> None:
        if x.device.type == "meta":
            raise RuntimeError("out of memory")

    job = Job(fail)
    runner = SliceRunner(job.call, module=module, device=CPU, batch=2)
    runner._plan = runner._plan.__class__(device=torch.device("meta"), precision=torch.float32, batch=2, edge=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mrienhance.inference.slices.synchronize", lambda device: None)
        patch.setattr(nn.Module, "to", lambda self, device: self)
        notes = runner.run(5, lambda at: {"x": DATA[at]}, job.keep)
    assert notes.device == "cpu"
    assert notes.fallbacks[-1].endswith("on the CPU from here")
    assert not job.found.isnan().any()


def test_numbers_too_large_for_fewer_bits_are_done_again():
    def call(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        wide = inputs["x"].flatten(1)
        return {"y": torch.matmul(wide, wide.new_full((wide.shape[1], 1), 3e37)).squeeze(1) / 3e37}

    found = torch.zeros(5)
    runner = SliceRunner(call, device=CPU, precision=torch.float16, batch=5)
    notes = runner.run(5, lambda at: {"x": DATA[at] / 100}, lambda at, answers: found.__setitem__(at, answers["y"]))
    assert notes.precision == "float32"
    assert len(notes.fallbacks) == 1
    assert torch.allclose(found, torch.arange(5.0) * 0.32)


def test_nan_in_single_precision_is_refused():
    with pytest.raises(ModelError, match="NaN"):
        SliceRunner(lambda inputs: {"y": inputs["x"] * torch.nan}, device=CPU).run(
            5, lambda at: {"x": DATA[at]}, lambda at, answers: None
        )


def test_it_stops_within_a_slice():
    cancel, steps = Cancel(), []

    def call(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        x = inputs["x"]
        for number in range(100):
            steps.append(number)
            if number == 3:
                cancel.cancel()
            x = x + 1
        return {"y": x}

    runner = SliceRunner(call, device=CPU, batch=1, cancel=cancel)
    with pytest.raises(Cancelled):
        runner.run(5, lambda at: {"x": DATA[at]}, lambda at, answers: None)
    assert steps == [0, 1, 2, 3]


def test_progress_rises_also_within_a_slice(monkeypatch):
    fractions: list[float] = []

    class Sink:
        def report(self, fraction: float, seconds_left: float | None, text: str) -> None:
            fractions.append(fraction)

    class Eager:
        """Reports all that it is told, without waiting."""

        def __init__(self, total, sink, text) -> None:
            self.total, self.sink = total, sink

        def at(self, done: float) -> None:
            self.sink.report(done / self.total, None, "")

        def finish(self) -> None:
            self.sink.report(1.0, 0.0, "")

    monkeypatch.setattr("mrienhance.inference.slices.ProgressTracker", Eager)
    Job().run(batch=1, progress=Sink())
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(set(fractions)) > 6


def test_the_network_keeps_its_mode():
    module = nn.BatchNorm2d(2).train()
    before = module.running_mean.clone()
    runner = SliceRunner(lambda inputs: {"y": module(inputs["x"])}, module=module, device=CPU)
    runner.run(5, lambda at: {"x": DATA[at]}, lambda at, answers: None)
    assert module.training
    assert torch.equal(module.running_mean, before)


def test_a_watch_may_stop():
    def stop(count: int) -> None:
        if count == 2:
            raise Cancelled

    with pytest.raises(Cancelled), Watch(stop):
        torch.ones(2).add(1).mul(2)
