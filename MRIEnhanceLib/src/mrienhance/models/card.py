"""The model card: what a model is for, what it learned from, how good it is, and what it cannot do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from mrienhance.models import strict

DISCLAIMER: Final = "For research, not for diagnosis."
SamplingKind: TypeAlias = Literal["random-lines", "equispaced-lines", "poisson-disc"]
_LARGEST_ACCELERATION, _MOST_COILS = 1024.0, 1024
# Facts that few models have: left out of the written card where they are None, so that other cards stay as they were.
_ONLY_RECONSTRUCTION = ("acceleration", "sampling", "coils")
_ONLY_WITH_REFERENCE: Final[Mapping[str, object]] = {"reference_contrasts": [], "reference_required": False}
_OF_SOME_TASKS = ("lf_psnr_db", "lf_ssim", "vif", "niqe")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class CardPaper:
    """The paper behind a model: citation, and DOI without a resolver's address."""

    citation: str
    doi: str

    def __post_init__(self) -> None:
        strict.settle(self)


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """Mean figures of one method, as `mrienhance.evaluation` defines them.

    PSNR in dB, SSIM and NMAE of whole images; where there are lesions, also PSNR in dB and SSIM inside their boxes; of
    synthetic images also VIF and NIQE.
    """

    method: str
    psnr_db: float
    ssim: float
    nmae: float
    lf_psnr_db: float | None = None
    lf_ssim: float | None = None
    vif: float | None = None
    niqe: float | None = None

    def __post_init__(self) -> None:
        strict.settle(self)


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """Measured results: of which data, over which subjects, a row a method (the model's own, and its baselines)."""

    data: str
    subjects: tuple[str, ...]
    rows: tuple[ResultRow, ...]

    def __post_init__(self) -> None:
        strict.settle(self)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a model says of itself.

    Values may come as JSON has them (lists, mappings); they are checked and brought to the types below.

    Attributes
    ----------
    name
        What users type: letters, digits, ``. _ + -``, at most 64.
    version
        Of the weights.
    method
        Name of the method that rebuilds the network.
    task
        ``"super-resolve"``, ``"synthesize"`` or ``"reconstruct"``.
    summary
        A sentence or two.
    fidelity
        How this implementation relates to the paper.
    paper
        Citation and DOI.
    contrasts_in, contrasts_out
        As in BIDS: ``T1w``, ``T2w``, ``PDw``, ``FLAIR``, and ``T1c`` after contrast agent.
    scale
        Super-resolution factor; None if the task has none.
    axes
        What gets finer. ``"in-plane"``: slices, along i and j; ``"3d"``: volumes, along all axes; ``"through-plane"``:
        volumes, along the slice axis k alone.
    degradation
        Which degradation it undoes, by its name in `mrienhance.physics.DEGRADATIONS`.
    reference_contrasts
        Of models to super-resolve: contrasts that a finer reference may have; empty if they use none.
    reference_required
        Whether such a model does nothing without a reference.
    spacing_mm
        Smallest and largest voxel spacing of the *input* that it was made for; by default, what MRI has.
    acceleration
        Of models to reconstruct: smallest and largest acceleration (all samples over acquired ones) it was made for.
    sampling
        Of models to reconstruct: patterns that it was made for, by their names in `mrienhance.physics.SAMPLING`.
    coils
        Of models to reconstruct: smallest and largest number of receive coils.
    training
        JSON values: ``data`` (a list of sources with licence and subjects), held-out subjects, recipe, steps, hardware.
    results
        Measured on subjects that it did not learn from.
    limits
        What it cannot do, a sentence each.
    intended_use, licence, disclaimer
        What it may be used for.

    Raises
    ------
    ValueError
        If a value has the wrong type, is out of range, or is text with control characters.

    Examples
    --------
    >>> from mrienhance.models import ModelCard
    >>> card = ModelCard(
    ...     name="toy-x2",
    ...     method="iconet",
    ...     task="super-resolve",
    ...     summary="A toy.",
    ...     fidelity="none",
    ...     paper={"citation": "none", "doi": "none"},
    ...     contrasts_in=["T1w"],
    ...     contrasts_out=["T1w"],
    ...     scale=2,
    ... )
    >>> ModelCard.from_json(card.to_json()) == card
    True
    """

    name: str
    version: str = "0.1.0"
    method: str
    task: Literal["super-resolve", "synthesize", "reconstruct"]
    summary: str
    fidelity: str
    paper: CardPaper
    contrasts_in: tuple[str, ...]
    contrasts_out: tuple[str, ...]
    scale: int | None = None
    axes: Literal["in-plane", "3d", "through-plane"] = "in-plane"
    degradation: str = "k-space"
    reference_contrasts: tuple[str, ...] = ()
    reference_required: bool = False
    spacing_mm: tuple[float, float] = (0.1, 10.0)
    acceleration: tuple[float, float] | None = None
    sampling: tuple[SamplingKind, ...] | None = None
    coils: tuple[int, int] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[ResultTable, ...] = ()
    limits: tuple[str, ...] = ()
    intended_use: str = "Research on MRI enhancement."
    licence: str = "not stated"
    disclaimer: Literal["For research, not for diagnosis."] = DISCLAIMER

    def __post_init__(self) -> None:
        strict.settle(self)
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"field 'name' must be letters, digits and . _ + -, not {strict.shown(self.name)}")
        if self.scale is not None and not 1 <= self.scale <= 64:
            raise ValueError(f"field 'scale' must be from 1 to 64, not {strict.shown(self.scale)}")
        low, high = self.spacing_mm
        if not 0 < low <= high:
            raise ValueError(f"field 'spacing_mm' must be a range above 0, not {strict.shown(self.spacing_mm)}")
        self._check_acquisition()
        if self.reference_contrasts and self.task != "super-resolve":
            raise ValueError(f"field 'reference_contrasts' is for models to super-resolve, not to {self.task}")
        if self.reference_required and not self.reference_contrasts:
            raise ValueError("field 'reference_required' needs 'reference_contrasts'")
        data = self.training.get("data", [])
        if not isinstance(data, list) or not all(isinstance(source, Mapping) for source in data):
            raise ValueError(f"field 'training.data' must be a list of mappings, not {strict.shown(data)}")

    @property
    def dimensions(self) -> int:
        """2 for a model of slices, 3 for one of volumes."""
        return 2 if self.axes == "in-plane" else 3

    @property
    def factors(self) -> tuple[int, int, int]:
        """How many times finer the result is along (i, j, k)."""
        scale = self.scale or 1
        in_plane, through = self.axes != "through-plane", self.axes != "in-plane"
        return (scale if in_plane else 1, scale if in_plane else 1, scale if through else 1)

    def to_dict(self) -> dict[str, Any]:
        """The card in lists, dictionaries, strings and numbers."""
        values: dict[str, Any] = strict.plain(self)
        rows = [row for table in values["results"] for row in table["rows"]]
        for part, names in ((values, _ONLY_RECONSTRUCTION), *((row, _OF_SOME_TASKS) for row in rows)):
            for name in names:
                if part[name] is None:
                    del part[name]
        for name, default in _ONLY_WITH_REFERENCE.items():
            if values[name] == default:
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelCard:
        """Make a card from what `to_dict` gave.

        Raises
        ------
        ValueError
            If a field is unknown, missing or wrong.
        """
        return strict.make(cls, values)

    def to_json(self) -> str:
        """The card as JSON text, indented, ending in a line break."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Make a card from JSON text.

        Raises
        ------
        ValueError
            If the text is not strict JSON, or a field is unknown, missing or wrong.
        """
        values = strict.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"a card is a mapping, not {strict.shown(values)}")
        return cls.from_dict(values)

    def _check_acquisition(self) -> None:
        """Check what only models to reconstruct say."""
        for name in _ONLY_RECONSTRUCTION:
            if self.task != "reconstruct" and getattr(self, name) is not None:
                raise ValueError(f"field '{name}' is for models to reconstruct, not to {self.task}")
        for name, largest in (("acceleration", _LARGEST_ACCELERATION), ("coils", _MOST_COILS)):
            limits = getattr(self, name)
            if limits is not None and not 1 <= limits[0] <= limits[1] <= largest:
                raise ValueError(f"field '{name}' must be a range from 1 to {largest:g}, not {strict.shown(limits)}")
        kinds = self.sampling
        if kinds is not None and not 0 < len(kinds) == len(set(kinds)):
            raise ValueError(f"field 'sampling' must be different names, one at least, not {strict.shown(kinds)}")
