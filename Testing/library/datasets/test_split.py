"""Everybody in one part of the split, always the same one; files that put somebody into two are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrienhance.datasets.split import PARTS, assign, completed, fractions_of, from_official, read_split, write_split
from mrienhance.errors import UsageError

PEOPLE = [f"sub-{number:03d}" for number in range(1, 101)]


def counts(parts: dict[str, str]) -> list[int]:
    return [list(parts.values()).count(part) for part in PARTS]


def test_a_hundred_people() -> None:
    assert counts(assign(PEOPLE)) == [70, 10, 20]
    assert counts(assign(PEOPLE, fractions=(0.5, 0.0, 0.5))) == [50, 0, 50]


@given(st.integers(0, 40), st.sampled_from([(0.7, 0.1, 0.2), (0.8, 0.2, 0.0), (0.0, 0.5, 0.5), (1.0, 0.0, 0.0)]))
def test_everybody_is_in_a_part_and_no_part_is_forgotten(people: int, fractions: tuple[float, ...]) -> None:
    parts = assign(PEOPLE[:people], fractions=fractions)
    assert sorted(parts) == PEOPLE[:people]
    wanted = [share > 0 for share in fractions]
    assert all(count == 0 for count, there in zip(counts(parts), wanted, strict=True) if not there)
    if people >= sum(wanted):
        assert all(count > 0 for count, there in zip(counts(parts), wanted, strict=True) if there)


def test_two_people_learn_and_validate() -> None:
    assert counts(assign(PEOPLE[:2])) == [1, 1, 0]


def test_the_seed_decides_and_the_order_does_not() -> None:
    assert assign(PEOPLE) == assign(reversed(PEOPLE))
    assert assign(PEOPLE) != assign(PEOPLE, seed=1)


def test_somebody_who_comes_moves_few_others() -> None:
    before, after = assign(PEOPLE), assign([*PEOPLE, "sub-new"])
    assert sum(before[name] != after[name] for name in PEOPLE) <= 3


@pytest.mark.parametrize("text", ["70/10/20", "0.7/0.1/0.2"])
def test_fractions(text: str) -> None:
    assert fractions_of(text) == pytest.approx((0.7, 0.1, 0.2))


@pytest.mark.parametrize("text", ["70/30", "70/10/30", "a/b/c", "", "-10/60/50", "nan/1/0"])
def test_fractions_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="splits nothing"):
        fractions_of(text)


def test_a_file_comes_back(tmp_path: Path) -> None:
    write_split(assign(PEOPLE), tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == assign(PEOPLE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject,split\na,train\na,test\n", "a is in train and in test"),
        ("subject,split\na,training\n", "'training'"),
        ("name,part\na,train\n", "no split file"),
        ("", "no split file"),
        ("subject,split\na\n", "a is in ''"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_split(tmp_path / "split.csv")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the split file"):
        read_split(tmp_path / "split.csv")


def test_somebody_whom_a_file_forgets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="where b and 1 more"):
        completed(["a", "b", "c"], {"a": "train"}, tmp_path)


def test_an_official_split_without_validation_takes_it_from_training() -> None:
    given = {name: "train" if number < 80 else "test" for number, name in enumerate(PEOPLE)}
    parts = from_official(PEOPLE, given, fractions=(0.7, 0.1, 0.2), seed=0)
    assert counts(parts) == [70, 10, 20]
    assert all(parts[name] == "test" for name, part in given.items() if part == "test")
