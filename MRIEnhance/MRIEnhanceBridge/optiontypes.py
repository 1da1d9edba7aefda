"""What options of the batch script take: each refuses, by a ValueError, what it does not. And options of all verbs."""

from __future__ import annotations

import argparse
import math

from slicer.i18n import tr as _

_MOST_SLICES = 100_000


def whole_number(text: str) -> int:
    """A whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def seed(text: str) -> int:
    """A whole number, zero or above."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def acceleration(text: str) -> float:
    """A number of at least one."""
    number = float(text)
    if not 1 <= number < math.inf:
        raise ValueError(text)
    return number


def ratio(text: str) -> float:
    """A number above zero."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def slices(text: str) -> list[int]:
    """Numbers of slices, from 0: ``80``, ``80:100`` (without the last), ``0:100:5`` or ``10,20,30``."""
    split = ":" if ":" in text else ","
    parts = [int(part) for part in text.split(split)]
    if len(parts) > 3 and split == ":":
        raise ValueError(text)
    numbers = range(*parts) if split == ":" else parts
    if not 0 < len(numbers) <= _MOST_SLICES or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise ValueError(text)
    return list(numbers)


def add_inference(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model runs, where and how."""
    parser.add_argument("--model", metavar="M", help=_("name of a model, or path of a model file"))
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", metavar="P", help="auto, float32, bfloat16, float16")
