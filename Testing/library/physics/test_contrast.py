"""Signal equations against a simulation of the magnetisation, pulse by pulse, and against their limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.physics import TISSUES, GradientEcho, InversionRecovery, SpinEcho, Tissue, with_agent
from mrienhance.physics.contrast import Sequence

DENSITY = 0.8
times = st.floats(50, 4500)


def magnitude(sequence: Sequence, t1: float, t2: float) -> float:
    return float(sequence.signal(*(torch.tensor(value, dtype=torch.float64) for value in (DENSITY, t1, t2))))


class Spins:
    """Magnetisation along the field and the size of that across it, spoiled before each excitation."""

    def __init__(self, t1: float, t2: float) -> None:
        self.t1, self.t2, self.along, self.across = t1, t2, 1.0, 0.0

    def wait(self, time: float) -> None:
        self.along = 1 + (self.along - 1) * math.exp(-time / self.t1)
        self.across *= math.exp(-time / self.t2)

    def excite(self, degrees: float) -> None:
        angle = math.radians(degrees)
        self.along, self.across = self.along * math.cos(angle), abs(self.along * math.sin(angle))

    def invert(self) -> None:
        self.along = -self.along


def repeated(spins: Spins, te: float, tr: float, *, ti: float | None = None, refocused: bool = True) -> float:
    """The echo after so many repetitions that nothing changes any more."""
    echo = 0.0
    for _ in range(4 if refocused else 300):
        if ti is not None:
            spins.invert()
            spins.wait(ti)
        spins.excite(90 if refocused else 25)
        spins.wait(te / 2)
        if refocused:
            spins.invert()
        spins.wait(te / 2)
        echo = spins.across
        spins.wait(tr - te - (ti or 0))
    return DENSITY * echo


@given(times, st.floats(10, 2000), st.floats(300, 9000), st.floats(0, 0.9))
def test_spin_echo(t1: float, t2: float, tr: float, share: float) -> None:
    te = min(share * tr, 200.0)
    expected = repeated(Spins(t1, t2), te, tr)
    assert magnitude(SpinEcho(tr=tr, te=te), t1, t2) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(times, st.floats(2000, 11000), st.floats(0, 150), st.floats(0, 0.95))
def test_inversion_recovery(t1: float, tr: float, te: float, share: float) -> None:
    ti = share * (tr - te)
    expected = repeated(Spins(t1, 90.0), te, tr, ti=ti)
    assert magnitude(InversionRecovery(tr=tr, te=te, ti=ti), t1, 90.0) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.floats(100, 1500), st.floats(5, 40))
def test_gradient_echo(t1: float, tr: float) -> None:
    expected = repeated(Spins(t1, 60.0), 4.0, tr, refocused=False)
    assert magnitude(GradientEcho(tr=tr, te=4.0, flip=25), t1, 60.0) == pytest.approx(expected, rel=1e-6)


def test_the_brightest_gradient_echo_is_at_the_ernst_angle() -> None:
    signals = [magnitude(GradientEcho(tr=20, te=3, flip=flip), 800, 70) for flip in range(1, 91)]
    ernst = math.degrees(math.acos(math.exp(-20 / 800)))
    assert abs(1 + signals.index(max(signals)) - ernst) <= 0.5


def test_a_spin_echo_without_delay_is_saturation_recovery() -> None:
    assert magnitude(SpinEcho(tr=900, te=0), 1200, 90) == pytest.approx(DENSITY * (1 - math.exp(-900 / 1200)))
    assert magnitude(SpinEcho(tr=1e6, te=0), 1200, 90) == pytest.approx(DENSITY)


def test_a_gradient_echo_of_90_degrees_is_saturation_recovery() -> None:
    expected = DENSITY * (1 - math.exp(-30 / 500)) * math.exp(-5 / 60)
    assert magnitude(GradientEcho(tr=30, te=5, flip=90), 500, 60) == pytest.approx(expected)


@given(st.floats(200, 4500), st.floats(6000, 12000), st.floats(0, 150))
def test_the_tissue_to_be_nulled_vanishes(t1: float, tr: float, te: float) -> None:
    sequence = InversionRecovery.nulling(t1, tr=tr, te=te)
    assert magnitude(sequence, t1, 1000) < 1e-12
    assert magnitude(sequence, 0.5 * t1, 1000) > 0.01


def test_with_all_the_time_in_the_world_half_is_inverted_after_ln_2() -> None:
    assert InversionRecovery.nulling(1000, tr=1e6, te=0).ti == pytest.approx(1000 * math.log(2))


def test_agent_adds_rates() -> None:
    t1, t2 = with_agent(torch.tensor([1000.0, 1000.0]), torch.tensor([100.0, 100.0]), torch.tensor([0.0, 2.0]))
    assert t1.tolist() == pytest.approx([1000, 1000 / (1 + 4.5 * 2)])
    assert t2.tolist() == pytest.approx([100, 100 / (1 + 0.1 * 5.5 * 2)])


def seen(sequence: Sequence, name: str) -> float:
    tissue = TISSUES[name]
    t1, t2 = torch.tensor(tissue.t1), torch.tensor(tissue.t2)
    return float(sequence.signal(torch.tensor(tissue.density), t1, t2))


WHITE, GREY, FLUID, FAT = "white matter", "cortex", "cerebrospinal fluid", "fat"


@pytest.mark.parametrize(
    ("sequence", "from_bright_to_dark"),
    [
        (SpinEcho(tr=500, te=12), (FAT, WHITE, GREY, FLUID)),
        (GradientEcho(tr=20, te=4, flip=30), (FAT, WHITE, GREY, FLUID)),
        (InversionRecovery(tr=2200, te=3, ti=950), (FAT, WHITE, GREY, FLUID)),
        (SpinEcho(tr=4500, te=100), (FLUID, GREY, WHITE)),
        (SpinEcho(tr=4500, te=100), ("lesion", GREY, WHITE, "muscle")),
        (InversionRecovery.nulling(4200, tr=9000, te=110), ("lesion", GREY, WHITE, FLUID)),
        (SpinEcho(tr=3000, te=15), (GREY, WHITE, "cortical bone", "air")),
    ],
)
def test_tissues_are_as_bright_as_radiologists_expect(sequence: Sequence, from_bright_to_dark: tuple[str, ...]) -> None:
    signals = [seen(sequence, name) for name in from_bright_to_dark]
    assert signals == sorted(signals, reverse=True)


def test_agent_brightens_vessels_and_leaves_the_brain() -> None:
    def gain(name: str) -> float:
        tissue, sequence = TISSUES[name], SpinEcho(tr=500, te=12)
        times = [torch.tensor(value) for value in (tissue.t1, tissue.t2)]
        after = sequence.signal(torch.tensor(1.0), *with_agent(*times, torch.tensor(tissue.uptake)))
        return float(after / sequence.signal(torch.tensor(1.0), *times))

    assert gain("vein") > 2
    assert gain("dura") > 1.3
    assert 1 < gain(WHITE) < 1.05
    assert gain(FLUID) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: SpinEcho(tr=100, te=100),
        lambda: SpinEcho(tr=float("inf"), te=1),
        lambda: SpinEcho(tr=100, te=-1),
        lambda: GradientEcho(tr=20, te=4, flip=0),
        lambda: GradientEcho(tr=20, te=4, flip=91),
        lambda: InversionRecovery(tr=1000, te=100, ti=960),
        lambda: Tissue(1.2, 800, 70),
        lambda: Tissue(0.8, 0, 70),
    ],
)
def test_what_no_scanner_and_no_body_has_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"fit|flip angle|tissue"):
        make()  # type: ignore[operator]
