"""Pulse sequences as they are used in clinics, drawn at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mrienhance.physics.contrast import GradientEcho, InversionRecovery, Sequence, SpinEcho
from mrienhance.physics.tissue import TISSUES
from mrienhance.training.dice import Dice

_LONG_ECHO = 50


@dataclass(frozen=True)
class Protocol:
    """How one contrast is scanned.

    Attributes
    ----------
    sequence
        The pulse sequence.
    shares
        Of some tissues, by name, the share of the signal that is left, or more than 1 for inflowing blood.
    agent
        Whether contrast agent was given.
    """

    sequence: Sequence
    shares: Mapping[str, float]
    agent: bool


_WATER = TISSUES["cerebrospinal fluid"].t1


_FAT_SUPPRESSED = {"T1w": 0.05, "T1c": 0.2, "T2w": 0.15, "FLAIR": 0.5, "PDw": 0.2}


def draw_protocol(contrast: str, dice: Dice) -> Protocol:
    """Draw a sequence for a contrast, and what becomes of fat and of blood in it.

    Spin echoes lose the blood that has flowed on before the refocusing; gradient echoes show it, often brighter than
    its T1 alone would be. Contrast agent makes up for much of the loss.
    """
    sequence = draw_sequence(contrast, dice)
    fat = dice.uniform(0.03, 0.25) if dice.chance(_FAT_SUPPRESSED[contrast]) else 1.0
    slow = isinstance(sequence, SpinEcho) or sequence.te > _LONG_ECHO
    agent = contrast == "T1c"
    if slow:
        artery, vein = dice.uniform(0, 0.5 if agent else 0.2), dice.uniform(0.4, 0.9) if agent else dice.uniform(0, 0.5)
    else:
        artery, vein = dice.uniform(0.6, 1.0) if agent else dice.uniform(0.6, 3.0), dice.uniform(0.6, 1.0)
    return Protocol(sequence, {"fat": fat, "marrow": fat, "artery": artery, "vein": vein}, agent=agent)


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
    kind = dice.choose(("spin echo", "gradient echo", "inversion"), (0.2, 0.35, 0.45))
    if kind == "spin echo":
        return SpinEcho(tr=dice.uniform(400, 650), te=dice.uniform(8, 17))
    if kind == "gradient echo":
        tr = dice.uniform(8, 30)
        ernst = math.degrees(math.acos(math.exp(-tr / TISSUES["white matter"].t1)))
        return GradientEcho(tr=tr, te=dice.uniform(2, 6), flip=dice.uniform(2.0, 3.5) * ernst)
    return InversionRecovery(tr=dice.uniform(1800, 2500), te=dice.uniform(2, 5), ti=dice.uniform(850, 1100))
