"""A recipe: one YAML file from which a training can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mrienhance.errors import UsageError
from mrienhance.methods.base import Method
from mrienhance.methods.configs import config_from_dict, config_to_dict
from mrienhance.methods.objective import Sampling
from mrienhance.methods.registry import get_method
from mrienhance.training.augmentation import Augmentation
from mrienhance.training.measured import ScanSettings
from mrienhance.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which subjects a training reads.

    Attributes
    ----------
    validation
        Subjects that are scored while training, and not learned from.
    held_out
        Subjects that are never read.
    weights
        Share of the samples drawn from each data folder; empty: in proportion to their images.
    min_foreground
        Slices with a smaller fraction of tissue are not learned from.
    balance
        Name of a label map, such as ``"lesions"``: of volumes that have it, every second slice drawn shows the label.
        Empty: all slices are drawn alike.
    contrasts
        Of methods that take one image of any contrast: those whose scans are read; empty: all. What is simulated is of
        any contrast.
    simulate
        Names of data folders that hold label maps of whole heads: their slices are simulated afresh each time they are
        drawn, all contrasts of the same tissues.
    """

    validation: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    min_foreground: float = 0.05
    balance: str = ""
    contrasts: tuple[str, ...] = ()
    simulate: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that defines a training, besides the data's place.

    Attributes
    ----------
    method
        Name of the method.
    model
        The method's configuration.
    training, sampling, data, augmentation, scans
        See their classes.
    card
        What the model card says beyond what the training knows: name, summary, contrasts, licences, limits ...
    """

    method: str
    model: Any
    training: TrainingSettings = field(default_factory=TrainingSettings)
    sampling: Sampling = field(default_factory=Sampling)
    data: DataSettings = field(default_factory=DataSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)
    scans: ScanSettings = field(default_factory=ScanSettings)
    card: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in a YAML file."""
        parts = ("model", "training", "sampling", "data", "augmentation", "scans")
        return {
            "method": self.method,
            **{part: config_to_dict(getattr(self, part)) for part in parts},
            "card": dict(self.card),
        }


def read_recipe(method: str, path: Path | None, *, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe, or make the method's default one.

    Parameters
    ----------
    method
        The method to train; a recipe made for another one is refused.
    path
        YAML file; None for defaults.
    overrides
        Dotted name to value, such as ``{"training.steps": 100}``.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds an unknown section, field or value.
    """
    values = _load(path) if path is not None else {}
    for name, value in (overrides or {}).items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    if values.pop("method", method) != method:
        raise UsageError(
            f"{path} is a recipe for another method than {method!r}", hint="name the method it is made for"
        )
    return make_recipe(get_method(method), values)


def make_recipe(method: Method, values: Mapping[str, Any]) -> Recipe:
    """Make a recipe from its sections.

    Raises
    ------
    UsageError
        If a section, field or value is unknown.
    """
    kinds = {
        "model": method.Config,
        "training": TrainingSettings,
        "sampling": Sampling,
        "data": DataSettings,
        "augmentation": Augmentation,
        "scans": ScanSettings,
    }
    unknown = sorted(set(values) - set(kinds) - {"card"})
    if unknown:
        raise UsageError(f"recipe: unknown section {unknown[0]!r}", hint=f"sections: {', '.join([*kinds, 'card'])}")
    try:
        parts: dict[str, Any] = {name: config_from_dict(kind, values.get(name) or {}) for name, kind in kinds.items()}
    except ValueError as error:
        raise UsageError(f"recipe: {error}", hint="compare with the recipes in methods/*/recipes") from None
    return Recipe(method=method.name, card=values.get("card") or {}, **parts)


def _load(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"cannot read the recipe {path}: {str(error).splitlines()[0]}", hint="give a YAML file"
        ) from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds no recipe", hint="a recipe has sections: model, training, sampling, data, card")
    sections = {str(name): {} if value is None else value for name, value in values.items()}
    for name, value in sections.items():
        if name != "method" and not isinstance(value, dict):
            raise UsageError(f"recipe: {name!r} must be a section, not {value!r}", hint=f"such as {name}: {{...}}")
    return sections
