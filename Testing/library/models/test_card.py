"""Cards go to JSON and back, and take nothing that they do not know."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.makers import card
from mrienhance.models import CardPaper, ModelCard, ResultTable
from mrienhance.models.strict import loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("abcéµ"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3),
    max_leaves=8,
)


def test_a_card_survives_json() -> None:
    before = card()
    after = ModelCard.from_json(before.to_json())
    assert after == before
    assert json.loads(before.to_json()) == before.to_dict()
    assert ModelCard.from_dict(before.to_dict()) == before


@given(training=st.dictionaries(st.text("abc", min_size=1), JSON, max_size=3), limits=st.lists(st.text("a b\n")))
def test_any_card_survives_json(training: dict[str, Any], limits: list[str]) -> None:
    before = card(training=training, limits=limits)
    assert ModelCard.from_json(before.to_json()) == before


def test_json_values_are_brought_to_their_types() -> None:
    plain = card()
    assert isinstance(plain.paper, CardPaper)
    assert isinstance(plain.results[0], ResultTable)
    assert plain.results[0].rows[0].psnr_db == 33.5
    assert plain.spacing_mm == (1.0, 2.5)
    assert plain.contrasts_in == ("T1w",)
    assert [card(axes=axes).dimensions for axes in ("in-plane", "3d", "through-plane")] == [2, 3, 3]
    factors = {axes: card(axes=axes, scale=4).factors for axes in ("in-plane", "3d", "through-plane")}
    assert factors == {"in-plane": (4, 4, 1), "3d": (4, 4, 4), "through-plane": (1, 1, 4)}


def test_what_reference_a_model_uses() -> None:
    assert not {"reference_contrasts", "reference_required"} & set(card().to_dict())
    told = card(reference_contrasts=["T1w", "T1c"], reference_required=True)
    assert told.to_dict()["reference_contrasts"] == ["T1w", "T1c"]
    assert ModelCard.from_json(told.to_json()) == told
    assert "reference_required" not in card(reference_contrasts=["T1w"]).to_dict()
    with pytest.raises(ValueError, match="'reference_contrasts'"):
        card(reference_required=True)
    with pytest.raises(ValueError, match="'reference_contrasts' is for models to super-resolve"):
        card(task="synthesize", scale=None, reference_contrasts=["T1w"])


def test_replacing_a_field_is_checked_as_well() -> None:
    assert dataclasses.replace(card(), scale=4).scale == 4
    with pytest.raises(ValueError, match="'scale'"):
        dataclasses.replace(card(), scale=2.0)


ROW = {"method": "a", "psnr_db": 30.0, "ssim": 0.9, "nmae": 0.01}
ACQUISITION = {"acceleration": [3, 8.5], "sampling": ["random-lines", "poisson-disc"], "coils": [4, 16]}


def test_what_raw_data_a_model_was_made_for() -> None:
    told = card(task="reconstruct", scale=None, **ACQUISITION)
    assert (told.acceleration, told.coils) == ((3.0, 8.5), (4, 16))
    assert told.sampling == ("random-lines", "poisson-disc")
    assert ModelCard.from_json(told.to_json()) == told
    assert {name: told.to_dict()[name] for name in ACQUISITION} == ACQUISITION


def test_what_a_card_does_not_say_is_not_written() -> None:
    """So that cards without these facts are what they were before there were such."""
    silent = card(task="reconstruct", scale=None)
    assert (silent.acceleration, silent.sampling, silent.coils) == (None, None, None)
    for each in (silent, card()):
        assert not ACQUISITION.keys() & each.to_dict().keys()
        assert set(each.to_dict()["results"][0]["rows"][0]) == set(ROW)


def test_figures_of_lesions_and_of_synthetic_images() -> None:
    rows = [{**ROW, "lf_psnr_db": 28, "lf_ssim": 0.8}, {**ROW, "vif": 0.4, "niqe": 5.1}, ROW]
    told = card(results=[{"data": "a", "subjects": [], "rows": rows}])
    assert [row.lf_psnr_db for row in told.results[0].rows] == [28.0, None, None]
    assert [(row.vif, row.niqe) for row in told.results[0].rows] == [(None, None), (0.4, 5.1), (None, None)]
    assert told.to_dict()["results"][0]["rows"] == rows
    assert ModelCard.from_json(told.to_json()) == told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("acceleration", 4),
        ("acceleration", [4]),
        ("acceleration", [8, 3]),
        ("acceleration", [0.5, 8]),
        ("acceleration", [1, float("inf")]),
        ("acceleration", [1, 10**400]),
        ("acceleration", ["3", "8"]),
        ("acceleration", [True, 8]),
        ("sampling", "random-lines"),
        ("sampling", []),
        ("sampling", ["radial"]),
        ("sampling", ["random-lines", "random-lines"]),
        ("sampling", [None]),
        ("coils", [4]),
        ("coils", [0, 8]),
        ("coils", [8, 4]),
        ("coils", [4.0, 8.0]),
        ("coils", [1, 10**9]),
        ("coils", {"low": 1, "high": 2}),
    ],
)
def test_wrong_facts_on_raw_data_are_refused_by_their_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field) as refusal:
        card(task="reconstruct", scale=None, **{field: value})
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "../../etc/passwd"),
        ("name", "a b"),
        ("name", "x" * 65),
        ("name", 3),
        ("version", None),
        ("task", "diagnose"),
        ("task", ["super-resolve"]),
        ("summary", "\x1b[2J cleared"),
        ("summary", "\u202edesrever"),
        ("summary", "\ud800"),
        ("paper", "a paper"),
        ("paper", {"citation": "a"}),
        ("paper", {"citation": "a", "doi": "b", "pages": "c"}),
        ("contrasts_in", "T1w"),
        ("contrasts_in", [1]),
        ("scale", 0),
        ("scale", 2.0),
        ("scale", True),
        ("scale", 10**500),
        ("axes", "4d"),
        ("spacing_mm", [1.0]),
        ("spacing_mm", [1, 2, 3]),
        ("spacing_mm", [2.0, 1.0]),
        ("spacing_mm", [0, 1.0]),
        ("spacing_mm", [1.0, float("inf")]),
        ("spacing_mm", [1.0, 10**400]),
        ("spacing_mm", ["1", "2"]),
        ("training", []),
        ("training", {"data": "t1_brain"}),
        ("training", {"data": ["t1_brain"]}),
        ("training", {"loss": float("nan")}),
        ("training", {"note": "\x07"}),
        ("training", {"\x1b": 1}),
        ("results", {}),
        ("results", [{"data": "a", "subjects": [], "rows": [{"method": "a", "psnr_db": "high"}]}]),
        ("limits", "none"),
        ("results", [{"data": "a", "subjects": [], "rows": [{**ROW, "lf_psnr_db": "high"}]}]),
        ("results", [{"data": "a", "subjects": [], "rows": [{**ROW, "lf_ssim": float("nan")}]}]),
        ("results", [{"data": "a", "subjects": [], "rows": [{**ROW, "auc": 0.9}]}]),
        ("disclaimer", "Ready for diagnosis."),
        ("acceleration", [3, 8]),  # this card is not for raw data
        ("sampling", ["random-lines"]),
        ("coils", [1, 8]),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w") as refusal:
        card(**{field: value})
    message = str(refusal.value)
    assert message.isprintable()
    assert len(message) < 300
    assert field in message or field in ("paper", "results")


def test_a_missing_field_is_named() -> None:
    values = card().to_dict()
    del values["summary"]
    with pytest.raises(ValueError, match="summary"):
        ModelCard.from_dict(values)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"card"', "", "{"])
def test_what_is_no_mapping_is_no_card(text: str) -> None:
    with pytest.raises(ValueError, match=r"mapping|JSON"):
        ModelCard.from_json(text)


def test_a_deep_training_is_refused() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="deep"):
        card(training={"a": deep})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1, "b": 1}}', "twice"),
        ('{"a": NaN}', "NaN"),
        ("-Infinity", "Infinity"),
        ("1e999", "finite"),
        ("[" * 100_000 + "]" * 100_000, "deep"),
        ('{"a":' * 100_000, "deep"),
        ("1" * 5000, "digits"),
        ("{} {}", "not JSON at character 3"),
    ],
)
def test_doubtful_json_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        loads(text)


@given(JSON)
def test_other_json_is_read_as_by_the_standard_library(value: Any) -> None:
    assert loads(json.dumps(value)) == value
