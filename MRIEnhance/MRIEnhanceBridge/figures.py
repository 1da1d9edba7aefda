"""Figures of merit: what they are called, and how they are written, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure of merit.

    Parameters
    ----------
    key
        What the library calls it.
    name
        What users read.
    unit
        The unit; empty for a bare number.
    form
        How many digits it is written with.
    """

    key: str
    name: str
    unit: str = ""
    form: str = ".4g"

    @property
    def title(self) -> str:
        """Name and unit, as above a column."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def write(self, value: Any) -> str:
        """The figure as text; a dash where there is none. JSON has no infinity: what is equal comes with the word."""
        return "–" if value is None else format(float(value), self.form)


_KNOWN = (
    Figure("psnr_db", "PSNR", "dB", ".2f"),
    Figure("ssim", "SSIM", "", ".4f"),
    Figure("nmae", "NMAE", "", ".4f"),
    Figure("lf_psnr_db", "LF-PSNR", "dB", ".2f"),
    Figure("lf_ssim", "LF-SSIM", "", ".4f"),
    Figure("vif", "VIF", "", ".4f"),
    Figure("niqe", "NIQE", "", ".2f"),
)
"""In the order in which they are shown; LF: inside the boxes of lesions."""


def figures_of(rows: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """The figures that rows hold, known ones first.

    Parameters
    ----------
    rows
        One mapping a method. A known figure may be None, for none, or the word ``"Infinity"``; of what is not known,
        numbers are figures, under their own names.
    """
    rows = list(rows)
    known = [figure.key for figure in _KNOWN]
    others = {key: None for row in rows for key, value in row.items() if key not in known and _is_number(value)}
    return [figure for figure in _KNOWN if any(figure.key in row for row in rows)] + [
        Figure(key, key) for key in others
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
