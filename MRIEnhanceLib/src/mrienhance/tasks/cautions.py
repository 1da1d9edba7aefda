"""What to warn of before a result is trusted: an image that a model has not learned from."""

from __future__ import annotations

from collections.abc import Sequence

from mrienhance.models import Model


def spacing_warning(spacing: Sequence[float], model: Model) -> tuple[str, ...]:
    """What to say of a spacing (i, j, k, in mm) that the model has not learned."""
    low, high = model.card.spacing_mm
    seen = spacing[: 2 if model.card.axes == "in-plane" else 3]
    if all(_at_least(value, low) and _at_least(high, value) for value in seen):
        return ()
    text = " x ".join(f"{value:.3g}" for value in seen)
    return (f"spacing {text} mm is outside the {low:g} to {high:g} mm that {model.name} was made for",)


def contrast_warning(contrast: str | None, model: Model) -> tuple[str, ...]:
    """What to say of a contrast that the model has not learned; nothing if the contrast is not known."""
    known = model.card.contrasts_in
    if contrast is None or contrast in known:
        return ()
    return (f"{model.name} was made for {', '.join(known)}, not for {contrast}",)


def _at_least(value: float, limit: float) -> bool:
    return value >= limit * (1 - 1e-3)  # headers round
