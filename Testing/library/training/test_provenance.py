"""What a recipe says of a model reaches its card, and nothing else does."""

from types import SimpleNamespace
from typing import Any

import pytest

from mrienhance.errors import UsageError
from mrienhance.models import ModelCard
from mrienhance.training.provenance import make_card


def made(method: str, **told: Any) -> ModelCard:
    recipe = SimpleNamespace(
        card=told,
        method=method,
        model=SimpleNamespace(),
        data=SimpleNamespace(validation=(), held_out=()),
        to_dict=lambda: {"method": method, "card": told},
    )
    return make_card(recipe, [], SimpleNamespace(step=1, scores={}), device="cpu", minutes=1.0)


def test_facts_on_raw_data() -> None:
    card = made("lf_mri", name="a", acceleration=[3, 8], sampling=["random-lines"], coils=[4, 16])
    assert (card.acceleration, card.sampling, card.coils) == ((3.0, 8.0), ("random-lines",), (4, 16))
    assert made("lf_mri", name="a").acceleration is None


def test_facts_that_nobody_can_tell() -> None:
    with pytest.raises(UsageError, match=r"card\.results cannot be set"):
        made("lf_mri", name="a", results=[])
