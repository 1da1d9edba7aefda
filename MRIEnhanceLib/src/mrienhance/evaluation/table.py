"""Tables of results as aligned text, Markdown, CSV or JSON.

A row is a mapping of column key to value; all rows share the first row's columns, in its order. Text and Markdown are
for people: they round, and use titles with units. CSV and JSON are for programs: keys, and full precision.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from mrienhance.errors import OutputError, UsageError

Value: TypeAlias = str | int | float | None
Row: TypeAlias = Mapping[str, Value]

_TITLES = {
    "psnr_db": "PSNR [dB]",
    "ssim": "SSIM",
    "nmae": "NMAE",
    "vif": "VIF",
    "niqe": "NIQE",
    "lf_psnr_db": "LF-PSNR [dB]",
    "lf_ssim": "LF-SSIM",
}
_DECIMALS = {"psnr_db": 2, "ssim": 4, "nmae": 4, "vif": 4, "niqe": 2, "lf_psnr_db": 2, "lf_ssim": 4}
_MISSING = "-"


def as_text(rows: Sequence[Row]) -> str:
    """Give an aligned table for a terminal, without a final newline.

    Examples
    --------
    >>> print(as_text([{"method": "sinc", "psnr_db": 31.7}, {"method": "ICONet", "psnr_db": 34.25}]))
    method  PSNR [dB]
    ------  ---------
    sinc        31.70
    ICONet      34.25
    """
    titles, cells, numeric = _cells(rows)
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]

    def line(texts: Sequence[str]) -> str:
        aligned = zip(texts, widths, numeric, strict=True)
        return "  ".join(t.rjust(w) if right else t.ljust(w) for t, w, right in aligned).rstrip()

    return "\n".join([line(titles), line(["-" * w for w in widths]), *map(line, cells)])


def as_markdown(rows: Sequence[Row]) -> str:
    """Give a Markdown table, without a final newline.

    Examples
    --------
    >>> print(as_markdown([{"method": "sinc", "ssim": 0.91234}]))
    | method | SSIM |
    |:--|--:|
    | sinc | 0.9123 |
    """
    titles, cells, numeric = _cells(rows)

    def line(texts: Sequence[str]) -> str:
        return "| " + " | ".join(t.replace("|", "\\|") for t in texts) + " |"

    rule = "|" + "|".join("--:" if right else ":--" for right in numeric) + "|"
    return "\n".join([line(titles), rule, *map(line, cells)])


def as_csv(rows: Sequence[Row]) -> str:
    r"""Give CSV with a line of keys; what is missing or not a number is empty, infinity is ``inf``.

    Examples
    --------
    >>> as_csv([{"method": "sinc", "ssim": 0.5}])
    'method,ssim\nsinc,0.5\n'
    """
    keys = _keys(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows([["" if _is_missing(row[key]) else row[key] for key in keys] for row in rows])
    return text.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """Give a JSON list of objects; NaN becomes null and infinity the string ``"Infinity"``, as JSON has neither.

    Examples
    --------
    >>> as_json([{"method": "itself", "psnr_db": float("inf"), "ssim": float("nan")}])
    '[{"method": "itself", "psnr_db": "Infinity", "ssim": null}]'
    """
    _keys(rows)
    return json.dumps([json_row(row) for row in rows], ensure_ascii=False)


def json_row(row: Row) -> dict[str, Value]:
    """Replace what JSON cannot hold: NaN by None, infinities by ``"Infinity"`` and ``"-Infinity"``."""
    return {key: _json_value(value) for key, value in row.items()}


def write_table(rows: Sequence[Row], path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table in the form that the name's end says: ``.txt``, ``.md``, ``.csv`` or ``.json``.

    Raises
    ------
    OutputError
        If the ending is another one, the file exists (without `overwrite`), or it cannot be written.
    UsageError
        If there are no rows, or their columns differ.
    """
    from mrienhance.images.files import atomic_path

    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise OutputError(f"no table format for {path.name!r}", hint=f"use one of {', '.join(_FORMATS)}")
    text = _FORMATS[path.suffix.lower()](rows)
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8", newline="\n")
    return path


_FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    ".txt": as_text,
    ".md": as_markdown,
    ".csv": as_csv,
    ".json": as_json,
}


def _keys(rows: Sequence[Row]) -> list[str]:
    if not rows:
        raise UsageError("a table without rows", hint="give one result or more")
    keys = list(rows[0])
    for row in rows:
        if set(row) != set(keys):
            raise UsageError(f"rows with different columns: {keys} and {list(row)}", hint="give all rows the same keys")
    return keys


def _cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]], list[bool]]:
    """Titles, formatted rows, and which columns hold numbers."""
    keys = _keys(rows)
    cells = [[_cell(key, row[key]) for key in keys] for row in rows]
    numeric = [not any(isinstance(row[key], str) for row in rows) for key in keys]
    return [_TITLES.get(key, key) for key in keys], cells, numeric


def _cell(key: str, value: Value) -> str:
    if _is_missing(value):
        return _MISSING
    if isinstance(value, float):
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return f"{value:.{_DECIMALS[key]}f}" if key in _DECIMALS else f"{value:.4g}"
    return " ".join(str(value).splitlines())


def _is_missing(value: Value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _json_value(value: Value) -> Value:
    if _is_missing(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
