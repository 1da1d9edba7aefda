"""What a reconstruction starts from: a file with raw k-space, and which of its slices."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError

BART = (".cfl", ".hdr")
"""A scan of BART is a pair of files; their common name without an ending names it too."""
_PART = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")
_MOST_SLICES = 100_000


def file_path(path: str | os.PathLike[str], *, what: str) -> str:
    """The absolute path of a file that is there.

    Parameters
    ----------
    path
        The file; of a BART pair either one, or their common name.
    what
        What to call it if no path is given.

    Raises
    ------
    BridgeError
        If there is no such file.
    """
    text = os.fspath(path).strip()
    if not text:
        raise BridgeError(_("There is no {what}").format(what=what), _("choose a file"))
    absolute = os.path.abspath(text)
    if not any(os.path.isfile(absolute + end) for end in ("", *BART)):
        raise BridgeError(_('There is no file "{path}"').format(path=text), _("choose another file"))
    return absolute


def title(path: str) -> str:
    """What to call the image of a file: the file's name without its ending."""
    return Path(path).stem or Path(path).name


def slice_numbers(slices: Any) -> list[int] | None:
    """Slice numbers from 0, in the order they were named, from what somebody wrote.

    Parameters
    ----------
    slices
        Text such as ``"10-12, 15"``, both ends included; a number, or several. None, ``""`` and ``"all"`` are all.

    Returns
    -------
    list of int or None
        None for all.

    Raises
    ------
    BridgeError
        If the text cannot be read, names no slice, or one of them twice.
    """
    if slices is None or (isinstance(slices, str) and slices.strip().lower() in ("", "all")):
        return None
    if isinstance(slices, str):
        numbers = [number for part in slices.split(",") for number in _part(part.strip())]
    else:
        numbers = [int(slices)] if isinstance(slices, Integral) else [int(number) for number in slices]
    if not numbers or min(numbers) < 0:
        raise BridgeError(_("No slices are named"), _("write 10-12, 15 for instance, from 0 on, or all"))
    if len(set(numbers)) < len(numbers):
        raise BridgeError(_("A slice is named twice"), _("name each slice once"))
    return numbers


def number(value: float, *, what: str, least: float) -> float:
    """A finite number that is not below `least`.

    Raises
    ------
    BridgeError
        If it is not.
    """
    if not (math.isfinite(value) and value >= least):
        raise BridgeError(_("{what} cannot be {value}").format(what=what, value=value), _("choose another number"))
    return float(value)


def _part(text: str) -> Iterable[int]:
    match = _PART.fullmatch(text)
    first, last = (int(end or match[1]) for end in match.groups()) if match else (1, 0)
    if not 0 <= last - first < _MOST_SLICES:
        raise BridgeError(
            _('"{text}" names no slices').format(text=text), _("write 10-12, 15 for instance, from 0 on, or all")
        )
    return range(first, last + 1)
