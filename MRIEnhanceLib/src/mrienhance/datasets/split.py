"""Who is learned from, who is validated by, and who is kept for the test: by person, never by image."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from mrienhance.datasets.scan import Split
from mrienhance.errors import UsageError
from mrienhance.images import atomic_path

NAME = "split.csv"
PARTS: tuple[Split, ...] = get_args(Split)
DEFAULT = (0.7, 0.1, 0.2)
"""Shares of the people in train, validation and test."""
_LARGEST = 2**24
_FORM = f"columns subject and split; a split is {', '.join(PARTS)}"


def assign(people: Iterable[str], *, fractions: Sequence[float] = DEFAULT, seed: int = 0) -> dict[str, Split]:
    """Split people at random, the same way whenever the same people and seed are given.

    Parameters
    ----------
    people
        Names; their order does not matter.
    fractions
        Shares of train, validation and test, which sum to 1. A part with a share gets one person at least where there
        are as many people as such parts.
    seed
        Of the order in which they are dealt out.

    Examples
    --------
    >>> parts = assign([f"sub-{number:02d}" for number in range(10)])
    >>> [list(parts.values()).count(part) for part in PARTS]
    [7, 1, 2]
    """
    # The order is that of a hash of each name: unlike a shuffle it hardly changes when people come or go.
    names = sorted(set(people), key=lambda name: (hashlib.sha256(f"{seed}\0{name}".encode()).digest(), name))
    counts = _counts(len(names), fractions)
    parts = [part for part, count in zip(PARTS, counts, strict=True) for _ in range(count)]
    return dict(sorted(zip(names, parts, strict=True)))


def _counts(people: int, fractions: Sequence[float]) -> list[int]:
    """How many people each part gets: rounded; none is forgotten as long as there are people, train first."""
    counts = [round(people * share) for share in fractions]
    for number, share in enumerate(fractions):
        needed = sum(other > 0 for other in fractions[: number + 1])
        if share > 0 and not counts[number] and people >= needed:
            counts[number] = 1
    while (over := sum(counts) - people) != 0:
        # What does not fit goes to, or comes from, the part that is largest: training, unless it was not wanted.
        counts[counts.index(max(counts))] += -1 if over > 0 else 1
    return counts


def fractions_of(text: str) -> tuple[float, float, float]:
    """Read ``70/10/20``: percent or shares of train, validation and test.

    Raises
    ------
    UsageError
        If it is something else, or does not sum to 100 or 1.
    """
    try:
        values = [float(part) for part in text.split("/")]
    except ValueError:
        values = []
    total = sum(values)
    if len(values) != 3 or min(values) < 0 or not (abs(total - 100) < 1e-6 or abs(total - 1) < 1e-6):
        raise UsageError(f"{text!r} splits nothing", hint="give train/validation/test in percent, such as 70/10/20")
    return values[0] / total, values[1] / total, values[2] / total


def read_split(path: Path) -> dict[str, Split]:
    """Read a split file.

    Raises
    ------
    UsageError
        If it cannot be read, names a part that does not exist, or has a person in two parts.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large to be a split", hint=_FORM)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"cannot read the split file {path}", hint=f"give a CSV file: {_FORM}") from None
    rows = csv.DictReader(io.StringIO(text))
    if not {"subject", "split"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{path} is no split file", hint=_FORM)
    parts: dict[str, Split] = {}
    for row in rows:
        subject, named = (row["subject"] or "").strip(), (row["split"] or "").strip().lower()
        part = next((part for part in PARTS if part == named), None)
        if part is None:
            raise UsageError(f"{path}: {subject} is in {named!r}, which is no part of a split", hint=_FORM)
        if parts.setdefault(subject, part) != part:
            raise UsageError(
                f"{path}: {subject} is in {parts[subject]} and in {part}", hint="each person belongs to one part"
            )
    return parts


def write_split(parts: Mapping[str, Split], path: Path) -> None:
    """Write a split file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("subject", "split"))
    rows.writerows(sorted(parts.items()))
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def read_wish(text: str) -> Path | tuple[float, float, float] | None:
    """What a user wants: a file, which is looked through, shares, or None for the split that a data set comes with.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if text == "official":
        return None
    if text.lower().endswith(".csv"):
        read_split(Path(text))
        return Path(text)
    return fractions_of(text)


def deal(
    people: Sequence[str],
    wish: Path | tuple[float, float, float] | None,
    *,
    official: Mapping[str, Split],
    seed: int,
) -> dict[str, Split]:
    """The part of each person.

    Parameters
    ----------
    people
        Their names.
    wish
        As `read_wish` gives it.
    official
        The split that the data set comes with, which may be empty.
    seed
        As in `assign`.

    Raises
    ------
    UsageError
        If somebody is missing in the file that was wished for.
    """
    if isinstance(wish, Path):
        return completed(people, read_split(wish), wish)
    if wish is None and official:
        return from_official(people, official, fractions=DEFAULT, seed=seed)
    return assign(people, fractions=wish or DEFAULT, seed=seed)


def completed(people: Sequence[str], given: Mapping[str, Split], path: Path) -> dict[str, Split]:
    """The parts of all people by a split file.

    Raises
    ------
    UsageError
        If somebody is missing in it.
    """
    missing = [person for person in people if person not in given]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"{path} does not say where {missing[0]}{more} belongs", hint="add a line for each person")
    return {person: given[person] for person in people}


def from_official(
    people: Sequence[str], given: Mapping[str, Split], *, fractions: Sequence[float], seed: int
) -> dict[str, Split]:
    """The parts that a data set comes with; who has none, and who validates if nobody does, comes out of training."""
    parts: dict[str, Split] = {person: given.get(person, "train") for person in people}
    if "validation" not in parts.values():
        learning = [person for person, part in parts.items() if part == "train"]
        share = fractions[1] / ((fractions[0] + fractions[1]) or 1)
        parts |= assign(learning, fractions=(1 - share, share, 0.0), seed=seed)
    return parts
