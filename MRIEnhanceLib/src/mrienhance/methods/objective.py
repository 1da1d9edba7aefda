"""What a method needs while it learns, and only then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.errors import UsageError

Batch = dict[str, Tensor]

COARSE = "/coarse"
"""What follows a contrast's name where a block's coarse version is meant: ``"T1w/coarse"`` belongs to ``"T1w"``."""
COUNT = "count/"
"""What comes before the name of one of `Objective.counts` in a batch."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How training samples are cut from images.

    Attributes
    ----------
    images
        Whole slices (or volumes to cut blocks from) that one step draws per device, or per part of a step where
        gradients are accumulated.
    patches
        Patches cut from each of them.
    patch
        Side of a patch in *input* samples of the network.
    depth
        The same of blocks along their first axis, k; None: as `patch`.
    intensity_jitter
        Relative range of a random factor on all intensities.
    """

    images: int = 4
    patches: int = 4
    patch: int = 32
    depth: int | None = None
    intensity_jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("images", "patches", "patch", "depth"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"sampling: {name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.intensity_jitter < 1:
            raise ValueError(f"sampling: intensity_jitter must be in [0, 1), not {self.intensity_jitter}")


@dataclass(frozen=True)
class Loss:
    """One backward pass: a scalar, the optimiser that steps on it (or several of them), and numbers to log."""

    value: Tensor
    optimizer: str | tuple[str, ...] = "network"
    terms: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module, ABC):
    """Labels, losses and further networks of a training.

    A training step is: the data source draws whole images; `prepare` degrades them on the training device and cuts
    patches; `losses` yields one loss after the other; the trainer takes a step on each *before* it asks for the next.
    A GAN yields its discriminator's loss, then its generator's.

    A step may be split over devices and over parts whose gradients add up. So that this changes nothing, each image has
    randomness of its own, and losses are means over a batch of what each image says by itself; what they divide by
    where images do not count alike is one of `counts`.

    Attributes
    ----------
    contrasts
        What a training image holds: BIDS contrasts on one grid, or ``("image",)`` for any one contrast.
    complete
        Whether only images with all of `contrasts` are of use; others are then not drawn.
    label_maps
        Label maps that come with an image where they exist, such as ``"lesions"`` (above 0 in one).
    ndim
        2: a training image is a whole slice (H, W), which `prepare` degrades and cuts. 3: it is a *block* (k, j, i),
        cut already, `Sampling.patches` of them from each volume drawn, flipped and turned at random. Per contrast it
        holds the fine block under the contrast's name and the coarse one under ``name + COARSE``. All blocks are of one
        size: `Sampling.depth` and `patch` coarse samples along (k, j, i), and `factors` times as many fine ones; where
        a volume is too small there is background. A block holds those of `contrasts` that its person has, one at least.
    measured
        Whether it learns from measured slices too. In the place of images such a slice has ``"kspace"``, complex
        (coil, H, W), shift-free, of a full scan; ``"maps"`` (coil, H, W), norm 1 over the coils or 0; ``"mask"``, float
        (H, W), shift-free, 1 where an accelerated scan samples; ``"target"``, complex (H, W), brightest about 1;
        ``"window"``, the first row and column that belong to the image proper, and how many; and label maps. Coils
        and sizes differ from scan to scan, see `alike`.
    factors, degradation
        Of blocks only: fine samples to a coarse one along (k, j, i), and a name of `physics.degradation.DEGRADATIONS`.
        It was applied to the whole volume, so a coarse block has no edges of its own: its first sample belongs to the
        fine block's first one, or its edges to those, as the degradation's `alignment` says, flipped or not.
    baseline
        What `whole` compares the network with, in two or three words.
    """

    contrasts: tuple[str, ...] = ("image",)
    complete: bool = False
    label_maps: tuple[str, ...] = ()
    ndim: int = 2
    measured: bool = False
    factors: tuple[int, int, int] = (1, 1, 1)
    degradation: str = "k-space"
    baseline: str = "baseline"

    def trained(self, network: nn.Module) -> dict[str, nn.Module]:
        """The modules with an optimiser of their own, by name; `network` alone unless overridden."""
        return {"network": network}

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """The parameters of a trained module as an optimiser takes them: one group, unless some learn at other rates.

        A group has ``"params"`` and, if its rate differs, a ``"name"`` for `rate`.
        """
        return [{"params": list(module.parameters())}]

    def rate(self, group: str, *, progress: float) -> float:
        """Factor on the learning rate of a group; ``""`` is one without a name."""
        return 1.0

    def common(self, generator: torch.Generator) -> Batch:
        """Draw what is one draw for a whole step, whatever images it has and on how many devices; nothing by default.

        Parameters
        ----------
        generator
            CPU generator of the step; the only source of randomness.

        Returns
        -------
        dict
            Tensors on the CPU. `prepare` is given them, and they are part of the batch as they are.
        """
        return {}

    @abstractmethod
    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Make a part of a training batch from what was drawn at once: one slice, or the blocks of one volume.

        Parameters
        ----------
        images
            Per image, contrast (or ``"image"``) to float32 tensor on the training device, brightest tissue about 1. Of
            ``ndim = 3`` also their coarse versions; then nothing is left to cut: choose, brighten, stack.
        sampling
            How to cut patches.
        generator
            CPU generator of this image, which the data source has used before; the only source of randomness, so that
            neither devices nor a break change what is learned from.
        common
            What `common` drew for this step.

        Returns
        -------
        dict
            Tensors whose first axis counts patches; the parts of a step are joined along it.
        """

    def alike(self, parts: Sequence[Batch]) -> Sequence[Batch]:
        """Bring what `prepare` made of a step's images to one shape, where that changes nothing."""
        return parts

    def counts(self, batch: Batch) -> Batch:
        """Count what losses divide by, where that depends on the images; nothing by default.

        Returns
        -------
        dict
            Name to a scalar. The losses find it in the batch under ``COUNT + name``: at least 1, and where a step is
            split, the whole step's count over the number of parts, so that the mean of the parts' losses is the loss
            of the whole.
        """
        return {}

    @abstractmethod
    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """Yield the losses of one step; `progress` in [0, 1) is the fraction that is done before it."""

    @abstractmethod
    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """Make inputs, ``"target"`` and ``"baseline"`` (1, 1, ...) of one whole validation image.

        Of ``ndim = 3`` that is one larger block from the middle of a person, not flipped or turned, with its coarse
        versions, as `prepare` gets them.
        """

    @abstractmethod
    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The network's answer to what `whole` made, comparable with ``"target"``."""

    def beside(self, modules: Mapping[str, nn.Module], batch: Batch) -> Batch:
        """What people may see beside the prediction: the reference, where there is one.

        Parameters
        ----------
        modules
            The ``"network"``, and those of `trained` that are to hand.
        batch
            What `whole` made.

        Returns
        -------
        dict
            Title to a picture (1, 1, ...): brightest tissue about 1, or a map from 0 to 1.
        """
        return {"reference": batch["reference"]} if "reference" in batch else {}

    def translated(self, batch: Batch) -> tuple[str, str] | None:
        """Of which contrast the image and the target of what `whole` made are; None where they are of the same."""
        return None


def make_batch(
    objective: Objective,
    drawn: Sequence[Sequence[Mapping[str, Tensor]]],
    sampling: Sampling,
    generators: Sequence[torch.Generator],
    common: Batch,
) -> Batch:
    """Prepare images one after the other and join them, with what the whole step has in common.

    Parameters
    ----------
    objective
        Whose `prepare` and `counts` are used.
    drawn
        What the data source drew, one entry for each image.
    sampling
        How to cut patches.
    generators
        The generator of each image.
    common
        What `Objective.common` drew.

    Returns
    -------
    dict
        The batch, with the counts of a step that is not split.

    Raises
    ------
    UsageError
        If patches differ in size.
    """
    pairs = zip(drawn, generators, strict=True)
    parts = objective.alike([objective.prepare(images, sampling, each, common) for images, each in pairs])
    for name in parts[0]:
        sizes = sorted({tuple(part[name].shape[1:]) for part in parts})
        if len(sizes) > 1:
            _refuse(sizes, sampling, measured="kspace" in drawn[0][0])
    device = next(iter(parts[0].values())).device
    batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    batch |= {name: value.to(device) for name, value in common.items()}
    return batch | divisors(objective.counts(batch))


def _refuse(sizes: Sequence[tuple[int, ...]], sampling: Sampling, *, measured: bool) -> None:
    what = f"images smaller than a patch of {sampling.patch} make patches"
    hint = "set sampling.patch to what fits into the smallest image"
    if measured:
        what, hint = "a batch cannot be made of measured slices", "set sampling.images to 1, and training.accumulate up"
    raise UsageError(f"{what} of sizes {sizes[0]} and {sizes[-1]}", hint=hint)


def divisors(counts: Batch, *, parts: int = 1) -> Batch:
    """What losses divide by, from the counts of a step of so many parts."""
    return {COUNT + name: value.clamp_min(1) / parts for name, value in counts.items()}
