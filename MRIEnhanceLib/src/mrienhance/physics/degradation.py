"""The degradations that super-resolution is trained and tested with, by name."""

from __future__ import annotations

from mrienhance.physics.separable import Alignment, Degradation
from mrienhance.physics.truncation import KSpaceTruncation

__all__ = ["Alignment", "Degradation", "KSpaceTruncation"]
