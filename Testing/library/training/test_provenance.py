"""What a recipe says of a model reaches its card, and nothing else does."""

from types import SimpleNamespace
from typing import Any

import pytest

from mrienhance.errors import UsageError
from mrienhance.methods import ReferenceUse, Tiling, get_method
from mrienhance.models import ModelCard
from mrienhance.training.provenance import make_card, unlicensed


def made(method: str, config: Any = None, sources: Any = (), **told: Any) -> ModelCard:
    recipe = SimpleNamespace(
        card=told,
        method=method,
        model=config or get_method(method).Config(),
        data=SimpleNamespace(validation=(), held_out=()),
        to_dict=lambda: {"method": method, "card": told},
    )
    return make_card(recipe, sources, SimpleNamespace(step=1, scores={}), device="cpu", minutes=1.0)


def test_facts_on_raw_data() -> None:
    card = made("lf_mri", name="a", acceleration=[3, 8], sampling=["random-lines"], coils=[4, 16])
    assert (card.acceleration, card.sampling, card.coils) == ((3.0, 8.0), ("random-lines",), (4, 16))
    assert made("lf_mri", name="a").acceleration is None


class WithReference(type(get_method("iconet"))):  # type: ignore[misc]
    """A network of blocks that may be given a reference, with a second task."""

    def tiling(self, config: Any) -> Tiling:
        """As the configuration says."""
        return Tiling(ndim=3, scale=config.scale)

    def task(self, config: Any) -> str:
        """The second one for an odd scale."""
        return "synthesize" if config.scale == 1 else "super-resolve"

    def reference(self, config: Any) -> ReferenceUse:
        """One may be given."""
        return "none" if config.scale == 1 else "optional"


def test_facts_that_the_configuration_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrienhance.training.provenance.get_method", lambda name: WithReference())
    config = SimpleNamespace(scale=(4, 1, 1), degradation="thick-slice")
    card = made("iconet", config, name="a", contrasts_in=["T2w"], reference_contrasts=["T1w"])
    assert (card.task, card.scale, card.axes, card.factors) == ("super-resolve", 4, "through-plane", (1, 1, 4))
    assert (card.degradation, card.reference_contrasts, card.reference_required) == ("thick-slice", ("T1w",), False)
    assert made("iconet", SimpleNamespace(scale=2), name="a").axes == "3d"
    assert made("iconet", SimpleNamespace(scale=2), name="a").degradation == "k-space"
    other = made("iconet", SimpleNamespace(scale=1), name="a")
    assert (other.task, other.scale, other.reference_contrasts) == ("synthesize", None, ())


def test_facts_that_nobody_can_tell() -> None:
    with pytest.raises(UsageError, match=r"card\.results cannot be set"):
        made("lf_mri", name="a", results=[])


@pytest.mark.parametrize("told", [{"folder": "scans"}, ["scans"], [{"licence": "CC0"}]])
def test_origins_without_a_folder_are_refused(told: Any) -> None:
    with pytest.raises(UsageError, match=r"card\.data does not say which folders"):
        made("lf_mri", data=told)


def test_folders_whose_licence_nobody_says() -> None:
    sources = [SimpleNamespace(root=root, subject="a", contrast="T1w") for root in ("mine", "known", "bare")]
    told = [{"folder": "known", "licence": "CC0"}, {"folder": "bare", "citation": "somebody"}]
    assert unlicensed(made("lf_mri", sources=sources, data=told)) == ["mine", "bare"]


def test_a_value_of_the_wrong_kind_is_the_recipes_fault() -> None:
    with pytest.raises(UsageError, match=r"recipe: card: field 'limits' must be of type str"):
        made("lf_mri", name="a", limits=[{"cannot": "a colon"}])
