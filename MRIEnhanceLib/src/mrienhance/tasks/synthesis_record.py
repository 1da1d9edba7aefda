"""What a report says of a synthetic image: what it was made of, and how sure the model is of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

SYNTHETIC_UNIT = 1000.0
"""Value of the brightest tissue (99.9th percentile) in a synthetic image, which has no unit of its own."""

Placed: TypeAlias = Literal["as it is", "registered", "resampled"]


@dataclass(frozen=True, kw_only=True)
class RegistrationRecord:
    """A rigid registration: angle in degrees, shift in mm, and the metric (lower is better) before and after."""

    angle_deg: float
    shift_mm: float
    metric_before: float
    metric_after: float


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """A scan that a synthetic image was made of.

    Parameters
    ----------
    contrast
        Its contrast.
    guessed
        Whether the model told that contrast, not the user.
    placed
        How it came to the grid of the first one: it was there already, was registered, or resampled by its header.
    registration
        How it was registered; None if it was not.
    recognized, probabilities
        Which contrast the model takes it for, and how likely each is; None and empty for a model that cannot tell.
    """

    contrast: str
    guessed: bool
    placed: Placed
    registration: RegistrationRecord | None = None
    recognized: str | None = None
    probabilities: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SynthesisRecord:
    """What there is to know of a synthetic image beside its model.

    Parameters
    ----------
    target
        The contrast that was made.
    sources
        The scans that it was made of, the first one's grid being the result's.
    predictions
        How many predictions were averaged.
    unit
        What the values mean.
    synthetic
        Always true.
    """

    target: str
    sources: tuple[SourceRecord, ...]
    predictions: int
    unit: str = f"{SYNTHETIC_UNIT:g} = brightest tissue (99.9th percentile)"
    synthetic: Literal[True] = True
