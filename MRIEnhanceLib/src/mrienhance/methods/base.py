"""The contract of a method: all that the rest of the library knows of a paper."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from torch import Tensor, nn

from mrienhance.methods.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a method comes from, and how close to it this implementation is.

    Attributes
    ----------
    citation
        Authors, title, journal, year.
    doi
        Digital object identifier without a resolver's address.
    fidelity
        One sentence: what of the paper was to hand, and what is a design of our own.
    """

    citation: str
    doi: str
    fidelity: str


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a network may be fed.

    Attributes
    ----------
    ndim
        2: slices of shape (batch, 1, row, column); 3: blocks of shape (batch, 1, slice, row, column).
    scale
        Output samples per input sample along each tiled axis: one number for all, or one for each in array order
        (row, column) or (slice, row, column), such as ``(4, 1, 1)`` for thick slices.
    multiple_of
        Each tiled axis is padded to a multiple of this.
    halo
        Input samples around an output sample that can change it; None if the whole slice or volume can.

    Raises
    ------
    ValueError
        If there are not as many scales as tiled axes, or one is below 1.

    Examples
    --------
    >>> from mrienhance.methods import Tiling
    >>> Tiling(ndim=3, scale=2).scales, Tiling(ndim=3, scale=(4, 1, 1)).scales
    ((2, 2, 2), (4, 1, 1))
    """

    ndim: int
    scale: int | tuple[int, ...] = 1
    multiple_of: int = 1
    halo: int | None = None

    def __post_init__(self) -> None:
        if len(self.scales) != self.ndim or min(self.scales) < 1:
            raise ValueError(f"{self.ndim} tiled axes need a scale of at least 1 each, not {self.scale}")

    @property
    def scales(self) -> tuple[int, ...]:
        """Output samples per input sample, one number for each tiled axis."""
        return (self.scale,) * self.ndim if isinstance(self.scale, int) else self.scale


class Contrasts(NamedTuple):
    """What a synthesizing network translates, as BIDS names: from any of `sources` to any of `targets`."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


ReferenceUse: TypeAlias = Literal["none", "optional", "required"]


class Method(ABC):
    """One paper's method. Instances hold no state.

    A method in this package is a folder whose ``__init__`` defines ``METHOD``; one in another wheel is an entry point
    of the group ``mrienhance.methods`` that names such an instance. Nothing else has to know it.

    Attributes
    ----------
    name
        What users type: lower case, as the folder.
    title
        What users read.
    paper
        Source and fidelity.
    tasks
        Tasks it serves: ``"reconstruct"``, ``"synthesize"``, ``"super-resolve"``.
    Config
        Frozen dataclass of hyper-parameters; raises `ValueError` for values outside their range.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[Paper]
    tasks: ClassVar[tuple[str, ...]]
    Config: ClassVar[type[Any]]

    @abstractmethod
    def build(self, config: Any) -> nn.Module:
        """Make the network with fresh weights."""

    def inherit(self, config: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Say what a new network of `config` starts with, given an earlier model's weights: they themselves.

        A method overrides this where a part that the earlier model did not have can start from another one. Weights
        whose name or shape the new network does not have are left out by the caller.
        """
        return weights

    @abstractmethod
    def tiling(self, config: Any) -> Tiling:
        """Say how the network may be fed."""

    @abstractmethod
    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Call the network for inference.

        Parameters
        ----------
        module
            What `build` made.
        inputs
            ``"image"`` and whatever else the task gives, each (batch, 1, ...) of `Tiling.ndim` spatial axes, scaled
            such that the brightest tissue is about 1. ``"reference"``, where `reference` says that one may be given,
            lies on the grid of the *result*, with zeros where it shows nothing.

        Returns
        -------
        dict
            ``"image"``, and maps to show beside it, each (batch, 1, ...).
        """

    def task(self, config: Any) -> str:
        """Say which of `tasks` a network of this configuration serves: the first, unless overridden."""
        return self.tasks[0]

    def reference(self, config: Any) -> ReferenceUse:
        """Say whether the network looks at a finer scan of another contrast: not at all, unless overridden.

        ``"optional"``: `run` is given ``"reference"`` where the user has one; ``"required"``: always.
        """
        return "none"

    def contrasts(self, config: Any) -> Contrasts | None:
        """Say what the network synthesizes from what; None if it does not synthesize."""
        return None

    def synthesize(self, module: nn.Module, image: Tensor, *, source: str, targets: Sequence[str]) -> dict[str, Tensor]:
        """Make contrasts that were not scanned.

        Parameters
        ----------
        module
            What `build` made.
        image
            The scanned contrast (batch, 1, ...), brightest tissue about 1, background 0.
        source, targets
            Its contrast, and those to make: names that `contrasts` gives.

        Returns
        -------
        dict
            Each target's image (batch, 1, ...), brightest tissue of that contrast about 1.
        """
        raise NotImplementedError(f"{self.title} does not synthesize")

    def recognize(self, module: nn.Module, image: Tensor) -> Tensor | None:
        """Probabilities (batch, contrasts) that an image (batch, 1, ...) is each of `contrasts`' sources.

        None for a network that cannot tell: then nobody is warned of a source that is not what it is said to be.
        """
        return None

    @abstractmethod
    def objective(self, config: Any) -> Objective:
        """Make what exists only while training: losses, labels, further networks."""

    @abstractmethod
    def variants(self) -> dict[str, Any]:
        """Small configurations, by name, that together switch every option: what the contract tests run."""

    @abstractmethod
    def example(self, config: Any, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Random inputs for `run`, with `size` samples along the tiled axes (for tests and benchmarks)."""
