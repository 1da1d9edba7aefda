"""Pulse sequences as they are used in clinics, drawn at random."""

from __future__ import annotations

from mrienhance.physics.contrast import GradientEcho, InversionRecovery, Sequence, SpinEcho
from mrienhance.physics.tissue import TISSUES
from mrienhance.training.dice import Dice

_WATER = TISSUES["cerebrospinal fluid"].t1


def draw_sequence(contrast: str, dice: Dice) -> Sequence:
    """Draw a sequence that gives a contrast: T1w (and T1c), T2w, FLAIR or PDw.

    T1w comes from a spin echo, a spoiled gradient echo or an inversion (MPRAGE); FLAIR nulls fluid, more or less.

    Raises
    ------
    ValueError
        If the contrast is none of these.
    """
    if contrast in ("T1w", "T1c"):
        return _t1_weighted(dice)
    if contrast == "T2w":
        return SpinEcho(tr=dice.uniform(3000, 7000), te=dice.uniform(75, 120))
    if contrast == "FLAIR":
        tr, te = dice.uniform(7000, 11000), dice.uniform(80, 140)
        null = InversionRecovery.nulling(_WATER, tr=tr, te=te)
        return InversionRecovery(tr=tr, te=te, ti=null.ti * dice.uniform(0.93, 1.0))
    if contrast == "PDw":
        return SpinEcho(tr=dice.uniform(2200, 4500), te=dice.uniform(9, 30))
    raise ValueError(f"no sequence gives {contrast!r}")


def _t1_weighted(dice: Dice) -> Sequence:
    kind = dice.choose(("spin echo", "gradient echo", "inversion"), (0.3, 0.3, 0.4))
    if kind == "spin echo":
        return SpinEcho(tr=dice.uniform(400, 700), te=dice.uniform(8, 17))
    if kind == "gradient echo":
        return GradientEcho(tr=dice.uniform(8, 30), te=dice.uniform(2, 6), flip=dice.uniform(18, 35))
    return InversionRecovery(tr=dice.uniform(1800, 2500), te=dice.uniform(2, 5), ti=dice.uniform(850, 1100))
